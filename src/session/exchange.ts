/**
 * Plain HTTP: one request and its response. A client connection keeps its upstream from request to request
 * (`rotation.per: connection`) as long as it may, or takes another for each (`request`).
 */
import type { Duplex } from 'node:stream'
import { GatewayError } from '../errors.ts'
import { formatAuthority } from '../net/address.ts'
import { type DeadlineList, Expiring } from '../net/deadlines.ts'
import { loginHeader } from '../net/dial.ts'
import {
  dispatchOptions,
  type ExchangeOwner,
  Forward,
  LazyBody,
  type Reconnect,
  UpstreamConversation,
} from '../net/forward.ts'
import { type PlainRequest, refusePlain } from '../net/http-server.ts'
import type { Leg, LegOwner } from '../net/leg.ts'
import type { Breakage, Upstream } from '../pool/upstream.ts'
import { Attempt, type AttemptDeps } from './attempt.ts'
import type { Route } from './router.ts'

/** A status with which a target answers a banned address, and how long that address stays away from it. */
export interface BanRule {
  readonly matches: (host: string) => boolean
  readonly statuses: ReadonlySet<number>
  readonly restMs: number
}

export interface ExchangeDeps extends AttemptDeps {
  /** How long an upstream that never worked may take to answer, ms: the same as for a handshake. */
  readonly answers: DeadlineList
  readonly bodyIdleMs: number
  readonly perRequest: boolean
  readonly bans: readonly BanRule[]
  /** Answers of the upstream itself that may be tried elsewhere: it cannot be told whether they are the target's. */
  readonly retryStatuses: ReadonlySet<number>
}

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])
/** From an upstream in answer to a plain request they are about our login, never for the client. */
const LOGIN_STATUSES = new Set([407, 454])

/** What a client connection holds between its requests. */
export class PlainConnection {
  /** The upstream it leases. */
  upstream: Upstream | undefined
  /** Whether that lease has served a request. */
  hasServed = false
  routeKey = ''
  /** The target, when the conversation goes through a tunnel to it; empty when it is with the upstream itself. */
  through = ''
  conversation: UpstreamConversation | undefined

  /** Lets go of the upstream. */
  release(deps: AttemptDeps): void {
    this.conversation?.close()
    this.conversation = undefined
    if (this.upstream !== undefined) deps.pool.release(this.upstream, this.hasServed)
    this.upstream = undefined
    this.hasServed = false
  }
}

export class Exchange extends Attempt implements ExchangeOwner {
  readonly protocol = 'http'
  readonly #request: PlainRequest
  readonly #deps: ExchangeDeps
  readonly #held: PlainConnection
  readonly #routeKey: string
  readonly #body: LazyBody | undefined
  readonly #answerTimer: AnswerTimer
  #forward: Forward | undefined
  #startedAt = 0
  /** Goes over a connection that has served an earlier request. */
  #isReused = false
  #upBytes = 0
  #downBytes = 0

  constructor(request: PlainRequest, route: Route, held: PlainConnection, deps: ExchangeDeps) {
    super(request.target, route, deps)
    this.#request = request
    this.#deps = deps
    this.#held = held
    this.#routeKey = `${route.filter.key}\n${route.sessionKey ?? ''}`
    this.#body = LazyBody.of(request)
    this.#answerTimer = new AnswerTimer(this)
    const { socket } = request.message
    this.#upBytes = socket.bytesRead
    this.#downBytes = socket.bytesWritten
    request.response.on('close', () => this.#responseClosed())
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
  override start(): void {
    const { upstream, routeKey } = this.#held
    if (upstream === undefined || routeKey !== this.#routeKey || !this.#stillGood(upstream)) {
      this.#held.release(this.deps)
      return void super.start()
    }
    this.deps.observer.began(this)
    this.#resume(upstream)
  }

  #stillGood(upstream: Upstream): boolean {
    const { clock } = this.deps
    const now = clock.now()
    return (
      !this.#deps.perRequest &&
      upstream.state !== 'gone' &&
      upstream.deadline > now &&
      !upstream.restsFor(this.ask.host, now)
    )
  }

  /** The connection's lease becomes this request's until it is answered. */
  #resume(upstream: Upstream): void {
    this.deps.deadlines.add(this)
    if (this.#held.conversation !== undefined && this.#held.through === this.#throughOf(upstream)) {
      this.#isReused = true
      return void this.#send(upstream)
    }
    this.#held.conversation?.close()
    this.#held.conversation = undefined
    this.dial(upstream)
  }

  override granted(upstream: Upstream): void {
    this.#held.upstream = upstream
    this.#held.routeKey = this.#routeKey
    super.granted(upstream)
    // The connection holds the lease from here on, over more than one request.
    this.upstream = undefined
  }

  protected override releaseLease(): void {
    this.#held.release(this.deps)
  }

