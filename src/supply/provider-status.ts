/**
 * Whether a provider may be asked for addresses, and if not, why and until when.
 *
 *                 auth, expired plan, bad request: reprobe after `reprobe`
 *                 whitelist: after `whitelistReprobe`
 *   ready ───────────────────────────────────────────────────▶ stopped
 *    │ ▲ ─────── rate limit, quota: to the edge that was named ▶ waiting
 *    │ │ ─────── no resource, vendor's fault: growing pauses ──▶ waiting
 *    │ │ ─────── three different addresses in a row failed ────▶ unusable: one trial order for each pause
 *    │ └──────── an order succeeds (ready), a trial address works (unusable) ──┘
 *
 * Being unusable outlasts the other states: only an address that works ends it, and until then every order is a trial.
 */
import type { Clock } from '../clock.ts'
import { codeOfClass, type ErrorClass, type VendorError, type WaitEdge } from '../vendors/contract/error.ts'
import { Backoff } from './backoff.ts'

export interface ProviderStatusSettings {
  readonly backoffMs: number
  readonly maxBackoffMs: number
  readonly reprobeMs: number
  readonly whitelistReprobeMs: number
}

export interface ProviderState {
  readonly kind: 'ready' | 'waiting' | 'stopped' | 'unusable' | 'paused'
  /** Next attempt, clock ms; 0 for `ready`. */
  readonly until: number
  /** One of the catalogue's codes, or empty. */
  readonly code: string
  /** What happened and what to do, for the operator. */
  readonly words: string
}

/** The latest trouble; it stays to be read after it is over. */
export interface LastError {
  readonly at: number
  readonly code: string
  readonly words: string
}

const READY: ProviderState = { kind: 'ready', until: 0, code: '', words: '' }
const PAUSED: ProviderState = {
  kind: 'paused',
  until: Number.POSITIVE_INFINITY,
  code: '',
  words: 'paused by the operator',
}
/** Different addresses in a row that must fail their first use before buying stops (design: never buy into a fault). */
const FAULTS_THAT_STOP = 3
const QUOTA_PAUSE_MS = 60_000
const MAX_QUOTA_PAUSE_MS = 600_000
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** Vendors tell the time in whole seconds. */
const CLOCK_GRAIN_MS = 1_000
/** How far a vendor's clock may be off from what is known of it. */
const MIDNIGHT_DOUBT_MS = 600_000
const CHINA_OFFSET_MS = 8 * 3_600_000

/** What surrounds a failed call. */
export interface FailureContext {
  /** When the first of the addresses that are held ends at the vendor, clock ms. */
  readonly earliestEnd: number | undefined
  /** Where the vendor's refusal taught a limit of calls: when the next call may be sent, clock ms. */
  readonly windowFreeAt: number | undefined
  /** The operation that an order calls: another one is named in the words. */
  readonly expected: string
  /** How far the vendor's clock is ahead of ours, ms. */
  readonly skewMs: number
  /** The gateway could register its address itself, and may not. */
  readonly couldRegister: boolean
}

/** `VendorError.vendorCode` of a reply that sold addresses of which none can be used. */
const UNUSABLE = 'unusable'
const UNUSABLE_REPLIES_THAT_STOP = 2
/** No vendor's word makes a provider wait longer. */
const MAX_PAUSE_MS = 600_000
/** A client that waits may have a stopped provider tried this often. */
const CLIENT_TRIAL_MS = 10_000

export class ProviderStatus {
  readonly #settings: ProviderStatusSettings
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #quotaBackoff: Backoff
  readonly #trialBackoff: Backoff
  readonly #faults = new Set<string>()
  /** Why what is sold cannot be used, while that is so. */
  #fault: string | undefined
  #state: ProviderState = READY
  #isPaused = false
  #triedAt = Number.NEGATIVE_INFINITY
  /** Replies in a row of which nothing could be used. */
  #unusableReplies = 0
  #lastError: LastError | undefined

  /** @param random uniform in [0, 1), for the jitter of the pauses */
  constructor(settings: ProviderStatusSettings, clock: Clock, random?: () => number) {
    this.#settings = settings
    this.#clock = clock
    this.#backoff = new Backoff(settings, random)
    this.#trialBackoff = new Backoff(settings, random)
    // The vendor's own words end such a pause: jitter would only waste what it has to give.
    this.#quotaBackoff = new Backoff({ backoffMs: QUOTA_PAUSE_MS, maxBackoffMs: MAX_QUOTA_PAUSE_MS }, () => 1)
  }

