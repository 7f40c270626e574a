/**
 * The data plane as a whole: listeners in front, tunnels and exchanges behind, and what they share. It knows the pool and
 * what supply says of the future (`SupplyView`), and nothing else of the control plane.
 */
import type { Address } from '../address.ts'
import type { Clock } from '../clock.ts'
import { Admission } from '../downstream/admission.ts'
import type { ClientIdentity, PendingTunnel } from '../downstream/client-request.ts'
import type { Connection } from '../downstream/connection.ts'
import { HttpConnections, type HttpConnectionsOwner } from '../downstream/http-connections.ts'
import type { Listener, ListenerOwner } from '../downstream/listener.ts'
import { LoginThrottle } from '../downstream/login-throttle.ts'
import type { TlsObserver } from '../downstream/tls-certificate.ts'
import { GatewayError } from '../errors.ts'
import type { ConnectGuard } from '../network/connect-guard.ts'
import type { InheritedSockets, OpenPort } from '../network/inherited-sockets.ts'
import type { Health } from '../pool/health.ts'
import type { Pool } from '../pool/pool.ts'
import type { GoneReason, Upstream } from '../pool/upstream.ts'
import { isSame } from '../same.ts'
import { LinkedList } from '../structures/linked-list.ts'
import { Connector, type ConnectorSettings } from '../upstream/connector.ts'
import { AddressLeases } from './address-leases.ts'
import { AddressRequests } from './address-requests.ts'
import { isCommand } from './command-host.ts'
import type { HttpHandler, HttpRequest } from './http-contract.ts'
import { HttpExchange } from './http-exchange.ts'
import type { SessionDirectory, SupplyView } from './lease-contract.ts'
import { LeaseQueue } from './lease-queue.ts'
import { type PortSettings, Ports } from './ports.ts'
import type { StreamObserver } from './proxied-request.ts'
import type { Relay } from './relay.ts'
import type { Route } from './router.ts'
import { Serving, type ServingParts, type ServingSettings } from './serving.ts'
import { readCommand, SessionCommand } from './session-commands.ts'
import { type SessionStore, SessionTable } from './session-table.ts'
import { Tunnel } from './tunnel.ts'
import { UpstreamAffinity } from './upstream-affinity.ts'
import { limitedUser, UserLimits } from './user-limits.ts'

export interface DataPlaneSettings extends ServingSettings {
  readonly ports: readonly PortSettings[]
  readonly maxConnections: number
  /** Beside those, so many that have not logged in may be open. */
  readonly minUnidentified: number
  readonly maxHeaderBytes: number
  /** Connections opened ahead to each upstream in use. */
  readonly warm: number
  /** Of those, over all upstreams. */
  readonly maxWarm: number
  readonly wait: { readonly timeoutMs: number; readonly queue: number }
  readonly session: { readonly idle: number; readonly max: number }
  /** Those whose upstreams may be at loopback and private addresses. */
  readonly allowPrivate: ReadonlySet<string>
  /** End the tunnels of an upstream when it expires. */
  readonly closesAtDeadline: boolean
}

