/**
 * The schema of gateway.yaml: shape, defaults, ranges and descriptions. The types of the code, the JSON Schema for editors
 * and the tables of the documents are made from it.
 *
 * Keys have the same spelling in YAML and in the code. After parsing every duration is a number of milliseconds, every size a
 * number of octets, every secret a `Secret`, and a feature that may be switched off has the word `off`.
 */
import { z } from 'zod'
import type { Secret } from '../secret.ts'
import { parseRedisUrl } from '../store/redis/url.ts'
import { bytes, duration, filePath, integer, listenHost, secret, someOf, text } from './fields.ts'
import { admin, listener } from './listen-schema.ts'
import {
  type ApiProvider,
  type Catalogue,
  type DemoProvider,
  type GatewayProvider,
  type GenericProvider,
  type LinkProvider,
  providerSchema,
  type StaticProvider,
} from './provider-schema.ts'
import { group, routes } from './routes-schema.ts'
import { ban, dial, pool, relay, rotation, session, wait } from './traffic-schema.ts'
import { webhook } from './webhook-schema.ts'

const limits = () =>
  z.strictObject({
    connections: integer(1, 1_000_000)
      .default(10_000)
      .meta({ description: 'Largest number of client connections; reduced to half of the descriptor limit.' }),
    handshake: duration({ min: 1 }).prefault('10s').meta({ description: 'Time-out of the handshake with a client.' }),
    headerBytes: bytes({ min: 1_024, max: 1_048_576 })
      .prefault('16KiB')
      .meta({ description: 'Largest size of a request head.' }),
    earlyBytes: bytes({ max: 16_777_216 })
      .prefault('64KiB')
      .meta({ description: 'Largest number of bytes kept from a client that sends before its tunnel is open.' }),
  })

const health = () =>
  z.strictObject({
    rest: duration({ min: 1 })
      .prefault('5s')
      .meta({ description: 'First pause of an address that failed; doubles with each failure in a row.' }),
    maxRest: duration({ min: 1 }).prefault('2m').meta({ description: 'Longest pause.' }),
    evictAfter: integer(1, 1_000)
      .default(3)
      .meta({ description: 'Failures in a row after which an address is removed.' }),
    evidence: duration({ min: 1 })
      .prefault('60s')
      .meta({ description: 'How long a refusal for a target is kept as evidence.' }),
  })

const supply = () =>
  z.strictObject({
    backoff: duration({ min: 1 })
      .prefault('1s')
      .meta({ description: 'First pause after a failed call to a vendor; doubles, with jitter.' }),
    maxBackoff: duration({ min: 1 }).prefault('30s').meta({ description: 'Longest such pause.' }),
    reprobe: duration({ min: 1 })
      .prefault('10m')
      .meta({ description: 'A stopped provider (wrong key, expired plan) is tried again after this time.' }),
    whitelistReprobe: duration({ min: 1 })
      .prefault('60s')
      .meta({ description: 'The same, when our address is missing on the whitelist.' }),
    bodyBytes: bytes({ min: 1_024, max: 67_108_864 })
      .prefault('1MiB')
      .meta({ description: "Largest size of a vendor's answer." }),
  })

/** The vendor calls it from outside, so it may listen on any address: without the path, a caller gets nothing. */
const callback = () =>
  z.union([
    z.literal('off'),
    z.strictObject({
      host: listenHost().default('127.0.0.1').meta({ description: 'Address of this machine to listen on.' }),
      port: integer(0, 65_535).meta({ description: 'A separate port.' }),
      path: secret({ maxBytes: 256 })
        .refine((path) => /^\/[\w./-]{16,}$/.test(path.reveal()), {
          error: 'begin with / and make it 16 or more letters and digits long',
        })
        .meta({
          description:
            'The only path that is answered, such as /callback/<32 random characters>. A secret, because ipipv does not sign its calls.',
        }),
    }),
  ])

