/**
 * What tunnels and plain requests have in common: apply for an upstream, dial it, and on failure decide what next, until
 * one opens or there is a reason to stop. Everything here happens before the client has heard anything.
 *
 *   applying ──granted──▶ dialling ──opened──▶ (the subclass)
 *      │  ▲                  │
 *      │  └──── retry ◀──────┤ failed (retry.ts decides)
 *      ▼                     ▼
 *    refused ◀───────────────┘          the client leaves: cancelled, nobody is blamed
 *
 * Every lease that was granted is released once.
 */

import type { Socket } from 'node:net'
import { clientNetwork, type Target } from '../address.ts'
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { containException, internalErrors, internalFailure } from '../internal-errors.ts'
import type { Filter } from '../pool/filter.ts'
import type { Health } from '../pool/health.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Strategy } from '../strategy.ts'
import type { LinkedList } from '../structures/linked-list.ts'
import { TimeoutEntry, type TimeoutQueue } from '../structures/timeout-queue.ts'
import type { DialFailure, DialHandler, UpstreamConnection } from '../upstream/connection.ts'
import type { Connector } from '../upstream/connector.ts'
import { DirectUpstream, isDirect } from '../upstream/direct.ts'
import { newTrace } from './connection-log.ts'
import { Lease } from './lease.ts'
import type { LeaseRequest, SessionUse } from './lease-contract.ts'
import type { LeaseQueue } from './lease-queue.ts'
import type { Relay } from './relay.ts'
import { directError, errorOf, nextStep } from './retry.ts'
import { addressesToAvoid } from './rotation.ts'
import type { Route } from './router.ts'
import type { Session, SessionTable } from './session-table.ts'
import type { StreamInfo, StreamObserver } from './stream-observer.ts'

/** What all attempts share. */
export interface ProxiedRequestDeps {
  readonly clock: Clock
  readonly pool: Pool
  readonly health: Health
  readonly leaseQueue: LeaseQueue
  readonly sessionTable: SessionTable
  readonly connector: Connector
  /** All tries of a client together. */
  readonly deadlines: TimeoutQueue
  readonly tries: number
  readonly relays: LinkedList<Relay>
  readonly observer: StreamObserver
}

const NOBODY: readonly Upstream[] = []

export abstract class ProxiedRequest extends TimeoutEntry implements LeaseRequest, DialHandler, StreamInfo {
  readonly strategy: Strategy
  readonly filter: Filter
  readonly host: string
  readonly lifeMs: number
  tried = NOBODY
  readonly sessionKey: string | undefined
  readonly strict: boolean
  sessionUse: SessionUse = 'own'
  readonly uses: number
  avoid = NOBODY
  readonly avoidLast: string | undefined
  lastError: GatewayError | undefined
  readonly target: string
  readonly beganAt: number
  readonly trace = newTrace()
  abstract readonly protocol: StreamInfo['protocol']
  abstract readonly clientAddress: string
  abstract readonly account: string | undefined
  abstract readonly sessionName: string | undefined
  abstract readonly bytesFromClient: number
  abstract readonly bytesToClient: number
  servedBy: Upstream | undefined
  life: StreamInfo['life']
  status: StreamInfo['status']
  protected readonly deps: ProxiedRequestDeps
  /** The claim on the upstream that is tried, or serves. */
  protected lease: Lease | undefined
  protected finished = false
  /** The request asks for another upstream than the last. */
  protected readonly rotates: boolean
  readonly #hostRestMs: number
  readonly #lent: Route['lent']
  readonly #user: string | undefined
  /** The target itself, where a rule says `direct`. */
  readonly #direct: DirectUpstream | undefined
  #tries = 0
  /** The session's own upstream left the request unanswered, and another one is borrowed: which of the two is to stay? */
  #ownUnanswered = false
  /** The dial under way. */
  protected connection: UpstreamConnection | undefined

  constructor(target: Target, route: Route, deps: ProxiedRequestDeps) {
    super()
    this.#user = route.user
    this.#direct = route.direct && new DirectUpstream(target, route.direct.allowPrivate)
    this.sessionKey = route.sessionKey
    this.strict = route.strict
    this.uses = route.uses
    this.avoidLast = route.avoidLast
    this.rotates = route.rotates
    this.#hostRestMs = route.hostRestMs
    this.#lent = route.lent
    this.strategy = route.strategy
    this.filter = route.filter
    this.host = target.host.toLowerCase()
    this.lifeMs = route.lifeMs
    this.target = target.authority
    this.deps = deps
    this.beganAt = deps.clock.now()
  }

