/** The counters of traffic, every second. */
import { type Clock, isoTime } from '../../clock.ts'
import type { Upstream } from '../../pool/upstream.ts'
import { percentile, SETUP_BUCKETS } from '../../proxy/setup-times.ts'
import { DIRECT } from '../../upstream/direct.ts'
import type { CountersEvent } from '../api/schemas/events.ts'
import type { AdminView } from '../view.ts'
import type { Feed } from './feed.ts'

interface CountersParts extends Pick<AdminView, 'gauges' | 'traffic'> {
  readonly clock: Clock
  readonly members: () => IterableIterator<Upstream>
}

export class CountersFeed implements Feed {
  readonly #parts: CountersParts
  readonly #setupBefore = new Uint32Array(SETUP_BUCKETS)
  #openedBefore = 0
  #refusedBefore = 0
  #bytesBefore = { fromClients: 0, toClients: 0 }
  #readAt = 0

  constructor(parts: CountersParts) {
    this.#parts = parts
  }

  first(): Iterable<CountersEvent> {
    return [this.#read()]
  }

  changes(): Iterable<CountersEvent> {
    const event = this.#read()
    this.begin()
    return [event]
  }

  #read(): CountersEvent {
    const { clock, gauges, traffic } = this.#parts
    const figures = traffic()
    const { openedCount, openedBy, refusedCount, setupCounts, triesFailed } = figures
    const { fromClients, toClients } = figures.bytes()
    const elapsed = Math.max(1, clock.now() - this.#readAt) / 1_000
    const perSecond = (count: number) => Math.round((count / elapsed) * 10) / 10
    return {
      at: isoTime(clock.wall()),
      ...gauges(),
      upstreams: this.#upstreams(),
      opened: openedCount,
      openedDirect: openedBy.get(DIRECT) ?? 0,
      refused: refusedCount,
      triesFailed: Object.values(triesFailed).reduce((sum, count) => sum + count, 0),
      bytesFromClients: fromClients,
      bytesToClients: toClients,
      // A worker that has ended takes the octets of its open connections with it.
      bytesFromClientsPerSecond: Math.max(0, perSecond(fromClients - this.#bytesBefore.fromClients)),
      bytesToClientsPerSecond: Math.max(0, perSecond(toClients - this.#bytesBefore.toClients)),
      openedPerSecond: perSecond(openedCount - this.#openedBefore),
      refusedPerSecond: perSecond(refusedCount - this.#refusedBefore),
      setupP50Seconds: percentile(setupCounts, this.#setupBefore, 0.5),
      setupP99Seconds: percentile(setupCounts, this.#setupBefore, 0.99),
    }
  }

  #upstreams(): CountersEvent['upstreams'] {
    const counts = { ready: 0, resting: 0, draining: 0 }
    for (const { state } of this.#parts.members()) if (state !== 'gone') counts[state]++
    return counts
  }

  /** Rates begin again. */
  begin(): void {
    const traffic = this.#parts.traffic()
    const { openedCount, refusedCount, setupCounts } = traffic
    this.#openedBefore = openedCount
    this.#refusedBefore = refusedCount
    this.#bytesBefore = traffic.bytes()
    this.#setupBefore.set(setupCounts)
    this.#readAt = this.#parts.clock.now()
  }

  end(): void {}
}
