/**
 * Plain HTTP: one request and its response. A client connection keeps its upstream from request to request
 * (`rotation.per: connection`) as long as it may, or takes another for each (`request`).
 */

import type { PendingTunnel } from '../downstream/client-request.ts'
import { GatewayError } from '../errors.ts'
import { type Breakage, NO_ANSWER, type Outcome, type Upstream } from '../pool/upstream.ts'
import type { LinkedList } from '../structures/linked-list.ts'
import { type DeadlineList, Expiring } from '../structures/timeout-queue.ts'
import type { Leg } from '../upstream/connection.ts'
import { loginHeader } from '../upstream/connector.ts'
import { UndiciConversation } from '../upstream/forward.ts'
import { QuickConversation } from '../upstream/http-connection.ts'
import type { Conversation, ExchangeOwner, PlainRequest, Sending } from './http-contract.ts'
import { Attempt, type AttemptDeps } from './proxied-request.ts'
import { type IdleSteps, Relay, type RelayEnd, type RelayOwner } from './relay.ts'
import type { Route } from './router.ts'
import type { PlainConnection } from './upstream-affinity.ts'

/** A status with which a target answers a banned address, and how long that address stays away from it. */
export interface BanRule {
  readonly matches: (host: string) => boolean
  readonly statuses: ReadonlySet<number>
  readonly restMs: number
}

export interface ExchangeDeps extends AttemptDeps {
  /** How long an upstream that never worked may take to answer, ms: the same as for a handshake. */
  readonly answers: DeadlineList
  /** How long a client may pause in the middle of its request, or of reading the answer. */
  readonly pauses: DeadlineList
  readonly bodyIdleMs: number
  /** For connections that leave HTTP. */
  readonly idle: IdleSteps
  readonly relays: LinkedList<Relay>
  readonly perRequest: boolean
  readonly bans: readonly BanRule[]
  /** Answers of the upstream itself that may be tried elsewhere: it cannot be told whether they are the target's. */
  readonly retryStatuses: ReadonlySet<number>
}

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])
/** They may be a proxy's own, when it cannot reach the target (RFC 9110 sections 15.6.3 to 15.6.5). */
const GATEWAY_STATUSES = new Set([502, 503, 504])
/** From an upstream in answer to a plain request they are about our login, never for the client; from a target they are not. */
const LOGIN_STATUSES = new Set([407, 454])

export class Exchange extends Attempt implements ExchangeOwner, PendingTunnel, RelayOwner {
  readonly protocol = 'http'
  readonly #request: PlainRequest
  readonly #deps: ExchangeDeps
  readonly #held: PlainConnection
  readonly #routeKey: string
  readonly #answerTimer: AnswerTimer
  /** The request on its way. */
  #sending: Sending | undefined
  #startedAt = 0
  /** Goes over a connection that has served an earlier request. */
  #isReused = false
  #awaitsClient = false
  #isAnswered = false

  constructor(request: PlainRequest, route: Route, held: PlainConnection, deps: ExchangeDeps) {
    super(request.target, route, deps)
    this.#request = request
    this.#deps = deps
    this.#held = held
    this.#routeKey = `${route.filter.key}\n${route.sessionKey ?? ''}`
    this.#answerTimer = new AnswerTimer(this)
  }

  get clientAddress(): string {
    return this.#request.clientAddress
  }

  get account(): string | undefined {
    return this.#request.identity.account
  }

  get extraHeaders(): readonly string[] {
    return this.#request.listener.upstreamHeader && this.#held.upstream !== undefined
      ? ['X-Turnpike-Upstream', this.#held.upstream.id]
      : []
  }

  /** Goes on with the connection's upstream if it still fits, else applies for one. */
  protected override start(): void {
    const { upstream, routeKey } = this.#held
    this.#held.isQuiet = false
    if (upstream === undefined || routeKey !== this.#routeKey || !this.#stillGood(upstream)) {
      this.#held.release(this.deps.pool, this.deps.clock.now())
      return void super.start()
    }
    this.deps.observer.began(this)
    this.#resume(upstream)
  }

  #stillGood(upstream: Upstream): boolean {
    const { clock, sticky } = this.deps
    const now = clock.now()
    const isGood = upstream.state !== 'gone' && upstream.deadline > now && !upstream.restsFor(this.host, now)
    if (!isGood || this.#deps.perRequest) return false
    // The session may have moved meanwhile; asking keeps it from growing old.
    return this.sessionKey === undefined || sticky.find(this.sessionKey)?.upstream === upstream
  }

  /** The connection's lease becomes this request's until it is answered. */
  #resume(upstream: Upstream): void {
    this.deps.deadlines.add(this)
    const conversation = this.#held.openTo(this.#throughOf(upstream), this.#request.isQuick)
    if (conversation === undefined) return void this.#dialAgain(upstream)
    this.#isReused = true
    this.#send(conversation, upstream)
  }

  override granted(upstream: Upstream): void {
    this.#held.upstream = upstream
    this.#held.routeKey = this.#routeKey
    super.granted(upstream)
    // The connection holds the lease from here on, over more than one request.
    this.upstream = undefined
  }