  get prefersProven(): boolean {
    return this.#tries > 0
  }

  get user(): string {
    return this.#user === undefined ? `address ${clientNetwork(this.clientAddress)}` : `user ${this.#user}`
  }

  /** Starts the dial; the connection's owner is this. */
  protected abstract dial(upstream: Upstream): UpstreamConnection
  /** The connection is open: it is the subclass's from here. */
  protected abstract take(connection: UpstreamConnection, early: Buffer | undefined): void
  /** Tells the client why not. Called once at most. */
  protected abstract rejectWith(error: GatewayError): void
  protected abstract readonly clientSocket: Socket
  /** Ends a request whose connections are not joined by a relay. */
  protected abstract closeUnjoined(): void

  /** Starts; an exception ends this request alone. */
  begin(): void {
    this.containing(() => this.start())
  }

  protected containing(step: () => void): void {
    try {
      step()
    } catch (error) {
      containException(error, this)
    }
  }

  protected start(): void {
    this.deps.observer.began(this)
    if (this.#direct !== undefined) return void this.granted(this.#direct)
    if (this.rotates) this.#rotate()
    this.deps.leaseQueue.apply(this)
  }

  /** The session moves with this request, as by POST /session/rotate. */
  #rotate(): void {
    const { sessionTable, pool, clock } = this.deps
    const session = this.sessionKey === undefined ? undefined : sessionTable.find(this.sessionKey)
    if (session === undefined) return
    this.sessionUse = 'move'
    this.tried = addressesToAvoid(session, this, pool, clock.now())
  }

  /** The session's upstream serves one more request. */
  protected countUse(upstream: Upstream): void {
    const session = this.#sessionOn(upstream)
    if (session !== undefined) session.uses++
  }

  granted(upstream: Upstream): void {
    this.lease = new Lease(upstream, this.deps.pool, this.deps.clock)
    this.#lent?.(upstream)
    this.beginTry()
    this.connection = this.dial(upstream)
    this.trace.tryBeganAt = this.connection.startedAt
  }

  get dialling(): UpstreamConnection | undefined {
    return this.connection
  }

  /** One more dial, or request over a kept connection. The first one starts the time that all of them have. */
  protected beginTry(): void {
    if (this.#tries++ === 0) this.deps.deadlines.add(this)
  }

  denied(error: GatewayError): void {
    this.refuse(error)
  }

  opened(connection: UpstreamConnection, early: Buffer | undefined): void {
    this.connection = undefined
    this.trace.tryBeganAt = connection.startedAt
    this.take(connection, early)
  }

  /**
   * The point of no return: the upstream has opened the tunnel, or sent the head of an answer that is for the client. Every
   * tunnel and every answer passes here before the client hears anything; no other upstream is tried from here on.
   * @param startedAt when its dial began, clock ms
   * @param isComparable see Health.opened
   * @param ambiguousStatus a status that may be the upstream's own: evidence about the pair, not a success of the upstream
   */
  protected commit(startedAt: number, isComparable = true, ambiguousStatus?: number): void {
    const { lease } = this
    if (lease === undefined) return
    const { upstream } = lease
    const { pool, health, clock, observer } = this.deps
    const now = clock.now()
    this.timeoutQueue?.remove(this)
    if (!lease.hasServed && !isDirect(upstream)) {
      this.#moveSession(upstream)
      pool.opened(upstream, this.host, this.#countsAsUse(upstream), now - startedAt, now, this.#hostRestMs)
      if (ambiguousStatus === undefined) health.opened(upstream, this.target, now, isComparable)
      else health.failed(upstream, this.target, { kind: 'refused', answer: ambiguousStatus }, now)
    }
    lease.hasServed = true
    this.servedBy = upstream
    if (this.lifeMs > 0) this.life = { askedMs: this.lifeMs, leftMs: upstream.deadline - now }
    observer.opened(this, upstream, now - this.beganAt)
  }

  /** A borrowed upstream answered what the session's own did not: the session moves to it. */
  #moveSession(upstream: Upstream): void {
    if (!this.#ownUnanswered || this.sessionUse !== 'borrow' || this.sessionKey === undefined) return
    this.deps.sessionTable.bind(this.sessionKey, upstream)
  }

  /** Of a session's tunnels only the first counts on each upstream. */
  #countsAsUse(upstream: Upstream): boolean {
    const session = this.#sessionOn(upstream)
    if (session === undefined) return true
    const counts = !session.counted
    session.counted = true
    return counts
  }

  #sessionOn(upstream: Upstream): Session | undefined {
    const session = this.sessionKey === undefined ? undefined : this.deps.sessionTable.find(this.sessionKey)
    return session?.upstream === upstream ? session : undefined
  }

