/** Builds the parts of one provider. What each of them is for, its own file says. */
import type { Log } from '../log.ts'
import { forgetfulStore } from '../store/memory.ts'
import type { Source } from '../vendors/contract/source.ts'
import type { Account } from './account.ts'
import { AccountWatch } from './account-watch.ts'
import { ChannelProbe } from './channel-probe.ts'
import { Ingest } from './ingest.ts'
import { CallLatency } from './latency.ts'
import type { Settlement } from './order/settle.ts'
import { PendingPoller, type PendingPollerHandler } from './pending-poller.ts'
import { Preparation } from './preparation.ts'
import type { ProviderDeps, ProviderParts, ProviderSettings } from './provider-contract.ts'
import { ProviderStatus } from './provider-status.ts'
import { Reconciliation } from './reconciliation.ts'
import { Stock } from './stock.ts'
import { WhitelistRegistrar } from './whitelist.ts'

interface Hooks {
  readonly poller: PendingPollerHandler
  /** The vendor has told another number of channels. */
  readonly onChange: () => void
  readonly reconciled: Settlement['reconciled']
  /** Ends what is asked aside. */
  readonly signal: AbortSignal
}

export function openParts(
  { settings, source, account, log }: { settings: ProviderSettings; source: Source; account: Account; log: Log },
  { clock, pool, accounts, random, store = forgetfulStore() }: ProviderDeps,
  { poller, onChange, reconciled, signal }: Hooks,
): ProviderParts {
  const common = { clock, pool, store, inventory: account.inventory, log, provider: settings.name }
  const checks = {
    whitelist: new WhitelistRegistrar(source, settings.whitelist, common),
    channelProbe: new ChannelProbe(source, account, { clock, log, signal, onChange }),
    reconciliation: new Reconciliation(source, { clock, log, random }),
  }
  const ingest = new Ingest(settings, common)
  const onBalance = (balance: number) => ingest.noteBalance(balance)
  return {
    ...{ settings, source, account, accounts, clock, pool, log, store, ingest, ...checks },
    preparation: new Preparation({ ...checks, log, reconciled }),
    status: new ProviderStatus(settings, clock, random),
    stock: new Stock(common),
    accountWatch: new AccountWatch(source, { clock, log, settings, signal, onBalance }),
    latency: new CallLatency(),
    pendingPoller: source.follow === undefined ? undefined : new PendingPoller(source.follow, clock, poller),
  }
}
