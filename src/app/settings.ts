/** What each part is set to, from a configuration. */
import { type Address, hostKey } from '../address.ts'
import type { WebhookSettings } from '../admin/webhook/webhook.ts'
import { poolSettings } from '../config/pool-limits.ts'
import { type Config, isDemo, isGateway, privateProviders } from '../config/schema.ts'
import { currentLanguage } from '../messages/language.ts'
import type { DataPlaneSettings } from '../proxy/data-plane.ts'
import { requestFields } from '../vendors/registry.ts'
import { type DescriptorBudget, descriptorBudget } from './descriptors.ts'

/** How many descriptors each part may use. */
export function budgetOf(config: Config): DescriptorBudget {
  const { admin, callback, dial, limits, listen, providers } = config
  const hasDemo = providers.some(isDemo)
  return descriptorBudget({
    connections: limits.connections,
    // The demo's upstreams are in this process: they accept a connection, and may open one to the target.
    socketsPerConnection: hasDemo ? 4 : 2,
    listeners: listen.length,
    providers: providers.length,
    hasAdmin: admin !== 'off',
    hasCallback: callback !== 'off',
    hedges: dial.hedgeAfter !== 'off' && poolSettings(config).perUpstream.uses !== 1,
    preconnects: dial.warm > 0,
  })
}

/** Where the gateway listens: for clients, for the operator, for vendors. */
export function placesOf({ listen, admin, callback }: Config): Address[] {
  return [...listen, ...(admin === 'off' ? [] : [admin]), ...(callback === 'off' ? [] : [callback])]
}

/** @param budget as `budgetOf` */
export function dataSettings(config: Config, budget: DescriptorBudget): DataPlaneSettings {
  const { limits, dial, wait } = config
  const poolLimits = poolSettings(config).perUpstream
  return {
    ports: config.listen.map((port) => portSettings(port, config)),
    maxConnections: budget.connections,
    minUnidentified: budget.unidentified,
    maxHeaderBytes: limits.headerBytes,
    dialTimeoutMs: dial.timeout,
    warm: dial.warm,
    maxWarm: budget.preconnects,
    maxHedges: budget.hedges,
    dialDeadlineMs: dial.deadline,
    tries: dial.tries,
    // With one use per address a hedge would spend two for one tunnel.
    hedgeAfter: poolLimits.uses === 1 ? 'off' : dial.hedgeAfter,
    idleMs: config.relay.idle,
    wait: { timeoutMs: wait.timeout, queue: wait.queue },
    session: config.session,
    strategy: config.rotation.strategy,
    perRequest: config.rotation.per === 'request',
    retryStatuses: config.rotation.retryStatuses,
    perUpstream: config.pool.perUpstream,
    poolLimits,
    bans: config.bans.map(({ host, status = [], rest, closedWithin, bytesUnder, times }) => ({
      host: hostKey(host),
      statuses: new Set(status),
      closed: closedWithin === undefined ? undefined : { withinMs: closedWithin, bytesUnder, times },
      restMs: rest,
    })),
    providers: config.providers.map((provider) => provider.name),
    sharesAddresses: config.cluster !== undefined && poolLimits.connections === 0,
    allowPrivate: privateProviders(config),
    requestFields: new Map(config.providers.filter(isGateway).map((one) => [one.name, requestFields(one)])),
    routes: config.routes.length === 0 ? undefined : { routes: config.routes, groups: config.groups },
    closesAtDeadline: config.pool.onDeadline === 'close',
  }
}

function portSettings(port: Config['listen'][number], { limits, relay }: Config): DataPlaneSettings['ports'][number] {
  const { host, port: number, shared, name, users, allow, tls, optionHeaders, upstreamHeader } = port
  const { provider, strategy, rotation, perUpstream, session } = port
  return {
    ...{ host, users, allow, tls, optionHeaders, upstreamHeader },
    ...{ provider, strategy, rotation, perUpstream, session },
    port: number,
    isShared: shared,
    listen: { port: number, name },
    handshakeMs: limits.handshake,
    maxHeaderBytes: limits.headerBytes,
    maxEarlyBytes: limits.earlyBytes,
    idleMs: relay.idle,
  }
}

/** @returns undefined where warnings are sent nowhere */
export function webhookSettings({ webhook }: Config): WebhookSettings | undefined {
  if (webhook === 'off') return undefined
  const { url, format, language = currentLanguage(), timeout: timeoutMs, allowPrivate } = webhook
  return { url, format, language, timeoutMs, allowPrivate }
}
