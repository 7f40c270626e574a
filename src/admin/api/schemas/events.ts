/** The events of `GET /v1/events`. Each one replaces or completes earlier ones, so that an event may be missed. */
import { z } from 'zod'
import { connectionReport } from './connections.ts'
import { count, described, flag, instant, list, named, orNull, seconds, text } from './fields.ts'
import { historyReport } from './history.ts'
import { upstreamChange, upstreamReport } from './pool.ts'
import { providerReport } from './providers.ts'
import { type Topic, topics } from './topics.ts'
import { verdictReport } from './verdict.ts'

const rate = (description: string) => described(z.number().min(0), description)

export const countersEvent = named(
  'CountersEvent',
  'Sent every second.',
  z.strictObject({
    at: instant('When it was read'),
    connections: count('Client connections'),
    tunnels: count('Open tunnels'),
    waiting: count('Clients that wait for an upstream'),
    sessions: count('Sessions remembered'),
    upstreams: z
      .strictObject({
        ready: count('Ready'),
        resting: count('Resting'),
        draining: count('Draining'),
      })
      .meta({ description: 'Upstreams in the pool by state' }),
    opened: count('Tunnels and exchanges opened since the start'),
    openedDirect: count('Of them without an upstream, because a rule of routes says direct'),
    refused: count('Requests refused since the start'),
    triesFailed: count('Upstreams that did not open, since the start'),
    bytesFromClients: count('Octets from clients since the start'),
    bytesToClients: count('Octets to clients since the start'),
    bytesFromClientsPerSecond: rate('Since the event before'),
    bytesToClientsPerSecond: rate('Since the event before'),
    openedPerSecond: rate('Since the event before'),
    refusedPerSecond: rate('Since the event before'),
    setupP50Seconds: orNull(seconds('Median set-up time since the event before; null without a tunnel')),
    setupP99Seconds: orNull(seconds('99th percentile of it')),
  }),
)

export const providersEvent = named(
  'ProvidersEvent',
  'First every provider, then those that changed.',
  z.strictObject({
    isFirst: flag('Forget what was sent before'),
    providers: list(providerReport, 'Replace those of the same name'),
    gone: list(text('Name'), 'Providers that are no more'),
  }),
)

export const poolEvent = named(
  'PoolEvent',
  'First the whole pool in pieces, then what changed.',
  z.strictObject({
    isFirst: flag('Forget what was sent before: the first piece of the whole'),
    total: count('Upstreams in the pool'),
    upstreams: list(upstreamReport, 'New ones, or replace those of the same id'),
    changed: list(upstreamChange, 'Replace these members of the upstream of the same id'),
    gone: list(text('Id'), 'Upstreams that have left the pool'),
  }),
)

const connectionBytes = z.strictObject({
  id: count('Number of the connection'),
  bytesFromClient: count('Octets from the client'),
  bytesToClient: count('Octets to the client'),
})

export const connectionsEvent = named(
  'ConnectionsEvent',
  'First the open and the latest closed connections in pieces, then those that began, opened, ended or moved octets.',
  z.strictObject({
    isFirst: flag('Forget what was sent before: the first piece of the whole'),
    open: count('Connections that are open or wait'),
    connections: list(connectionReport, 'New ones, or replace those of the same id; the latest last'),
    moved: list(connectionBytes, 'Octets so far of open ones that were sent before; others follow when there are many'),
    omitted: count('Changes since the event before that were too many to send: GET /v1/connections has them'),
  }),
)

/** Event name -> its data. */
export const events = {
  verdict: verdictReport,
  counters: countersEvent,
  providers: providersEvent,
  pool: poolEvent,
  connections: connectionsEvent,
  history: historyReport,
} as const satisfies Record<Topic, z.ZodType>

export const eventsQuery = z.strictObject({
  topics: z
    .string()
    .prefault(topics.join(','))
    .transform((value, ctx): readonly Topic[] => {
      const words = [...new Set(value.split(','))]
      const known = topics.filter((topic) => words.includes(topic))
      if (known.length === words.length) return known
      ctx.addIssue({ code: 'custom', message: `write some of ${topics.join(',')}` })
      return z.NEVER
    })
    .meta({
      description: `Which events to send, separated by commas: ${topics.join(', ')}`,
      type: 'string',
      default: topics.join(','),
    }),
})

export type CountersEvent = Readonly<z.infer<typeof countersEvent>>
export type ProvidersEvent = Readonly<z.infer<typeof providersEvent>>
export type PoolEvent = Readonly<z.infer<typeof poolEvent>>
export type ConnectionsEvent = Readonly<z.infer<typeof connectionsEvent>>
/** What a page receives, by event name. */
export type EventData = { readonly [Name in Topic]: Readonly<z.infer<(typeof events)[Name]>> }