  failed(connection: UpstreamConnection, failure: DialFailure): void {
    this.connection = undefined
    this.tryFailed(connection.upstream, failure, true)
  }

  /** @param repeatable whether the request may be made again elsewhere */
  protected tryFailed(upstream: Upstream, failure: DialFailure, repeatable: boolean): void {
    const error = this.noteFailure(upstream, failure)
    this.releaseLease()
    if (isDirect(upstream)) return void this.refuse(error)
    const ownTries = this.#rememberTry(upstream)
    const step = nextStep({
      failure,
      error,
      tries: this.#tries,
      maxTries: this.deps.tries,
      ownTries,
      strict: this.strict,
    })
    if (step === 'give-up' || !repeatable) return void this.refuse(error)
    if (ownTries > 0) this.sessionUse = step === 'same' ? 'own' : mayStay(upstream, failure) ? 'borrow' : 'move'
    this.#ownUnanswered ||= ownTries > 0 && failure.kind === 'unanswered'
    this.deps.leaseQueue.apply(this)
  }

  /** Tells health and log, and keeps what the client hears if nothing better comes. */
  protected noteFailure(upstream: Upstream, failure: DialFailure): GatewayError {
    const { health, clock, observer } = this.deps
    observer.tryFailed(this, upstream, failure)
    if (isDirect(upstream)) this.lastError = directError(failure)
    else {
      const verdict = failure.kind === 'local' ? 'another' : health.failed(upstream, this.target, failure, clock.now())
      this.lastError = errorOf(failure, verdict)
    }
    return this.lastError
  }

  /** Another upstream for the same client at the same time; undefined when there is none, or no try is left. */
  protected leaseAnother(): Lease | undefined {
    const { pool, clock, tries, leaseQueue } = this.deps
    if (!leaseQueue.isLending || this.#tries >= tries || this.lease === undefined || this.#direct !== undefined)
      return undefined
    const { tried } = this
    this.tried = [...tried, this.lease.upstream]
    const leased = pool.lease(this, clock.now())
    this.tried = tried
    if (typeof leased === 'string') return undefined
    this.#tries++
    this.#lent?.(leased)
    return new Lease(leased, pool, clock)
  }

  /** @returns how often this upstream has been tried as this session's own; 0 when it is not */
  #rememberTry(upstream: Upstream): number {
    this.tried = [...this.tried, upstream]
    const session = this.#sessionOn(upstream)
    if (session === undefined) return 0
    session.uses--
    return this.tried.filter((tried) => tried === upstream).length
  }

  /** All tries together took too long. */
  override onDeadline(): void {
    this.stop()
    const message =
      this.#direct === undefined
        ? `no upstream opened the way in time (${this.#tries} tried)`
        : 'the target, connected to directly, did not answer in time'
    this.refuse(new GatewayError('GW_DEADLINE', message, { cause: this.lastError }))
  }

  /** The client has gone before it heard anything. */
  clientGone(): void {
    if (this.finished) return
    this.finished = true
    this.stop()
    this.deps.observer.ended(this, undefined, 0, 0)
  }

  close(): void {
    const { clientSocket } = this
    const relay = this.deps.relays.snapshot().find(({ client }) => client === clientSocket)
    if (relay === undefined) this.closeUnjoined()
    else relay.close()
  }

  /** A handler of this request has thrown. */
  override failInternally(): void {
    const hadEnded = this.finished
    try {
      this.stop()
      this.refuse(internalFailure())
      if (hadEnded) this.clientSocket.destroy()
    } catch (second) {
      internalErrors.report(second)
      this.clientSocket.destroy()
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
    if (this.connection !== undefined) this.abandon(this.connection)
    this.connection = undefined
    this.releaseLease()
  }

  /** Ends a dial without blame. */
  protected abandon(connection: UpstreamConnection): void {
    connection.destroy()
    this.trace.tryBeganAt = connection.startedAt
    this.deps.observer.tryAbandoned(this, connection.upstream)
  }

  protected releaseLease(): void {
    const { lease } = this
    this.lease = undefined
    lease?.release()
  }
}

/** A session stays, until more is known, on an upstream that works and has only refused one target or not answered for it. */
function mayStay(upstream: Upstream, failure: DialFailure): boolean {
  return (failure.kind === 'refused' || failure.kind === 'unanswered') && upstream.worked
}