const stop = () =>
  z.strictObject({
    drain: duration().prefault('8s').meta({ description: 'How long open tunnels may finish when the gateway stops.' }),
    takeover: duration()
      .prefault('10m')
      .meta({ description: 'How long they may continue after another process has taken over (`start --takeover`).' }),
  })

const state = () =>
  z
    .union([
      z.literal('off'),
      z.strictObject({
        path: filePath().default('./state').meta({ description: 'Folder, relative to this file; off = memory only.' }),
      }),
    ])
    .transform((value) => (value !== 'off' && value.path === 'off' ? ('off' as const) : value))

const cluster = () =>
  z.strictObject({
    url: secret()
      .refine((url) => parseRedisUrl(url.reveal()) !== undefined, {
        error: 'write redis://, rediss://, redis+sentinel:// or redis+cluster:// with host and port',
      })
      .meta({
        description:
          'Redis or Valkey: redis://USER:PASSWORD@HOST:PORT, rediss:// with TLS, redis+sentinel://HOST,HOST/MASTER, redis+cluster://HOST,HOST.',
      }),
    name: text({ maxBytes: 64 })
      .refine((name) => /^[\w.-]+$/.test(name), { error: 'use letters, digits, dot, hyphen and underscore' })
      .meta({ description: 'The same on all hosts of the cluster; part of every key in Redis.' }),
    secret: secret()
      .refine((value) => value.reveal().length >= 16, { error: 'make it 16 or more characters long' })
      .meta({ description: 'The same on all hosts: seals the logins of upstreams in Redis.' }),
  })

const log = () =>
  z.strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .meta({ description: 'The least important level that is written.' }),
    access: z
      .enum(['off', 'on'])
      .default('off')
      .meta({ description: 'One line per connection: host and port, never a path.' }),
    format: z
      .enum(['auto', 'json', 'pretty'])
      .default('auto')
      .meta({ description: 'auto: pretty on a terminal, JSON elsewhere.' }),
  })

/** With more workers, each has too few connections and addresses. */
const MAX_WORKERS = 64

/** The schema of a whole file, for the vendors in the catalogue. */
export function buildSchema(catalogue: Catalogue) {
  return z
    .strictObject({
      listen: someOf(listener())
        .prefault([{}])
        .meta({ description: 'One or more ports; each speaks HTTP proxy, SOCKS5 and SOCKS4/4a.' }),
      admin: admin().prefault({}).meta({ description: 'Health, metrics and the admin API; off for none.' }),
      providers: someOf(providerSchema(catalogue)).meta({ description: 'Where addresses come from.' }),
      groups: z
        .array(group())
        .default([])
        .meta({ description: 'Several providers under one name, with priority, weight and fallback.' }),
      routes: routes().default([]).meta({
        description: 'Where each connection goes; the first rule that matches wins. Without one: any provider.',
      }),
      pool: pool().prefault({}).meta({ description: 'How many addresses are held, and how long.' }),
      rotation: rotation().prefault({}).meta({ description: 'Which upstream serves which connection.' }),
      session: session().prefault({}).meta({ description: 'Clients that keep their upstream.' }),
      dial: dial().prefault({}).meta({ description: 'Opening connections to upstreams.' }),
      wait: wait().prefault({}).meta({ description: 'Clients that wait for an address.' }),
      relay: relay().prefault({}).meta({ description: 'Open tunnels.' }),
      bans: z
        .array(ban())
        .default([])
        .meta({ description: 'What shows that a target has banned an address, which then rests for that host.' }),
      limits: limits().prefault({}).meta({ description: 'What one client may cost.' }),
      health: health().prefault({}).meta({ description: 'What happens to an address that fails.' }),
      supply: supply().prefault({}).meta({ description: 'How vendors are called.' }),
      callback: callback()
        .default('off')
        .meta({ description: 'Where ipipv may say that an order or an instance changed; off for none.' }),
      webhook: webhook()
        .default('off')
        .meta({ description: 'Where warnings are sent that the operator should act on; off for none.' }),
      stop: stop().prefault({}).meta({ description: 'The end.' }),
      reload: z.enum(['manual', 'auto']).default('manual').meta({
        description:
          'When a changed file takes effect: manual: only on SIGHUP and `turnpike reload`; auto: when it is written.',
      }),
      state: state()
        .prefault({})
        .meta({ description: 'Where bought addresses and budgets survive a restart; off = memory only.' }),
      workers: z
        .union([z.literal('auto'), integer(1, MAX_WORKERS)])
        .default(1)
        .meta({ description: 'Processes that serve clients behind the same ports; auto: one for each core.' }),
      cluster: cluster()
        .optional()
        .meta({ description: 'Several hosts that share accounts, addresses and sessions through Redis.' }),
      log: log().prefault({}).meta({ description: 'What is written to the log.' }),
    })
    .meta({ title: 'Turnpike configuration', description: 'gateway.yaml' })
}