  protected override releaseLease(): void {
    this.#held.release(this.deps.pool, this.deps.clock.now())
  }

  /** A SOCKS upstream carries only tunnels; an upgraded connection is one. Empty: no tunnel. */
  #throughOf(upstream: Upstream): string {
    return upstream.facts.protocol === 'socks5' || this.#request.isUpgrade ? this.target : ''
  }

  protected dial(upstream: Upstream): Leg {
    this.#startedAt = this.deps.clock.now()
    const { target, isQuick } = this.#request
    const isTunnel = this.#throughOf(upstream) !== ''
    if (isQuick && !isTunnel) return this.#deps.dialler.dialPlain(upstream, this)
    return this.#deps.dialler.dialRaw(upstream, isTunnel ? target : undefined, this)
  }

  /** A new connection to the upstream that is leased already. */
  #dialAgain(upstream: Upstream): void {
    this.#isReused = false
    this.#held.hangUp()
    this.leg = this.dial(upstream)
  }

  protected take(leg: Leg): void {
    const { upstream } = leg
    const through = this.#throughOf(upstream)
    const conversation = this.#request.isQuick
      ? new QuickConversation(leg, this.#deps.pauses)
      : new UndiciConversation(leg.socket, {
          bodyIdleMs: this.#deps.bodyIdleMs,
          maxReplyBytes: leg.maxReplyBytes,
        })
    this.#held.hold(leg, through, conversation)
    this.#send(conversation, upstream)
  }

  #send(conversation: Conversation, upstream: Upstream): void {
    const isTunnel = this.#throughOf(upstream) !== ''
    this.#startAnswerTimer()
    const login = isTunnel ? '' : loginHeader(upstream)
    this.#sending = conversation.ask(this.#request, isTunnel ? 'origin' : 'absolute', login, this)
  }

  // A package that calls `answered`, `completed` or `upgraded` would take an exception for a fault of the upstream.

  answered(status: number): boolean {
    let isForClient = false
    this.containing(() => {
      isForClient = this.#judge(status)
    })
    return isForClient
  }

  /** @returns whether the answer is for the client */
  #judge(status: number): boolean {
    const { upstream } = this.#held
    this.#answerTimer.stop()
    if (upstream === undefined) return false
    if (LOGIN_STATUSES.has(status) && this.#throughOf(upstream) === '')
      return this.#retryElsewhere(upstream, { kind: 'login', status })
    if (this.#deps.retryStatuses.has(status) && this.#mayRepeat()) {
      return this.#retryElsewhere(upstream, { kind: 'refused', answer: status })
    }
    this.#isAnswered = true
    this.#nowServes(upstream, this.#isAmbiguous(upstream, status) ? status : undefined)
    this.#applyBans(upstream, status)
    return true
  }

  /** From an upstream that never worked: what a proxy says that has no way to the target, or to anything. */
  #isAmbiguous(upstream: Upstream, status: number): boolean {
    return !upstream.worked && GATEWAY_STATUSES.has(status) && this.#throughOf(upstream) === ''
  }

  /** @param ambiguousStatus see Attempt.succeeded */
  #nowServes(upstream: Upstream, ambiguousStatus?: number): void {
    const now = this.deps.clock.now()
    const isSlow = now - this.#startedAt >= this.#deps.answers.durationMs
    if (this.#held.hasServed) this.nowServedBy(upstream, now)
    else this.succeeded(upstream, this.#startedAt, !isSlow, ambiguousStatus)
    this.deadlineList?.remove(this)
    this.#held.hasServed = true
  }

  /** @returns false: the answer is dropped */
  #retryElsewhere(upstream: Upstream, failure: Outcome): false {
    const isRepeatable = this.#mayRepeat()
    // After undici has let go of the answer.
    queueMicrotask(() => this.containing(() => this.tryFailed(upstream, failure, isRepeatable)))
    return false
  }

  #applyBans(upstream: Upstream, status: number): void {
    const { host } = this
    for (const ban of this.#deps.bans) {
      if (!ban.statuses.has(status) || !ban.matches(host)) continue
      const now = this.deps.clock.now()
      this.deps.pool.restForHost(upstream, host, now + ban.restMs, now)
    }
  }

  #mayRepeat(): boolean {
    return this.#sending?.hasBegunBody !== true && IDEMPOTENT.has(this.#request.method)
  }

  broke(how: Breakage | undefined): void {
    this.#answerTimer.stop()
    const { upstream } = this.#held
    if (how === undefined || upstream === undefined) return void this.#cut('upstream-reset')
    // The upstream closed a kept connection just as the request was on its way: nobody's fault, once.
    if (how === 'closed' && this.#isReused && this.#mayRepeat()) return void this.#dialAgain(upstream)
    this.tryFailed(upstream, this.#failureOf(upstream, how), this.#mayRepeat())
  }

  /** The connection was there and the request on its way; through a tunnel even garbage is the target's. */
  #failureOf(upstream: Upstream, how: Breakage): Outcome {
    const isOwn =
      how === 'forbidden' || how === 'unreachable' || (how === 'garbage' && this.#throughOf(upstream) === '')
    return isOwn ? { kind: 'broken', how } : { kind: 'unanswered', how }
  }

  unsent(): void {
    this.#answerTimer.stop()
    if (this.#held.upstream !== undefined) this.#dialAgain(this.#held.upstream)
  }

  unsendable(): void {
    this.stop()
    const message = 'the request cannot be forwarded: its header or body is not what it announces'
    this.refuse(new GatewayError('GW_BAD_REQUEST', message))
  }

  /**
   * An upstream that never worked has not answered in the time of a handshake: another one is tried. When that was done
   * before for this target, it is the target that takes its time, and is waited for until the deadline.
   */
  tookTooLong(): void {
    const { upstream } = this.#held
    const { health, clock } = this.deps
    if (upstream === undefined || !this.#mayRepeat()) return
    if (health.hasRefusedOthers(upstream, this.target, NO_ANSWER, clock.now())) return
    this.#sending?.cancel()
    this.tryFailed(upstream, { kind: 'refused', answer: NO_ANSWER }, true)
  }

  #startAnswerTimer(): void {
    if (this.#held.upstream?.worked === false) this.#deps.answers.add(this.#answerTimer)
  }

  /** A client may take the idle time for each piece of its request; the deadline stands still meanwhile. */
  awaitsClient(): void {
    if (this.#isAnswered || this.finished) return
    this.#awaitsClient = true
    this.#answerTimer.stop()
    this.#deps.pauses.add(this)
  }

  awaitsUpstream(): void {
    if (this.#isAnswered || this.finished) return
    this.#awaitsClient = false
    this.#startAnswerTimer()
    this.deps.deadlines.add(this)
  }

  stalled(isStalled: boolean): void {
    this.#awaitsClient = isStalled
    if (isStalled && !this.finished) this.#deps.pauses.add(this)
    else this.deadlineList?.remove(this)
  }

  override onDeadline(): void {
    if (!this.#awaitsClient) return void super.onDeadline()
    this.stop()
    if (this.#isAnswered) return void this.#cut('idle')
    this.refuse(new GatewayError('GW_HANDSHAKE_TIMEOUT', 'the rest of the request did not arrive in time'))
  }

  /** The client must see that its answer is not whole. */
  #cut(end: RelayEnd): void {
    this.#finish(end)
    this.#request.cut()
  }

  override clientGone(): void {
    if (!this.#isAnswered) return void super.clientGone()
    if (this.finished) return
    this.stop()
    this.#finish('client-reset')
  }

  completed(): void {
    this.containing(() => this.#complete())
  }

  #complete(): void {
    // The next request is not to meet an upstream again that has yet to show that it works.
    if (this.#deps.perRequest || this.#held.upstream?.worked === false)
      this.#held.release(this.deps.pool, this.deps.clock.now())
    else this.#held.isQuiet = true
    this.#finish('done')
  }

  upgraded(head: string): void {
    this.containing(() => this.#joinUpgraded(head))
  }

  #joinUpgraded(head: string): void {
    const { upstream, leg } = this.#held
    if (upstream === undefined || leg === undefined) return void this.#request.cut()
    this.#answerTimer.stop()
    this.#nowServes(upstream)
    const { connection } = this.#request
    connection.socket.write(head, 'latin1')
    const relay = new Relay(connection.socket, leg, this.#deps.idle, this)
    this.#deps.relays.add(relay)
    connection.join(relay)
    leg.socket.on('data', (chunk) => relay.send(chunk))
    leg.socket.resume()
  }

  relayEnded(relay: Relay, end: RelayEnd): void {
    this.#deps.relays.remove(relay)
    if (relay.isQuiet) this.relayQuiet(relay, false)
    this.#held.release(this.deps.pool, this.deps.clock.now())
    this.#finish(end)
  }

  relayQuiet({ leg }: Relay, isQuiet: boolean): void {
    leg.upstream.quietLeases += isQuiet ? 1 : -1
  }

  protected override stop(): void {
    this.#answerTimer.stop()
    this.#sending?.cancel()
    super.stop()
  }

  #finish(end: RelayEnd): void {
    if (this.finished) return
    this.finished = true
    this.deadlineList?.remove(this)
    const held = this.#held
    const { bytesRead, bytesWritten } = this.#request.connection.socket
    this.deps.observer.ended(this, end, bytesRead - held.countedUp, bytesWritten - held.countedDown)
    held.countedUp = bytesRead
    held.countedDown = bytesWritten
  }

  protected sayRefused(error: GatewayError): void {
    this.#answerTimer.stop()
    this.#sending?.cancel()
    this.#request.refuse(error)
  }

  protected dropClient(): void {
    this.#request.connection.destroy()
  }
}

class AnswerTimer extends Expiring {
  readonly #exchange: Exchange

  constructor(exchange: Exchange) {
    super()
    this.#exchange = exchange
  }

  override onDeadline(): void {
    this.#exchange.tookTooLong()
  }

  override failInternally(): void {
    this.#exchange.failInternally()
  }

  stop(): void {
    this.deadlineList?.remove(this)
  }
}
