/** Keys that define how a reply is read: the places of its addresses, errors, lives. */
import { z } from 'zod'
import { durationOr, integer, refuse, someOf, text } from '../../config/fields.ts'
import { codeOfClass, DAY_EDGE, type ErrorClass, type WaitEdge } from '../contract/error.ts'
import { formattedTime, parseZone } from '../parse/time.ts'
import { parsePath } from './select.ts'

const MAX_COLUMN = 100

const separator = () =>
  z.string().refine((value) => value.length >= 1 && value.length <= 16, {
    error: 'write line, space or tab, or the characters themselves, at most 16',
  })

const PATH = 'write the path of a member, as in data.list or list[0].ip; * is every member'

/** Where a reply is read: its body, or its header fields and cookies as well. */
type Reach = 'body' | 'headers'

const OUTSIDE = /^\$(?:header|cookie)(?![^.[])/
const ONLY_LOGIN = 'only login reads header fields and cookies'

export const path = (reach: Reach = 'body') =>
  z
    .string()
    .refine((value) => value.length <= 256 && parsePath(value) !== undefined, { error: PATH })
    .refine((value) => reach === 'headers' || !OUTSIDE.test(value), { error: ONLY_LOGIN })

export const zone = () =>
  z.string().refine((value) => parseZone(value) !== undefined, {
    error: 'write the zone of the times, as in +08:00, UTC or Asia/Shanghai',
  })

/** The place of a fact in an item: a column of a text, a member of an object. */
const selector = (reach: Reach = 'body') =>
  z
    .unknown()
    .transform((raw, ctx): string | number => {
      if (typeof raw === 'number' && Number.isInteger(raw) && raw >= 1 && raw <= MAX_COLUMN) return raw
      if (typeof raw === 'string' && reach === 'body' && OUTSIDE.test(raw)) return refuse(ctx, ONLY_LOGIN)
      if (typeof raw === 'string' && raw.length <= 256 && parsePath(raw) !== undefined) return raw
      return refuse(ctx, 'write the number of a column (1 is the first) or the name of a member, as in ip or proxy.ip')
    })
    .meta({ type: ['integer', 'string'] })

const fact = (about: string) => selector().optional().meta({ description: about })

/** A time of day in a reply. */
export const moment = (reach: Reach = 'body') =>
  z.strictObject({
    field: selector(reach).meta({ description: 'Where the time stands.' }),
    zone: zone().meta({ description: 'Zone of times that name none: +08:00, UTC, Asia/Shanghai.' }),
    format: z
      .string()
      .refine((value) => value.length <= 64 && formattedTime(value) !== undefined, {
        error: 'write year, month and day in letters, as in dd/MM/yyyy HH:mm:ss or yyMMddHHmm',
      })
      .optional()
      .meta({ description: 'How the time is written, where that is unusual: dd/MM/yyyy hh:mm a.' }),
  })

/** A length of time in a reply. */
export const figure = (reach: Reach = 'body') =>
  z.strictObject({
    field: selector(reach).meta({ description: 'Where the figure stands.' }),
    unit: z.enum(['ms', 's', 'm', 'h', 'd']).default('s').meta({ description: 'What it counts, unless it says so.' }),
  })

const fields = () =>
  z.strictObject({
    address: fact('host:port, also with a login (host:port:user:password, user:password@host:port) or a scheme.'),
    host: fact('Host, where it stands apart from its port.'),
    port: fact('Port, beside host.'),
    username: fact('User name at this proxy.'),
    password: fact('Password at this proxy.'),
    protocol: fact('http, https or socks5; http where none is told.'),
    deadline: moment()
      .optional()
      .meta({ description: 'Until when the address lives: a date with time, or seconds or milliseconds since 1970.' }),
    ttl: figure().optional().meta({ description: 'How long the address lives, counted from the call, or from start.' }),
    start: moment().optional().meta({ description: 'Since when it lives, where ttl does not count from the call.' }),
    ref: fact('What names this address in later calls: {ref}. Default: host:port.'),
    exit: fact('The address that targets see, where it is another one.'),
    country: fact('Country, for the clients’ options; in the vendor’s spelling, as all of these.'),
    area: fact('Region.'),
    city: fact('City.'),
    isp: fact('Carrier.'),
  })

/** `0` and `"0"` are equal for a vendor. */
const code = () =>
  z
    .union([z.string(), z.number(), z.boolean()])
    .transform((value) => String(value).trim())
    .meta({ type: ['string', 'number', 'boolean'] })

const codes = () => z.union([code().transform((one) => [one]), someOf(code())])

/** `null` under `is`: no value, an empty one, or no such member. */
export const NOTHING = ''

const outcomes = () => {
  const one = () =>
    z
      .union([z.string(), z.number(), z.boolean(), z.null()])
      .transform((value) => (value === null ? NOTHING : String(value).trim()))
      .meta({ type: ['string', 'number', 'boolean', 'null'] })
  return z.union([one().transform((value) => [value]), someOf(one())])
}

const success = () =>
  z.strictObject({
    field: path().optional().meta({ description: 'Where the reply says how it went.' }),
    is: outcomes().optional().meta({
      description: 'What it says there when all is well; one value or a list; null where nothing stands there then.',
    }),
    contains: words().optional().meta({ description: 'In a text: what stands in it when all is well.' }),
    code: path().optional().meta({ description: 'Where it gives an error’s code, when that is not field.' }),
    message: path().optional().meta({ description: 'Where it gives an error’s words.' }),
  })

/** A part of a vendor's message, or several of which one is enough. */
const words = () => {
  const one = () => text({ maxBytes: 256 })
  return z.union([one().transform((word) => [word]), someOf(one())])
}

type WaitWord = Exclude<WaitEdge, number>

const classes = Object.keys(codeOfClass) as [ErrorClass, ...ErrorClass[]]

const errorEntry = () =>
  z.strictObject({
    code: codes().optional().meta({ description: 'The vendor’s code, or a list of them.' }),
    contains: words().optional().meta({
      description: 'Part of the vendor’s words, or of the whole reply where it gives none; letter case aside.',
    }),
    status: integer(300, 599)
      .optional()
      .meta({ description: 'HTTP status; 429 is rate_limited unless an entry says otherwise.' }),
    class: z.enum(classes).meta({ description: 'What it means: the classes at the top of docs/vendors/README.md.' }),
    login: z
      .literal(true)
      .optional()
      .meta({ description: 'The token is no longer good: a new one is fetched, and the call made once more.' }),
    hint: text({ maxBytes: 512 }).optional().meta({ description: 'What to do then, in your words.' }),
    wait: durationOr<WaitWord>(['minute', 'hour', 'day+08:00', 'earliest-deadline'], { min: 1 }, DAY_EDGE)
      .optional()
      .meta({
        description:
          'rate_limited and quota_exhausted: how long nothing is asked; or until the next full minute or hour, the next midnight of a zone (day+08:00 is China’s), the next end of an address.',
      }),
  })

/** The outcome of a call in its reply. */
export const replyKeys = () => ({
  format: z.enum(['json', 'xml', 'text']).meta({ description: 'What the reply is.' }),
  success: success().optional().meta({ description: 'How a reply says that it is no error.' }),
  errors: z
    .array(errorEntry())
    .default([])
    .meta({ description: 'What errors mean; the first entry that fits counts.' }),
})

/** What else a reply with addresses may contain. */
export const listKeys = () => ({
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
  only: z
    .strictObject({
      field: selector().meta({ description: 'Where an item tells its state.' }),
      is: codes().meta({ description: 'What it says there when the item can be used; one value or a list.' }),
    })
    .optional()
    .meta({ description: 'Items that are left out: those that say something else.' }),
  balance: path().optional().meta({ description: 'Where the reply tells what is left on the account: for lowStock.' }),
})

/** The list of addresses that may use the account. */
export const whitelistKeys = () => {
  const { items, separator, fieldSeparator } = listKeys()
  const ip = selector().default('$').meta({ description: 'The address; the item itself unless you say.' })
  const id = fact('What names the entry in whitelistRemove: {id}.')
  const fields = z.strictObject({ ip, id }).prefault({}).meta({ description: 'Where each fact stands in an item.' })
  return { items, separator, fieldSeparator, fields }
}

const whitelistSchema = z.object(whitelistKeys())
export type WhitelistSettings = z.infer<typeof whitelistSchema>
const replySchema = z.object(replyKeys())
const listSchema = z.object(listKeys())
export type ReplySettings = z.infer<typeof replySchema>
export type ListSettings = z.infer<typeof listSchema>
export type Fields = ListSettings['fields']
export type ErrorEntry = ReplySettings['errors'][number]
