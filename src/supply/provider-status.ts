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
import { codeOfClass, type VendorError } from '../vendors/contract/error.ts'
import { Backoff } from './backoff.ts'
import { FailurePause, type FailurePauseSettings, isFatalClass, type PauseContext } from './failure-pause.ts'
import { addressFailure, callFailure, type FailedCall, type Identification, lineFailure } from './failure-words.ts'

export interface ProviderState {
  readonly kind: 'ready' | 'waiting' | 'stopped' | 'unusable' | 'paused'
  /** Next attempt, clock ms; 0 for `ready`. */
  readonly until: number
  /** One of the catalogue's codes, or empty. */
  readonly code: string
  /** What happened and what to do, for the operator. */
  readonly words: string
}

/** The latest error; it can be read after it is over too. */
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
/** Code of a provider that sells, but nothing that can be used. */
const NOT_USABLE = 'GW_NO_SUPPLY'
/** `VendorError.vendorCode` of a reply that sold addresses of which none can be used. */
const UNUSABLE = 'unusable'
const UNUSABLE_REPLIES_THAT_STOP = 2
/** A client that waits may have a stopped provider tried this often. */
const CLIENT_TRIAL_MS = 10_000
/** The same for one that pauses longer and longer because its vendor has no address, or fails: no client waits in vain for all of its time. */
const CLIENT_RETRY_MS = 5_000

export class ProviderStatus {
  readonly #clock: Clock
  readonly #pause: FailurePause
  readonly #trialBackoff: Backoff
  readonly #faults = new Set<string>()
  /** Why what is sold cannot be used, while that is so. */
  #fault: string | undefined
  #state: ProviderState = READY
  /** When a client that waits may have it tried, clock ms. */
  #clientMayTryAt = 0
  #isPaused = false
  #triedAt = Number.NEGATIVE_INFINITY
  /** Replies in a row of which nothing could be used. */
  #unusableReplies = 0
  #lastError: LastError | undefined

  /** @param random uniform in [0, 1), for the jitter of the pauses */
  constructor(settings: FailurePauseSettings, clock: Clock, random?: () => number) {
    this.#clock = clock
    this.#pause = new FailurePause(settings, clock, random)
    this.#trialBackoff = new Backoff(settings, random)
  }

  get state(): ProviderState {
    return this.#isPaused ? PAUSED : this.#state
  }

  /** When an order was tried last, clock ms. */
  get triedAt(): number {
    return this.#triedAt
  }

  /** Credential, plan or request have stopped it, whether it is paused or not: another call that works shows that they are mended. */
  get isStoppedByAccount(): boolean {
    return this.#state.kind === 'stopped' && this.#state.code !== NOT_USABLE
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
   * @param isUrgent a client waits for it: then a provider may be tried sooner, but not before an instant that its vendor named
   */
  mayTryAt(isUrgent: boolean): number {
    if (this.#isPaused) return Number.POSITIVE_INFINITY
    return isUrgent ? this.#clientMayTryAt : this.#state.until
  }

  /** An order is on its way: the next trial is a pause away. */
  ordering(): void {
    this.#triedAt = this.#clock.now()
    if (this.#fault !== undefined) this.#unusable(this.#fault)
  }

  /** An order brought addresses. Whether they can be used is another question. */
  succeeded(): void {
    this.#unusableReplies = 0
    this.#pause.reset()
    // The trial's own pause continues, whatever prevented the order itself.
    if (this.#fault === undefined) this.#set(READY)
    else if (this.#state.kind !== 'unusable') this.#unusable(this.#fault)
  }

  /** What stood in the way has been removed: the next order may leave at once. */
  mended(): void {
    this.#set(this.#fault === undefined ? READY : { ...this.#stateOfFault(this.#fault), until: this.#clock.now() })
  }

  /** A good answer that brought nothing. @param isComplete nothing was ordered, and that is no trouble */
  broughtNothing(words: string, isComplete = false): void {
    const isUsable = this.#fault === undefined
    const code = isUsable && isComplete ? '' : codeOfClass.no_resource
    const state = { kind: isUsable ? 'waiting' : 'unusable', code, words } as const
    this.#set({ ...state, until: this.#pause.growing() }, isUsable ? CLIENT_RETRY_MS : undefined)
  }

  /** There is nothing to ask for before `ms` from now, and that is no trouble. */
  resting(ms: number, words: string): void {
    this.#set({ kind: 'waiting', until: this.#clock.now() + ms, code: '', words })
  }

  /** A call has failed. */
  failed(failure: VendorError, context: PauseContext & FailedCall): ProviderState {
    const now = this.#clock.now()
    const code = codeOfClass[failure.class]
    const words = callFailure(failure, context)
    this.#lastError = { at: now, code, words }
    this.#unusableReplies = failure.vendorCode === UNUSABLE ? this.#unusableReplies + 1 : 0
    if (this.#unusableReplies >= UNUSABLE_REPLIES_THAT_STOP) {
      // Each trial costs an address, so those for clients become rarer too.
      const stopped = { kind: 'stopped', until: this.#pause.reprobe(), code: NOT_USABLE, words } as const
      this.#set(stopped, this.#pause.growing() - now)
      return this.#state
    }
    const until = this.#pause.after(failure, context)
    if (isFatalClass(failure.class)) this.#set({ kind: 'stopped', until, code, words }, CLIENT_TRIAL_MS)
    else {
      // A call that fails does not make the addresses usable again.
      const kind = this.#fault === undefined ? 'waiting' : 'unusable'
      const isGrowing = failure.class === 'no_resource' || failure.class === 'server'
      this.#set({ kind, until, code, words }, kind === 'waiting' && isGrowing ? CLIENT_RETRY_MS : undefined)
    }
    return this.#state
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
   * @returns the new state when this was the fault that stops the buying
   */
  addressFailed(
    id: string,
    cause: string | undefined,
    identification: Identification = { hasLogin: true, couldRegister: false },
  ): ProviderState | undefined {
    this.#faults.add(id)
    if (this.#faults.size < FAULTS_THAT_STOP || this.#fault !== undefined) return undefined
    const words = addressFailure(this.#faults.size, cause, identification)
    return this.#found(words)
  }

  /** So many addresses broke in a row that it must be the vendor's line. */
  lineDown(broken: number): ProviderState {
    return this.#found(lineFailure(broken))
  }

  /** What is sold cannot be used. A provider that has stopped for another reason stays stopped. */
  #found(words: string): ProviderState {
    // What was found first says more: a dead line is also what a wrong login, or a missing whitelist entry, looks like.
    if (this.#fault !== undefined) return { ...this.#state, words: this.#fault }
    this.#fault = words
    this.#lastError = { at: this.#clock.now(), code: NOT_USABLE, words }
    if (this.#state.kind !== 'stopped') this.#unusable(words)
    return { ...this.#state, words }
  }

  #unusable(words: string): void {
    this.#set({ ...this.#stateOfFault(words), until: this.#clock.now() + this.#trialBackoff.next() })
  }

  #stateOfFault(words: string): Omit<ProviderState, 'until'> {
    return { kind: 'unusable', code: NOT_USABLE, words }
  }

  /** @param clientMs a client that waits may have it tried after this, ms; default: as everyone else */
  #set(state: ProviderState, clientMs = Number.POSITIVE_INFINITY): void {
    this.#state = state
    this.#clientMayTryAt = Math.min(state.until, this.#clock.now() + clientMs)
  }
}
