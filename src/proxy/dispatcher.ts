/**
 * Turns a client's request into a tunnel, an exchange of plain HTTP, or a command for its session; within the limits of the
 * gateway and of its user.
 */
import type { Target } from '../address.ts'
import type { Clock } from '../clock.ts'
import { Admission } from '../downstream/admission.ts'
import type { ClientHandler, ClientPort } from '../downstream/client-port.ts'
import type { ClientConnection, ClientIdentity, RequestHandler } from '../downstream/client-request.ts'
import { GatewayError } from '../errors.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import { type Admit, AwaitedRequest } from './awaited-request.ts'
import { isCommand } from './command-host.ts'
import type { HttpHandler, HttpRequest } from './http-contract.ts'
import { HttpExchange } from './http-exchange.ts'
import type { Routes } from './other-providers.ts'
import { type ListenerDefaults, type Route, routeMethodOf } from './route.ts'
import type { Serving } from './serving.ts'
import { readCommand, SessionCommand } from './session-commands.ts'
import type { StreamInfo, StreamObserver } from './stream-observer.ts'
import { Tunnel } from './tunnel.ts'
import { UpstreamAffinity } from './upstream-affinity.ts'
import { type LimitedUser, limitedUser, type UserLimits } from './user-limits.ts'

export interface DispatcherSettings {
  readonly maxConnections: number
  /** In addition, this many connections without a login may be open. */
  readonly minUnidentified: number
}

interface DispatcherParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly observer: StreamObserver
  /** How new requests are served. */
  readonly serving: () => Serving
  readonly settingsOf: (port: ClientPort) => ListenerDefaults
  readonly users: UserLimits
}

const tooManyConnections = new GatewayError(
  'GW_TOO_MANY_CONNECTIONS',
  'the gateway has as many client connections as it may',
)
const displaced = new GatewayError(
  'GW_TOO_MANY_CONNECTIONS',
  'a connection without a request was closed for a newer one',
)

export class Dispatcher implements ClientHandler, Routes {
  readonly observer: StreamObserver
  readonly #parts: DispatcherParts
  readonly #admission: Admission
  /** Of connections that have made plain requests. */
  readonly #affinities = new Map<ClientConnection, UpstreamAffinity>()

  constructor(settings: DispatcherSettings, parts: DispatcherParts) {
    const { observer } = parts
    const { maxConnections, minUnidentified } = settings
    this.observer = observer
    this.#parts = parts
    this.#admission = new Admission(maxConnections, () => observer.handshakeRefused(displaced), minUnidentified)
  }

  configure({ maxConnections, minUnidentified }: DispatcherSettings): void {
    this.#admission.configure(maxConnections, minUnidentified)
  }

  /** Client connections now, over all ports. */
  get connections(): number {
    return this.#admission.size
  }

  accepted(connection: ClientConnection): void {
    this.#admission.add(connection)
  }

  left(connection: ClientConnection): void {
    this.#admission.remove(connection)
    this.#parts.users.left(connection)
    this.#affinities.delete(connection)
  }

  tunnel(request: ClientConnection, port: ClientPort): RequestHandler | undefined {
    const user = limitedUser(request.identity, port)
    if (user !== undefined) {
      const start = () => this.#startTunnel(request, port)
      return this.#awaited(request, user, start, (error) => this.#refuseTunnel(request, error))
    }
    try {
      return this.#startTunnel(request, port)
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.#refuseTunnel(request, error)
      return undefined
    }
  }

