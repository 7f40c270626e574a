/** What a running gateway reports live: the event stream of its admin port, held in one place for a view. */
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { CommandError } from '../command-error.ts'
import { translate } from '../messages/translate.ts'
import { type AdminToken, openAdmin } from './admin-client.ts'

/** Members that the view does not show are left out, so that a gateway of another version can be watched. */
const gatewayReport = z.object({ version: z.string() })
const finding = z.object({
  level: z.string(),
  code: z.string(),
  params: z.record(z.string(), z.union([z.string(), z.number()])).catch({}),
  sentence: z.string(),
  remedy: z.string(),
  provider: z.string().nullish(),
  action: z.string().nullish(),
})
export const verdict = z.object({ level: z.string(), findings: z.array(finding) })
const seconds = z.number().nullish()
const counters = z.object({
  connections: z.number(),
  tunnels: z.number(),
  waiting: z.number(),
  sessions: z.number(),
  upstreams: z.record(z.string(), z.number()),
  openedDirect: z.number().catch(0),
  openedPerSecond: z.number(),
  refusedPerSecond: z.number(),
  setupP50Seconds: seconds,
  setupP99Seconds: seconds,
})
const provider = z.object({
  name: z.string(),
  state: z.string(),
  reason: z.string().nullish(),
  nextAttemptInSeconds: seconds,
  callsLeft: z.number(),
  windowCalls: z.number(),
  channels: z.number().nullish(),
  channelsFree: z.number().nullish(),
  budgetLeft: z.number().nullish(),
  alive: z.number(),
  bought: z.number(),
  used: z.number(),
  wasted: z.number(),
  balance: z.number().nullish(),
})
const providers = z.object({ isFirst: z.boolean(), providers: z.array(provider), gone: z.array(z.string()) })

type LiveGateway = z.infer<typeof gatewayReport>
export type LiveVerdict = z.infer<typeof verdict>
export type LiveCounters = z.infer<typeof counters>
export interface LiveProvider extends z.infer<typeof provider> {
  /** When the report arrived, ms: there is no event when only a time in it runs down. */
  readonly takenAt: number
}

/** The latest of everything; undefined or empty until it has been reported. */
export class LiveReports {
  gateway: LiveGateway | undefined
  verdict: LiveVerdict | undefined
  counters: LiveCounters | undefined
  readonly providers = new Map<string, LiveProvider>()

  /** @param data of an event; what has another shape is left out. @param now ms */
  take(topic: string, data: unknown, now: number): void {
    if (topic === 'verdict') this.verdict = verdict.safeParse(data).data ?? this.verdict
    if (topic === 'counters') this.counters = counters.safeParse(data).data ?? this.counters
    if (topic !== 'providers') return
    const news = providers.safeParse(data).data
    if (news === undefined) return
    if (news.isFirst) this.providers.clear()
    for (const report of news.providers) this.providers.set(report.name, { ...report, takenAt: now })
    for (const name of news.gone) this.providers.delete(name)
  }
}

/** The counters come every second: a longer silence is the end of the stream, whatever the connection says. */
const SILENCE_MS = 10_000
/** Of one event; the largest of these topics is a few KiB a provider. */
const MAX_EVENT_CHARACTERS = 4_194_304

interface FollowDeps {
  readonly token: AdminToken
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Called after each change of the reports. */
  readonly onChange: () => void
}

/**
 * Fills the reports until the stream ends.
 * @throws {CommandError} when no gateway answers, refuses or ends the stream; the signal's reason
 */
export async function followReports(place: string, reports: LiveReports, deps: FollowDeps): Promise<never> {
  const { token, clock, signal, onChange } = deps
  const first = await openAdmin(place, '/v1/gateway', { token, timeoutMs: SILENCE_MS, signal })
  reports.gateway = gatewayReport.safeParse(parsed(await first.text().catch(() => 'null'))).data
  const topics = '/v1/events?topics=verdict,counters,providers'
  const stream = await openAdmin(place, topics, { token, timeoutMs: SILENCE_MS, signal })
  const events = new EventText((topic, data) => {
    reports.take(topic, data, clock.now())
    onChange()
  })
  for await (const chunk of stream.pieces) events.push(chunk)
  throw new CommandError(translate('the gateway at {place} ended the connection', { place }))
}

/** Server-sent events from text that comes in pieces: the fields `event` and `data`, one line each (WHATWG HTML section 9.2). */
export class EventText {
  #text = ''
  readonly #onEvent: (topic: string, data: unknown) => void

  constructor(onEvent: (topic: string, data: unknown) => void) {
    this.#onEvent = onEvent
  }

  /** @throws {CommandError} when an event is too long, or no JSON */
  push(piece: string): void {
    this.#text += piece
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end < 0) break
      this.#read(this.#text.slice(0, end))
      this.#text = this.#text.slice(end + 2)
    }
    if (this.#text.length > MAX_EVENT_CHARACTERS)
      throw new CommandError(translate('the gateway sent an event that is too long'))
  }

  #read(event: string): void {
    const fields = new Map(
      event.split('\n').map((line): [string, string] => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon), line.slice(colon + 1).trimStart()]
      }),
    )
    const data = fields.get('data')
    if (data !== undefined) this.#onEvent(fields.get('event') ?? '', parsed(data))
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new CommandError(translate('the gateway sent something that is not JSON'))
  }
}
