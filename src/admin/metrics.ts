/** The metrics page. Nothing is counted here: when the page is asked for, the gateway's plain counters are read. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { OPEN_SECONDS_BOUNDS } from '../proxy/stream-counters.ts'
import { counters, type Figure, gauges, type Snapshot, type SnapshotView, takeSnapshot } from './figures.ts'
import type { TrafficFigures } from './view.ts'

interface MetricsPage {
  readonly contentType: string
  /** The page as of now, in the Prometheus text format. */
  text(): Promise<string>
}

const EVENT_LOOP_SAMPLE_MS = 100

type Update = (snapshot: Snapshot) => void

/** Beside the gateway's own figures the page has those of the process: memory, CPU, descriptors, event loop delay. */
export function metricsPage(view: SnapshotView, wrongTokens: () => number): MetricsPage {
  const registry = new Registry()
  // The default, every 10 ms, keeps an idle process awake.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS })
  const updates = [...gauges.map(updater(Gauge, registry)), ...counters.map(updater(Counter, registry))]
  return {
    contentType: registry.contentType,
    async text() {
      const snapshot = takeSnapshot(view, wrongTokens())
      for (const update of updates) update(snapshot)
      const histogram = openSeconds(snapshot.traffic)
      return `${await registry.metrics()}\n${histogram}`
    },
  }
}

/** @returns what sets the metric to the figures of a snapshot */
function updater(Metric: typeof Gauge | typeof Counter, registry: Registry) {
  return ({ name, help, labels, read }: Figure): Update => {
    const metric = new Metric({ name, help, labelNames: labels, registers: [registry] })
    return (snapshot) => {
      metric.reset()
      for (const [values, value] of read(snapshot)) if (value !== null) metric.labels(...values).inc(value)
    }
  }
}

/** prom-client's histogram has to see every observation; ours are in their buckets already. */
function openSeconds({ openSeconds: { counts, sum } }: TrafficFigures): string {
  const name = 'turnpike_open_seconds'
  let total = 0
  const buckets = [...OPEN_SECONDS_BOUNDS, '+Inf'].map((bound, i) => {
    total += counts[i] ?? 0
    return `${name}_bucket{le="${bound}"} ${total}`
  })
  return [
    `# HELP ${name} From a client's request to its open tunnel or answer, waiting included.`,
    `# TYPE ${name} histogram`,
    ...buckets,
    `${name}_sum ${sum}`,
    `${name}_count ${total}`,
    '',
  ].join('\n')
}