  get state(): ProviderState {
    return this.#isPaused ? PAUSED : this.#state
  }

  /** When an order was tried last, clock ms. */
  get triedAt(): number {
    return this.#triedAt
  }

  /** A failure has stopped it, whether it is paused or not. */
  get isStopped(): boolean {
    return this.#state.kind === 'stopped'
  }

  /** The operator has paused it: nothing is bought. */
  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
  }

  get lastError(): LastError | undefined {
    return this.#lastError
  }

  /** Nothing is wrong; there is only nothing to ask for now. */
  get isResting(): boolean {
    return this.#state.kind === 'waiting' && this.#state.code === ''
  }

  /** An order now would be a trial: one address, and no second one beside it. */
  get isOnTrial(): boolean {
    return this.#state.kind === 'stopped' || this.#fault !== undefined
  }

  /**
   * When the next order may leave, clock ms.
   * @param isUrgent a client waits for it: then a stopped provider may be tried sooner
   */
  mayTryAt(isUrgent: boolean): number {
    if (this.#isPaused) return Number.POSITIVE_INFINITY
    const { kind, until } = this.#state
    return kind === 'stopped' && isUrgent ? Math.min(until, this.#triedAt + CLIENT_TRIAL_MS) : until
  }

  /** An order is on its way: the next trial is a pause away. */
  ordering(): void {
    this.#triedAt = this.#clock.now()
    if (this.#fault !== undefined) this.#unusable(this.#fault)
  }

  /** An order brought addresses. Whether they can be used is another question. */
  succeeded(): void {
    this.#unusableReplies = 0
    this.#backoff.reset()
    this.#quotaBackoff.reset()
    // The trial's own pause goes on, whatever stood in the way of the order itself.
    if (this.#fault === undefined) this.#set(READY)
    else if (this.#state.kind !== 'unusable') this.#unusable(this.#fault)
  }

  /** What stood in the way has been removed: the next order may leave at once. */
  mended(): void {
    this.#set(this.#fault === undefined ? READY : { ...this.#stateOfFault(this.#fault), until: this.#clock.now() })
  }

  /** A good answer that brought nothing. */
  broughtNothing(words: string): void {
    this.#set({
      kind: this.#fault === undefined ? 'waiting' : 'unusable',
      until: this.#clock.now() + this.#backoff.next(),
      code: codeOfClass.no_resource,
      words,
    })
  }

  /** There is nothing to ask for before `ms` from now, and that is no trouble. */
  resting(ms: number, words: string): void {
    this.#set({ kind: 'waiting', until: this.#clock.now() + ms, code: '', words })
  }

  /** A call has failed. */
  failed(failure: VendorError, context: FailureContext): ProviderState {
    const now = this.#clock.now()
    const code = codeOfClass[failure.class]
    const words = wordsOf(failure, context)
    this.#lastError = { at: now, code, words }
    this.#unusableReplies = failure.vendorCode === UNUSABLE ? this.#unusableReplies + 1 : 0
    const isFatal = isFatalClass(failure.class) || this.#unusableReplies >= UNUSABLE_REPLIES_THAT_STOP
    // A call that fails does not make the addresses usable again.
    const kind = isFatal ? 'stopped' : this.#fault === undefined ? 'waiting' : 'unusable'
    const until =
      isFatal && !isFatalClass(failure.class) ? now + this.#settings.reprobeMs : this.#resumeAt(failure, now, context)
    this.#set({ kind, until, code, words })
    return this.#state
  }

  #resumeAt(failure: VendorError, now: number, { earliestEnd, windowFreeAt, skewMs }: FailureContext): number {
    if (failure.class === 'rate_limited' && failure.vendorCode !== 'http' && windowFreeAt !== undefined)
      return Math.min(windowFreeAt, now + MAX_PAUSE_MS)
    switch (failure.class) {
      case 'whitelist':
        return now + this.#settings.whitelistReprobeMs
      case 'auth':
      case 'expired_plan':
      case 'bad_request':
        return now + this.#settings.reprobeMs
      case 'rate_limited':
      case 'quota_exhausted':
        return this.#edge(failure.wait, now, earliestEnd, this.#clock.wall() + skewMs)
      default:
        return now + this.#backoff.next()
    }
  }

  /** @param vendorWall the time of day at the vendor, known to a second */
  #edge(wait: WaitEdge | undefined, now: number, earliestEnd: number | undefined, vendorWall: number): number {
    if (typeof wait === 'number') return now + Math.min(wait, MAX_PAUSE_MS)
    if (wait === 'minute') return now + untilNext(vendorWall, MINUTE_MS) + CLOCK_GRAIN_MS
    if (wait === 'day+08:00') {
      const leftMs = untilNext(vendorWall + CHINA_OFFSET_MS, DAY_MS)
      // Just past midnight by our reckoning: at the vendor it may be a moment before.
      return now + (leftMs > DAY_MS - MIDNIGHT_DOUBT_MS ? MINUTE_MS : leftMs + CLOCK_GRAIN_MS)
    }
    if (wait === 'earliest-deadline' && earliestEnd !== undefined) return Math.max(now, earliestEnd)
    return now + this.#quotaBackoff.next()
  }

  /** An address has carried its first tunnel. */
  addressWorked(): void {
    this.#faults.clear()
    if (this.#fault === undefined) return
    this.#fault = undefined
    this.#trialBackoff.reset()
    if (this.#state.kind === 'unusable') this.#set(READY)
  }

  /**
   * An address failed before it ever worked, or its login was refused.
   * @param hasLogin whether we log in at it
   * @returns the new state when this was the fault that stops the buying
   */
  addressFailed(id: string, cause: string | undefined, hasLogin = true): ProviderState | undefined {
    this.#faults.add(id)
    if (this.#faults.size < FAULTS_THAT_STOP || this.#fault !== undefined) return undefined
    const words = `${this.#faults.size} different addresses in a row failed (${cause}): ${causeInWords(cause, hasLogin)}`
    return this.#found(words)
  }

  /** So many addresses broke in a row that it must be the vendor's line. */
  lineDown(broken: number): ProviderState {
    return this.#found(`${broken} addresses in a row broke: the vendor's line, or our way to it, is down`)
  }

  /** What is sold cannot be used. A provider that has stopped for another reason stays stopped. */
  #found(words: string): ProviderState {
    // What was found first says more: a dead line is also what a wrong login, or a missing whitelist entry, looks like.
    if (this.#fault !== undefined) return { ...this.#state, words: this.#fault }
    this.#fault = words
    this.#lastError = { at: this.#clock.now(), code: 'GW_NO_SUPPLY', words }
    if (this.#state.kind !== 'stopped') this.#unusable(words)
    return { ...this.#state, words }
  }

  #unusable(words: string): void {
    this.#set({ ...this.#stateOfFault(words), until: this.#clock.now() + this.#trialBackoff.next() })
  }

  #stateOfFault(words: string): Omit<ProviderState, 'until'> {
    return { kind: 'unusable', code: 'GW_NO_SUPPLY', words }
  }

  #set(state: ProviderState): void {
    this.#state = state
  }
}

/** An order that failed in another call than its own says so; HTTP 404 alone says nothing. */
function wordsOf(
  { class: errorClass, message, hint, vendorCode, operation }: VendorError,
  context: FailureContext,
): string {
  const { expected, couldRegister } = context
  const isOther = operation !== undefined && (operation !== expected || vendorCode === 'http')
  const words = isOther ? `${operation}: ${message}` : message
  const register = errorClass === 'whitelist' && couldRegister ? 'set whitelist: auto' : undefined
  const hints = [hint, register].filter((one) => one !== undefined)
  return hints.length === 0 ? words : `${words} (${hints.join(', or ')})`
}

export function isFatalClass(errorClass: ErrorClass): boolean {
  return (
    errorClass === 'auth' || errorClass === 'whitelist' || errorClass === 'expired_plan' || errorClass === 'bad_request'
  )
}

function untilNext(wallMs: number, periodMs: number): number {
  return periodMs - (wallMs % periodMs)
}

function causeInWords(cause: string | undefined, hasLogin: boolean): string {
  if (cause === 'login' && !hasLogin)
    return 'they ask for a login, and none is configured: set upstream.username and upstream.password, or register this machine’s address with the vendor (set whitelist: auto)'
  if (cause === 'login') return 'the login at the upstreams is wrong: check upstream.username and upstream.password'
  if (cause === 'silent') return 'no answer: is this machine on the vendor’s whitelist for using the addresses?'
  if (cause === 'forbidden') return 'they lead to private addresses: allowPrivate: true accepts them'
  if (cause === 'unreachable') return 'no connection: is outgoing traffic to the vendor’s addresses allowed here?'
  return 'is this machine on the vendor’s whitelist, and is the protocol (http, socks5) the one that was bought?'
}
