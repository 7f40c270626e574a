/**
 * One tunnel, from the request to the last octet.
 *
 *   applying ──granted──▶ dialling ──opened──▶ open ──▶ ended
 *      │  ▲                  │
 *      │  └──── retry ◀──────┤ failed (retry.ts decides)
 *      ▼                     ▼
 *    refused ◀───────────────┘          the client leaves: cancelled, nobody is blamed
 *
 * The line of no return is `#open`: before it nothing was said to the client and another upstream may be tried; past it
 * never. Every lease that was granted is released once.
 */
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import { formatAuthority } from '../net/address.ts'
import type { PendingTunnel, TunnelRequest } from '../net/client-request.ts'
import { type DeadlineList, Expiring } from '../net/deadlines.ts'
import type { Dialler } from '../net/dial.ts'
import type { Leg, LegFailure, LegOwner } from '../net/leg.ts'
import { Relay, type RelayEnd, type RelayOwner } from '../net/relay.ts'
import type { Health } from '../pool/health.ts'
import type { LeaseAsk, Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Applicant, Broker } from './broker.ts'
import { errorOf, nextStep } from './retry.ts'
import type { Route } from './router.ts'
import type { Sticky } from './sticky.ts'

/** What all tunnels share. */
export interface TunnelDeps {
  readonly clock: Clock
  readonly pool: Pool
  readonly health: Health
  readonly broker: Broker
  readonly sticky: Sticky
  readonly dialler: Dialler
  /** All tries of a client together. */
  readonly deadlines: DeadlineList
  /** A quarter of the idle time (relay.ts). */
  readonly idle: DeadlineList
  readonly tries: number
  readonly observer: TunnelObserver
}

/** Counters, log and live list; called on every tunnel, so it must cost next to nothing. */
export interface TunnelObserver {
  began(tunnel: Tunnel): void
  opened(tunnel: Tunnel, upstream: Upstream, tookMs: number): void
  tryFailed(tunnel: Tunnel, upstream: Upstream, failure: LegFailure): void
  refused(tunnel: Tunnel, error: GatewayError): void
  /** @param end how the open tunnel ended; undefined when the client left before it was open */
  ended(tunnel: Tunnel, end: RelayEnd | undefined): void
}

export class Tunnel extends Expiring implements PendingTunnel, Applicant, LegOwner, RelayOwner {
  readonly request: TunnelRequest
  readonly ask: LeaseAsk
  readonly sessionKey: string | undefined
  readonly strict: boolean
  abandonsSession = false
  lastError: GatewayError | undefined
  upstream: Upstream | undefined
  relay: Relay | undefined
  readonly beganAt: number
  readonly #deps: TunnelDeps
  readonly #target: string
  readonly #tried: Upstream[] = []
  #tries = 0
  #leg: Leg | undefined
  #dialledAt = 0
  #finished = false

  constructor(request: TunnelRequest, route: Route, deps: TunnelDeps) {
    super()
    this.request = request
    this.sessionKey = route.sessionKey
    this.strict = route.strict
    this.ask = { strategy: route.strategy, filter: route.filter, host: request.host, lifeMs: route.lifeMs, tried: this.#tried }
    this.#deps = deps
    this.#target = formatAuthority(request.host, request.port)
    this.beganAt = deps.clock.now()
    deps.observer.began(this)
  }

  start(): void {
    this.#deps.broker.apply(this)
  }

  granted(upstream: Upstream): void {
    this.upstream = upstream
    if (this.#tries++ === 0) this.#deps.deadlines.add(this)
    this.#dialledAt = this.#deps.clock.now()
    this.#leg = this.#deps.dialler.dial(upstream, this.request.host, this.request.port, this)
  }

  denied(error: GatewayError): void {
    this.#refuse(error)
  }

  opened(leg: Leg, early: Buffer | undefined): void {
    const { pool, health, clock, observer } = this.#deps
    const { upstream } = leg
    const now = clock.now()
    this.deadlineList?.remove(this)
    this.#leg = undefined
    pool.opened(upstream, this.request.host, this.#countsAsUse(upstream), now - this.#dialledAt, now)
    health.opened(upstream, this.#target, now)
    observer.opened(this, upstream, now - this.beganAt)
    this.#open(leg, early)
  }

  /** Past this line no other upstream is tried. */
  #open(leg: Leg, early: Buffer | undefined): void {
    this.request.accept(leg.upstream.id, (client) => {
      const relay = new Relay(client, leg, this.#deps.idle, this)
      this.relay = relay
      return relay
    })
    if (early !== undefined) this.relay?.send(early)
  }

  /** Of a session's tunnels only the first counts on each upstream. */
  #countsAsUse(upstream: Upstream): boolean {
    const session = this.sessionKey === undefined ? undefined : this.#deps.sticky.find(this.sessionKey)
    if (session === undefined || session.upstream !== upstream) return true
    const counts = !session.counted
    session.counted = true
    return counts
  }

  failed(leg: Leg, failure: LegFailure): void {
    const { health, clock, observer } = this.#deps
    const { upstream } = leg
    this.#leg = undefined
    observer.tryFailed(this, upstream, failure)
    const verdict = failure.kind === 'local' ? 'another' : health.failed(upstream, this.#target, failure, clock.now())
    this.#release()
    this.lastError = errorOf(failure, verdict)
    const ownTries = this.#rememberTry(upstream)
    const step = nextStep({ failure, verdict, tries: this.#tries, maxTries: this.#deps.tries, ownTries, strict: this.strict })
    if (step === 'give-up') return this.#refuse(this.lastError)
    this.abandonsSession = step === 'leave-session'
    this.#deps.broker.apply(this)
  }

  /** @returns how often this upstream has been tried as this session's own; 0 when it is not */
  #rememberTry(upstream: Upstream): number {
    const session = this.sessionKey === undefined ? undefined : this.#deps.sticky.find(this.sessionKey)
    this.#tried.push(upstream)
    return session?.upstream === upstream ? this.#tried.filter((tried) => tried === upstream).length : 0
  }

  /** All tries together took too long. */
  override onDeadline(): void {
    this.#deps.broker.withdraw(this)
    this.#leg?.destroy()
    this.#release()
    this.#refuse(new GatewayError('GW_DEADLINE', `no upstream opened the tunnel in time (${this.#tries} tried)`, { cause: this.lastError }))
  }

  clientGone(): void {
    if (this.#finished) return
    this.#finished = true
    this.#deps.broker.withdraw(this)
    this.#leg?.destroy()
    this.#release()
    this.deadlineList?.remove(this)
    this.#deps.observer.ended(this, undefined)
  }

  #refuse(error: GatewayError): void {
    if (this.#finished) return
    this.#finished = true
    this.deadlineList?.remove(this)
    this.#deps.observer.refused(this, error)
    this.request.refuse(error)
  }

  /** Gives back a lease that never became a tunnel. */
  #release(): void {
    const { upstream } = this
    this.upstream = undefined
    this.#leg = undefined
    if (upstream !== undefined) this.#deps.pool.release(upstream, false)
  }

  relayEnded(_relay: Relay, end: RelayEnd): void {
    if (this.upstream !== undefined) this.#deps.pool.release(this.upstream, true)
    this.#finished = true
    this.#deps.observer.ended(this, end)
  }
}
