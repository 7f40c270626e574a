/**
 * What tunnels and plain requests have in common: apply for an upstream, dial it, and on failure decide what next, until
 * one opens or there is a reason to stop. Until `commit` nothing is sent to the client.
 *
 *   applying ──granted──▶ dialling ──opened──▶ (the subclass)
 *      │  ▲                  │
 *      │  └──── retry ◀──────┤ failed (retry.ts decides)
 *      ▼                     ▼
 *    refused ◀───────────────┘          the client leaves: cancelled, without a failure
 *
 * Every lease that was granted is released once. Longer than other files: this is the one place that says how a try ends.
 */

import { hostKey, type Target } from '../address.ts'
import type { ClientPort } from '../downstream/client-port.ts'
import { GatewayError } from '../errors.ts'
import { containException, internalErrors, internalFailure } from '../internal-errors.ts'
import type { Filter } from '../pool/filter.ts'
import type { Health } from '../pool/health.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Strategy } from '../strategy.ts'
import type { TimeoutQueue } from '../structures/timeout-queue.ts'
import type { DialFailure, DialHandler, UpstreamConnection } from '../upstream/connection.ts'
import type { Connector } from '../upstream/connector.ts'
import { DirectUpstream, isDirect } from '../upstream/direct.ts'
import { ClientStream, type ClientStreamDeps } from './client-stream.ts'
import { Lease } from './lease.ts'
import type { LeaseRequest, SessionUse } from './lease-contract.ts'
import type { LeaseQueue } from './lease-queue.ts'
import { mayBeElsewhere, type Routes, routeElsewhere } from './other-providers.ts'
import type { Relay, RelayEnd, RelayHandler } from './relay.ts'
import { isStale, nextStep } from './retry.ts'
import { queueUser, type Route, routeMethodOf } from './route.ts'
import type { SessionTable } from './session-table.ts'
import { countsAsUse, keepBorrowed, mayStay, rememberTry, rotateSession } from './session-use.ts'
import type { StreamInfo } from './stream-observer.ts'
import { directError, errorOf } from './try-errors.ts'

/** What all requests share. */
export interface ProxiedRequestDeps extends ClientStreamDeps {
  readonly pool: Pool
  readonly health: Health
  readonly leaseQueue: LeaseQueue
  readonly sessionTable: SessionTable
  readonly connector: Connector
  readonly routes: Routes
  /** All tries of a client together. */
  readonly deadlines: TimeoutQueue
  readonly tries: number
}

const NOBODY: readonly Upstream[] = []

