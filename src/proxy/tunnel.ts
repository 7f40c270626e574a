/** One tunnel (CONNECT, SOCKS), from the request to the last octet. proxied-request.ts has the part before it opens. */

import type { PendingTunnel, TunnelRequest } from '../downstream/client-request.ts'
import type { GatewayError } from '../errors.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { LinkedList } from '../structures/linked-list.ts'
import { Expiring } from '../structures/timeout-queue.ts'
import type { Leg, LegFailure } from '../upstream/connection.ts'
import { isDirect } from '../upstream/direct.ts'
import type { Hedging } from './hedging.ts'
import type { Lease } from './lease.ts'
import { Attempt, type AttemptDeps } from './proxied-request.ts'
import { type IdleSteps, Relay, type RelayEnd, type RelayOwner } from './relay.ts'
import type { Route } from './router.ts'

export interface TunnelDeps extends AttemptDeps {
  /** When a second upstream is dialled; undefined: never. */
  readonly hedging: Hedging | undefined
  readonly idle: IdleSteps
  readonly relays: LinkedList<Relay>
  /** How many clients wait for their tunnel to open. */
  readonly opening: { count: number }
}

export class Tunnel extends Attempt implements PendingTunnel, RelayOwner {
  readonly #request: TunnelRequest
  readonly #deps: TunnelDeps
  #hedgeTimer: HedgeTimer | undefined
  /** The second dial, while the first is silent. */
  #hedge: Hedge | undefined
  #isOpening = false

  constructor(request: TunnelRequest, route: Route, deps: TunnelDeps) {
    super(request.target, route, deps)
    this.#request = request
    this.#deps = deps
  }

  get protocol(): TunnelRequest['protocol'] {
    return this.#request.protocol
  }

  get clientAddress(): string {
    return this.#request.clientAddress
  }

  get account(): string | undefined {
    return this.#request.identity.account
  }

  get sessionName(): string | undefined {
    return this.#request.identity.options.session
  }

  get bytesFromClient(): number {
    return this.#request.socket.bytesRead
  }

  get bytesToClient(): number {
    return this.#request.socket.bytesWritten
  }

  protected override start(): void {
    this.#deps.opening.count++
    this.#isOpening = true
    super.start()
  }

  override clientGone(): void {
    this.#endOpening()
    super.clientGone()
  }

  protected dial(upstream: Upstream): Leg {
    return this.#deps.dialler.dial(upstream, this.#request.target, this)
  }

  override granted(upstream: Upstream): void {
    super.granted(upstream)
    this.#awaitHedge(upstream)
  }

  /** A dial is under way alone. A session keeps its address: it tries that again first. */
  #awaitHedge(upstream: Upstream): void {
    const { hedging } = this.#deps
    if (hedging === undefined || this.sessionKey !== undefined || isDirect(upstream)) return
    this.#hedgeTimer ??= new HedgeTimer(this)
    hedging.listFor(upstream.facts.provider).add(this.#hedgeTimer)
  }

  /** The first upstream has been silent for long: a second one is dialled beside it. */
  hedge(): void {
    if (this.leg === undefined || this.#hedge !== undefined) return
    const { hedging } = this.#deps
    if (hedging?.begin() !== true) return
    const lease = this.leaseAnother()
    if (lease === undefined) hedging.ended()
    else this.#hedge = { lease, leg: this.dial(lease.upstream) }
  }

  /** The first to open wins; the other is let go, and blamed for nothing. */
  override opened(leg: Leg, early: Buffer | undefined): void {
    const loser = this.#endHedging(leg)
    if (loser !== undefined) this.#letGo(loser)
    if (!isDirect(leg.upstream))
      this.#deps.hedging?.observe(leg.upstream.facts.provider, this.#deps.clock.now() - leg.startedAt)
    super.opened(leg, early)
  }

  /** One of two has failed: the other goes on alone, and may get a hedge again. */
  override failed(leg: Leg, failure: LegFailure): void {
    if (isStale(leg, failure)) return void this.#dialAgain(leg)
    const hedge = this.#hedge
    if (hedge === undefined) return void super.failed(leg, failure)
    const failed = this.#endHedging(leg === hedge.leg ? this.leg : hedge.leg)
    this.trace.tryBeganAt = leg.startedAt
    this.noteFailure(leg.upstream, failure)
    this.tried = [...this.tried, leg.upstream]
    failed?.lease.release()
    if (this.leg !== undefined) this.#awaitHedge(this.leg.upstream)
  }

  /**
   * The upstream had closed a connection that was opened ahead: the same upstream, with a new connection. Its others are
   * as old; and if it closes each one upon CONNECT, the new one says so.
   */
  #dialAgain(leg: Leg): void {
    this.#deps.dialler.forget(leg.upstream)
    const again = this.dial(leg.upstream)
    if (leg === this.#hedge?.leg) this.#hedge = { lease: this.#hedge.lease, leg: again }
    else this.leg = again
  }

  /** This dial goes on alone. @returns the other one, with its lease */
  #endHedging(remaining: Leg | undefined): Hedge | undefined {
    const hedge = this.#hedge
    const { leg, lease } = this
    if (hedge !== undefined) this.#deps.hedging?.ended()
    this.#hedge = undefined
    this.#hedgeTimer?.deadlineList?.remove(this.#hedgeTimer)
    if (hedge === undefined || remaining !== hedge.leg) return hedge
    this.leg = hedge.leg
    this.lease = hedge.lease
    return leg === undefined || lease === undefined ? undefined : { leg, lease }
  }

  protected override stop(): void {
    const hedge = this.#endHedging(this.leg)
    if (hedge !== undefined) this.#letGo(hedge)
    super.stop()
  }

  #letGo({ leg, lease }: Hedge): void {
    this.abandon(leg)
    lease.release()
  }

  protected take(leg: Leg, early: Buffer | undefined): void {
    this.#endOpening()
    this.commit(leg.startedAt)
    this.#request.accept(leg.upstream.id, this.life?.leftMs)
    const relay = new Relay(this.#request.socket, leg, this.#deps.idle, this)
    this.#deps.relays.add(relay)
    this.#request.join(relay)
    if (early !== undefined) relay.received(early)
  }

  protected sayRefused(error: GatewayError): void {
    this.#endOpening()
    this.#request.refuse(error)
  }

  #endOpening(): void {
    if (this.#isOpening) this.#deps.opening.count--
    this.#isOpening = false
  }

  protected dropClient(): void {
    this.#request.socket.destroy()
  }

  relayEnded(relay: Relay, end: RelayEnd): void {
    this.finished = true
    this.#deps.relays.remove(relay)
    this.releaseLease()
    const { bytesRead, bytesWritten } = relay.client
    this.#deps.observer.ended(this, end, bytesRead, bytesWritten)
  }

  relayQuiet(_relay: Relay, isQuiet: boolean): void {
    if (this.lease !== undefined) this.lease.isQuiet = isQuiet
  }
}

/** A dial beside the first one, under a lease of its own. */
interface Hedge {
  readonly lease: Lease
  readonly leg: Leg
}

function isStale(leg: Leg, failure: LegFailure): boolean {
  const isInterrupted = failure.kind === 'broken' || failure.kind === 'unanswered'
  return leg.wasWarm && isInterrupted && failure.how === 'closed'
}

class HedgeTimer extends Expiring {
  readonly #tunnel: Tunnel

  constructor(tunnel: Tunnel) {
    super()
    this.#tunnel = tunnel
  }

  override onDeadline(): void {
    this.#tunnel.hedge()
  }

  override failInternally(): void {
    this.#tunnel.failInternally()
  }
}