export interface DataPlaneObserver extends StreamObserver, TlsObserver {
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
  #settings: DataPlaneSettings
  #serving: Serving
  readonly #servingParts: ServingParts
  readonly #observer: DataPlaneObserver
  readonly #clock: Clock
  readonly #connector: Connector
  readonly #http: HttpConnections
  readonly #ports: Ports
  readonly #affinities = new WeakMap<Connection, UpstreamAffinity>()
  readonly #relays = new LinkedList<Relay>()
  readonly #opening = { count: 0 }
  #isListening = false
  readonly #admission: Admission
  readonly #logins: LoginThrottle
  readonly #users: UserLimits
  readonly #leases: AddressLeases
  /** For programs that connect to upstreams themselves. */
  readonly addressRequests: AddressRequests
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
      /** Sockets that listen already. */
      inherited?: InheritedSockets | undefined
      /** Sessions of the other hosts of a cluster. */
      directory?: SessionDirectory | undefined
    },
  ) {
    const { clock, pool, health, supply, guard, observer } = parts
    this.#settings = settings
    this.#observer = observer
    this.#clock = clock
    this.sessionTable = new SessionTable(pool, settings.session, clock, parts.store)
    this.leaseQueue = new LeaseQueue(pool, this.sessionTable, supply, settings.wait, clock, parts.directory)
    this.#connector = new Connector(clock, connectorSettings(settings), guard)
    const { sessionTable, leaseQueue } = this
    const [relays, opening, connector] = [this.#relays, this.#opening, this.#connector]
    this.#servingParts = {
      ...{ clock, pool, health, supply, guard, observer, sessionTable, leaseQueue, connector, relays, opening },
      refused: (error) => observer.handshakeRefused(error),
    }
    this.#serving = new Serving(settings, this.#servingParts)
    this.#http = new HttpConnections(clock, settings.idleMs, this)
    this.#admission = new Admission(
      settings.maxConnections,
      () => observer.handshakeRefused(displaced),
      settings.minUnidentified,
    )
    this.#users = new UserLimits(clock)
    this.#logins = new LoginThrottle(clock, (client, failures) => observer.loginsFailed(client, failures))
    this.#ports = new Ports({ clock, guard, logins: this.#logins, owner: this, inherited: parts.inherited })
    this.#leases = new AddressLeases({ clock, pool, leaseQueue })
    const router = () => this.#serving.router
    this.addressRequests = new AddressRequests({
      ...{ clock, pool, router, ports: this.#ports, users: this.#users, leases: this.#leases },
    })
  }

  /** Client connections now, over all ports. */
  get connections(): number {
    return this.#admission.size
  }

  /** Whether clients may come. */
  get isListening(): boolean {
    return this.#isListening
  }

  /** Providers whose upstreams may be at loopback and private addresses. */
  get allowPrivate(): ReadonlySet<string> {
    return this.#settings.allowPrivate
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
    const change = await this.#ports.prepare(this.#settings.ports)
    change.commit()
    this.#scheduleSweep()
    this.#isListening = true
    return this.addresses
  }

  /** Where it really listens, in the order of the configuration. */
  get addresses(): Address[] {
    return this.#ports.addresses
  }

  /**
   * Opens the ports that are new in the settings. Nothing else changes before `commit`, which cannot fail.
   * @throws as `listen`
   */
  async prepare(settings: DataPlaneSettings): Promise<DataPlaneChange> {
    const ports = await this.#ports.prepare(settings.ports)
    return {
      commit: () => {
        this.#apply(settings)
        ports.commit()
      },
      cancel: () => ports.cancel(),
    }
  }

  /** For requests from now on; those under way are served as they began. */
  #apply(settings: DataPlaneSettings): void {
    const former = this.#settings
    this.#settings = settings
    this.#serving = new Serving(settings, this.#servingParts, this.#serving)
    this.#connector.configure(connectorSettings(settings))
    this.#http.configure(settings.idleMs)
    this.#admission.configure(settings.maxConnections, settings.minUnidentified)
    this.leaseQueue.configure(settings.wait)
    if (!isSame(settings.session, former.session)) this.sessionTable.configure(settings.session)
  }

  #scheduleSweep(): void {
    this.#sweep = this.#clock.after(SWEEP_MS, () => {
      this.#scheduleSweep()
      this.sessionTable.sweep()
      this.#logins.sweep()
      this.#servingParts.pool.sweepViews(this.#clock.now())
    })
  }

  accepted(connection: Connection): void {
    this.#admission.add(connection)
  }

  left(connection: Connection): void {
    this.#admission.remove(connection)
    this.#users.left(connection)
  }

  /**
   * The client may be here: it counts from now on.
   * @throws {GatewayError} GW_TOO_MANY_CONNECTIONS, GW_USER_LIMIT
   */
  #identify(connection: Connection, identity: ClientIdentity, listener: Listener): void {
    const user = limitedUser(identity, listener)
    if (user !== undefined) this.#users.request(connection, user)
    if (!this.#admission.identify(connection)) throw tooManyConnections
  }

  /** The route within what the user may have. @throws {GatewayError} as Router.route; GW_USER_LIMIT */
  #within(route: Route, identity: ClientIdentity, listener: Listener): Route {
    const user = limitedUser(identity, listener)
    if (user === undefined) return route
    const { pool } = this.#servingParts
    const filter = this.#users.narrowed(route.filter, user, (id) => pool.get(id) !== undefined)
    return { ...route, filter, lent: (upstream) => this.#users.lent(user, upstream.id) }
  }

  tunnel(request: Connection, listener: Listener): PendingTunnel {
    try {
      const { identity, target, protocol } = request
      this.#identify(request, identity, listener)
      const method = protocol === 'connect' ? 'CONNECT' : 'socks'
      const route = this.#serving.router.route(identity, target, request, this.#ports.settingsOf(listener), method)
      const tunnel = new Tunnel(request, this.#within(route, identity, listener), this.#serving.tunnelDeps)
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
    const { identity, head } = request
    this.#identify(connection, identity, listener)
    const affinity = this.#affinities.get(connection)
    if (affinity === undefined) throw new GatewayError('GW_INTERNAL', 'a request of no connection')
    if (isCommand(head.target)) return this.#command(request, listener)
    const route = this.#serving.router.route(identity, head.target, request, this.#ports.settingsOf(listener), 'plain')
    const within = this.#within(route, identity, listener)
    const exchange = new HttpExchange(request, within, affinity, this.#serving.httpExchangeDeps)
    exchange.begin()
    return exchange
  }

  /** @throws {GatewayError} GW_BAD_REQUEST, GW_BAD_OPTION, GW_TARGET_NOT_ALLOWED, and as Router.route */
  #command(request: HttpRequest, listener: Listener): HttpHandler {
    const defaults = this.#ports.settingsOf(listener)
    const command = readCommand(request)
    const { options } = request.identity
    if (options.session === undefined && defaults.session === 'target' && command.host === undefined)
      throw new GatewayError('GW_BAD_REQUEST', 'sessions of this port are by target: name it, as in ?host=shop.example')
    const target = command.host ?? request.head.target
    const route = this.#serving.router.routeOfSession(request.identity, target, request, defaults, 'CONNECT')
    const within = command.name === 'show' ? route : this.#within(route, request.identity, listener)
    const running = new SessionCommand(request, command, within, this.#serving.commandDeps)
    running.run(command.name)
    return running
  }

  leftHttp(connection: Connection): void {
    this.#affinities.get(connection)?.release()
  }

  refused(error: GatewayError, protocol?: Connection['protocol']): void {
    this.#observer.handshakeRefused(error, protocol)
  }

  certificateChanged(file: string): void {
    this.#observer.certificateChanged(file)
  }

  certificateRefused(file: string, reason: string): void {
    this.#observer.certificateRefused(file, reason)
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

  /** The listening ports, for another process. */
  get openPorts(): readonly OpenPort[] {
    return this.#ports.open
  }

  /** Accepts no more clients. Those who are connected are served; kept connections end with their request. */
  closePorts(): void {
    this.#isListening = false
    this.#ports.closePorts()
    this.#http.stopAccepting()
  }

  /** Undoes `closePorts`. @throws the system's error when a port cannot be had any more */
  async reopenPorts(): Promise<void> {
    await this.#ports.reopenPorts()
    this.#isListening = true
  }

  /** Clients that have no tunnel and no answer yet. */
  get settingUp(): number {
    const dialling = this.#serving.tunnelDeps.deadlines.size
    return this.#ports.shakingHands + this.leaseQueue.waitingCount + dialling
  }

  /** Drops clients that have said nothing so far. */
  closeMute(): void {
    this.#ports.closeMute()
  }

  /** Lends nothing any more, and denies those who wait; open tunnels and exchanges run on. */
  stopLending(reason: GatewayError): void {
    this.leaseQueue.stopLending(reason)
  }

  /** Undoes `stopLending`. */
  lendAgain(): void {
    this.leaseQueue.lendAgain()
  }

  /** Accepts no more clients, denies those who wait, and lets open tunnels and exchanges run on. */
  stopAccepting(): void {
    this.#isListening = false
    this.#ports.stopAccepting()
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
    this.#users.close()
    this.#leases.close()
    this.#ports.close()
    this.#http.close()
    this.leaseQueue.close(new GatewayError('GW_STOPPING', 'the gateway is stopping'))
    for (const relay of this.#relays.snapshot()) relay.close()
    this.#serving.close()
    this.#connector.close()
  }
}

/** New settings whose ports are open. Exactly one of the two is called. */
export interface DataPlaneChange {
  commit(): void
  cancel(): void
}

function connectorSettings(settings: DataPlaneSettings): ConnectorSettings {
  const { dialTimeoutMs: timeoutMs, maxHeaderBytes: maxReplyBytes, warm, maxWarm, allowPrivate } = settings
  return { timeoutMs, maxReplyBytes, warm, maxWarm, allowPrivate }
}