export abstract class ProxiedRequest<Deps extends ProxiedRequestDeps>
  extends ClientStream<Deps>
  implements LeaseRequest, DialHandler, RelayHandler
{
  readonly #destination: Target
  readonly #port: ClientPort
  readonly route: Route
  readonly strategy: Strategy
  filter: Filter
  permitted: readonly string[] | undefined
  readonly host: string
  readonly lifeMs: number
  tried = NOBODY
  sessionKey: string | undefined
  readonly strict: boolean
  sessionUse: SessionUse = 'own'
  readonly uses: number
  avoid = NOBODY
  readonly avoidLast: string | undefined
  lastError: GatewayError | undefined
  /** Providers that turned out to have nothing for this request. */
  #hopeless: readonly string[] = []
  /** The claim on the upstream that is tried, or serves. */
  protected lease: Lease | undefined
  /** The target itself, where a rule says `direct`. */
  readonly #direct: DirectUpstream | undefined
  protected triesBegun = 0
  /** The session's own upstream did not answer, and another one was tried: the session moves only if that one answers. */
  #ownUnanswered = false
  dialling: UpstreamConnection | undefined

  constructor(target: Target, port: ClientPort, route: Route, deps: Deps) {
    super(target.authority, deps)
    this.#destination = target
    this.#port = port
    this.route = route
    this.#direct = route.direct && new DirectUpstream(target, route.direct.allowPrivate)
    this.sessionKey = route.sessionKey
    this.permitted = route.permitted
    this.strict = route.strict
    this.uses = route.uses
    this.avoidLast = route.avoidLast
    this.strategy = route.strategy
    this.filter = route.filter
    this.host = hostKey(target.host)
    this.lifeMs = route.lifeMs
  }

  /** The upstream that is tried, or serves. */
  get leased(): Upstream | undefined {
    return this.lease?.upstream
  }

  get underWay(): StreamInfo['underWay'] {
    return this.dialling
  }

  get prefersProven(): boolean {
    return this.triesBegun > 0
  }

  get user(): string {
    return queueUser(this.route.user, this)
  }

  /** Starts the dial; the connection's owner is this. */
  protected abstract dial(upstream: Upstream, now: number): UpstreamConnection
  /** The connection is open: from here on the subclass owns it. */
  protected abstract take(connection: UpstreamConnection, early: Buffer | undefined, now: number): void
  /** Sends the error to the client. Called once at most. */
  protected abstract rejectWith(error: GatewayError): void

  /** Starts; an exception ends this request alone. */
  begin(): void {
    this.containing(this.start)
  }

  protected containing(step: (this: this) => void): void {
    try {
      step.call(this)
    } catch (error) {
      containException(error, this)
    }
  }

  protected start(): void {
    this.deps.observer.began(this)
    if (this.#direct !== undefined) return void this.granted(this.#direct, this.beganAt)
    const { sessionKey } = this
    if (!this.route.rotates || sessionKey === undefined) return void this.deps.leaseQueue.apply(this, this.beganAt)
    this.deps.leaseQueue.lookUp({ sessionKey, permitted: this.permitted }, (key) => {
      this.sessionKey = key
      if (!this.finished) this.containing(this.#rotate)
    })
  }

  #rotate(): void {
    const { leaseQueue, clock } = this.deps
    rotateSession(this, this.deps)
    leaseQueue.apply(this, clock.now(), this.beganAt)
  }

  granted(upstream: Upstream, now: number): void {
    this.lease = new Lease(upstream, this.deps.pool)
    this.route.lent?.(upstream)
    if (!this.route.rotates || this.sessionKey === undefined) return void this.#beginDial(upstream, now)
    // When the client is served its next connection may come to another process.
    this.deps.leaseQueue.whenMovesAreKnown(() => {
      if (!this.finished) this.containing(() => this.#beginDial(upstream, this.deps.clock.now()))
    })
  }

  #beginDial(upstream: Upstream, now: number): void {
    this.beginTry(now)
    this.dialling = this.dial(upstream, now)
    this.trace.tryBeganAt = now
  }

  /** One more dial, or request over a kept connection. The first one starts the time that all of them have. */
  protected beginTry(now: number): void {
    if (this.triesBegun++ === 0) this.deps.deadlines.add(this, now)
  }

  denied(error: GatewayError): void {
    const { pool, leaseQueue, clock } = this.deps
    const other = error === this.lastError || mayBeElsewhere(error) ? this.#routeElsewhere() : undefined
    const now = clock.now()
    // A client waits `wait.timeout` once, not once for each route.
    if (other === undefined || (error.code === 'GW_POOL_EMPTY' && !pool.hasLendable(other.filter, now)))
      return void this.refuse(error)
    this.filter = other.filter
    this.permitted = other.permitted
    leaseQueue.apply(this, now)
  }

  #routeElsewhere(): Route | undefined {
    const { request, protocol, deps } = this
    const method = routeMethodOf(protocol)
    this.#hopeless = [...this.#hopeless, ...(this.filter.providers ?? [])]
    return routeElsewhere(
      (hopeless) => deps.routes.route(request, this.#destination, this.#port, method, hopeless),
      this.#hopeless,
      this.filter.providers !== undefined,
    )
  }

  opened(connection: UpstreamConnection, early: Buffer | undefined): void {
    this.dialling = undefined
    this.trace.tryBeganAt = connection.startedAt
    this.take(connection, early, this.deps.clock.now())
  }

  /**
   * The point of no return: the upstream has opened the tunnel, or sent the head of an answer that is for the client. Every
   * tunnel and every answer passes here before anything is sent to the client; no other upstream is tried from here on.
   * @param now clock ms
   * @param startedAt when its dial began, clock ms
   * @param isComparable see Health.opened
   * @param ambiguousStatus a status that may be the upstream's own: evidence about the pair, not a success of the upstream
   */
  protected commit(now: number, startedAt: number, isComparable = true, ambiguousStatus?: number): void {
    const { lease } = this
    if (lease === undefined) return
    const { upstream } = lease
    const { pool, health, observer, sessionTable } = this.deps
    this.timeoutQueue?.remove(this)
    if (lease.hasServed) pool.usedFor(upstream, this.host, now, this.route.hostRestMs)
    else if (!isDirect(upstream)) {
      if (this.#ownUnanswered) keepBorrowed(this, sessionTable, upstream)
      pool.opened(
        upstream,
        this.host,
        countsAsUse(this, sessionTable, upstream),
        now - startedAt,
        now,
        this.route.hostRestMs,
      )
      if (ambiguousStatus === undefined) health.opened(upstream, this.target, now, isComparable)
      else health.failed(upstream, this.target, { kind: 'refused', answer: ambiguousStatus }, now)
    }
    lease.hasServed = true
    this.servedBy = upstream
    if (this.lifeMs > 0) this.life = { askedMs: this.lifeMs, leftMs: upstream.deadline - now }
    observer.opened(this, upstream, now - this.beganAt)
  }

  failed(connection: UpstreamConnection, failure: DialFailure): void {
    if (isStale(connection, failure)) {
      // Its other prepared connections are as old; and if it closes each one when it is asked, the new one shows that.
      this.deps.connector.forget(connection.upstream)
      return void this.dialAgain(connection.upstream, this.deps.clock.now())
    }
    this.dialling = undefined
    this.tryFailed(connection.upstream, failure, true)
  }

  /** A new connection to an upstream that is leased already. */
  protected dialAgain(upstream: Upstream, now: number): void {
    this.dialling = this.dial(upstream, now)
  }

  /** @param repeatable whether the request may be made again elsewhere */
  protected tryFailed(upstream: Upstream, failure: DialFailure, repeatable: boolean): void {
    const now = this.deps.clock.now()
    const error = this.noteFailure(upstream, failure, now)
    if (failure.kind === 'unanswered') this.leftUnanswered(this.lease)
    this.releaseLease(now)
    if (isDirect(upstream)) return void this.refuse(error)
    const ownTries = rememberTry(this, this.deps.sessionTable, upstream)
    const step = nextStep({
      failure,
      error,
      tries: this.triesBegun,
      maxTries: this.deps.tries,
      ownTries,
      strict: this.strict,
    })
    if (step === 'give-up' || !repeatable) return void this.refuse(error)
    if (ownTries > 0) this.sessionUse = step === 'same' ? 'own' : mayStay(upstream, failure) ? 'borrow' : 'move'
    this.#ownUnanswered ||= ownTries > 0 && failure.kind === 'unanswered'
    this.deps.leaseQueue.apply(this, now)
  }

  /** Reports the failure to health and log, and keeps it as the client's error in case no later try succeeds. */
  protected noteFailure(upstream: Upstream, failure: DialFailure, now: number): GatewayError {
    const { health, observer } = this.deps
    observer.tryFailed(this, upstream, failure, now)
    if (isDirect(upstream)) this.lastError = directError(failure)
    else {
      const verdict = failure.kind === 'local' ? 'another' : health.failed(upstream, this.target, failure, now)
      this.lastError = errorOf(failure, verdict)
    }
    return this.lastError
  }

  /** All tries together took too long. */
  override onDeadline(): void {
    this.stop()
    const message =
      this.#direct === undefined
        ? `no upstream opened the way in time (${this.triesBegun} tried)`
        : 'the target, connected to directly, did not answer in time'
    this.refuse(new GatewayError('GW_DEADLINE', message, { cause: this.lastError }))
  }

  /** The client has left before anything was sent to it. */
  clientGone(): void {
    this.finishUnopened(undefined)
  }

  /** @param end undefined: the client has left */
  protected finishUnopened(end: 'closed' | undefined): void {
    if (this.finished) return
    this.finished = true
    this.stop()
    this.deps.observer.ended(this, end, 0, 0, this.deps.clock.now())
  }

  /** A handler of this request has thrown. */
  override failInternally(): void {
    const hadEnded = this.finished
    try {
      this.stop()
      this.refuse(internalFailure())
      if (hadEnded) this.request.socket.destroy()
    } catch (second) {
      internalErrors.report(second)
      this.request.socket.destroy()
    }
  }

  protected refuse(error: GatewayError): void {
    if (this.finished) return
    this.finished = true
    this.timeoutQueue?.remove(this)
    this.rejectWith(error)
    this.deps.observer.refused(this, error)
  }

  /** Ends whatever is under way for this client. */
  protected stop(): void {
    this.timeoutQueue?.remove(this)
    this.deps.leaseQueue.withdraw(this)
    if (this.dialling !== undefined) this.abandon(this.dialling, this.lease)
    this.dialling = undefined
    this.releaseLease()
  }

  /** The upstream was sent a request, and whether it has served it is unknown. */
  protected leftUnanswered(lease: Lease | undefined): void {
    if (lease !== undefined) lease.mayHaveServed = countsAsUse(this, this.deps.sessionTable, lease.upstream)
  }

  /** Ends a dial without blame. */
  protected abandon(connection: UpstreamConnection, lease: Lease | undefined): void {
    connection.destroy()
    if (connection.isAsked) this.leftUnanswered(lease)
    this.trace.tryBeganAt = connection.startedAt
    this.deps.observer.tryAbandoned(this, connection.upstream)
  }

  relayEnded(relay: Relay, end: RelayEnd): void {
    this.deps.relays.remove(relay)
    const now = this.deps.clock.now()
    this.releaseLease(now)
    this.finish(end, now)
  }

  relayQuiet(_relay: Relay, isQuiet: boolean): void {
    if (this.lease !== undefined) this.lease.isQuiet = isQuiet
  }

  protected releaseLease(now = this.deps.clock.now()): void {
    const { lease } = this
    this.lease = undefined
    lease?.release(now)
  }
}
