/**
 * The last hour, one sample every ten seconds, in constant memory: a circular array of numbers for each figure.
 */
import type { Clock, Timer } from '../clock.ts'
import { percentile, SETUP_BUCKETS } from '../proxy/setup-times.ts'
import type { HistoryReport, ProviderHistory } from './api/schemas/history.ts'
import type { AdminView, ProviderReport } from './view.ts'

type HistorySource = Pick<AdminView, 'gauges' | 'providers' | 'traffic'>

const INTERVAL_MS = 10_000
const INTERVALS = 360

type Name = Exclude<keyof HistoryReport, 'intervalSeconds' | 'providers'>
type ProviderName = Exclude<keyof ProviderHistory, 'name' | 'windowCalls'>

/** In the order of the report. */
const names = [
  'at',
  'tunnelsPerSecond',
  'refusedPerSecond',
  'bytesFromClientsPerSecond',
  'bytesToClientsPerSecond',
  'waiting',
  'connections',
  'setupP50Seconds',
  'setupP99Seconds',
  'bought',
  'wasted',
] as const satisfies readonly Name[]
const providerNames = ['bought', 'wasted', 'calls', 'windowUsed'] as const satisfies readonly ProviderName[]

/** NaN means null. */
type Columns<Key extends string> = Readonly<Record<Key, Float64Array>>

function newColumns<Key extends string>(keys: readonly Key[]): Columns<Key> {
  return Object.fromEntries(keys.map((key) => [key, new Float64Array(INTERVALS)])) as Columns<Key>
}

interface ProviderColumns {
  readonly columns: Columns<ProviderName>
  /** Figures at the end of the previous interval. */
  last: { bought: number; wasted: number; callsMade: number }
  windowCalls: number
}

function newProvider({ bought, wasted, callsMade, windowCalls }: ProviderReport): ProviderColumns {
  return { columns: newColumns(providerNames), last: { bought, wasted, callsMade }, windowCalls }
}

/** By a reload, since the previous interval: all that it has bought is new. Its key may have made calls before. */
function addedProvider(report: ProviderReport): ProviderColumns {
  return newProvider({ ...report, bought: 0, wasted: 0 })
}

export class History {
  readonly #source: HistorySource
  readonly #clock: Clock
  readonly #columns = newColumns(names)
  /** In the order of the configuration. */
  #providers: ReadonlyMap<string, ProviderColumns>
  readonly #setupBefore = new Uint32Array(SETUP_BUCKETS)
  #openedBefore = 0
  #refusedBefore = 0
  #bytesBefore = { fromClients: 0, toClients: 0 }
  #sampledAt: number
  #samples = 0
  #timer: Timer

  constructor(source: HistorySource, clock: Clock) {
    this.#source = source
    this.#clock = clock
    this.#sampledAt = clock.now()
    this.#providers = new Map(source.providers().map((report) => [report.name, newProvider(report)]))
    this.#timer = this.#schedule()
  }

  /** How many intervals have ended since the start. */
  get samples(): number {
    return this.#samples
  }

  #schedule(): Timer {
    return this.#clock.after(INTERVAL_MS, () => {
      this.#timer = this.#schedule()
      this.#sample()
    })
  }

  #sample(): void {
    const place = this.#samples++ % INTERVALS
    const now = this.#clock.now()
    const elapsed = Math.max(1, now - this.#sampledAt) / 1_000
    this.#sampledAt = now
    const traffic = this.#source.traffic()
    const { openedCount, refusedCount, setupCounts } = traffic
    const bytes = traffic.bytes()
    const { waiting, connections } = this.#source.gauges()
    const totals = this.#sampleProviders(place)
    const values: Record<Name, number> = {
      at: Math.round(this.#clock.wall() / 1_000),
      tunnelsPerSecond: (openedCount - this.#openedBefore) / elapsed,
      refusedPerSecond: (refusedCount - this.#refusedBefore) / elapsed,
      // A worker that has ended takes the octets of its open connections with it.
      bytesFromClientsPerSecond: Math.max(0, bytes.fromClients - this.#bytesBefore.fromClients) / elapsed,
      bytesToClientsPerSecond: Math.max(0, bytes.toClients - this.#bytesBefore.toClients) / elapsed,
      waiting,
      connections,
      setupP50Seconds: percentile(setupCounts, this.#setupBefore, 0.5) ?? Number.NaN,
      setupP99Seconds: percentile(setupCounts, this.#setupBefore, 0.99) ?? Number.NaN,
      ...totals,
    }
    for (const name of names) this.#columns[name][place] = values[name]
    this.#openedBefore = openedCount
    this.#refusedBefore = refusedCount
    this.#bytesBefore = bytes
    this.#setupBefore.set(setupCounts)
  }

  #sampleProviders(place: number): { bought: number; wasted: number } {
    const totals = { bought: 0, wasted: 0 }
    const before = this.#providers
    const reports = this.#source.providers()
    this.#providers = new Map(reports.map((report) => [report.name, before.get(report.name) ?? addedProvider(report)]))
    for (const { name, bought, wasted, callsMade, callsLeft, windowCalls } of reports) {
      const entry = this.#providers.get(name)
      if (entry === undefined) continue
      const { columns, last } = entry
      // A provider that was removed and added again counts from 0, and so do the calls with another key.
      columns.bought[place] = Math.max(0, bought - last.bought)
      columns.wasted[place] = Math.max(0, wasted - last.wasted)
      columns.calls[place] = Math.max(0, callsMade - last.callsMade)
      columns.windowUsed[place] = Math.max(0, windowCalls - callsLeft)
      entry.last = { bought, wasted, callsMade }
      entry.windowCalls = windowCalls
      totals.bought += columns.bought[place] ?? 0
      totals.wasted += columns.wasted[place] ?? 0
    }
    return totals
  }

  /** @param most how many intervals, the latest ones; default: all */
  report(most = INTERVALS): HistoryReport {
    const length = Math.min(most, this.#samples, INTERVALS)
    const first = this.#samples - length
    const read = (column: Float64Array) =>
      Array.from({ length }, (_, i) => round(column[(first + i) % INTERVALS] ?? Number.NaN))
    const readable = (column: Float64Array) => read(column).map((value) => (Number.isNaN(value) ? null : value))
    const { setupP50Seconds, setupP99Seconds, ...plain } = this.#columns
    return {
      intervalSeconds: INTERVAL_MS / 1_000,
      ...readAll(plain, read),
      setupP50Seconds: readable(setupP50Seconds),
      setupP99Seconds: readable(setupP99Seconds),
      providers: Array.from(this.#providers, ([name, { columns, windowCalls }]) => ({
        name,
        ...readAll(columns, read),
        windowCalls,
      })),
    }
  }

  close(): void {
    this.#timer.clear()
  }
}

function readAll<Key extends string>(
  columns: Columns<Key>,
  read: (column: Float64Array) => number[],
): Record<Key, number[]> {
  const entries = Object.entries<Float64Array>(columns).map(([name, column]) => [name, read(column)])
  return Object.fromEntries(entries) as Record<Key, number[]>
}

const round = (value: number) => Math.round(value * 1_000_000) / 1_000_000
