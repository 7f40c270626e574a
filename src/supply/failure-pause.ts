/**
 * How long a provider pauses after a failed call: to the instant that the vendor's answer names, for a fixed time where only
 * the operator can help, else for growing pauses.
 */
import type { Clock } from '../clock.ts'
import { DAY_EDGE, type ErrorClass, type VendorError, type WaitEdge } from '../vendors/contract/error.ts'
import { Backoff } from './backoff.ts'

export interface FailurePauseSettings {
  readonly backoffMs: number
  readonly maxBackoffMs: number
  readonly reprobeMs: number
  readonly whitelistReprobeMs: number
}

/** When things come free that a refused call may wait for. */
export interface PauseContext {
  /** When the first of the addresses that are held ends at the vendor, clock ms. */
  readonly earliestEnd: number | undefined
  /** Where a limit of calls was derived from the vendor's refusal: when the next call may be sent, clock ms. */
  readonly windowFreeAt: number | undefined
  /** The vendor's clock minus this machine's, ms. */
  readonly skewMs: number
}

const QUOTA_PAUSE_MS = 60_000
const MAX_QUOTA_PAUSE_MS = 600_000
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** Vendors tell the time in whole seconds. */
const CLOCK_GRAIN_MS = 1_000
/** How far a vendor's clock may be off from what is known of it. */
const MIDNIGHT_DOUBT_MS = 600_000
const HOUR_MS = 3_600_000
/** Neither a header nor a learnt limit makes a provider wait longer. */
const MAX_PAUSE_MS = 600_000

/** Only the operator can help: the configuration, the account or the plan is wrong. */
export function isFatalClass(errorClass: ErrorClass): boolean {
  return (
    errorClass === 'auth' || errorClass === 'whitelist' || errorClass === 'expired_plan' || errorClass === 'bad_request'
  )
}

export class FailurePause {
  readonly #settings: FailurePauseSettings
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #quotaBackoff: Backoff

  /** @param random uniform in [0, 1), for the jitter of the pauses */
  constructor(settings: FailurePauseSettings, clock: Clock, random?: () => number) {
    this.#settings = settings
    this.#clock = clock
    this.#backoff = new Backoff(settings, random)
    // The vendor's own words end such a pause: jitter would only waste what it has to give.
    this.#quotaBackoff = new Backoff({ backoffMs: QUOTA_PAUSE_MS, maxBackoffMs: MAX_QUOTA_PAUSE_MS }, () => 1)
  }

  /** A call has worked: the next pauses are the first ones again. */
  reset(): void {
    this.#backoff.reset()
    this.#quotaBackoff.reset()
  }

  /** The next of the growing pauses ends, clock ms. */
  growing(): number {
    return this.#clock.now() + this.#backoff.next()
  }

  /** As long as a wrong key makes a provider pause, clock ms. */
  reprobe(): number {
    return this.#clock.now() + this.#settings.reprobeMs
  }

  /** @returns when the provider may be asked again, clock ms */
  after(failure: VendorError, context: PauseContext): number {
    const now = this.#clock.now()
    const { windowFreeAt } = context
    if (failure.class === 'whitelist') return now + this.#settings.whitelistReprobeMs
    if (isFatalClass(failure.class)) return this.reprobe()
    if (failure.class !== 'rate_limited' && failure.class !== 'quota_exhausted') return this.growing()
    if (failure.class === 'rate_limited' && failure.vendorCode !== 'http' && windowFreeAt !== undefined)
      return Math.min(windowFreeAt, now + MAX_PAUSE_MS)
    return this.#edge(failure, now, context)
  }

  #edge({ wait, vendorCode }: VendorError, now: number, { earliestEnd, skewMs }: PauseContext): number {
    // The time of day at the vendor, known to a second.
    const vendorWall = this.#clock.wall() + skewMs
    if (typeof wait === 'number') return now + (vendorCode === 'http' ? Math.min(wait, MAX_PAUSE_MS) : wait)
    if (wait === 'minute') return now + untilNext(vendorWall, MINUTE_MS) + CLOCK_GRAIN_MS
    if (wait === 'hour') return now + untilNext(vendorWall, HOUR_MS) + CLOCK_GRAIN_MS
    const aheadMs = zoneOf(wait)
    if (aheadMs !== undefined) {
      const leftMs = untilNext(vendorWall + aheadMs, DAY_MS)
      // Just past midnight by our reckoning: at the vendor it may be a moment before.
      return now + (leftMs > DAY_MS - MIDNIGHT_DOUBT_MS ? MINUTE_MS : leftMs + CLOCK_GRAIN_MS)
    }
    if (wait === 'earliest-deadline' && earliestEnd !== undefined) return Math.max(now, earliestEnd)
    return now + this.#quotaBackoff.next()
  }
}

/** How far the zone of a `day+08:00` is ahead of UTC, ms; undefined for other edges. */
function zoneOf(wait: WaitEdge | undefined): number | undefined {
  const [, sign, hours, minutes] = DAY_EDGE.exec(String(wait)) ?? []
  return sign === undefined ? undefined : Number(`${sign}1`) * (Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS)
}

function untilNext(wallMs: number, periodMs: number): number {
  return periodMs - (wallMs % periodMs)
}
