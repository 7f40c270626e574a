/**
 * Plain HTTP: one request and its answer. A client connection keeps its upstream from request to request
 * (`rotation.per: connection`) as long as it may, or takes another for each (`request`).
 *
 *   start ──kept upstream──▶ send ──▶ judge ──▶ begin ═══ no other upstream is tried ═══ completed ──▶ kept, or released
 *     └──▶ LeaseQueue ──▶ dial ──▲       └──▶ another upstream, or refused
 *
 * Longer than other files: events of both sides and three times may end each of these states, and all share one lease.
 */
import { type ClientPort, KEEP_ALIVE_MS } from '../downstream/client-port.ts'
import { GatewayError } from '../errors.ts'
import { asksForWebSocket, type RequestForm } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { NO_ANSWER, type Outcome, type Upstream } from '../pool/upstream.ts'
import type { TimeoutQueue } from '../structures/timeout-queue.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { DIRECT, isDirect } from '../upstream/direct.ts'
import { UpstreamHttp } from '../upstream/http-connection.ts'
import { isAboutLogin, isAmbiguous, isIdempotent, outcomeOf, presentable } from './answer-judgement.ts'
import { applyBans, type BanRule } from './ban-rule.ts'
import type { HttpHandler, HttpRequest, ResponseHandler } from './http-contract.ts'
import type { Lease } from './lease.ts'
import { ProxiedRequest, type ProxiedRequestDeps } from './proxied-request.ts'
import { type IdleSteps, Relay, type RelayEnd } from './relay.ts'
import type { Route } from './route.ts'
import { countUse } from './session-use.ts'
import { SilenceTimer } from './silence-timer.ts'
import type { StreamInfo } from './stream-observer.ts'
import { type KeptUpstream, letGo, type UpstreamAffinity } from './upstream-affinity.ts'

export interface HttpExchangeDeps extends ProxiedRequestDeps {
  /** How long an upstream that never worked may take to answer, ms: the same as for a handshake. */
  readonly answers: TimeoutQueue
  /** How long a client may pause in the middle of its request, or of reading the answer; an upstream inside an answer. */
  readonly pauses: TimeoutQueue
  /** For connections that leave HTTP. */
  readonly idle: IdleSteps
  readonly bans: readonly BanRule[]
}

export class HttpExchange extends ProxiedRequest<HttpExchangeDeps> implements ResponseHandler, HttpHandler {
  readonly protocol = 'http'
  protected readonly request: HttpRequest
  readonly #affinity: UpstreamAffinity
  readonly routeKey: string
  /** Made for an upstream that never worked. */
  #silence: SilenceTimer | undefined
  /** The connection of the current lease, once it is open. */
  #http: UpstreamHttp | undefined
  #startedAt = 0
  #awaitsClient = false
  #isAnswered = false

  constructor(
    request: HttpRequest,
    port: ClientPort,
    route: Route,
    affinity: UpstreamAffinity,
    deps: HttpExchangeDeps,
  ) {
    super(request.head.target, port, route, deps)
    this.request = request
    this.#affinity = affinity
    // A direct connection is to one target.
    this.routeKey = route.direct ? `${DIRECT}\n${this.target}` : `${route.filter.key}\n${route.sessionKey ?? ''}`
  }

  /** Waiting for the answer is a part of the try. */
  override get underWay(): StreamInfo['underWay'] {
    const upstream = this.lease?.upstream
    if (this.#http === undefined || this.#isAnswered || upstream === undefined) return super.underWay
    return { upstream, startedAt: this.trace.tryBeganAt }
  }

  /** Goes on with the connection's upstream if it still fits, else asks for one. */
  protected override start(): void {
    this.deps.leaseQueue.chooseSession(this)
    const kept = this.#affinity.takeFor(this, this.deps.sessionTable, this.beganAt)
    if (kept === undefined) super.start()
    else this.#resume(kept)
  }

  #resume({ lease, http, through, keptAt }: KeptUpstream): void {
    countUse(this, this.deps.sessionTable, lease.upstream)
    this.lease = lease
    this.#http = http
    this.deps.observer.began(this)
    this.beginTry(this.beganAt)
    this.trace.tryBeganAt = this.beganAt
    // After a sleep of the machine timers are late, and that the upstream has closed the connection was not received.
    const isOld = this.beganAt - keptAt > KEEP_ALIVE_MS
    if (http.isOpen && !isOld && through === this.#throughOf(lease.upstream)) return void this.#send(http)
    http.close()
    this.#http = undefined
    this.dialAgain(lease.upstream, this.beganAt)
  }

  /**
   * A SOCKS upstream carries only tunnels; an upgraded connection is one, and so is a direct one. A TRACE goes through one, because
   * its recipient reflects the head (RFC 9110 section 9.3.8), and that would be our login at the upstream. Empty: no tunnel.
   */
  #throughOf(upstream: Upstream): string {
    const { head } = this.request
    const isTunnel = upstream.facts.protocol === 'socks5' || isDirect(upstream)
    return isTunnel || head.method === 'TRACE' || asksForWebSocket(head) ? this.target : ''
  }

