/**
 * Turns a client's request into a tunnel, an exchange of plain HTTP, or a command for its session; within the limits of the
 * gateway and of its user. Listeners and connections report here too.
 */
import type { Clock } from '../clock.ts'
import { Admission } from '../downstream/admission.ts'
import type { ClientIdentity, PendingTunnel } from '../downstream/client-request.ts'
import type { Connection } from '../downstream/connection.ts'
import { HttpConnections, type HttpConnectionsHandler } from '../downstream/http-connections.ts'
import type { Listener, ListenerHandler } from '../downstream/listener.ts'
import type { TlsObserver } from '../downstream/tls-certificate.ts'
import { GatewayError } from '../errors.ts'
import type { Pool } from '../pool/pool.ts'
import { isCommand } from './command-host.ts'
import type { HttpHandler, HttpRequest } from './http-contract.ts'
import { HttpExchange } from './http-exchange.ts'
import type { ListenerDefaults, Route } from './router.ts'
import type { Serving } from './serving.ts'
import { readCommand, SessionCommand } from './session-commands.ts'
import { Tunnel } from './tunnel.ts'
import { UpstreamAffinity } from './upstream-affinity.ts'
import { limitedUser, UserLimits } from './user-limits.ts'

export interface DispatcherSettings {
  readonly maxConnections: number
  /** In addition, this many connections without a login may be open. */
  readonly minUnidentified: number
  readonly idleMs: number
}

export interface DispatcherObserver extends TlsObserver {
  /** Errors of handshakes: refused before there was a request. */
  handshakeRefused(error: GatewayError, protocol?: Connection['protocol']): void
  /** The system could not accept a connection. */
  acceptFailed(error: NodeJS.ErrnoException): void
}

interface DispatcherParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly observer: DispatcherObserver
  /** How new requests are served. */
  readonly serving: () => Serving
  readonly settingsOf: (listener: Listener) => ListenerDefaults
}

const tooManyConnections = new GatewayError(
  'GW_TOO_MANY_CONNECTIONS',
  'the gateway has as many client connections as it may',
)
const displaced = new GatewayError(
  'GW_TOO_MANY_CONNECTIONS',
  'a connection without a request was closed for a newer one',
)

export class Dispatcher implements ListenerHandler, HttpConnectionsHandler {
  readonly users: UserLimits
  readonly #parts: DispatcherParts
  readonly #admission: Admission
  readonly #http: HttpConnections
  readonly #affinities = new WeakMap<Connection, UpstreamAffinity>()

  constructor(settings: DispatcherSettings, parts: DispatcherParts) {
    const { clock, observer } = parts
    const { maxConnections, minUnidentified, idleMs } = settings
    this.#parts = parts
    this.users = new UserLimits(clock)
    this.#admission = new Admission(maxConnections, () => observer.handshakeRefused(displaced), minUnidentified)
    this.#http = new HttpConnections(clock, idleMs, this)
  }

  configure({ maxConnections, minUnidentified, idleMs }: DispatcherSettings): void {
    this.#admission.configure(maxConnections, minUnidentified)
    this.#http.configure(idleMs)
  }

  /** Client connections now, over all ports. */
  get connections(): number {
    return this.#admission.size
  }

  /** Exchanges of plain HTTP in progress. */
  get exchanges(): number {
    return this.#http.open.count
  }

  accepted(connection: Connection): void {
    this.#admission.add(connection)
  }

  left(connection: Connection): void {
    this.#admission.remove(connection)
    this.users.left(connection)
  }

  tunnel(request: Connection, listener: Listener): PendingTunnel {
    try {
      const { identity, target, protocol } = request
      this.#identify(request, identity, listener)
      const method = protocol === 'connect' ? 'CONNECT' : 'socks'
      const { router, tunnelDeps } = this.#parts.serving()
      const route = router.route(identity, target, request, this.#parts.settingsOf(listener), method)
      const tunnel = new Tunnel(request, this.#within(route, identity, listener), tunnelDeps)
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
    const { router, httpExchangeDeps } = this.#parts.serving()
    const route = router.route(identity, head.target, request, this.#parts.settingsOf(listener), 'plain')
    const exchange = new HttpExchange(request, this.#within(route, identity, listener), affinity, httpExchangeDeps)
    exchange.begin()
    return exchange
  }

  /** @throws {GatewayError} GW_BAD_REQUEST, GW_BAD_OPTION, GW_TARGET_NOT_ALLOWED, and as Router.route */
  #command(request: HttpRequest, listener: Listener): HttpHandler {
    const defaults = this.#parts.settingsOf(listener)
    const command = readCommand(request)
    const { options } = request.identity
    if (options.session === undefined && defaults.session === 'target' && command.host === undefined)
      throw new GatewayError('GW_BAD_REQUEST', 'sessions of this port are by target: name it, as in ?host=shop.example')
    const target = command.host ?? request.head.target
    const { router, commandDeps } = this.#parts.serving()
    const route = router.routeOfSession(request.identity, target, request, defaults, 'CONNECT')
    const within = command.name === 'show' ? route : this.#within(route, request.identity, listener)
    const running = new SessionCommand(request, command, within, commandDeps)
    running.run(command.name)
    return running
  }

  /**
   * The client is accepted: it counts from now on.
   * @throws {GatewayError} GW_TOO_MANY_CONNECTIONS, GW_USER_LIMIT
   */
  #identify(connection: Connection, identity: ClientIdentity, listener: Listener): void {
    const user = limitedUser(identity, listener)
    if (user !== undefined) this.users.request(connection, user)
    if (!this.#admission.identify(connection)) throw tooManyConnections
  }

  /** The route within the user's limits. @throws {GatewayError} as Router.route; GW_USER_LIMIT */
  #within(route: Route, identity: ClientIdentity, listener: Listener): Route {
    const user = limitedUser(identity, listener)
    if (user === undefined) return route
    const { pool } = this.#parts
    const filter = this.users.narrowed(route.filter, user, (id) => pool.get(id) !== undefined)
    return { ...route, filter, lent: (upstream) => this.users.lent(user, upstream.id) }
  }

  leftHttp(connection: Connection): void {
    this.#affinities.get(connection)?.release()
  }

  refused(error: GatewayError, protocol?: Connection['protocol']): void {
    this.#parts.observer.handshakeRefused(error, protocol)
  }

  certificateChanged(file: string): void {
    this.#parts.observer.certificateChanged(file)
  }

  certificateRefused(file: string, reason: string): void {
    this.#parts.observer.certificateRefused(file, reason)
  }

  troubled(error: NodeJS.ErrnoException): void {
    this.#parts.observer.acceptFailed(error)
  }

  /** Connections of plain HTTP without a request are closed, the others end with theirs. */
  stopAccepting(): void {
    this.#http.stopAccepting()
  }

  close(): void {
    this.users.close()
    this.#http.close()
  }
}
