/** Sessions: `GET /v1/sessions` and `POST /v1/sessions/{key}/rotate`. */
import { z } from 'zod'
import { count, list, named, oneOf, orNull, text } from './fields.ts'

export const sessionReport = named(
  'Session',
  'A session and the upstream that it lives on.',
  z.strictObject({
    key: text('Names the session in the API'),
    kind: oneOf(['key', 'client', 'target'], 'key: named by the client; client, target: `session` of the port'),
    name: text('The name given by the client, the client address, or the target host'),
    user: orNull(text('User, where the port demands a login')),
    upstream: text('Id of its upstream'),
    provider: text('Provider of its upstream'),
  }),
)

export const sessionsReport = named(
  'Sessions',
  'Sessions, the last used first.',
  z.strictObject({
    total: count('How many there are'),
    sessions: list(sessionReport, 'The last used first; at most `limit`'),
  }),
)

const MAX_LIMIT = 10_000

export const sessionsQuery = z.strictObject({
  name: z.string().max(256).optional().meta({ description: 'Name of the session, exactly' }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_LIMIT)
    .prefault('100')
    .meta({ description: 'Most sessions listed', type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: 100 }),
})

export const rotateReply = named(
  'RotateReply',
  'The next connection of these sessions gets another upstream. Open tunnels are not touched.',
  z.strictObject({
    rotated: list(
      z.strictObject({
        key: text('The session'),
        name: text('Its name'),
        user: orNull(text('Its user')),
        leaves: text('Id of the upstream that it leaves'),
      }),
      'Sessions that will move',
    ),
  }),
)

export type SessionReport = Readonly<z.infer<typeof sessionReport>>
export type SessionsQuery = Readonly<z.output<typeof sessionsQuery>>
export type RotateReply = Readonly<z.infer<typeof rotateReply>>
