/** The side that serves the operator and vendors: what the admin port shows and does, the callback port, and warnings that are sent. */
import { hostname } from 'node:os'
import type { Address } from '../address.ts'
import { type LiveView, liveView } from '../admin/live-view.ts'
import { type AdminServer, startAdmin } from '../admin/server.ts'
import { Webhook, type WebhookPost } from '../admin/webhook/webhook.ts'
import { startCallback } from '../callback/listener.ts'
import type { Clock } from '../clock.ts'
import type { Cluster } from '../cluster/open.ts'
import { linkYaml } from '../config/provider-yaml.ts'
import type { AdminConfig, Config } from '../config/schema.ts'
import { internalErrors } from '../internal-errors.ts'
import type { Log } from '../log/log.ts'
import type { ConnectGuard } from '../network/connect-guard.ts'
import type { InheritedSockets, OpenPort } from '../network/inherited-sockets.ts'
import type { Accounts } from '../supply/account.ts'
import { openLink } from '../supply/configured-sources.ts'
import type { VendorHttp } from '../vendors/registry.ts'
import type { Workers } from '../workers/control.ts'
import type { ClientSide } from './client-side.ts'
import type { DescriptorBudget } from './descriptors.ts'
import type { Parts } from './parts.ts'
import type { Reload } from './reload.ts'
import { webhookSettings } from './settings.ts'

interface OperatorSide {
  readonly view: LiveView
  /** Where the operator asks; undefined with `admin: off`. */
  readonly admin: Address | undefined
  readonly ports: readonly ClosablePort[]
}

/** The admin port, the callback port. */
interface ClosablePort extends OpenPort {
  /** Resolves when the port is free. */
  close(): Promise<void>
}

interface OperatorDeps extends Parts {
  readonly clock: Clock
  readonly log: Log
  readonly http: VendorHttp
  readonly guard: ConnectGuard
  readonly accounts: Accounts
  readonly clients: ClientSide
  readonly reload: Reload
  readonly inherited: InheritedSockets | undefined
  readonly cluster: Cluster | undefined
  readonly workers: Workers | undefined
  readonly logLinesLost: (() => number) | undefined
}

/**
 * @param closing ends it
 * @throws the system's error when a port cannot be opened
 */
export async function openOperatorSide(
  config: Config,
  budget: DescriptorBudget,
  deps: OperatorDeps,
  closing: AsyncDisposableStack,
): Promise<OperatorSide> {
  const view = closing.adopt(openView(deps), (opened) => opened.close())
  closing.adopt(openWebhook(config, view, deps), (opened) => opened.close())
  const ports: ClosablePort[] = []
  const keep = (place: Address, opened: Omit<ClosablePort, 'place'> & { readonly address: Address }) => {
    closing.defer(() => opened.close())
    deps.guard.reservePort(opened.address)
    deps.workers?.reservePort(opened.address)
    ports.push({ ...opened, place })
  }
  const admin = config.admin === 'off' ? undefined : await openAdmin(config.admin, config, budget, view, deps)
  if (config.admin !== 'off' && admin !== undefined) keep(config.admin, admin)
  const { callback } = config
  if (callback !== 'off') {
    const maxConnections = budget.callback
    keep(callback, await startCallback(callback, () => deps.supply.hint(), { ...deps, maxConnections }))
  }
  return { view, admin: admin?.address, ports }
}

function openView(deps: OperatorDeps): LiveView {
  const { clock, http, reload, logLinesLost, cluster } = deps
  const { gate, learnedOf } = deps.accounts
  return liveView({
    ...deps,
    faults: () => ({ internalErrors: internalErrors.count, logLinesLost: logLinesLost?.() ?? 0 }),
    openLink: (link) => openLink(reload.config, link, { clock, http, gate, learnedOf }),
    linkYaml,
    gateway: reload,
    reload: () => reload.reload('admin port'),
    isStoreDown: () => cluster?.member.status.isStoreDown ?? false,
  })
}

/** A token that a reload brings is demanded at once. */
async function openAdmin(
  { host, port, token }: AdminConfig,
  { state }: Config,
  budget: DescriptorBudget,
  view: LiveView,
  { reload, ...deps }: OperatorDeps,
): Promise<AdminServer> {
  const stateDir = state === 'off' ? undefined : state.path
  const admin = await startAdmin({ host, port, token, stateDir, maxConnections: budget.admin }, view, deps)
  reload.onApplied(({ admin: changed }) => {
    if (changed !== 'off' && changed.token !== undefined) admin.useToken(changed.token)
  })
  return admin
}

/** What a receiver of warnings answers means nothing but its status. */
const MAX_WEBHOOK_ANSWER_BYTES = 65_536

/** Where warnings go, follows each reload. */
function openWebhook(config: Config, { verdict }: LiveView, { clock, log, http, reload }: OperatorDeps): Webhook {
  const post = async ({ allowPrivate, ...request }: WebhookPost, signal: AbortSignal) => {
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    const limits = { maxBodyBytes: MAX_WEBHOOK_ANSWER_BYTES, isForeign: !allowPrivate }
    return (await http.call({ method: 'POST', headers, ...request, ...limits }, signal)).status
  }
  const deps = { verdict, clock, log: log.child({ mod: 'webhook' }), host: hostname(), post }
  const webhook = new Webhook(webhookSettings(config), deps)
  reload.onApplied((changed) => webhook.configure(webhookSettings(changed)))
  return webhook
}
