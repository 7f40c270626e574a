/**
 * Keeps calls to a vendor within its limit: in no window of the documented length do more calls *reach* the vendor than
 * it allows, whatever the network does to them. Pure: no timers, the caller brings the time (clock ms).
 *
 * A call may reach the vendor at any moment between its sending and its reply. So it holds a slot from the sending until
 * the reply (or abort) plus the window; as many calls may be sent as there are slots. Two calls that held the same slot
 * are a whole window apart wherever they arrive. A window that starts with the first call, or with the clock's minute, is
 * bounded by this as well.
 *
 * The limit is the smallest that is stated, or less: a vendor that refuses a call after `k - 1` accepted ones in a window
 * enforces `k - 1`, whatever its document says. The assumed limit is raised again step by step (see `#probe`).
 */
import type { RateLimit } from '../vendors/contract/operation.ts'

/** Two machines' clocks do not run equally fast, and timers fire a little early. */
const MARGIN_MS = 5
/** What was aborted may still be on its way to the vendor. */
const ABORT_SLACK_MS = 1_000
/** Calls in flight at the same time: enough to use a limit of 10 a second over a slow line. */
const MAX_IN_FLIGHT = 16
/** Windows without a refusal before the assumed limit is raised; doubled with each raise that the vendor refused. */
const FIRST_PROBE_WINDOWS = 2
const MAX_PROBE_WINDOWS = 32

/** A call that has ended and still counts. */
interface EndedCall {
  /** When it stops to count, clock ms. */
  readonly freeAt: number
  /** The vendor did not say that it was one too many. */
  readonly isAccepted: boolean
}

/** What the vendor enforces in place of what it documents. */
interface AssumedLimit {
  calls: number
  /** When it is raised next, clock ms. */
  probeAt: number
  probeWindows: number
  /** By how many calls it is raised: doubled with each raise that was accepted. */
  step: number
}

export class SlidingWindow {
  /** Who states the limit (an operation of a provider) -> the limit. The smallest holds. */
  readonly #stated = new Map<string, RateLimit>()
  #limit: RateLimit
  #assumed: AssumedLimit | undefined
  /** By `freeAt`, ascending. */
  #ended: EndedCall[] = []
  #inFlight = 0
  #sent = 0

  constructor(limit: RateLimit, statedBy = '') {
    this.#limit = limit
    this.#stated.set(statedBy, limit)
  }

  /** The smallest limit that is stated now. */
  get limit(): RateLimit {
    return this.#limit
  }

  /** Calls sent so far. */
  get sent(): number {
    return this.#sent
  }

  /** A limit that was learnt or configured anew replaces what the same operation stated before: it may be larger. */
  state(by: string, limit: RateLimit): void {
    const known = this.#stated.get(by)
    if (known?.calls === limit.calls && known.perMs === limit.perMs) return
    this.#stated.set(by, { calls: limit.calls, perMs: limit.perMs })
    this.#limit = [...this.#stated.values()].reduce((smallest, one) => (rate(one) < rate(smallest) ? one : smallest))
  }

  /** How many calls a window may hold now: the stated limit, or the smaller one that the vendor enforces. */
  allowed(now: number): number {
    this.#probe(now)
    return Math.min(this.#limit.calls, this.#assumed?.calls ?? this.#limit.calls)
  }

  /** How many slots are taken: calls in flight, and ended ones that still count. */
  used(now: number): number {
    this.#prune(now)
    return this.#inFlight + this.#ended.length
  }

  /** How many calls could be sent now. */
  room(now: number): number {
    return Math.min(this.free(now), MAX_IN_FLIGHT - this.#inFlight)
  }

  /** How many slots are free, whatever is in flight. */
  free(now: number): number {
    return Math.max(0, this.allowed(now) - this.used(now))
  }

  /** Milliseconds until a call may be sent: 0 = now; undefined = not before one of those in flight has ended. */
  waitMs(now: number): number | undefined {
    if (this.room(now) > 0) return 0
    if (this.#inFlight >= MAX_IN_FLIGHT) return undefined
    const surplus = this.used(now) - this.allowed(now)
    const next = this.#ended[Math.max(0, surplus)]
    return next === undefined ? undefined : next.freeAt - now
  }

  /** Whether less than half of the window is left. */
  isTight(now: number): boolean {
    return this.free(now) <= this.allowed(now) / 2
  }

  /** How far apart calls must be sent so that those which may be sent last until the next slot falls free, ms. */
  paceMs(now: number): number {
    const untilFree = (this.#ended[0]?.freeAt ?? now) - now
    return Math.max(this.#limit.perMs / this.allowed(now), untilFree / Math.max(1, this.free(now)))
  }

  begin(): void {
    this.#inFlight++
    this.#sent++
  }

  /** @param answered false when the call was aborted or timed out: it may reach the vendor yet */
  end(now: number, answered: boolean): void {
    this.#inFlight--
    this.#record(now + this.#countsFor(answered), true)
    const { length } = this.#accepted()
    if (this.#assumed !== undefined && length > this.#assumed.calls) this.#assumed.calls = length
  }

  /** The call that was begun has not left this machine: its slot is free. */
  undo(): void {
    this.#inFlight--
    this.#sent--
  }

  /**
   * The call that was begun was one too many for the vendor.
   * @returns whether that taught a limit: not when none of our calls was accepted within the window, for then others use
   *   the same key, or the vendor means another limit
   */
  refused(now: number): boolean {
    this.#inFlight--
    this.#prune(now)
    const accepted = this.#accepted().length
    this.#record(now + this.#countsFor(true), false)
    if (accepted === 0) return false
    // A raise that is refused makes the next one later; refusals of calls that were on their way together are one.
    const { probeWindows = FIRST_PROBE_WINDOWS, step = 1 } = this.#assumed ?? {}
    const windows = step > 1 ? Math.min(MAX_PROBE_WINDOWS, probeWindows * 2) : probeWindows
    this.#assumed = { calls: accepted, probeAt: now + windows * this.#limit.perMs, probeWindows: windows, step: 1 }
    return true
  }

  /** A call of an earlier process, which ended `agoMs` before now. */
  restore(agoMs: number, answered: boolean, now: number): void {
    this.#record(now - agoMs + this.#countsFor(answered), true)
  }

  /** Raises the assumed limit when the vendor has refused nothing for long enough. */
  #probe(now: number): void {
    const assumed = this.#assumed
    if (assumed === undefined || now < assumed.probeAt) return
    assumed.calls += assumed.step
    assumed.step *= 2
    assumed.probeAt = now + assumed.probeWindows * this.#limit.perMs
    if (assumed.calls >= this.#limit.calls) this.#assumed = undefined
  }

  #countsFor(answered: boolean): number {
    return this.#limit.perMs + MARGIN_MS + (answered ? 0 : ABORT_SLACK_MS)
  }

  #accepted(): EndedCall[] {
    return this.#ended.filter(({ isAccepted }) => isAccepted)
  }

  #record(freeAt: number, isAccepted: boolean): void {
    let at = this.#ended.length
    while (at > 0 && (this.#ended[at - 1]?.freeAt ?? 0) > freeAt) at--
    this.#ended.splice(at, 0, { freeAt, isAccepted })
  }

  #prune(now: number): void {
    let over = 0
    while (over < this.#ended.length && (this.#ended[over]?.freeAt ?? 0) <= now) over++
    if (over > 0) this.#ended = this.#ended.slice(over)
  }
}

function rate({ calls, perMs }: RateLimit): number {
  return calls / perMs
}
