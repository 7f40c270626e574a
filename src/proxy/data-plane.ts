/**
 * The data plane as a whole: listeners in front, tunnels and exchanges behind, and what they share. It knows the pool and
 * what supply says of the future (`SupplyView`), and nothing else of the control plane.
 */
import type { Address } from '../address.ts'
import type { Clock } from '../clock.ts'
import { Admission } from '../downstream/admission.ts'
import type { PendingTunnel } from '../downstream/client-request.ts'
import type { Connection } from '../downstream/connection.ts'
import { HttpConnections, type HttpConnectionsOwner } from '../downstream/http-connections.ts'
import { Listener, type ListenerOwner, type ListenerSettings } from '../downstream/listener.ts'
import { LoginThrottle } from '../downstream/login-throttle.ts'
import { Access, type User } from '../downstream/proxy-auth.ts'
import { GatewayError } from '../errors.ts'
import type { ConnectGuard } from '../network/connect-guard.ts'
import type { Health } from '../pool/health.ts'
import type { Pool } from '../pool/pool.ts'
import type { GoneReason, Upstream } from '../pool/upstream.ts'
import { type RouteSettings, RouteTable } from '../routes/route-table.ts'
import type { Strategy } from '../strategy.ts'
import { LinkedList } from '../structures/linked-list.ts'
import { TimeoutQueue } from '../structures/timeout-queue.ts'
import { Connector } from '../upstream/connector.ts'
import type { BanRule } from './ban-rule.ts'
import { Hedging } from './hedging.ts'
import type { HttpHandler, HttpRequest } from './http-contract.ts'
import { HttpExchange, type HttpExchangeDeps } from './http-exchange.ts'
import type { SupplyView } from './lease-contract.ts'
import { LeaseQueue } from './lease-queue.ts'
import type { TrafficObserver } from './proxied-request.ts'
import { idleStepMs, type Relay } from './relay.ts'
import { type ListenerDefaults, Router } from './router.ts'
import { type SessionStore, SessionTable } from './session-table.ts'
import { Tunnel, type TunnelDeps } from './tunnel.ts'
import { UpstreamAffinity } from './upstream-affinity.ts'

interface PortSettings extends ListenerSettings, ListenerDefaults {
  readonly users: readonly User[] | undefined
  readonly allow: readonly string[] | undefined
}

export interface DataPlaneSettings {
  readonly ports: readonly PortSettings[]
  readonly maxConnections: number
  /** Beside those, so many that have not logged in may be open. */
  readonly minUnidentified: number
  readonly handshakeMs: number
  readonly maxHeaderBytes: number
  readonly dialTimeoutMs: number
  /** Connections opened ahead to each upstream in use. */
  readonly warm: number
  /** Of those, over all upstreams. */
  readonly maxWarm: number
  /** Second dials at the same time. */
  readonly maxHedges: number
  readonly dialDeadlineMs: number
  readonly tries: number
  readonly idleMs: number
  readonly wait: { readonly timeoutMs: number; readonly queue: number }
  readonly session: { readonly idle: number; readonly max: number }
  readonly strategy: Strategy
  readonly perRequest: boolean
  readonly retryStatuses: readonly number[]
  readonly bans: readonly BanRule[]
  readonly providers: readonly string[]
  /** Those whose upstreams may be at loopback and private addresses. */
  readonly allowPrivate: ReadonlySet<string>
  /** Rules and groups; undefined without rules. */
  readonly routes: RouteSettings | undefined
  /** Dial a second upstream when the first is silent for so long, ms, or as observed. */
  readonly hedgeAfter: number | 'auto' | 'off'
  /** End the tunnels of an upstream when it expires. */
  readonly closesAtDeadline: boolean
}

export interface DataPlaneObserver extends TrafficObserver {
  /** Refused before it was a request: handshake errors. */
  handshakeRefused(error: GatewayError, protocol?: Connection['protocol']): void
  /** The system could not accept a connection. */
  acceptFailed(error: NodeJS.ErrnoException): void
  /** So many logins of this client address failed since it was reported last. */
  loginsFailed(client: string, failures: number): void
}

/** How often what is over is forgotten: sessions, views of filters, failed logins. */
const SWEEP_MS = 60_000

const tooManyConnections = new GatewayError(
  'GW_TOO_MANY_CONNECTIONS',
  'the gateway has as many client connections as it may',
)
const displaced = new GatewayError(
  'GW_TOO_MANY_CONNECTIONS',
  'a connection without a request was closed for a newer one',
)

