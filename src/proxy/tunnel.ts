/** One tunnel (CONNECT, SOCKS), from the request to the last octet. proxied-request.ts contains the part before it opens. */

import type { ClientPort } from '../downstream/client-port.ts'
import type { ClientConnection, RequestHandler } from '../downstream/client-request.ts'
import type { GatewayError } from '../errors.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { DialFailure, UpstreamConnection } from '../upstream/connection.ts'
import { isDirect } from '../upstream/direct.ts'
import type { Hedging } from './hedging.ts'
import { Lease } from './lease.ts'
import { ProxiedRequest, type ProxiedRequestDeps } from './proxied-request.ts'
import { type IdleSteps, Relay } from './relay.ts'
import { isStale } from './retry.ts'
import type { Route } from './route.ts'
import { SilenceTimer } from './silence-timer.ts'
import type { TunnelBans } from './tunnel-bans.ts'

export interface TunnelDeps extends ProxiedRequestDeps {
  /** When a second upstream is dialled; undefined: never. */
  readonly hedging: Hedging | undefined
  /** Undefined: no rule of `bans` concerns tunnels. */
  readonly bans: TunnelBans | undefined
  readonly idle: IdleSteps
  /** How many clients wait for their tunnel to open. */
  readonly opening: { count: number }
}

export class Tunnel extends ProxiedRequest<TunnelDeps> implements RequestHandler {
  protected readonly request: ClientConnection
  #hedgeTimer: SilenceTimer | undefined
  /** The second dial, while the first is silent. */
  #hedge: Hedge | undefined
  #isOpening = false

  constructor(request: ClientConnection, port: ClientPort, route: Route, deps: TunnelDeps) {
    super(request.target, port, route, deps)
    this.request = request
  }

  get protocol(): ClientConnection['protocol'] {
    return this.request.protocol
  }

  protected override start(): void {
    this.deps.opening.count++
    this.#isOpening = true
    super.start()
  }

  override clientGone(): void {
    this.#endOpening()
    super.clientGone()
  }

  protected dial(upstream: Upstream, now: number): UpstreamConnection {
    const { connector, pool } = this.deps
    return connector.dial(upstream, this.request.target, this, now, pool.placesOn(upstream, this.filter))
  }

  override granted(upstream: Upstream, now: number): void {
    super.granted(upstream, now)
    this.#awaitHedge(upstream, now)
  }

  /** One dial is in progress. A session tries its own address again first; with one use per address, a hedge would cost two. */
  #awaitHedge(upstream: Upstream, now?: number): void {
    const { hedging } = this.deps
    if (this.filter.limits?.uses === 1) return
    if (hedging === undefined || this.sessionKey !== undefined || isDirect(upstream)) return
    this.#hedgeTimer ??= new SilenceTimer(this)
    hedging.queueFor(upstream.facts.provider).add(this.#hedgeTimer, now)
  }

  /** The first upstream has been silent for too long: a second one is dialled beside it. */
  upstreamSilent(): void {
    if (this.dialling === undefined || this.#hedge !== undefined) return
    const { hedging } = this.deps
    if (hedging?.begin() !== true) return void this.#awaitHedge(this.dialling.upstream)
    const now = this.deps.clock.now()
    const lease = this.#leaseAnother(now)
    if (lease === undefined) hedging.ended()
    else this.#hedge = { lease, connection: this.dial(lease.upstream, now) }
  }

  /** Another upstream for the same client at the same time; undefined when there is none, or no try is left. */
  #leaseAnother(now: number): Lease | undefined {
    const { pool, tries, leaseQueue } = this.deps
    if (!leaseQueue.isLending || this.triesBegun >= tries || this.lease === undefined || isDirect(this.lease.upstream))
      return undefined
    const { tried } = this
    this.tried = [...tried, this.lease.upstream]
    const leased = pool.lease(this, now)
    this.tried = tried
    if (typeof leased === 'string') return undefined
    this.triesBegun++
    this.route.lent?.(leased)
    return new Lease(leased, pool)
  }

  /** The first to open wins; the other is dropped, without a failure. */
  override opened(connection: UpstreamConnection, early: Buffer | undefined): void {
    const loser = this.#endHedging(connection)
    this.#hedgeTimer = undefined
    if (loser !== undefined) this.#letGo(loser)
    super.opened(connection, early)
  }

  /** One of the two has failed: the other continues alone, and may get a hedge again. */
  override failed(connection: UpstreamConnection, failure: DialFailure): void {
    const hedge = this.#hedge
    if (hedge === undefined || isStale(connection, failure)) return void super.failed(connection, failure)
    const failed = this.#endHedging(connection === hedge.connection ? this.dialling : hedge.connection)
    this.trace.tryBeganAt = connection.startedAt
    const now = this.deps.clock.now()
    this.noteFailure(connection.upstream, failure, now)
    this.tried = [...this.tried, connection.upstream]
    if (failure.kind === 'unanswered') this.leftUnanswered(failed?.lease)
    failed?.lease.release(now)
    if (this.dialling !== undefined) this.#awaitHedge(this.dialling.upstream, now)
  }

  protected override dialAgain(upstream: Upstream, now: number): void {
    const hedge = this.#hedge
    if (upstream !== hedge?.lease.upstream) super.dialAgain(upstream, now)
    else this.#hedge = { lease: hedge.lease, connection: this.dial(upstream, now) }
  }

  /** This dial continues alone. @returns the other one, with its lease */
  #endHedging(remaining: UpstreamConnection | undefined): Hedge | undefined {
    const hedge = this.#hedge
    const { dialling: connection, lease } = this
    if (hedge !== undefined) this.deps.hedging?.ended()
    this.#hedge = undefined
    this.#hedgeTimer?.stop()
    if (hedge === undefined || remaining !== hedge.connection) return hedge
    this.dialling = hedge.connection
    this.lease = hedge.lease
    return connection === undefined || lease === undefined ? undefined : { connection, lease }
  }

  protected override stop(): void {
    const hedge = this.#endHedging(this.dialling)
    if (hedge !== undefined) this.#letGo(hedge)
    super.stop()
  }

  #letGo({ connection, lease }: Hedge): void {
    this.abandon(connection, lease)
    lease.release(this.deps.clock.now())
  }

  protected take(connection: UpstreamConnection, early: Buffer | undefined, now: number): void {
    const { upstream, startedAt } = connection
    this.#endOpening()
    if (!isDirect(upstream)) this.deps.hedging?.observe(upstream.facts.provider, now - startedAt)
    this.commit(now, startedAt)
    this.request.accept(upstream.id, this.life?.leftMs)
    const relay = this.addRelay(this.#relay(connection, now))
    this.request.join(relay)
    if (early !== undefined) relay.received(early)
  }

  #relay(connection: UpstreamConnection, now: number): Relay {
    const { bans, idle } = this.deps
    const rule = isDirect(connection.upstream) ? undefined : bans?.ruleFor(this.host)
    const { socket } = this.request
    if (bans === undefined || rule === undefined) return new Relay(socket, connection, idle, this, now)
    return bans.relay(socket, connection, idle, this, { host: this.host, rule })
  }

  protected rejectWith(error: GatewayError): void {
    this.#endOpening()
    this.request.refuse(error)
  }

  #endOpening(): void {
    if (this.#isOpening) this.deps.opening.count--
    this.#isOpening = false
  }

  protected closeUnjoined(): void {
    if (this.finished) return
    this.#endOpening()
    this.finishUnopened('closed')
    this.request.socket.destroy()
  }
}

/** A dial beside the first one, with its own lease. */
interface Hedge {
  readonly lease: Lease
  readonly connection: UpstreamConnection
}
