import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CallQueue } from '../../../src/ratelimit/call-queue.ts'
import type { CallWindow } from '../../../src/store/account-store.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** One call as the world treats it. */
interface Fate {
  /** When it is asked for, ms after the one before. */
  readonly gapMs: number
  /** From sending to the reply. */
  readonly latencyMs: number
  /** Which part of that the way to the vendor takes. */
  readonly way: number
  readonly end: 'reply' | 'vendor-error' | 'lost' | 'abort-early' | 'abort-late'
  readonly priority: number
}

const fate: fc.Arbitrary<Fate> = fc.record({
  gapMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 })),
  latencyMs: fc.integer({ min: 0, max: 3_000 }),
  way: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
  end: fc.constantFrom('reply', 'reply', 'reply', 'vendor-error', 'lost', 'abort-early', 'abort-late'),
  priority: fc.constantFrom(0, 10),
})

const limit = fc.record({ calls: fc.integer({ min: 1, max: 6 }), perMs: fc.constantFrom(100, 1_000, 5_000) })

/** A vendor that notes when calls reach it. */
class Vendor {
  readonly arrivals: number[] = []
  readonly #clock: FakeClock

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  readonly call = async ({ latencyMs, way, end }: Fate, signal: AbortSignal): Promise<void> => {
    const sentAt = this.#clock.now()
    try {
      await this.#clock.sleep(latencyMs, signal)
      this.arrivals.push(sentAt + latencyMs * way)
      if (end === 'vendor-error') throw new VendorError('quota_exhausted', '7', 'enough')
      if (end !== 'lost') return
      // Given up after the latency; the packet may still be under way.
      this.arrivals.push((this.arrivals.pop() as number) + 900 * way)
      throw new VendorError('server', 'timeout', 'no answer')
    } catch (error) {
      if (signal.aborted) this.arrivals.push(this.#clock.now() + 900 * way)
      throw error
    }
  }
}

async function drive(
  queue: CallQueue,
  window: CallWindow,
  vendor: Vendor,
  clock: FakeClock,
  fates: readonly Fate[],
): Promise<string[]> {
  const ends: Promise<string>[] = []
  for (const one of fates) {
    // Those without a gap are asked for in one turn of the event loop, as the planner does it.
    if (one.gapMs > 0) await clock.run(one.gapMs)
    const abort = new AbortController()
    const lives = { 'abort-early': 1, 'abort-late': 1_500 }[one.end as string]
    if (lives !== undefined) clock.after(lives, () => abort.abort(new Error('aborted')))
    const run = queue.run(window, () => vendor.call(one, abort.signal), one.priority, abort.signal)
    ends.push(
      run.then(
        () => 'ok',
        (error: Error) => error.message,
      ),
    )
  }
  await clock.run(600_000)
  return Promise.all(ends)
}

/** The most arrivals that any window of the length holds, its ends included. */
function mostInAnyWindow(arrivals: readonly number[], perMs: number): number {
  const sorted = [...arrivals].sort((a, b) => a - b)
  return Math.max(0, ...sorted.map((from) => sorted.filter((at) => at >= from && at <= from + perMs).length))
}

it('in no window of the documented length do more calls reach the vendor than it allows', async () => {
  await fc.assert(
    fc.asyncProperty(limit, fc.array(fate, { minLength: 1, maxLength: 40 }), async (allowed, fates) => {
      const clock = new FakeClock()
      const vendor = new Vendor(clock)
      const window = { key: 'a', ...allowed }
      const store = new LocalAccountStore(clock, forgetfulStore())
      const queue = new CallQueue(clock, store, window)
      const ends = await drive(queue, window, vendor, clock, fates)
      expect(mostInAnyWindow(vendor.arrivals, allowed.perMs)).toBeLessThanOrEqual(allowed.calls)
      // Everybody was served or told why not.
      expect(ends).toHaveLength(fates.length)
      expect(store.view.window(window).sent).toBeGreaterThanOrEqual(ends.filter((end) => end === 'ok').length)
      queue.close()
      expect(clock.pendingTimers).toBe(0)
    }),
    { numRuns: 150 },
  )
})
