/** Builds the parts of one provider that its orders use. What each of them is for, its own file says. */
import { forgetfulStore } from '../store/memory.ts'
import type { Followed } from '../vendors/contract/delivery.ts'
import type { Source } from '../vendors/contract/source.ts'
import { AccountWatch } from './account-watch.ts'
import { ChannelProbe } from './channel-probe.ts'
import { Ingest } from './ingest.ts'
import { CallLatency } from './latency.ts'
import { Preparation } from './order/prepare.ts'
import { PendingPoller } from './pending-poller.ts'
import { alone } from './planner-role.ts'
import type { ProviderContext, ProviderDeps, ProviderSettings } from './provider-context.ts'
import { ProviderStatus } from './provider-status.ts'
import { Reconciliation } from './reconciliation.ts'
import { Stock } from './stock.ts'
import { WhitelistRegistrar } from './whitelist.ts'

export interface ProviderParts extends ProviderContext {
  readonly status: ProviderStatus
  readonly stock: Stock
  readonly ingest: Ingest
  readonly latency: CallLatency
  readonly whitelist: WhitelistRegistrar
  readonly channelProbe: ChannelProbe
  readonly accountWatch: AccountWatch
  readonly reconciliation: Reconciliation
  readonly preparation: Preparation
  /** Only for products whose addresses arrive later than their order, or change while they are held. */
  readonly pendingPoller: PendingPoller | undefined
}

interface Hooks extends Pick<ProviderContext, 'signal' | 'isWanted' | 'onNews'> {
  /** The vendor's state of earlier purchases. */
  readonly followed: (news: Followed) => Promise<void>
  readonly followFailed: (error: unknown) => void
}

export function openParts(
  settings: ProviderSettings,
  source: Source,
  { clock, pool, accounts, random, registered, log: parent, role = alone, store = forgetfulStore() }: ProviderDeps,
  { followed, followFailed, ...hooks }: Hooks,
): ProviderParts {
  const account = accounts.of(source.account)
  account.providers.add(settings.name)
  const log = parent.child({ mod: 'supply', provider: settings.name })
  const { inventory } = account
  const context = { settings, source, account, inventory, accounts, clock, pool, log, store, role, ...hooks }
  const whitelist = new WhitelistRegistrar(source, settings.whitelist, { ...context, registered })
  const channelProbe = new ChannelProbe(context)
  const reconciliation = new Reconciliation(source, { clock, log, random })
  const ingest = new Ingest(context)
  const status = new ProviderStatus(settings, clock, random)
  const stock = new Stock(context)
  const poller = {
    isWanted: hooks.isWanted,
    heldRefs: () => stock.refs,
    hasOpenOrders: () => accounts.store.view.unknownOf(settings.name) > 0,
    pausedUntil: () => status.mayTryAt(false),
    ...{ followed, followFailed },
  }
  return {
    ...context,
    ...{ whitelist, channelProbe, reconciliation, ingest, status, stock },
    preparation: new Preparation({ whitelist, channelProbe, reconciliation, clock, log }),
    accountWatch: new AccountWatch(context, (balance) => ingest.noteBalance(balance)),
    latency: new CallLatency(),
    pendingPoller: source.follow === undefined ? undefined : new PendingPoller(source.follow, clock, poller),
  }
}
