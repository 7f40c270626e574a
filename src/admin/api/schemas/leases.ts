/** Addresses for programs that connect to them themselves. */
import { z } from 'zod'
import { duration } from '../../../config/fields.ts'
import { count, flag, instant, list, named, oneOf, orNull, seconds, text } from './fields.ts'
import { targetHost } from './target-host.ts'

const DAY_MS = 86_400_000
const option = (description: string) => z.string().max(256).optional().meta({ description })

/** As for the port: docs/clients.md. */
const places = {
  session: option('Name of a session: the same name, the same address, while that lives'),
  provider: option('Only addresses of this provider'),
  country: option('ISO 3166-1 code, English or Chinese name'),
  area: option('Province or region'),
  city: option('City'),
  isp: option('Carrier'),
  life: option('An address that lives so long yet, as in 90s; if there is none, the one that lives longest'),
  minlife: option('The same, and no other'),
  strategy: option('How an address is chosen'),
}

export const takeQuery = z.strictObject({
  num: z
    .string()
    .regex(/^(?:[1-9]\d?|100)$/, 'write a whole number from 1 to 100')
    .default('1')
    .transform(Number)
    .meta({ description: 'Addresses, all different; 1 to 100', default: '1' }),
  ...places,
  host: targetHost.optional().meta({ description: 'Where the program will go: for routes, and for bans of this host' }),
  hold: duration({ min: 1, max: DAY_MS })
    .prefault('10m')
    .meta({ description: 'How long they are lent at most, with a unit; at most 1d', type: 'string', default: '10m' }),
  format: z
    .enum(['json', 'text'])
    .default('json')
    .meta({ description: 'text: one address a line, as it stands behind http:// in the URL of a proxy' }),
})

export const takeReply = named(
  'TakenAddresses',
  'Addresses that are lent to the program. It holds their passwords.',
  z.strictObject({
    count: count('How many: fewer than asked for when no more could be had in time'),
    addresses: list(
      z.strictObject({
        lease: text('Names the lease for its release'),
        id: text('Names the upstream, as in X-Turnpike-Upstream'),
        provider: text('Name of the provider'),
        protocol: oneOf(['http', 'https', 'socks5'], 'How the address is spoken to'),
        address: text('host:port'),
        username: orNull(text('Login at the address')),
        password: orNull(text('Login at the address')),
        url: text('All of it as the URL of a proxy'),
        lentUntil: instant('When the lease ends by itself'),
        lifeSeconds: orNull(seconds('Life that the address has left; null: endless')),
        country: orNull(text('Country code, where the vendor states it')),
        area: orNull(text('Province or region')),
        city: orNull(text('City')),
        isp: orNull(text('Carrier')),
      }),
      'Each address once',
    ),
  }),
)

export const releaseReply = named(
  'ReleasedLease',
  'The lease has ended.',
  z.strictObject({ lease: text('The lease'), released: flag('true') }),
)

/** `type` as proxy_pool knows it: all our addresses carry HTTPS, so it chooses nothing. */
export const poolClientQuery = z.strictObject({
  type: z.string().max(16).optional().meta({ description: 'https, or nothing: all addresses carry both' }),
})

export const deleteQuery = z.strictObject({
  proxy: z.string().max(1_024).meta({ description: 'host:port, with or without a login in front of it' }),
})

const poolClientProxy = {
  proxy: text('host:port, with user:password@ in front of it where the address demands a login'),
  https: flag('true'),
  fail_count: count('Failures in a row'),
  region: text('Place, where the vendor states it'),
  anonymous: text('Empty: not known'),
  source: text('Name of the provider'),
  check_count: count('Connections through it, ever'),
  last_status: flag('Whether the latest use succeeded'),
  last_time: text('When it worked last; empty: not yet'),
}

const noProxy = { code: count('0'), src: text('no proxy') }

export const poolClientReply = named(
  'PoolProxy',
  'A proxy in the form of jhao104/proxy_pool; `code` and `src` alone when there is none.',
  z.union([z.strictObject(poolClientProxy), z.strictObject(noProxy)]),
)

export const poolClientList = named(
  'PoolProxies',
  'Proxies in the form of jhao104/proxy_pool.',
  z.array(z.strictObject(poolClientProxy)),
)

export const deleteReply = named(
  'PoolDelete',
  'The answer of jhao104/proxy_pool.',
  z.strictObject({ code: count('0'), src: count('1: the address rests; 0: there is no such address') }),
)

export const countReply = named(
  'PoolCount',
  'The answer of jhao104/proxy_pool.',
  z.strictObject({
    http_type: z.record(z.string(), z.int()).meta({ description: 'How many carry https: all' }),
    source: z.record(z.string(), z.int()).meta({ description: 'How many of each provider' }),
    count: count('How many the client could be lent now'),
  }),
)

export type TakeQuery = Readonly<z.output<typeof takeQuery>>
export type TakeReply = Readonly<z.infer<typeof takeReply>>
export type LeaseReport = Readonly<TakeReply['addresses'][number]>
export type PoolProxy = Readonly<z.infer<z.ZodObject<typeof poolClientProxy>>>
