/**
 * The page's copy of the gateway's state: one stream of events fills these signals. The stream exists only while the page is
 * visible, so that a hidden tab costs nothing on either side.
 */
import { batch, signal } from '@preact/signals'
import type { ConnectionReport, ConnectionsReport } from '../api/schemas/connections.ts'
import type { CountersEvent, EventData } from '../api/schemas/events.ts'
import type { GatewayReport } from '../api/schemas/gateway.ts'
import type { HistoryReport } from '../api/schemas/history.ts'
import type { UpstreamReport } from '../api/schemas/pool.ts'
import type { ProviderReport } from '../api/schemas/providers.ts'
import type { Topic } from '../api/schemas/topics.ts'
import type { AreasReply } from '../api/schemas/vendor-calls.ts'
import type { VerdictReport } from '../api/schemas/verdict.ts'
import { get, NEEDS_TOKEN, newToken, Refusal, readEvents } from './api-client.ts'

export type LinkState = 'connecting' | 'live' | 'lost' | 'paused' | 'locked'

/** A report and when it arrived, `performance.now()` ms: lives count down from there. */
export interface Held<Report> {
  readonly report: Report
  readonly at: number
}

export interface HeldProvider extends ProviderReport {
  /** As in Held: the gateway sends no event when only a time in the report runs down. */
  readonly at: number
}

/** With the octets per second of an open one. */
export interface HeldConnection extends Held<ConnectionReport> {
  /** When its octets last moved, `performance.now()` ms. */
  readonly movedAt: number
  readonly upPerSecond: number
  readonly downPerSecond: number
}

export const link = signal<LinkState>('connecting')
export const gateway = signal<GatewayReport | undefined>(undefined)
export const verdict = signal<VerdictReport | undefined>(undefined)
export const counters = signal<CountersEvent | undefined>(undefined)
export const providers = signal<readonly HeldProvider[]>([])
export const pool = signal<ReadonlyMap<string, Held<UpstreamReport>>>(new Map())
export const connections = signal<ReadonlyMap<number, HeldConnection>>(new Map())
/** Provider -> the places or lines that its vendor lists; only of those that were asked for. */
export const areas = signal<ReadonlyMap<string, AreasReply['areas']>>(new Map())
export const history = signal<HistoryReport | undefined>(undefined)
/** `performance.now()` of the last tick, from which countdowns are computed. */
export const now = signal(performance.now())
/** A short message about the last action. */
export const toast = signal<Toast | undefined>(undefined)

export interface Toast {
  readonly message: string
  readonly tone: 'good' | 'bad'
}

/** Connections that the page keeps; the gateway keeps 10,000 closed ones. */
const MAX_CONNECTIONS = 10_000
/** Intervals of an hour's history that the page keeps. */
const HISTORY_SECONDS = 3_600
const RETRY_MS = 2_000
/** The gateway sends counters every second: after so long without any it hangs, or the network is gone. */
const SILENCE_MS = 10_000
const TICK_MS = 1_000
const TOAST_MS = { good: 4_000, bad: 10_000 } as const

type Handlers = { readonly [Name in Topic]: (data: EventData[Name]) => void }

const handlers: Handlers = {
  verdict: (data) => {
    verdict.value = data
  },
  counters: (data) => {
    counters.value = data
  },
  providers: ({ isFirst, providers: news, gone }) => {
    const known = new Map(isFirst ? [] : providers.value.map((provider) => [provider.name, provider]))
    for (const provider of news) known.set(provider.name, { ...provider, at: performance.now() })
    for (const name of gone) known.delete(name)
    providers.value = [...known.values()]
  },
  pool: ({ isFirst, upstreams, changed, gone }) => {
    const at = performance.now()
    const next = new Map(isFirst ? [] : pool.value)
    for (const report of upstreams) next.set(report.id, { report, at })
    for (const change of changed) {
      const held = next.get(change.id)
      if (held !== undefined) next.set(change.id, { report: { ...held.report, ...change }, at })
    }
    for (const id of gone) next.delete(id)
    pool.value = next
  },
  connections: ({ isFirst, connections: news, moved }) => {
    const at = performance.now()
    const next = new Map(isFirst ? [] : connections.value)
    for (const report of news) next.set(report.id, withoutRate(report, at))
    for (const bytes of moved) {
      const held = next.get(bytes.id)
      if (held !== undefined) next.set(bytes.id, withBytes(held, bytes, at))
    }
    for (const [id, { report }] of next) {
      if (next.size <= MAX_CONNECTIONS) break
      if (report.state === 'closed') next.delete(id)
    }
    connections.value = next
  },
  history: (data) => {
    history.value = history.value === undefined || data.at.length > 1 ? data : append(history.value, data)
  },
}

