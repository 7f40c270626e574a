/**
 * The schema of one entry under `providers:`. The products of the vendors, the names of their credentials and their
 * parameters come in through `Catalogue`, so that a new vendor needs no change in this file. Longer than other files:
 * every kind of entry, with the keys that they share.
 */
import { z } from 'zod'
import type { Secret } from '../secret.ts'
import type { Param } from '../vendors/contract/operation.ts'
import {
  baseUrl,
  duration,
  filePath,
  integer,
  ipAddress,
  secret,
  secretUrl,
  socketAddress,
  someOf,
  text,
} from './fields.ts'
import { providerName } from './names.ts'
import { requestSchema } from './request-schema.ts'

/** What the schema needs from the vendors' tables. */
export interface Catalogue {
  readonly vendorNames: readonly string[]
  productsOf(vendor: string): readonly string[]
  credentialsOf(vendor: string): z.ZodType<Readonly<Record<string, Secret | undefined>>>
  /** The parameters of a product that a user may set under `request:`. */
  requestParamsOf(vendor: string, product: string): Readonly<Record<string, Param>>
  /** Keys of the entry that only this product has. */
  ownKeysOf?(vendor: string, product: string): Readonly<Record<string, z.ZodType>>
}

const MAX_ADDRESSES = 1_000_000_000

const tls = () =>
  z
    .union([
      z.boolean(),
      z.strictObject({
        verify: z.boolean().default(true).meta({ description: 'Check the certificate. Off only for tests.' }),
        servername: text({ maxBytes: 253 })
          .optional()
          .meta({ description: 'Name in the certificate, if it differs from the host.' }),
        ca: filePath()
          .optional()
          .meta({ description: 'PEM file of the CA that signed the certificate; relative to this file.' }),
      }),
    ])
    .transform((value) => (value === true ? { verify: true } : value))

const upstream = () =>
  z
    .strictObject({
      username: secret({ maxBytes: 255 })
        .optional()
        .meta({ description: 'User name at the upstreams. Also a secret: some vendors use the API key.' }),
      password: secret({ maxBytes: 255 }).optional().meta({ description: 'Password at the upstreams.' }),
      protocol: z.enum(['http', 'socks5']).optional().meta({
        description: 'Protocol when a port of the vendor supports both. Default: the one that the vendor names.',
      }),
      tls: tls().prefault(false).meta({
        description: 'Speak TLS to the upstreams (https proxies): true, or the options of the certificate check.',
      }),
    })
    .prefault({})
    .meta({ id: 'upstream', description: 'Login at the upstreams, where the vendor tells none per address.' })

const budget = () =>
  z
    .strictObject({
      perHour: integer(1, MAX_ADDRESSES).optional().meta({ description: 'Largest number of addresses in any hour.' }),
      perDay: integer(1, MAX_ADDRESSES)
        .optional()
        .meta({ description: 'Largest number of addresses in any 24 hours.' }),
      total: integer(1, MAX_ADDRESSES).optional().meta({ description: 'Largest number of addresses in total.' }),
    })
    .prefault({})
    .meta({ id: 'budget', description: 'How many addresses may be bought. A missing figure is no limit.' })