  #refuseTunnel(request: ClientConnection, error: GatewayError): void {
    this.#requestRefused(request, request.target, request.protocol, error)
    request.refuse(error)
  }

  #requestRefused(
    { identity, clientAddress }: Pick<ClientConnection, 'identity' | 'clientAddress'>,
    { authority }: Target,
    protocol: StreamInfo['protocol'],
    error: GatewayError,
  ): void {
    const { observer } = this
    const { account, options } = identity
    const request = { protocol, clientAddress, account, sessionName: options.session, target: authority }
    observer.handshakeRefused(error, protocol === 'http' ? undefined : protocol)
    observer.requestRefused({ ...request, beganAt: this.#parts.clock.now() }, error)
  }

  #startTunnel(request: ClientConnection, port: ClientPort): RequestHandler {
    const { target, protocol } = request
    this.#identify(request)
    const route = this.route(request, target, port, routeMethodOf(protocol))
    return new Tunnel(request, port, route, this.#parts.serving().tunnelDeps)
  }

  route(...[client, target, port, method, hopeless]: Parameters<Routes['route']>): Route {
    const { identity } = client
    const { router } = this.#parts.serving()
    const route = router.route(identity, target, client, this.#parts.settingsOf(port), method, hopeless)
    return this.#within(route, identity, port)
  }

  request(request: HttpRequest, connection: ClientConnection, port: ClientPort): HttpHandler {
    const user = limitedUser(request.identity, port)
    const start = () => this.#startRequest(request, connection, port)
    if (user !== undefined)
      return this.#awaited(connection, user, start, (error) => this.#refuseRequest(request, error))
    try {
      return start()
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      return new AwaitedRequest(
        (decided) => decided(error),
        start,
        (refusal) => this.#refuseRequest(request, refusal),
      )
    }
  }

  #refuseRequest(request: HttpRequest, error: GatewayError): void {
    this.#requestRefused(request, request.head.target, 'http', error)
    request.refuse(error)
  }

  #startRequest(request: HttpRequest, connection: ClientConnection, port: ClientPort): HttpHandler {
    const { target } = request.head
    this.#identify(connection)
    if (isCommand(target)) return this.#command(request, port)
    const route = this.route(request, target, port, 'plain')
    const affinity = this.#affinityOf(connection)
    const exchange = new HttpExchange(request, port, route, affinity, this.#parts.serving().httpExchangeDeps)
    affinity.exchange = exchange
    return exchange
  }

  #affinityOf(connection: ClientConnection): UpstreamAffinity {
    let affinity = this.#affinities.get(connection)
    if (affinity === undefined) {
      affinity = new UpstreamAffinity()
      this.#affinities.set(connection, affinity)
    }
    return affinity
  }

  /** @throws {GatewayError} GW_BAD_REQUEST, GW_BAD_OPTION, GW_TARGET_NOT_ALLOWED, and as Router.route */
  #command(request: HttpRequest, port: ClientPort): HttpHandler {
    const defaults = this.#parts.settingsOf(port)
    const command = readCommand(request)
    const { options } = request.identity
    if (options.session === undefined && defaults.session === 'target' && command.host === undefined)
      throw new GatewayError('GW_BAD_REQUEST', 'sessions of this port are by target: name it, as in ?host=shop.example')
    const target = command.host ?? request.head.target
    const { router, commandDeps } = this.#parts.serving()
    const route = router.routeOfSession(request.identity, target, request, defaults, 'CONNECT')
    const within = command.name === 'show' ? route : this.#within(route, request.identity, port)
    return new SessionCommand(request, command, within, commandDeps)
  }

  /** Serves the request as soon as it is known that its user may make it: at once, when only this process counts. */
  #awaited(
    connection: ClientConnection,
    user: LimitedUser,
    start: () => RequestHandler & Partial<HttpHandler>,
    refuse: (error: GatewayError) => void,
  ): HttpHandler {
    const admit: Admit = (decided) => this.#parts.users.admit(connection, user, decided)
    return new AwaitedRequest(admit, start, refuse)
  }

  /**
   * The client is accepted: it counts from now on.
   * @throws {GatewayError} GW_TOO_MANY_CONNECTIONS
   */
  #identify(connection: ClientConnection): void {
    if (!this.#admission.identify(connection)) throw tooManyConnections
  }

  /** The route within the user's limits. @throws {GatewayError} as Router.route; GW_USER_LIMIT */
  #within(route: Route, identity: ClientIdentity, port: ClientPort): Route {
    const user = limitedUser(identity, port)
    if (user === undefined) return route
    const { pool } = this.#parts
    const filter = this.#parts.users.narrowed(route.filter, user, (id) => pool.get(id) !== undefined)
    return { ...route, filter, lent: (upstream) => this.#parts.users.lent(user, upstream.id) }
  }

  leftHttp(connection: ClientConnection): void {
    this.#affinities.get(connection)?.release(this.#parts.clock.now())
    this.#affinities.delete(connection)
  }

  /** Releases the upstream where it is kept between two requests of plain HTTP. */
  releaseKept(upstream: Upstream): void {
    const now = this.#parts.clock.now()
    for (const affinity of this.#affinities.values()) if (affinity.keeps(upstream)) affinity.release(now)
  }

  /** Ends what plain HTTP has open through an upstream; a client in the middle of a request loses its connection. */
  endLeases(upstream: Upstream): void {
    this.releaseKept(upstream)
    for (const [connection, affinity] of this.#affinities)
      if (affinity.exchange?.leased === upstream) connection.socket.destroy()
  }

  close(): void {
    this.#parts.users.close()
  }
}
