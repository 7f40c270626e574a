/** Keys of a generic provider's entry: the table that other vendors have in code. */
import { z } from 'zod'
import { duration, durationOr, integer, orEnvironment, someOf, text } from '../../config/fields.ts'
import { Secret } from '../../secret.ts'
import { codeOfClass, type ErrorClass } from '../contract.ts'
import { parseZone } from '../parse/time.ts'
import { parsePath } from './select.ts'

const MAX_CALLS = 100_000
const DAY_MS = 86_400_000
const MAX_BODY_CHARACTERS = 65_536
const MAX_PER_CALL = 10_000
const MAX_COLUMN = 100

type Context = z.core.$RefinementCtx<unknown>

function refuse(ctx: Context, message: string): never {
  ctx.addIssue({ code: 'custom', message })
  return z.NEVER
}

/** A link with `{num}` in it. Links of vendors carry keys, so it is a secret. */
const link = () =>
  z
    .string()
    .transform((value, ctx) => {
      const url = URL.parse(value.replaceAll('{num}', '1').trim())
      if (url === null || !/^https?:$/.test(url.protocol))
        return refuse(ctx, 'write a link that begins with http:// or https://')
      if (/\{\w*\}/.test(value.replaceAll('{num}', ''))) return refuse(ctx, 'only {num} is filled in here')
      if (value.includes('#')) return refuse(ctx, 'leave out everything from # on; inside a value write %23')
      return new Secret(value.trim())
    })
    .meta({ pattern: orEnvironment('https?://.+') })

const header = () =>
  z
    .string()
    .refine((value) => /^[\t\x20-\x7e\x80-\xff]{1,8192}$/.test(value), {
      error: 'must be one line of at most 8192 characters, and none beyond Latin-1',
    })
    .transform((value) => new Secret(value))

const body = () =>
  z
    .string()
    .refine((value) => value !== '' && value.length <= MAX_BODY_CHARACTERS, {
      error: `must be 1 to ${MAX_BODY_CHARACTERS} characters long`,
    })
    .transform((value) => new Secret(value))

const separator = () =>
  z.string().refine((value) => value.length >= 1 && value.length <= 16, {
    error: 'write line, space or tab, or the characters themselves, at most 16',
  })

const PATH = 'write the path of a member, as in data.list or list[0].ip; * is every member'

const path = () => z.string().refine((value) => value.length <= 256 && parsePath(value) !== undefined, { error: PATH })

/** Where a fact stands in an item: a column of a text, a member of an object. */
const selector = () =>
  z
    .unknown()
    .transform((raw, ctx): string | number => {
      if (typeof raw === 'number' && Number.isInteger(raw) && raw >= 1 && raw <= MAX_COLUMN) return raw
      if (typeof raw === 'string' && raw.length <= 256 && parsePath(raw) !== undefined) return raw
      return refuse(ctx, 'write the number of a column (1 is the first) or the name of a member, as in ip or proxy.ip')
    })
    .meta({ type: ['integer', 'string'] })

const fact = (about: string) => selector().optional().meta({ description: about })

const fields = () =>
  z.strictObject({
    address: fact('host:port, also with a login (host:port:user:password, user:password@host:port) or a scheme.'),
    host: fact('Host, where it stands apart from its port.'),
    port: fact('Port, beside host.'),
    username: fact('User name at this proxy.'),
    password: fact('Password at this proxy.'),
    protocol: fact('http, https or socks5; http where none is told.'),
    deadline: z
      .strictObject({
        field: selector().meta({ description: 'Where the time of its end stands.' }),
        zone: z
          .string()
          .refine((value) => parseZone(value) !== undefined, {
            error: 'write the zone of the times, as in +08:00, UTC or Asia/Shanghai',
          })
          .meta({ description: 'Zone of times that name none: +08:00, UTC, Asia/Shanghai.' }),
      })
      .optional()
      .meta({ description: 'Until when the address lives: a date with time, or seconds or milliseconds since 1970.' }),
    ttl: z
      .strictObject({
        field: selector().meta({ description: 'Where the figure stands.' }),
        unit: z.enum(['ms', 's', 'm', 'h', 'd']).default('s').meta({ description: 'What it counts.' }),
      })
      .optional()
      .meta({ description: 'How long the address lives, counted from the call.' }),
    exit: fact('The address that targets see, where it is another one.'),
    country: fact('Country, for the clients’ options; in the vendor’s spelling, as all of these.'),
    area: fact('Region.'),
    city: fact('City.'),
    isp: fact('Carrier.'),
  })

