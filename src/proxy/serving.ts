/**
 * How requests are served: everything that depends on the settings, built and replaced as a whole. A request uses the object that
 * is current when it begins until it ends, so a reload does not affect requests in progress.
 */
import type { Clock } from '../clock.ts'
import type { ConnectGuard } from '../network/connect-guard.ts'
import type { PoolSettings } from '../pool/members.ts'
import type { Pool } from '../pool/pool.ts'
import { type RouteSettings, RouteTable } from '../routes/route-table.ts'
import { isSame } from '../same.ts'
import type { Strategy } from '../strategy.ts'
import { TimeoutQueue } from '../structures/timeout-queue.ts'
import type { BanRule } from './ban-rule.ts'
import { Hedging } from './hedging.ts'
import type { HttpExchangeDeps } from './http-exchange.ts'
import type { SupplyView } from './lease-contract.ts'
import { type IdleSteps, idleStepMs } from './relay.ts'
import { Router } from './router.ts'
import type { CommandDeps } from './session-commands.ts'
import type { TunnelDeps } from './tunnel.ts'
import { TunnelBans } from './tunnel-bans.ts'

export interface ServingSettings {
  readonly dialTimeoutMs: number
  /** Of all tries for one client together. */
  readonly dialDeadlineMs: number
  readonly tries: number
  readonly idleMs: number
  readonly strategy: Strategy
  readonly perRequest: boolean
  readonly retryStatuses: readonly number[]
  /** Of an address, when neither the port nor the user has limits of its own. */
  readonly perUpstream: PoolSettings['perUpstream']
  /** Of the pool: the widest of all ports and users. */
  readonly poolLimits: PoolSettings['perUpstream']
  readonly bans: readonly BanRule[]
  readonly providers: readonly string[]
  /** Rules and groups; undefined without rules. */
  readonly routes: RouteSettings | undefined
  /** Dial a second upstream when the first is silent for this time, ms, or `auto`. */
  readonly hedgeAfter: number | 'auto' | 'off'
  /** Hosts of a cluster lend the same address. */
  readonly sharesAddresses: boolean
  /** Second dials at the same time. */
  readonly maxHedges: number
}

/** What is kept when the settings change. */
export type ServingParts = Pick<
  TunnelDeps & HttpExchangeDeps,
  | 'clock'
  | 'pool'
  | 'health'
  | 'leaseQueue'
  | 'sessionTable'
  | 'connector'
  | 'observer'
  | 'relays'
  | 'opening'
  | 'routes'
> &
  Pick<CommandDeps, 'refused'> & { readonly supply: SupplyView; readonly guard: ConnectGuard }

export class Serving {
  readonly router: Router
  readonly tunnelDeps: TunnelDeps
  readonly httpExchangeDeps: HttpExchangeDeps
  readonly commandDeps: CommandDeps
  readonly #settings: ServingSettings
  readonly #routes: RouteTable | undefined

  /** @param former its predecessor: parts with equal settings are kept, with their state */
  constructor(settings: ServingSettings, { supply, guard, refused, ...parts }: ServingParts, former?: Serving) {
    const { clock } = parts
    this.#settings = settings
    this.#routes = this.#routesOf(clock, supply, former)
    const isOwnPort = (host: string, port: number) => guard.isOwnPort(host, port)
    this.router = new Router({ ...settings, isOwnPort, routes: this.#routes })
    const [tunnels, exchanges] = [former?.tunnelDeps, former?.httpExchangeDeps]
    const common = {
      ...parts,
      deadlines: listOf(clock, settings.dialDeadlineMs, tunnels?.deadlines),
      idle: idleOf(clock, settings.idleMs, tunnels?.idle),
      tries: settings.tries,
    }
    this.tunnelDeps = {
      ...common,
      hedging: this.#hedgingOf(clock, former),
      bans: this.#tunnelBans(parts.pool, clock, former),
    }
    this.httpExchangeDeps = {
      ...common,
      answers: listOf(clock, settings.dialTimeoutMs, exchanges?.answers),
      pauses: listOf(clock, settings.idleMs, exchanges?.pauses),
      bans: settings.bans,
    }
    this.commandDeps = { ...parts, bans: settings.bans, refused }
  }

  /** Groups depend on which providers can serve now. */
  #routesOf(clock: Clock, supply: SupplyView, former: Serving | undefined): RouteTable | undefined {
    const { routes } = this.#settings
    if (former !== undefined && isSame(routes, former.#settings.routes)) return former.#routes
    return routes && new RouteTable(routes, serveCheck(clock, supply))
  }

  /** Undefined when no rule concerns tunnels, which then cost nothing. */
  #tunnelBans(pool: Pool, clock: Clock, former: Serving | undefined): TunnelBans | undefined {
    const { bans } = this.#settings
    if (former !== undefined && isSame(bans, former.#settings.bans)) return former.tunnelDeps.bans
    return bans.some(({ closed }) => closed !== undefined) ? new TunnelBans(bans, pool, clock) : undefined
  }

  #hedgingOf(clock: Clock, former: Serving | undefined): Hedging | undefined {
    const { hedgeAfter, maxHedges } = this.#settings
    const known = former === undefined ? undefined : former.#settings
    if (known?.hedgeAfter === hedgeAfter && known.maxHedges === maxHedges) return former?.tunnelDeps.hedging
    former?.tunnelDeps.hedging?.close()
    return hedgeAfter === 'off' ? undefined : new Hedging(clock, hedgeAfter, maxHedges)
  }

  /** Stops its timers: they do not fire any more. */
  close(): void {
    const { deadlines, idle, hedging } = this.tunnelDeps
    const { answers, pauses } = this.httpExchangeDeps
    for (const list of [deadlines, idle.list, answers, pauses]) list.close()
    hedging?.close()
  }
}

function listOf(clock: Clock, ms: number, former: TimeoutQueue | undefined): TimeoutQueue {
  return former === undefined ? new TimeoutQueue(clock, ms) : former.withDuration(ms)
}

function idleOf(clock: Clock, idleMs: number, former: IdleSteps | undefined): IdleSteps {
  const step = idleStepMs(idleMs)
  return { list: listOf(clock, step, former?.list), steps: Math.max(1, Math.round(idleMs / step)) }
}

/** How long supply's answer about a provider is cached: it examines all addresses. */
const OUTLOOK_MS = 100

/** Whether a provider has an address or may buy one. */
function serveCheck(clock: Clock, supply: SupplyView): (provider: string) => boolean {
  const known = new Map<string, { readonly can: boolean; readonly at: number }>()
  return (provider) => {
    const now = clock.now()
    const latest = known.get(provider)
    if (latest !== undefined && now - latest.at < OUTLOOK_MS) return latest.can
    const can = supply.outlook([provider], []) === undefined
    known.set(provider, { can, at: now })
    return can
  }
}