/** Keys that every provider has, whatever its vendor. An `id` writes a group only once in the JSON Schema. */
const common = () => ({
  name: providerName().meta({
    description: 'Your name for this provider: in logs, metrics and the option `provider`.',
  }),
  priority: integer(0, 1_000).default(1).meta({ description: 'Lower buys first.' }),
  weight: integer(1, 1_000).default(1).meta({ description: 'Share among providers of the same priority.' }),
  ceiling: integer(1, 1_000_000)
    .optional()
    .meta({ description: 'Largest number of addresses held from this provider.' }),
  ttl: duration({ min: 1 }).optional().meta({ description: 'Life of an address when the vendor reports none.' }),
  budget: budget(),
  limit: z
    .strictObject({
      share: z.number().gt(0).max(1).default(1).meta({
        description:
          'Part of the documented call limit that this gateway may use: 0.25 for one of four hosts on one key.',
      }),
    })
    .prefault({})
    .meta({ description: 'How fast the vendor may be called.' }),
  price: z
    .number()
    .min(0)
    .max(1_000_000)
    .optional()
    .meta({ description: 'Price of one address, for the cost figures.' }),
  lowStock: integer(0, MAX_ADDRESSES)
    .optional()
    .meta({ description: "Warn when the vendor's balance falls below this." }),
  expiresSoon: duration().prefault('3d').meta({
    description: 'Warn when the plan at the vendor ends within this time, if the vendor reports it. 0: never.',
  }),
  callTimeout: duration({ min: 1 }).prefault('10s').meta({ description: 'Time-out of one call to the vendor.' }),
  allowPrivate: z
    .boolean()
    .default(false)
    .meta({ description: 'Accept loopback and private addresses from the vendor, for tests and VPNs.' }),
  upstream: upstream(),
})

type Common = ReturnType<typeof common>

const apiProvider = (shared: Common, catalogue: Catalogue, vendor: string, product: string) =>
  z.strictObject({
    ...catalogue.ownKeysOf?.(vendor, product),
    ...shared,
    vendor: z.literal(vendor).meta({ description: 'Whose API this is.' }),
    product: productKey(catalogue, vendor, product).meta({
      description:
        'The product at the vendor; determines the operations and the call limit. May be left out where the vendor has one only.',
    }),
    credentials: catalogue
      .credentialsOf(vendor)
      .meta({ description: "The account's keys, with the vendor's own names." }),
    request: requestSchema(catalogue.requestParamsOf(vendor, product)).meta({
      description: "The vendor's own parameters, sent with every extraction.",
    }),
    ...apiKeys(),
  })

/** The only product of a vendor need not be named. */
function productKey(catalogue: Catalogue, vendor: string, product: string) {
  const key = z.literal(product)
  return catalogue.productsOf(vendor).length === 1 ? key.default(product) : key
}

/** Keys of every provider with a vendor's API, including one that is defined by a link. */
const apiKeys = () => ({
  channels: integer(1, 100_000)
    .optional()
    .meta({ description: 'Number of channels of the plan; the documented call limit depends on it.' }),
  ...elsewhere(),
})

/** The base URL of the API, and how our address is registered there. */
const elsewhere = () => ({
  baseUrl: baseUrl().optional().meta({ description: 'The same API elsewhere: scheme, host, port, path prefix.' }),
  whitelist: z
    .union([
      z.enum(['auto', 'off']),
      z.strictObject({ ip: ipAddress().meta({ description: 'Our public address as the vendor sees it.' }) }),
    ])
    .default('off')
    .meta({
      description: "auto, or { ip }: register our address with the vendor's own call when it is missing there.",
    }),
})

/** The link determines the vendor, so `vendor` is left out. What the link must contain is in the vendors' tables (registry). */
const linkProvider = (shared: Common) =>
  z
    .strictObject({
      ...shared,
      vendor: z.literal('link').optional().meta({ description: 'Left out: the link tells whose it is.' }),
      url: secretUrl().meta({ description: "An extraction link, copied whole from the vendor's page. A secret." }),
      product: text()
        .optional()
        .meta({ description: 'What was bought there, where the link may be for several products.' }),
      credentials: z
        .strictObject({ key: secret().meta({ description: 'The key that signs such links.' }) })
        .optional()
        .meta({ description: 'With the key a signed link is signed anew: count and parameters can change.' }),
      ...apiKeys(),
    })
    .transform((provider) => ({ ...provider, vendor: 'link' as const }))