export type ConfigSchema = ReturnType<typeof buildSchema>

/** Deeply read-only. A key that is left out is absent, never `undefined`: YAML has no undefined. */
type DeepReadonly<T> = T extends Secret | string | number | boolean
  ? T
  : T extends readonly unknown[]
    ? { readonly [I in keyof T]: DeepReadonly<T[I]> }
    : { readonly [K in keyof T]: DeepReadonly<Exclude<T[K], undefined>> }

/** A whole configuration after parsing; units: see the top of this file. */
export type Config = DeepReadonly<z.infer<ConfigSchema>>
export type ListenConfig = Config['listen'][number]
export type AdminConfig = Exclude<Config['admin'], 'off'>
export type ProviderConfig = Config['providers'][number]
/** A provider with a vendor's API. */
export type ApiProviderConfig = DeepReadonly<ApiProvider>
type StaticProviderConfig = DeepReadonly<StaticProvider>
export type DemoProviderConfig = DeepReadonly<DemoProvider>
export type LinkProviderConfig = DeepReadonly<LinkProvider>
export type GenericProviderConfig = DeepReadonly<GenericProvider>
export type GatewayProviderConfig = DeepReadonly<GatewayProvider>

export const isStatic = (provider: ProviderConfig): provider is StaticProviderConfig => provider.vendor === 'static'
export const isDemo = (provider: ProviderConfig): provider is DemoProviderConfig => provider.vendor === 'demo'
/** A pasted link: an entry without a vendor. */
export const isLink = (provider: ProviderConfig): provider is LinkProviderConfig => provider.vendor === 'link'
export const isGeneric = (provider: ProviderConfig): provider is GenericProviderConfig => provider.vendor === 'generic'
export const isGateway = (provider: ProviderConfig): provider is GatewayProviderConfig => provider.vendor === 'gateway'
/** Whether it lists what the user has already: nothing is bought, and no budget is used. */
export const buysNothing = (provider: ProviderConfig): boolean =>
  isStatic(provider) || (isGeneric(provider) && 'owned' in provider && provider.owned === true)

/**
 * Providers whose upstreams may have loopback and private addresses: the demo's are on loopback, and for a list or a file the
 * user has chosen the addresses.
 */
export function privateProviders({ providers }: Pick<Config, 'providers'>): ReadonlySet<string> {
  const mayBe = (one: ProviderConfig) => one.allowPrivate || isDemo(one) || (isStatic(one) && one.url === undefined)
  return new Set(providers.filter(mayBe).map(({ name }) => name))
}
/** Whether the provider is an API of a vendor's table: checked by exclusion, because packages can add vendor names. */
export const isApi = (provider: ProviderConfig): provider is ApiProviderConfig =>
  !isStatic(provider) && !isDemo(provider) && !isGeneric(provider) && !isGateway(provider) && !isLink(provider)