function withoutRate(report: ConnectionReport, at: number): HeldConnection {
  return { report, at, movedAt: at, upPerSecond: 0, downPerSecond: 0 }
}

export type Connections = typeof connections.value

/**
 * Closed connections that fit the query and that the stream has left out: it sends the latest, and of many a sample.
 * @returns adds them to a list, those up to the number `newest`
 */
export async function findConnections(
  query: URLSearchParams,
): Promise<(list: Connections, newest?: number) => Connections> {
  const found = await get<ConnectionsReport>(`v1/connections?state=closed&limit=1000&match=part&${query}`)
  const older = found.connections.map((report) => [report.id, withoutRate(report, 0)] as const)
  return (list, newest = Number.POSITIVE_INFINITY) =>
    new Map([...older.filter(([id]) => id <= newest), ...list].sort(([a], [b]) => a - b))
}

function withBytes(
  held: HeldConnection,
  bytes: Pick<ConnectionReport, 'bytesFromClient' | 'bytesToClient'>,
  at: number,
): HeldConnection {
  const { report, movedAt } = held
  // Octets are sent every second while they move: after a pause they are those of the last second.
  const seconds = at - movedAt > 3 * TICK_MS ? 1 : Math.max(0.1, (at - movedAt) / 1_000)
  return {
    ...held,
    report: { ...report, ...bytes },
    movedAt: at,
    upPerSecond: (bytes.bytesFromClient - report.bytesFromClient) / seconds,
    downPerSecond: (bytes.bytesToClient - report.bytesToClient) / seconds,
  }
}

/** Octets per second both ways; undefined while nothing moves. */
export function rateOf({ report, movedAt, upPerSecond, downPerSecond }: HeldConnection) {
  const isMoving = report.state === 'open' && upPerSecond + downPerSecond > 0 && now.value - movedAt < 2 * TICK_MS
  return isMoving ? { up: upPerSecond, down: downPerSecond } : undefined
}

/** Adds the newest intervals to the columns and drops those that are older than an hour. */
function append(before: HistoryReport, news: HistoryReport): HistoryReport {
  const most = Math.ceil(HISTORY_SECONDS / news.intervalSeconds)
  const columns = <Row extends object>(old: Row, fresh: Row): Row =>
    Object.fromEntries(
      Object.entries(fresh).map(([name, value]) => {
        const earlier = (old as Record<string, unknown>)[name]
        return [name, Array.isArray(value) && Array.isArray(earlier) ? [...earlier, ...value].slice(-most) : value]
      }),
    ) as Row
  /** Of a provider that was added lately: zero for the intervals before. */
  const blank = <Row extends object>(row: Row): Row =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [name, Array.isArray(value) ? before.at.map(() => 0) : value]),
    ) as Row
  return {
    ...columns(before, news),
    providers: news.providers.map((fresh) => {
      const old = before.providers.find(({ name }) => name === fresh.name)
      return columns(old ?? blank(fresh), fresh)
    }),
  }
}

/** Starts the stream and the clock of the page; both stop while the page is hidden. */
export function follow(): void {
  let stream: AbortController | undefined
  let ticking: ReturnType<typeof setInterval> | undefined
  const update = () => {
    stream?.abort()
    clearInterval(ticking)
    if (document.hidden) {
      link.value = 'paused'
      return
    }
    stream = new AbortController()
    ticking = setInterval(() => {
      now.value = performance.now()
    }, TICK_MS)
    void keepReading(stream.signal)
  }
  document.addEventListener('visibilitychange', update)
  update()
}

async function keepReading(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    link.value = link.value === 'lost' ? 'lost' : 'connecting'
    const silence = new AbortController()
    let timer = setTimeout(() => silence.abort(), SILENCE_MS)
    const ends = AbortSignal.any([signal, silence.signal])
    try {
      gateway.value = await get<GatewayReport>('v1/gateway', ends)
      await readEvents(
        (name, data) => batch(() => (handlers[name] as (data: unknown) => void)(data)),
        () => {
          link.value = 'live'
          clearTimeout(timer)
          timer = setTimeout(() => silence.abort(), SILENCE_MS)
        },
        ends,
      )
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Refusal && NEEDS_TOKEN.has(error.code)) {
        link.value = 'locked'
        await newToken(signal)
        continue
      }
    } finally {
      clearTimeout(timer)
    }
    if (signal.aborted) return
    link.value = 'lost'
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

let toastTimer: ReturnType<typeof setTimeout> | undefined

/** Shows a message for a few seconds. */
export function tell(message: string, tone: Toast['tone'] = 'good'): void {
  clearTimeout(toastTimer)
  toast.value = { message, tone }
  toastTimer = setTimeout(() => {
    toast.value = undefined
  }, TOAST_MS[tone])
}