const staticProvider = (shared: Common) =>
  z.strictObject({
    ...shared,
    vendor: z.literal('static').meta({ description: 'A list of proxies of your own.' }),
    list: someOf(socketAddress())
      .optional()
      .meta({ description: 'ip:port, ip:port:user:password or scheme://user:password@host:port.' }),
    file: filePath().optional().meta({ description: 'A file of such lines, relative to this file.' }),
    url: secretUrl().optional().meta({ description: 'A link that returns such lines.' }),
  })

/** Its keys are a vendor's table that includes the call limit, so its `limit` differs. */
const genericProvider = (shared: Common, own: Readonly<Record<string, z.ZodType>>) =>
  z.strictObject({
    ...own,
    ...shared,
    limit: (own['limit'] ?? shared.limit) as typeof shared.limit,
    vendor: z.literal('generic').meta({ description: 'Any API that answers a call with a list of addresses.' }),
    ...elsewhere(),
  })

/** No API, so none of the API's keys. */
const gatewayProvider = (shared: Common, own: Readonly<Record<string, z.ZodType>>) =>
  z.strictObject({
    ...own,
    ...shared,
    vendor: z.literal('gateway').meta({ description: 'One fixed host whose user name chooses session and place.' }),
  })

const demoProvider = (shared: Common) =>
  z.strictObject({
    ...shared,
    vendor: z
      .literal('demo')
      .meta({ description: 'The pretend vendor inside Turnpike: real loopback proxies that expire.' }),
    fetch: z.boolean().default(false).meta({
      description:
        'Connect to real targets other than whoami.demo. They see your own address. Targets on this machine or in its network need allowPrivate too.',
    }),
    channels: integer(1, 1_000).default(20).meta({ description: 'Largest number of addresses held at once.' }),
    life: lifeRange().prefault(['60s', '120s']).meta({ description: 'Shortest and longest life of an address.' }),
  })

const lifeRange = () =>
  z
    .tuple([duration({ min: 1 }), duration({ min: 1 })])
    .refine(([shortest, longest]) => shortest <= longest, { error: 'the shortest life comes first' })

export type ApiProvider = z.infer<ReturnType<typeof apiProvider>>
export type LinkProvider = z.infer<ReturnType<typeof linkProvider>>
export type StaticProvider = z.infer<ReturnType<typeof staticProvider>>
export type DemoProvider = z.infer<ReturnType<typeof demoProvider>>
export type GenericProvider = z.infer<ReturnType<typeof genericProvider>>
export type GatewayProvider = z.infer<ReturnType<typeof gatewayProvider>>

/** Vendors whose entries have a schema of their own. */
const OWN_SHAPES: readonly string[] = ['static', 'demo', 'generic', 'gateway']

/** One provider: distinguished by `vendor`, then by `product`, so that an editor offers the keys that fit. */
export function providerSchema(catalogue: Catalogue) {
  const shared = common()
  const vendors = catalogue.vendorNames.filter((vendor) => !OWN_SHAPES.includes(vendor))
  const sold = vendors.flatMap((vendor) => {
    const [first, ...others] = catalogue
      .productsOf(vendor)
      .map((product) => apiProvider(shared, catalogue, vendor, product))
    if (first === undefined) return []
    return [others.length === 0 ? first : z.discriminatedUnion('product', [first, ...others])]
  })
  const has = (vendor: string) => catalogue.vendorNames.includes(vendor)
  const tables = [
    ...(has('generic') ? [genericProvider(shared, catalogue.ownKeysOf?.('generic', 'list') ?? {})] : []),
    ...(has('gateway') ? [gatewayProvider(shared, catalogue.ownKeysOf?.('gateway', 'sessions') ?? {})] : []),
  ]
  return z.discriminatedUnion('vendor', [
    staticProvider(shared),
    demoProvider(shared),
    linkProvider(shared),
    ...tables,
    ...sold,
  ])
}

/** The keys that can be read of a provider whose vendor or product is unknown: those that all providers share. */
export const anyProviderSchema = () => z.looseObject(common())