/** `0` and `"0"` mean the same to a vendor. */
const code = () =>
  z
    .union([z.string(), z.number(), z.boolean()])
    .transform((value) => String(value).trim())
    .meta({ type: ['string', 'number', 'boolean'] })

const codes = () => z.union([code().transform((one) => [one]), someOf(code())])

const success = () =>
  z.strictObject({
    field: path().meta({ description: 'Where the reply says how it went.' }),
    is: codes().meta({ description: 'What it says there when all is well; one value or a list.' }),
    code: path().optional().meta({ description: 'Where it gives an error’s code, when that is not field.' }),
    message: path().optional().meta({ description: 'Where it gives an error’s words.' }),
  })

const classes = Object.keys(codeOfClass) as [ErrorClass, ...ErrorClass[]]

const errorEntry = () =>
  z.strictObject({
    code: codes().optional().meta({ description: 'The vendor’s code, or a list of them.' }),
    contains: text({ maxBytes: 256 }).optional().meta({
      description: 'Part of the vendor’s words, or of the whole reply where it gives none; letter case aside.',
    }),
    status: integer(300, 599).optional().meta({ description: 'HTTP status; 429 counts as rate_limited by itself.' }),
    class: z.enum(classes).meta({ description: 'What it means: the classes at the top of docs/vendors/README.md.' }),
    hint: text({ maxBytes: 512 }).optional().meta({ description: 'What to do then, in your words.' }),
    wait: durationOr(['minute', 'day+08:00', 'earliest-deadline'], { min: 1 }).optional().meta({
      description:
        'rate_limited and quota_exhausted: how long nothing is asked; or until the next full minute, the next midnight in China, the next end of an address.',
    }),
  })

const limit = () =>
  z.strictObject({
    calls: integer(1, MAX_CALLS).default(1).meta({ description: 'Most calls within `per`.' }),
    per: duration({ min: 1, max: DAY_MS }).prefault('1s').meta({ description: 'The window, wherever it begins.' }),
    share: z.number().gt(0).max(1).default(1).meta({ description: 'Part of it that this gateway may use.' }),
  })

export const settings = {
  url: link().meta({ description: 'The call that hands out addresses; {num} is how many are wanted.' }),
  method: z.enum(['GET', 'POST']).default('GET').meta({ description: 'How it is made.' }),
  headers: z
    .record(z.string(), header())
    .default({})
    .meta({ description: 'Header fields of the call; {num} is filled in.' }),
  body: body().optional().meta({
    description:
      'Body of a POST; {num} is filled in. Sent as JSON when it begins with { or [, else as a form, unless headers say.',
  }),
  format: z.enum(['json', 'xml', 'text']).meta({ description: 'What the reply is.' }),
  items: path()
    .optional()
    .meta({ description: 'Where the list stands in a JSON or XML reply; left out, the reply is the list.' }),
  separator: separator()
    .default('line')
    .meta({ description: 'Between items of a text: line, space, tab, <br> or the characters themselves.' }),
  fieldSeparator: separator()
    .default(',')
    .meta({ description: 'Between the columns of an item that is a text: space, tab or the characters themselves.' }),
  fields: fields().prefault({ address: 1 }).meta({ description: 'Where each fact stands in an item.' }),
  success: success().optional().meta({ description: 'How a JSON or XML reply says that it is no error.' }),
  balance: path().optional().meta({ description: 'Where the reply tells what is left on the account: for lowStock.' }),
  errors: z
    .array(errorEntry())
    .default([])
    .meta({ description: 'What errors mean; the first entry that fits counts.' }),
  limit: limit().prefault({}).meta({ description: 'How often the vendor may be called.' }),
  maxPerCall: integer(1, MAX_PER_CALL)
    .optional()
    .meta({ description: 'Most addresses of one call. Default: 10 where {num} is used, else 1.' }),
}

const schema = z.object(settings)
/** What a provider's own keys say, as the configuration has parsed them. */
export type GenericOwn = z.infer<typeof schema>
export type Fields = GenericOwn['fields']
export type ErrorEntry = GenericOwn['errors'][number]

/** Reads the keys as they stand in a file. @throws zod's error */
export function parseOwn(written: unknown): GenericOwn {
  return schema.parse(written)
}