export class DataPlane implements ListenerOwner, HttpConnectionsOwner {
  readonly leaseQueue: LeaseQueue
  readonly sessionTable: SessionTable
  readonly #settings: DataPlaneSettings
  readonly #observer: DataPlaneObserver
  readonly #clock: Clock
  readonly #router: Router
  readonly #connector: Connector
  readonly #http: HttpConnections
  readonly #ports: ReadonlyMap<Listener, ListenerDefaults>
  readonly #tunnelDeps: TunnelDeps
  readonly #httpExchangeDeps: HttpExchangeDeps
  readonly #affinities = new WeakMap<Connection, UpstreamAffinity>()
  readonly #relays = new LinkedList<Relay>()
  readonly #opening = { count: 0 }
  readonly #lists: readonly TimeoutQueue[]
  readonly #hedging: Hedging | undefined
  readonly #guard: ConnectGuard
  #isListening = false
  readonly #admission: Admission
  readonly #logins: LoginThrottle
  #sweep: { clear(): void } | undefined

  constructor(
    settings: DataPlaneSettings,
    parts: {
      clock: Clock
      pool: Pool
      health: Health
      supply: SupplyView
      store: SessionStore
      guard: ConnectGuard
      observer: DataPlaneObserver
    },
  ) {
    const { clock, pool, health, supply, guard, observer } = parts
    this.#settings = settings
    this.#observer = observer
    this.#clock = clock
    this.#guard = guard
    this.sessionTable = new SessionTable(pool, settings.session, clock, parts.store)
    this.leaseQueue = new LeaseQueue(pool, this.sessionTable, supply, settings.wait, clock)
    const { dialTimeoutMs: timeoutMs, maxHeaderBytes: maxReplyBytes, warm, maxWarm, allowPrivate } = settings
    this.#connector = new Connector(clock, { timeoutMs, maxReplyBytes, warm, maxWarm, allowPrivate }, guard)
    this.#router = new Router({
      strategy: settings.strategy,
      providers: settings.providers,
      isOwnPort: (host, port) => guard.isOwnPort(host, port),
      routes: settings.routes && new RouteTable(settings.routes, serveCheck(clock, supply)),
    })
    const deadlines = new TimeoutQueue(clock, settings.dialDeadlineMs)
    const answers = new TimeoutQueue(clock, settings.dialTimeoutMs)
    const step = idleStepMs(settings.idleMs)
    const idle = { list: new TimeoutQueue(clock, step), steps: Math.max(1, Math.round(settings.idleMs / step)) }
    const pauses = new TimeoutQueue(clock, settings.idleMs)
    this.#lists = [deadlines, answers, pauses, idle.list]
    const shared = {
      clock,
      pool,
      health,
      leaseQueue: this.leaseQueue,
      sessionTable: this.sessionTable,
      connector: this.#connector,
      deadlines,
      tries: settings.tries,
      observer,
    }
    this.#hedging =
      settings.hedgeAfter === 'off' ? undefined : new Hedging(clock, settings.hedgeAfter, settings.maxHedges)
    this.#tunnelDeps = { ...shared, idle, relays: this.#relays, opening: this.#opening, hedging: this.#hedging }
    this.#httpExchangeDeps = {
      ...shared,
      answers,
      pauses,
      idle,
      relays: this.#relays,
      perRequest: settings.perRequest,
      bans: settings.bans,
      retryStatuses: new Set(settings.retryStatuses),
    }
    this.#http = new HttpConnections(clock, settings.idleMs, this)
    this.#admission = new Admission(
      settings.maxConnections,
      () => observer.handshakeRefused(displaced),
      settings.minUnidentified,
    )
    this.#logins = new LoginThrottle(clock, (client, failures) => observer.loginsFailed(client, failures))
    this.#ports = new Map(
      settings.ports.map((port) => {
        const access = new Access(port.users, port.allow, this.#logins)
        return [new Listener(port, access, clock, this), port]
      }),
    )
  }

  /** Client connections now, over all ports. */
  get connections(): number {
    return this.#admission.size
  }

  /** Whether clients may come. */
  get isListening(): boolean {
    return this.#isListening
  }

  get tunnels(): number {
    return this.#relays.size
  }

  /**
   * Starts listening on every port.
   * @returns the real addresses, in the order of the configuration
   * @throws the system's error, with `address` and `port`, after closing what was open
   */
  async listen(): Promise<Address[]> {
    const addresses: Address[] = []
    try {
      for (const listener of this.#ports.keys()) addresses.push(await listener.listen())
    } catch (error) {
      this.close()
      throw error
    }
    for (const { port } of addresses) this.reservePort(port)
    this.#scheduleSweep()
    this.#isListening = true
    return addresses
  }

  /** Nobody may reach this port of this machine through us. */
  reservePort(port: number): void {
    this.#guard.reservePort(port)
  }

  #scheduleSweep(): void {
    this.#sweep = this.#clock.after(SWEEP_MS, () => {
      this.#scheduleSweep()
      this.sessionTable.sweep()
      this.#logins.sweep()
      this.#tunnelDeps.pool.sweepViews(this.#clock.now())
    })
  }

  accepted(connection: Connection): void {
    this.#admission.add(connection)
  }

  left(connection: Connection): void {
    this.#admission.remove(connection)
  }

  /** The client may be here: it counts from now on. @throws {GatewayError} GW_TOO_MANY_CONNECTIONS */
  #identify(connection: Connection): void {
    if (!this.#admission.identify(connection)) throw tooManyConnections
  }

  tunnel(request: Connection, listener: Listener): PendingTunnel {
    try {
      this.#identify(request)
      const { identity, target, protocol } = request
      const method = protocol === 'connect' ? 'CONNECT' : 'socks'
      const route = this.#router.route(identity, target, request, this.#defaultsOf(listener), method)
      const tunnel = new Tunnel(request, route, this.#tunnelDeps)
      tunnel.begin()
      return tunnel
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.refused(error, request.protocol)
      request.refuse(error)
      return { clientGone: () => {}, failInternally: () => {} }
    }
  }

  http(connection: Connection, first: Buffer, listener: Listener): void {
    this.#affinities.set(connection, new UpstreamAffinity())
    this.#http.take(connection, first, listener)
  }

  request(request: HttpRequest, connection: Connection, listener: Listener): HttpHandler {
    this.#identify(connection)
    const affinity = this.#affinities.get(connection)
    if (affinity === undefined) throw new GatewayError('GW_INTERNAL', 'a request of no connection')
    const { identity, head } = request
    const route = this.#router.route(identity, head.target, request, this.#defaultsOf(listener), 'plain')
    const exchange = new HttpExchange(request, route, affinity, this.#httpExchangeDeps)
    exchange.begin()
    return exchange
  }

  leftHttp(connection: Connection): void {
    this.#affinities.get(connection)?.release()
  }

  #defaultsOf(listener: Listener): ListenerDefaults {
    const defaults = this.#ports.get(listener)
    if (defaults === undefined) throw new GatewayError('GW_INTERNAL', 'a request of no listener')
    return defaults
  }

  refused(error: GatewayError, protocol?: Connection['protocol']): void {
    this.#observer.handshakeRefused(error, protocol)
  }

  troubled(error: NodeJS.ErrnoException): void {
    this.#observer.acceptFailed(error)
  }

  /** An upstream has left the pool: its tunnels run on unless they are to end with it. */
  upstreamGone(upstream: Upstream, reason: GoneReason): void {
    this.#connector.forget(upstream)
    this.leaseQueue.upstreamGone(upstream)
    if (!this.#settings.closesAtDeadline || reason !== 'expired') return
    for (const relay of this.#relays.snapshot()) if (relay.connection.upstream === upstream) relay.close()
  }

  /** Accepts nobody any more, denies those who wait, and lets open tunnels and exchanges run on. */
  stopAccepting(): void {
    this.#isListening = false
    for (const listener of this.#ports.keys()) listener.stopAccepting()
    this.#http.stopAccepting()
    this.leaseQueue.close(new GatewayError('GW_STOPPING', 'the gateway is stopping'))
  }

  /** Whether something is still under way for a client. */
  get isBusy(): boolean {
    return this.#relays.size > 0 || this.#opening.count > 0 || this.#http.open.count > 0
  }

  /** Ends everything at once. */
  close(): void {
    this.#sweep?.clear()
    for (const listener of this.#ports.keys()) listener.close()
    this.#http.close()
    this.leaseQueue.close(new GatewayError('GW_STOPPING', 'the gateway is stopping'))
    for (const relay of this.#relays.snapshot()) relay.close()
    for (const list of this.#lists) list.close()
    this.#hedging?.close()
    this.#connector.close()
  }
}

/** How long an answer of supply about a provider is used: it looks at all the addresses. */
const OUTLOOK_MS = 100

/** Whether a provider holds an address or may buy one. */
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