  #formFor(upstream: Upstream): RequestForm {
    return this.#throughOf(upstream) === '' ? 'absolute' : 'origin'
  }

  protected dial(upstream: Upstream, now: number): UpstreamConnection {
    const { connector, pool } = this.deps
    const places = pool.placesOn(upstream, this.filter)
    this.#startedAt = now
    if (this.#formFor(upstream) === 'absolute') return connector.dialPlain(upstream, this, now, places)
    return connector.dial(upstream, this.request.head.target, this, now, places)
  }

  protected take(connection: UpstreamConnection, early: Buffer | undefined): void {
    // An HTTP server says nothing before it was asked.
    if (early !== undefined) {
      connection.destroy()
      return void this.noAnswer({ kind: 'broken', how: 'garbage' }, false)
    }
    this.#send(new UpstreamHttp(connection, this.deps.pauses))
  }

  #send(http: UpstreamHttp): void {
    const { upstream } = http.connection
    const form = this.#formFor(upstream)
    this.#http = http
    this.#startSilenceTimer(upstream)
    http.send(this.request, form, form === 'absolute' ? http.connection.proxyLines : '', this)
  }

  judge({ status }: ResponseHead): Outcome | undefined {
    this.#silence?.stop()
    const { lease } = this
    if (lease === undefined || isDirect(lease.upstream)) return undefined
    if (isAboutLogin(status, this.#formFor(lease.upstream))) return { kind: 'login', status }
    // Answers of the upstream itself that may be tried elsewhere: whether they are the target's is unknown.
    if (this.route.retryStatuses.includes(status) && this.#mayRepeat()) return { kind: 'refused', answer: status }
    return undefined
  }

  beginAnswer(head: ResponseHead): void {
    const { lease } = this
    if (lease === undefined) return
    const { upstream } = lease
    const form = this.#formFor(upstream)
    this.status = head.status
    this.#commit(isAmbiguous(head.status, form, upstream) ? head.status : undefined)
    if (!isDirect(upstream)) applyBans(this.deps, upstream, this.host, head.status)
    const name = this.request.namesUpstream ? `X-Turnpike-Upstream: ${upstream.id}\r\n` : ''
    this.request.begin(presentable(head, form), name)
  }

  /** @param ambiguousStatus see ProxiedRequest.commit */
  #commit(ambiguousStatus?: number): void {
    const now = this.deps.clock.now()
    const isSlow = now - this.#startedAt >= this.deps.answers.durationMs
    this.#isAnswered = true
    this.commit(now, this.#startedAt, !isSlow, ambiguousStatus)
  }

  #mayRepeat(): boolean {
    return !this.request.hasBegunBody && isIdempotent(this.request.head.method)
  }

  // The connection that calls these has dropped the request: an exception here would end nothing.

  noAnswer(failure: Outcome, isReused: boolean): void {
    this.containing(() => this.#retry(failure, isReused))
  }

  #retry(failure: Outcome, isReused: boolean): void {
    this.#silence?.stop()
    this.#http = undefined
    const upstream = this.lease?.upstream
    if (upstream === undefined) return
    if (this.#awaitsClient) this.#awaitUpstream()
    const isClosed = failure.kind === 'broken' && failure.how === 'closed'
    if (!isReused || !isClosed || !this.#mayRepeat()) {
      return void this.tryFailed(upstream, outcomeOf(failure, this.#formFor(upstream)), this.#mayRepeat())
    }
    // The upstream closed a kept connection while the request was on its way: not counted as a failure, once.
    const now = this.deps.clock.now()
    this.beginTry(now)
    this.dialAgain(upstream, now)
  }

  cutOff(): void {
    this.containing(() => this.#cut('upstream-reset'))
  }

  /**
   * An upstream that never worked has not answered in the time of a handshake: another one is tried. When that was done
   * before for this target, it is the target that takes its time, and is waited for until the deadline.
   */
  upstreamSilent(): void {
    const upstream = this.lease?.upstream
    const { health, clock } = this.deps
    if (upstream === undefined || !this.#mayRepeat()) return
    if (health.hasRefusedOthers(upstream, this.target, NO_ANSWER, clock.now())) return
    this.#http?.cancel()
    this.tryFailed(upstream, { kind: 'refused', answer: NO_ANSWER }, true)
  }

  #startSilenceTimer(upstream: Upstream | undefined): void {
    if (upstream?.worked !== false) return
    this.#silence ??= new SilenceTimer(this)
    this.deps.answers.add(this.#silence)
  }

  /** A client may take the idle time for each piece of its request; the deadline stands still meanwhile. */
  awaitsClient(): void {
    if (this.#isAnswered || this.finished) return
    this.#awaitsClient = true
    this.#silence?.stop()
    this.deps.pauses.add(this)
  }

  awaitsUpstream(): void {
    if (this.#isAnswered || this.finished || !this.#awaitsClient) return
    this.#awaitUpstream()
    this.#startSilenceTimer(this.lease?.upstream)
  }

  #awaitUpstream(): void {
    this.#awaitsClient = false
    this.deps.deadlines.add(this)
  }

  stalled(isStalled: boolean): void {
    this.#awaitsClient = isStalled
    if (isStalled && !this.finished) this.deps.pauses.add(this)
    else this.timeoutQueue?.remove(this)
  }

  clientDrained(): void {
    this.#http?.clientDrained()
  }

  override onDeadline(): void {
    if (!this.#awaitsClient) return void super.onDeadline()
    this.stop()
    if (this.#isAnswered) return void this.#cut('idle')
    this.refuse(new GatewayError('GW_HANDSHAKE_TIMEOUT', 'the rest of the request did not arrive in time'))
  }

  bodyBroken(error: GatewayError): void {
    this.stop()
    if (this.#isAnswered) this.#cut('client-reset')
    else this.refuse(error)
  }

  /** The client must see that its answer is not whole. */
  #cut(end: RelayEnd): void {
    this.stop()
    this.finish(end)
    this.request.cut()
  }

  override clientGone(): void {
    if (!this.#isAnswered) return void super.clientGone()
    if (this.finished) return
    this.stop()
    this.finish('client-reset')
  }

  /**
   * Whether the client has left or only closed its sending side cannot be told before something is written to it (ADR 0011).
   * As long as no upstream was lent, the client is assumed to have left: the queue is for clients that still expect an answer.
   */
  clientEnded(): void {
    if (this.lease === undefined && !this.finished) this.request.cut()
  }

  completed(): void {
    this.containing(() => this.#complete())
  }

  #complete(): void {
    const { lease } = this
    const http = this.#http
    const now = this.deps.clock.now()
    this.lease = undefined
    this.#http = undefined
    if (lease !== undefined && http !== undefined) this.#handOver(lease, http, now)
    this.finish('done', now)
  }

  #handOver(lease: Lease, http: UpstreamHttp, now: number): void {
    const { upstream } = lease
    const kept = { lease, http, routeKey: this.routeKey, through: this.#throughOf(upstream), keptAt: now }
    // An upstream that has not worked yet is not kept for the next request.
    if (this.route.perRequest || !upstream.worked) letGo(kept, now)
    else this.#affinity.keep(kept)
  }

  upgraded(head: ResponseHead, early: Buffer): void {
    this.containing(() => this.#joinUpgraded(head, early))
  }

  #joinUpgraded(head: ResponseHead, early: Buffer): void {
    const http = this.#http
    if (http === undefined) return void this.request.cut()
    this.#http = undefined
    this.#silence?.stop()
    this.#commit()
    const relay = this.addRelay(new Relay(this.request.socket, http.connection, this.deps.idle, this))
    this.request.switchTo(relay, head)
    if (early.length > 0) relay.received(early)
  }

  protected override stop(): void {
    this.#silence?.stop()
    if (this.#http !== undefined && !this.#isAnswered)
      this.deps.observer.tryAbandoned(this, this.#http.connection.upstream)
    super.stop()
  }

  protected override releaseLease(now?: number): void {
    if (this.#http !== undefined) this.leftUnanswered(this.lease)
    this.#http?.cancel()
    this.#http = undefined
    super.releaseLease(now)
  }

  protected rejectWith(error: GatewayError): void {
    this.#silence?.stop()
    this.request.refuse(error)
  }

  protected closeUnjoined(): void {
    this.#cut('closed')
  }
}
