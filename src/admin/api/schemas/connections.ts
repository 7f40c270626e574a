/** Client connections and the tries that each one took: `GET /v1/connections`; sessions: `GET /v1/sessions`. */
import { z } from 'zod'
import { count, instant, list, named, oneOf, orNull, seconds, text } from './fields.ts'
import { since } from './since.ts'

export const tryResults = [
  'dialling',
  'opened',
  'unreachable',
  'silent',
  'closed',
  'garbage',
  'forbidden',
  'login',
  'refused',
  'unanswered',
  'local',
  'abandoned',
] as const

export const tryReport = named(
  'Try',
  'One upstream that was tried for a connection.',
  z.strictObject({
    upstream: text('Id of the upstream'),
    address: text('host:port of the upstream'),
    provider: text('Name of its provider'),
    startedAfterSeconds: seconds('From the request to the start of this try'),
    seconds: seconds('How long the try took, or has taken so far'),
    result: oneOf(
      tryResults,
      'dialling: under way; opened; unreachable, silent, closed, garbage: the upstream failed; forbidden: its address is private or that of the gateway; login: it refused our login; refused: it refused this target; unanswered: it took the request and sent no answer; local: a fault of this machine; abandoned: the client left, the time was over, or another try was faster',
    ),
    status: orNull(count('HTTP status of a refusal; null where there is none')),
  }),
)

export const connectionReport = named(
  'Connection',
  'A tunnel or a plain request of a client. Host and port only, never a path or a query.',
  z.strictObject({
    id: count('Number of the connection in this process; larger is later'),
    state: oneOf(['waiting', 'open', 'closed'], 'waiting: not open yet'),
    protocol: oneOf(['connect', 'socks5', 'socks4', 'http'], 'How the client asked'),
    target: text('host:port that the client asked for'),
    client: orNull(text('Address of the client; known while the connection is open')),
    user: orNull(text('User, where the port demands a login')),
    session: orNull(text('Session, as the client named it')),
    sessionKey: orNull(text('Names the session in POST /v1/sessions/{key}/rotate')),
    provider: orNull(text('Provider of the upstream that serves or served it')),
    upstream: orNull(text('Id of the upstream that serves or served it')),
    beganAt: instant('When the request arrived'),
    endedAt: orNull(instant('When the connection ended')),
    seconds: seconds('How long it has lasted, or lasted'),
    setupSeconds: orNull(seconds('From the request to the open tunnel or the answer; null: not open yet, or never')),
    end: orNull(
      oneOf(
        ['done', 'client-reset', 'upstream-reset', 'idle', 'closed', 'client-gone', 'refused'],
        'How it ended; refused: see code; client-gone: the client left before it was open',
      ),
    ),
    code: orNull(text('Code of the refusal, see docs/errors.md')),
    bytesFromClient: count('Octets from the client'),
    bytesToClient: count('Octets to the client'),
    tries: list(tryReport, 'Every upstream that was tried, in order; at most the last 16'),
  }),
)

export const connectionsReport = named(
  'Connections',
  'Open connections and the last 10,000 closed ones, the latest first.',
  z.strictObject({
    open: count('Connections that are open or wait, all together'),
    closed: count('Closed connections that are remembered'),
    matched: count('How many fit the query; more than are listed when limit cuts them off'),
    connections: list(connectionReport, 'The latest first'),
  }),
)

export const closeReply = named(
  'CloseReply',
  'The connection is closed. It is reported with end: closed, and no party is blamed.',
  z.strictObject({ id: count('Number of the connection') }),
)

const MAX_LIMIT = 10_000

export const connectionsQuery = z.strictObject({
  host: z.string().max(256).optional().meta({ description: 'Part of the target host, in any case' }),
  user: z.string().max(256).optional().meta({ description: 'User' }),
  session: z.string().max(256).optional().meta({ description: 'Session as the client named it' }),
  provider: z.string().max(256).optional().meta({ description: 'Provider that served it, or was tried for it' }),
  upstream: z.string().max(256).optional().meta({ description: 'Upstream id that served it, or was tried for it' }),
  code: z.string().max(64).optional().meta({ description: 'Code of the refusal, or an `end`' }),
  match: z.enum(['exact', 'part']).default('exact').meta({
    description: 'part: of user, session, provider and code a part fits too, in any case',
  }),
  state: z.enum(['waiting', 'open', 'closed']).optional().meta({ description: 'State of the connection' }),
  since: since.optional(),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .prefault('100')
    .meta({ description: 'Most connections listed', type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: 100 }),
})

export type ConnectionReport = Readonly<z.infer<typeof connectionReport>>
export type ConnectionsReport = Readonly<z.infer<typeof connectionsReport>>
export type ConnectionsQuery = Readonly<z.output<typeof connectionsQuery>>
export type TryReport = Readonly<z.infer<typeof tryReport>>