  /** A SOCKS upstream carries only tunnels; an upgraded connection is one. */
  #throughOf(upstream: Upstream): string {
    return upstream.facts.protocol === 'socks5' || this.#request.upgrade !== undefined ? this.target : ''
  }

  protected dial(upstream: Upstream): Leg {
    this.#startedAt = this.deps.clock.now()
    const target = this.#throughOf(upstream) === '' ? undefined : this.#request.target
    return this.#deps.dialler.dialRaw(upstream, target, this)
  }

  protected take(leg: Leg): void {
    const { upstream } = leg
    const { facts } = upstream
    const through = this.#throughOf(upstream)
    const origin = `http://${through === '' ? formatAuthority(facts.host, facts.port) : this.target}`
    this.#held.through = through
    this.#held.conversation = new UpstreamConversation(
      origin,
      leg.socket,
      this.#reconnect(upstream, through),
      this.#deps.bodyIdleMs,
    )
    this.#send(upstream)
  }

  /** The upstream closed the kept connection between two requests: nobody's fault, a new one is dialled. */
  #reconnect(upstream: Upstream, through: string): Reconnect {
    const { dialler } = this.deps
    const target = through === '' ? undefined : this.#request.target
    return (callback) => {
      const owner: LegOwner = {
        opened: (leg) => callback(null, leg.socket),
        failed: (_leg, failure) => callback(new Error(`reconnecting failed: ${failure.kind}`), null),
      }
      dialler.dialRaw(upstream, target, owner)
    }
  }

  #send(upstream: Upstream): void {
    const viaTunnel = this.#held.through !== ''
    const login = viaTunnel ? '' : loginHeader(upstream).slice('Proxy-Authorization: '.length).trimEnd()
    const options = dispatchOptions(this.#request, viaTunnel ? 'origin' : 'absolute', login, this.#body)
    const forward = new Forward(this.#request, this)
    this.#forward = forward
    if (upstream.opened === 0) this.#deps.answers.add(this.#answerTimer)
    this.#held.conversation?.send(options, forward)
  }

  answered(status: number): boolean {
    const { upstream } = this.#held
    this.#stopAnswerTimer()
    if (upstream === undefined) return false
    if (LOGIN_STATUSES.has(status))
      return this.#retryElsewhere(upstream, () =>
        this.tryFailed(upstream, { kind: 'login', status }, this.#mayRepeat()),
      )
    if (this.#deps.retryStatuses.has(status) && this.#mayRepeat()) {
      return this.#retryElsewhere(upstream, () => this.tryFailed(upstream, { kind: 'refused', answer: status }, true))
    }
    if (!this.#held.hasServed) this.succeeded(upstream, this.#startedAt)
    else this.deadlineList?.remove(this)
    this.#held.hasServed = true
    this.#applyBans(upstream, status)
    return true
  }

  /** @returns false: the answer is dropped */
  #retryElsewhere(_upstream: Upstream, fail: () => void): false {
    this.#forward = undefined
    // After undici has let go of the answer.
    queueMicrotask(fail)
    return false
  }

  #applyBans(upstream: Upstream, status: number): void {
    const { host } = this.ask
    for (const ban of this.#deps.bans) {
      if (!ban.statuses.has(status) || !ban.matches(host)) continue
      const now = this.deps.clock.now()
      this.deps.pool.restForHost(upstream, host, now + ban.restMs, now)
    }
  }

  #mayRepeat(): boolean {
    if (this.#body?.started === true) return false
    return IDEMPOTENT.has(this.#request.message.method ?? '') || false
  }

  broke(how: Breakage | undefined): void {
    this.#stopAnswerTimer()
    this.#forward = undefined
    const { upstream } = this.#held
    if (how === undefined || upstream === undefined) return void this.#request.response.destroy()
    if (how === 'closed' && this.#isReused && this.#mayRepeat()) return void this.#dialAgain(upstream)
    this.tryFailed(upstream, { kind: 'broken', how }, this.#mayRepeat())
  }

  /** The upstream closed a kept connection just as the request was on its way: nobody's fault, once. */
  #dialAgain(upstream: Upstream): void {
    this.#isReused = false
    this.#held.conversation?.close()
    this.#held.conversation = undefined
    this.dial(upstream)
  }

  unsendable(): void {
    this.#stopAnswerTimer()
    this.stop()
    this.refuse(
      new GatewayError(
        'GW_BAD_REQUEST',
        'the request cannot be forwarded: its header or body is not what it announces',
      ),
    )
  }

  /** An upstream that never worked has not answered in the time of a handshake. */
  tookTooLong(): void {
    this.#forward?.cancel()
    this.broke('silent')
  }

  #stopAnswerTimer(): void {
    this.#deps.answers.remove(this.#answerTimer)
  }

  completed(): void {
    if (this.#deps.perRequest) this.#held.release(this.deps)
    this.#finish('done')
  }

  upgraded(upstream: Duplex): void {
    const client = this.#request.upgrade?.socket
    const head = this.#request.upgrade?.head
    if (this.#held.upstream !== undefined && !this.#held.hasServed) this.succeeded(this.#held.upstream, this.#startedAt)
    this.#held.hasServed = true
    this.#stopAnswerTimer()
    this.deadlineList?.remove(this)
    if (client === undefined) return void upstream.destroy()
    joinUpgraded(client, upstream, head, () => {
      this.#held.release(this.deps)
      this.#finish('done')
    })
  }

  #responseClosed(): void {
    if (this.finished || this.#request.response.writableFinished || this.#request.upgrade !== undefined) return
    this.#stopAnswerTimer()
    this.#forward?.cancel()
    this.clientGone()
  }

  #finish(end: 'done'): void {
    if (this.finished) return
    this.finished = true
    const { socket } = this.#request.message
    this.deps.observer.ended(this, end, socket.bytesRead - this.#upBytes, socket.bytesWritten - this.#downBytes)
  }

  protected sayRefused(error: GatewayError): void {
    this.#stopAnswerTimer()
    this.#forward?.cancel()
    refusePlain(this.#request.message, this.#request.response, error)
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
}

/** Copies both ways until both are done. */
function joinUpgraded(client: Duplex, upstream: Duplex, head: Buffer | undefined, ended: () => void): void {
  let open = 2
  const closed = (other: Duplex) => () => {
    other.destroy()
    if (--open === 0) ended()
  }
  client.on('error', () => upstream.destroy())
  upstream.on('error', () => client.destroy())
  client.on('close', closed(upstream))
  upstream.on('close', closed(client))
  if (head !== undefined && head.length > 0) upstream.write(head)
  client.pipe(upstream)
  upstream.pipe(client)
}
