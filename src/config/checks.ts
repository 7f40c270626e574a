/**
 * Checks that concern several keys: keys that contradict each other. They read a *draft*, which holds every readable value of
 * a file that may have other mistakes, so that all mistakes are reported together.
 */
import { isIP } from 'node:net'
import { z } from 'zod'
import { isEveryAddress, isLoopback, unmapIPv4 } from '../address.ts'
import { collectable } from '../structures/collectable.ts'
import type { EntryProblem } from '../vendors/contract/vendor.ts'
import { type Finding, valueAt } from './explain.ts'
import { cidr, duration, durationOr, text } from './fields.ts'
import { nearest } from './nearest.ts'

/** The value of a key when it is valid, else undefined. */
const readable = <T extends z.ZodType>(schema: T) => schema.optional().catch(undefined)
const list = <T extends z.ZodType>(item: T) => z.array(item).optional().catch(undefined)
/** An object whose members are all valid or absent; any other value counts as an empty object. */
const group = <T extends z.ZodRawShape>(shape: T) => {
  const schema = z.object(shape)
  return schema.catch(() => schema.parse({}))
}
/** The value as written, valid or not. */
const given = () => z.unknown().optional()
const word = () => readable(text())

const draftSchema = collectable(() =>
  group({
    listen: list(
      group({
        host: word().transform((host) => host ?? '127.0.0.1'),
        port: readable(z.int()).transform((port) => port ?? 8080),
        provider: word(),
        allow: list(readable(cidr())),
        users: list(group({ name: word(), password: readable(z.string()), providers: list(word()) })),
      }),
    ).transform((listeners) => listeners ?? [{ host: '127.0.0.1', port: 8080 }]),
    admin: z
      .union([z.literal('off'), group({ host: word(), port: readable(z.int()), token: readable(z.string()) })])
      .prefault({})
      .catch('off'),
    callback: group({ host: word(), port: readable(z.int()) }).optional(),
    providers: list(
      group({
        name: word(),
        vendor: word(),
        product: word(),
        list: given(),
        file: given(),
        url: given(),
        ttl: readable(duration()),
        life: readable(z.tuple([duration(), duration()])),
        upstream: group({ username: given(), password: given() }).optional(),
      }),
    ).transform((providers) => providers ?? []),
    pool: group({
      floor: readable(z.int()),
      ceiling: readable(z.int()),
      minLife: readable(durationOr(['auto'])),
      margin: readable(durationOr(['auto'])),
    }).optional(),
    health: group({ rest: readable(duration()), maxRest: readable(duration()) }).optional(),
    supply: group({ backoff: readable(duration()), maxBackoff: readable(duration()) }).optional(),
  }),
)

type Draft = z.infer<ReturnType<typeof draftSchema>>
type Listener = Draft['listen'][number]
type Provider = Draft['providers'][number]

const finding = (path: Finding['path'], message: string, at: Finding['at'] = 'value'): Finding => ({
  path,
  message,
  at,
})

/** Checks of the vendor that concern several keys of an entry. */
type EntryCheck = (
  vendor: string,
  product: string | undefined,
  entry: Readonly<Record<string, unknown>>,
) => readonly EntryProblem[]

/**
 * @param raw the file's contents as plain values, valid or not
 * @param hidden texts that came from the environment: never shown, not even as a suggestion
 */
export function crossCheck(raw: unknown, hidden: ReadonlySet<string>, checkEntry: EntryCheck): readonly Finding[] {
  const draft = draftSchema().parse(raw)
  return [
    ...checkNames(draft),
    ...checkReferences(draft, hidden),
    ...checkPorts(draft),
    ...draft.listen.flatMap(checkExposure),
    ...checkAdmin(draft),
    ...checkOrder(draft),
    ...draft.providers.flatMap((provider, i) => [...checkProvider(provider, i), ...checkLife(provider, i, draft)]),
    ...draft.providers.flatMap((provider, i) => askVendor(provider, ['providers', i], raw, checkEntry)),
  ]
}

function askVendor({ vendor, product }: Provider, path: Finding['path'], raw: unknown, check: EntryCheck): Finding[] {
  const entry = valueAt(raw, path)
  if (typeof entry !== 'object' || entry === null) return []
  const seller = vendor ?? ('url' in entry && !('vendor' in entry) ? 'link' : undefined)
  if (seller === undefined) return []
  return check(seller, product, entry as Readonly<Record<string, unknown>>).map(({ path: inside, message, at }) =>
    finding([...path, ...inside], message, at),
  )
}

function checkNames({ providers, listen }: Draft): Finding[] {
  return [
    ...repeated(providers.map(({ name }) => name)).map((i) =>
      finding(['providers', i, 'name'], 'another provider has this name already'),
    ),
    ...listen.flatMap(({ users = [] }, l) =>
      repeated(users.map(({ name }) => name)).map((u) =>
        finding(['listen', l, 'users', u, 'name'], 'another user of this port has this name already'),
      ),
    ),
  ]
}

/** Indexes of the entries that equal an earlier entry. */
function repeated(names: readonly (string | undefined)[]): number[] {
  return [...names.keys()].filter((i) => names[i] !== undefined && names.indexOf(names[i]) < i)
}

