/** Sessions: `GET /v1/sessions` and `POST /v1/sessions/{key}/rotate`. */
import { z } from 'zod'
import { count, flag, list, named, orNull, seconds, text } from './fields.ts'

export const sessionsQuery = z.strictObject({
  search: z.string().max(256).optional().meta({
    description: 'Words, each part of the name, user, key, upstream (id or address) or provider, in any case',
  }),
  limit: z
    .string()
    .regex(/^(?:[1-9]\d{0,2}|1000)$/, 'write a whole number from 1 to 1000')
    .default('100')
    .transform(Number)
    .meta({ description: 'Most sessions listed; 1 to 1000', default: '100' }),
})

const sessionReport = z.strictObject({
  key: text('Names the session here: a digest of its account, its name and its wishes'),
  user: orNull(text('Its user; null where the port demands no login, or no connection of the session is remembered')),
  session: orNull(text('As the client named it; null where no connection of the session is remembered')),
  upstream: text('Id of the upstream that it lives on'),
  address: text('host:port of that upstream'),
  provider: text('Name of the provider'),
  uses: count('Its connections and plain requests through this upstream'),
  formerUpstreams: count('Live upstreams that it had before'),
  exclusive: flag('No other client is lent the upstream'),
  moves: flag('Its next connection gets another upstream'),
  endsInSeconds: seconds('If it is not used until then'),
})

export const sessionsReport = named(
  'Sessions',
  'Clients that keep their upstream.',
  z.strictObject({
    count: count('Sessions remembered'),
    matched: count('How many fit the search; more than are listed when limit cuts them off'),
    sessions: list(sessionReport, 'Those used last first'),
  }),
)

export const rotateReply = named(
  'RotateReply',
  'The next connection of the session gets another upstream. Open tunnels are not touched.',
  z.strictObject({ key: text('The session'), leaves: text('Id of the upstream that it leaves') }),
)

export type SessionsQuery = Readonly<z.output<typeof sessionsQuery>>
export type SessionReport = Readonly<z.infer<typeof sessionReport>>
export type SessionsReport = Readonly<z.infer<typeof sessionsReport>>
export type RotateReply = Readonly<z.infer<typeof rotateReply>>
