/** Keys of one call: its URL, parameters, signature and limit. */
import { z } from 'zod'
import { duration, integer, orEnvironment, refuse, someOf } from '../../config/fields.ts'
import { Secret } from '../../secret.ts'
import { withEveryName } from '../parse/template.ts'
import { headers, signature } from '../parse/template-settings.ts'

const MAX_CALLS = 100_000
const DAY_MS = 86_400_000
const MAX_BODY_CHARACTERS = 65_536

/** Replaces a placeholder while a link is checked. */
const ANY = 'x1'

/** A link with placeholders. Links of vendors contain keys, so it is a secret. check.ts knows the permitted names. */
const link = () =>
  z
    .string()
    .transform((value, ctx) => {
      const url = URL.parse(withEveryName(value, ANY).trim())
      if (url === null || !/^https?:$/.test(url.protocol))
        return refuse(ctx, 'write a link that begins with http:// or https://')
      // A login may be in front of the host.
      const [, authority = ''] = /^https?:\/\/([^/?]*)/.exec(value.trim()) ?? []
      if (authority.slice(authority.lastIndexOf('@') + 1).includes('{'))
        return refuse(ctx, 'write the host itself: nothing is filled in there')
      if (value.includes('#')) return refuse(ctx, 'leave out everything from # on; inside a value write %23')
      return new Secret(value.trim())
    })
    .meta({ pattern: orEnvironment('https?://.+') })

const body = () =>
  z
    .string()
    .refine((value) => value !== '' && value.length <= MAX_BODY_CHARACTERS, {
      error: `must be 1 to ${MAX_BODY_CHARACTERS} characters long`,
    })
    .transform((value) => new Secret(value))

/** Parameters by name; numbers and booleans keep their spelling. */
const params = (about: string) =>
  z
    .record(
      z.string(),
      z
        .union([z.string(), z.number(), z.boolean()])
        .transform((value) => new Secret(String(value)))
        .meta({ type: ['string', 'number', 'boolean'] }),
    )
    .optional()
    .meta({ description: about })

const json = () =>
  z
    .unknown()
    .transform((value, ctx) =>
      typeof value === 'object' && value !== null
        ? new Secret(JSON.stringify(value))
        : refuse(ctx, 'write the members of the body'),
    )
    .meta({ type: ['object', 'array'] })

const oneLimit = () =>
  z.strictObject({
    calls: integer(1, MAX_CALLS).default(1).meta({ description: 'Most calls within `per`.' }),
    per: duration({ min: 1, max: DAY_MS }).prefault('1s').meta({ description: 'The window, wherever it begins.' }),
    share: z.number().gt(0).max(1).optional().meta({
      description:
        'Part of it that this gateway may use; for other calls that say none too, where it stands at the top.',
    }),
    group: z.string().max(64).optional().meta({ description: 'Calls with the same word here are counted together.' }),
  })

/** Several windows may limit the same calls. */
export const limit = () => z.union([oneLimit().transform((one) => [one]), someOf(oneLimit())])

/** The keys that every call has. */
export const callKeys = () => ({
  url: link().meta({
    description: 'Where the call goes; {name} is filled in: {num}, credentials, {timestamp}, {sign}.',
  }),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET').meta({ description: 'How it is made.' }),
  headers: headers().default({}).meta({ description: 'Header fields of the call.' }),
  query: params('Parameters of the link, encoded as needed.'),
  form: params('Parameters of a POST, sent as a form.'),
  json: json()
    .optional()
    .meta({ description: 'Body of a POST, sent as JSON; a text that is only {num} or {timestamp} becomes a number.' }),
  body: body().optional().meta({
    description:
      'Body of a POST as it is. Sent as JSON when it begins with { or [, as XML with <, else as a form, unless headers say.',
  }),
  sign: signature().optional(),
})

const schema = z.object({ ...callKeys(), limit: limit() })
/** One call as defined by its keys. */
export type CallSettings = Omit<z.infer<typeof schema>, 'limit'>
export type LimitSettings = z.infer<ReturnType<typeof limit>>