function checkReferences({ providers, listen }: Draft, hidden: ReadonlySet<string>): Finding[] {
  const names = providers.flatMap(({ name }) => name ?? [])
  const findings: Finding[] = []
  const check = (name: string | undefined, path: Finding['path']) => {
    if (name === undefined || names.includes(name)) return
    const shown = names.filter((known) => !hidden.has(known))
    const meant = nearest(name, shown)
    const help = meant === undefined ? `providers here: ${shown.join(', ') || 'none'}` : `did you mean ${meant}?`
    findings.push(finding(path, `no provider has this name; ${help}`))
  }
  listen.forEach(({ provider, users = [] }, l) => {
    check(provider, ['listen', l, 'provider'])
    users.forEach((user, u) => {
      user.providers?.forEach((name, p) => {
        check(name, ['listen', l, 'users', u, 'providers', p])
      })
    })
  })
  return findings
}

function checkPorts({ listen, admin, callback }: Draft): Finding[] {
  const ports = listen.map(({ host, port }, l) => ({ host, port, path: ['listen', l, 'port'], owner: `listen[${l}]` }))
  if (admin !== 'off')
    ports.push({ host: admin.host ?? '127.0.0.1', port: admin.port ?? 8081, path: ['admin', 'port'], owner: 'admin' })
  if (callback?.port !== undefined)
    ports.push({
      host: callback.host ?? '127.0.0.1',
      port: callback.port,
      path: ['callback', 'port'],
      owner: 'callback',
    })
  return ports.flatMap(({ host, port, path }, i) => {
    const clash = ports.slice(0, i).find((other) => port !== 0 && other.port === port && overlap(other.host, host))
    return clash === undefined ? [] : [finding(path, `${clash.owner} listens on this port already`)]
  })
}

function overlap(one: string, other: string): boolean {
  const [a = '', b = ''] = [unmapIPv4(one), unmapIPv4(other)].map((host) => (host === 'localhost' ? '127.0.0.1' : host))
  return a === b || isEveryAddress(a) || isEveryAddress(b)
}
/** A port that other machines can reach must have users. A user with an empty password does not count as a login. */
function checkExposure({ host, users, allow }: Listener, l: number): Finding[] {
  if (isLoopback(host)) return []
  const open = allow?.findIndex((block) => block !== undefined && coversEverything(block))
  if (open === -1) return []
  if (users !== undefined) {
    const message =
      'is empty, and other machines can reach this port: set a password, or add an allow-list of client addresses'
    return users.flatMap(({ password }, u) =>
      password === '' ? [finding(['listen', l, 'users', u, 'password'], message)] : [],
    )
  }
  if (open === undefined) {
    return [
      finding(
        ['listen', l, 'host'],
        'other machines can reach this port: add users, or an allow-list of client addresses',
      ),
    ]
  }
  return [
    finding(
      ['listen', l, 'allow', open],
      'this allows everybody, and other machines can reach this port: add users, or allow less',
    ),
  ]
}

function coversEverything(block: string): boolean {
  const [ip = '', length] = block.split('/')
  // ::ffff:0:0/96 is the whole IPv4 range.
  return length === '0' || (isIP(ip) === 6 && /^::ffff:0(\.0\.0\.0|:0)?$/i.test(ip) && Number(length) <= 96)
}

function checkAdmin({ admin }: Draft): Finding[] {
  if (admin === 'off' || admin.host === undefined || isLoopback(admin.host) || admin.token !== undefined) return []
  return [finding(['admin', 'host'], 'other machines can reach the admin port: add a token')]
}

function checkOrder({ pool, health, supply }: Draft): Finding[] {
  const findings: Finding[] = []
  const check = (path: Finding['path'], low: number | undefined, high: number, words: string) => {
    if (low !== undefined && low > high) findings.push(finding(path, words))
  }
  const ceiling = pool?.ceiling ?? 50
  check(['pool', 'floor'], pool?.floor, ceiling, `is above pool.ceiling (${ceiling})`)
  check(['health', 'rest'], health?.rest, health?.maxRest ?? 120_000, 'is longer than health.maxRest')
  check(['supply', 'backoff'], supply?.backoff, supply?.maxBackoff ?? 30_000, 'is longer than supply.maxBackoff')
  return findings
}

function checkProvider({ vendor, list: lines, file, url, upstream }: Provider, i: number): Finding[] {
  const findings: Finding[] = []
  const sources = [lines, file, url].filter((source) => source !== undefined).length
  if (vendor === 'static' && sources !== 1) {
    findings.push(finding(['providers', i, 'vendor'], 'a static provider takes exactly one of list, file and url'))
  }
  if (upstream?.password !== undefined && upstream.username === undefined) {
    findings.push(finding(['providers', i, 'upstream', 'password'], 'a password needs a username beside it'))
  }
  return findings
}

/** Lives that are too short for a lease: the gateway would buy addresses that it can never lend. */
function checkLife({ ttl, life }: Provider, i: number, { pool }: Draft): Finding[] {
  // `auto` is always a fraction of the life.
  const minLife = typeof pool?.minLife === 'number' ? pool.minLife : 0
  const usable = (lifeMs: number) => lifeMs - (typeof pool?.margin === 'number' ? pool.margin : autoMargin(lifeMs))
  const words = 'no address would ever be lent: this life, less pool.margin, is not longer than pool.minLife'
  return [
    ...(ttl !== undefined && usable(ttl) <= minLife ? [finding(['providers', i, 'ttl'], words)] : []),
    ...(life !== undefined && usable(life[1]) <= minLife ? [finding(['providers', i, 'life'], words)] : []),
  ]
}

/** The value of the margin `auto`: a tenth of the life, 300 ms to 10 s. */
const autoMargin = (lifeMs: number): number => Math.min(Math.max(lifeMs / 10, 300), 10_000)
