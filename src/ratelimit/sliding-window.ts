/**
 * Keeps calls to a vendor within its limit: in no window of the documented length do more calls *reach* the vendor than it
 * allows, whatever delays the network adds. Pure: no timers, the caller passes the time (clock ms).
 *
 * A call may reach the vendor at any moment between its sending and its reply. So it holds a slot from the sending until the
 * reply (or abort) plus the window; as many calls may be sent as there are slots. Two calls in the same slot therefore arrive
 * at least a window apart. This also holds for vendors whose window starts with the first call or with the minute of the
 * clock.
 *
 * The limit is the smallest that is stated, or less: a vendor that refuses a call after `k - 1` accepted ones in a window
 * enforces `k - 1`, whatever its document states. The assumed limit is raised again step by step (see `#probe`).
 */
import type { RateLimit } from '../vendors/contract/operation.ts'

/** The clocks of two machines differ in speed, and timers may fire a little early. */
export const MARGIN_MS = 5
/** An aborted call may still be on its way to the vendor. */
export const ABORT_SLACK_MS = 1_000
/** Calls in flight at the same time: enough to use a limit of 10 a second over a slow connection. */
export const MAX_IN_FLIGHT = 16
/** Poll interval while only the reply to a call in progress can tell when the next slot is free. */
export const BUSY_WINDOW_MS = 100
/** Windows without a refusal before the assumed limit is raised; doubled with each raise that the vendor refused. */
const FIRST_PROBE_WINDOWS = 2
const MAX_PROBE_WINDOWS = 32

/** A call that has ended and still holds its slot. */
interface EndedCall {
  /** When the slot becomes free, clock ms. */
  readonly freeAt: number
  /** False when the vendor refused the call because the limit was exceeded. */
  readonly isAccepted: boolean
}

/** The limit that the vendor enforces when it differs from the document. */
interface AssumedLimit {
  calls: number
  /** When it is raised next, clock ms. */
  probeAt: number
  probeWindows: number
  /** By how many calls it is raised: doubled with each raise that was accepted. */
  step: number
}

export class SlidingWindow {
  /** Operation of a provider -> the limit that it states. The smallest applies. */
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

  /** A newly learnt or configured limit replaces the one that the same operation stated before: it may be larger. */
  state(by: string, limit: RateLimit): void {
    const known = this.#stated.get(by)
    if (known?.calls === limit.calls && known.perMs === limit.perMs) return
    this.#stated.set(by, { calls: limit.calls, perMs: limit.perMs })
    this.#limitStated()
  }

  /** The operation does not state a limit any more. The last limit stays. */
  forget(by: string): void {
    if (this.#stated.delete(by) && this.#stated.size > 0) this.#limitStated()
  }

  #limitStated(): void {
    this.#limit = [...this.#stated.values()].reduce((smallest, one) => (rate(one) < rate(smallest) ? one : smallest))
  }

  /** How many calls a window may contain now: the stated limit, or the smaller one that the vendor enforces. */
  allowed(now: number): number {
    this.#probe(now)
    return Math.min(this.#limit.calls, this.#assumed?.calls ?? this.#limit.calls)
  }

  /** How many slots are taken: calls in flight, and ended ones that still hold their slot. */
  used(now: number): number {
    this.#prune(now)
    return this.#inFlight + this.#ended.length
  }

  /** How many calls could be sent now. */
  room(now: number): number {
    return Math.min(this.free(now), MAX_IN_FLIGHT - this.#inFlight)
  }

  /** How many slots are free; the limit of calls in flight is ignored. */
  free(now: number): number {
    return Math.max(0, this.allowed(now) - this.used(now))
  }

  /** Milliseconds until a call may be sent: 0 = now; undefined = only after one of those in flight has ended. */
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

  /** The interval between calls that makes the remaining calls last until the next slot becomes free, ms. */
  paceMs(now: number): number {
    const untilFree = (this.#ended[0]?.freeAt ?? now) - now
    return Math.max(this.#limit.perMs / this.allowed(now), untilFree / Math.max(1, this.free(now)))
  }

  begin(): void {
    this.#inFlight++
    this.#sent++
  }

  /** @param answered false when the call was aborted or timed out: it may still reach the vendor */
  end(now: number, answered: boolean): void {
    this.#inFlight--
    this.#record(now + this.#countsFor(answered), true)
    const { length } = this.#accepted()
    if (this.#assumed !== undefined && length > this.#assumed.calls) this.#assumed.calls = length
  }

  /** The call was not sent after all: its slot is free. */
  undo(): void {
    this.#inFlight--
    this.#sent--
  }

  /**
   * The vendor refused the call because the limit was exceeded.
   * @returns whether a limit was learnt: not when none of our calls was accepted within the window, because then others use the
   *   same key, or the vendor means another limit
   */
  refused(now: number): boolean {
    this.#inFlight--
    this.#prune(now)
    const accepted = this.#accepted().length
    this.#record(now + this.#countsFor(true), false)
    if (accepted === 0) return false
    // A refused raise delays the next one; refusals of calls that were in flight together count as one.
    const { probeWindows = FIRST_PROBE_WINDOWS, step = 1 } = this.#assumed ?? {}
    const windows = step > 1 ? Math.min(MAX_PROBE_WINDOWS, probeWindows * 2) : probeWindows
    this.#assumed = { calls: accepted, probeAt: now + windows * this.#limit.perMs, probeWindows: windows, step: 1 }
    return true
  }

  /** A call of an earlier process, which ended `agoMs` before now. */
  restore(agoMs: number, answered: boolean, now: number): void {
    this.#record(now - agoMs + this.#countsFor(answered), true)
  }

  /** Raises the assumed limit after enough time without a refusal. */
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
