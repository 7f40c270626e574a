/**
 * Building blocks of the configuration's schema: each one parses what a user writes into what the code needs.
 * Durations become milliseconds, sizes become octets, secrets become `Secret`.
 *
 * No message repeats the value that it refuses: the value may come from the environment. The message has the place in the file.
 * The `pattern` and `examples` of the metadata are for editors, through config/gateway.schema.json.
 */
import { BlockList, isIP, isIPv4 } from 'node:net'
import { domainToASCII } from 'node:url'
import { z } from 'zod'
import { Secret } from '../secret.ts'

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
}
const YEAR_MS = 366 * 86_400_000

/** In an editor a value may also be a `${NAME}`, whose value is known only at start. */
export const orEnvironment = (pattern: string): string => `^(?:${pattern}|.*\\$\\{.+\\}.*)$`

type Context = z.core.$RefinementCtx<unknown>

/** Reports a mistake of a transformation. */
export function refuse(ctx: Context, message: string): never {
  ctx.addIssue({ code: 'custom', message })
  return z.NEVER
}

/** Milliseconds of `30s`, `500ms`, `10m`, `2h`, `1d` or `0`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const parts = /^(\d{1,15})(ms|s|m|h|d)$/.exec(text)
  const unit = DURATION_UNITS[parts?.[2] ?? '']
  return unit === undefined ? undefined : Number(parts?.[1]) * unit
}

/** The shortest exact spelling of a whole number of milliseconds: `90s`, `2h`, `0`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0'
  for (const unit of ['d', 'h', 'm', 's']) {
    const length = DURATION_UNITS[unit] ?? 1
    if (ms % length === 0) return `${ms / length}${unit}`
  }
  return `${ms}ms`
}

/** Octets of `16KiB`, `1MiB`, `64KB` or a whole number; undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const parts = /^(\d{1,15})(B|KB|MB|GB|KiB|MiB|GiB)?$/.exec(text)
  return parts === null ? undefined : Number(parts[1]) * (SIZE_UNITS[parts[2] ?? 'B'] ?? 1)
}

interface DurationRange {
  /** Milliseconds. */
  readonly min?: number
  /** Milliseconds; at most a year by default, so that a wrong unit is noticed. */
  readonly max?: number
}

function readDuration(raw: unknown, range: DurationRange, alternatives: string, ctx: Context): number {
  if (typeof raw === 'number' && raw !== 0) return refuse(ctx, `write a unit, as in 30s${alternatives}`)
  const ms = raw === 0 ? 0 : typeof raw === 'string' ? parseDuration(raw) : undefined
  if (ms === undefined) {
    return refuse(ctx, `write a whole number and a unit (ms, s, m, h, d), as in 500ms, 30s or 10m${alternatives}`)
  }
  const { min = 0, max = YEAR_MS } = range
  if (ms < min) return refuse(ctx, `must be at least ${formatDuration(min)}`)
  if (ms > max) return refuse(ctx, `must be at most ${formatDuration(max)}`)
  return ms
}

const DURATION_PATTERN = '0|\\d+(?:ms|s|m|h|d)'
const zeroOr = (pattern: string) => ({ anyOf: [{ const: 0 }, { type: 'string', pattern: orEnvironment(pattern) }] })

/** A length of time with its unit; milliseconds after parsing. */
export function duration(range: DurationRange = {}) {
  return z
    .unknown()
    .transform((raw, ctx) => readDuration(raw, range, '', ctx))
    .meta({ ...zeroOr(DURATION_PATTERN), examples: ['500ms', '30s', '10m'] })
}

/**
 * A length of time, or one of a few words (`off`, `auto`) that are kept as they are.
 * @param more further words, of which `words` has an example
 */
export function durationOr<const Word extends string>(
  words: readonly Word[],
  range: DurationRange = {},
  more: RegExp = /^\b$/,
) {
  const isWord = (raw: unknown): raw is Word =>
    (words as readonly unknown[]).includes(raw) || (typeof raw === 'string' && more.test(raw))
  return z
    .unknown()
    .transform((raw, ctx) => (isWord(raw) ? raw : readDuration(raw, range, `, or ${words.join(' or ')}`, ctx)))
    .meta({
      ...zeroOr([...words.filter((word) => !more.test(word)), more.source.slice(1, -1), DURATION_PATTERN].join('|')),
      examples: [...words, '500ms', '30s'],
    })
}

/** A size; octets after parsing. */
export function bytes(range: { readonly min?: number; readonly max?: number } = {}) {
  const { min = 0, max = 1_073_741_824 } = range
  return z
    .unknown()
    .transform((raw, ctx) => {
      const size = typeof raw === 'number' || typeof raw === 'string' ? parseBytes(String(raw)) : undefined
      if (size === undefined) return refuse(ctx, 'write a size, as in 16KiB, 1MiB or 65536')
      if (size < min) return refuse(ctx, `must be at least ${min} bytes`)
      return size <= max ? size : refuse(ctx, `must be at most ${max} bytes`)
    })
    .meta({
      type: ['string', 'integer'],
      pattern: orEnvironment('\\d+(?:B|KB|MB|GB|KiB|MiB|GiB)?'),
      examples: ['16KiB', '1MiB'],
    })
}

/** A value that is never printed; best written as `${NAME}`. */
export function secret(options: { readonly maxBytes?: number; readonly mayBeEmpty?: boolean } = {}) {
  const { maxBytes = 8_192, mayBeEmpty = false } = options
  return z
    .string()
    .superRefine((value, ctx) => refuseUnprintable(value, { maxBytes, mayBeEmpty }, ctx))
    .transform((value) => new Secret(value))
    .meta({ examples: ['${NAME_OF_A_VARIABLE}'] })
}

/** A whole number in a range. */
export function integer(min: number, max: number) {
  return z.int().min(min).max(max)
}

/** A list that is not empty. Without zod's own `min`, which throws on a map that has a `length` key (zod 4.6.7). */
export function someOf<T extends z.ZodType>(item: T) {
  return z
    .array(item)
    .refine((list) => list.length > 0, { error: 'is an empty list; add an entry, or remove the key' })
    .meta({ minItems: 1 })
}

/** Text without control characters, for names and free text. */
export function text(options: { readonly maxBytes?: number; readonly mayBeEmpty?: boolean } = {}) {
  const { maxBytes = 1_024, mayBeEmpty = false } = options
  return z.string().superRefine((value, ctx) => refuseUnprintable(value, { maxBytes, mayBeEmpty }, ctx))
}

interface TextLimits {
  readonly maxBytes: number
  readonly mayBeEmpty: boolean
}

function refuseUnprintable(value: string, { maxBytes, mayBeEmpty }: TextLimits, ctx: Context): void {
  if (value === '' && mayBeEmpty) return
  if (value === '') refuse(ctx, 'is empty')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  else if (/[\u0000-\u001f\u007f]/.test(value)) refuse(ctx, 'holds a line break or another control character')
  else if (Buffer.byteLength(value) > maxBytes) refuse(ctx, `must be at most ${maxBytes} bytes long`)
}

/** An address of this machine to listen on: IPv4, IPv6 without brackets, or a host name. */
export function listenHost() {
  return z
    .string()
    .refine(isHost, { error: 'write an address of this machine, as in 127.0.0.1, ::1 or localhost' })
    .meta({ examples: ['127.0.0.1', '0.0.0.0', '::1'] })
}

const LABEL = /^[A-Za-z0-9-]{1,63}$/

function isHostName(value: string): boolean {
  return !value.startsWith('-') && value.split('.').every((label) => LABEL.test(label))
}

function isHost(value: string): boolean {
  // Digits and dots alone are a mistyped IPv4 address, not a name.
  return isIP(value) !== 0 || (isHostName(value) && !/^[\d.]+$/.test(value))
}

/** A block of client addresses; after parsing always with its prefix length (`10.1.2.3` becomes `10.1.2.3/32`). */
export function cidr() {
  return z
    .string()
    .transform((value, ctx) => {
      const [ip = '', bits, ...rest] = value.split('/')
      const longest = isIPv4(ip) ? 32 : 128
      const length = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
      if (rest.length > 0 || !isSubnet(ip, length)) {
        return refuse(ctx, 'write an address or a block, as in 192.168.1.20, 10.0.0.0/8 or fd00::/8')
      }
      return `${ip}/${length}`
    })
    .meta({ examples: ['127.0.0.0/8', '192.168.1.20'] })
}

function isSubnet(ip: string, length: number): boolean {
  if (isIP(ip) === 0 || Number.isNaN(length)) return false
  try {
    new BlockList().addSubnet(ip, length, isIPv4(ip) ? 'ipv4' : 'ipv6')
    return true
  } catch {
    return false // the prefix is longer than the address
  }
}

/** An IPv4 or IPv6 address. */
export function ipAddress() {
  return z
    .string()
    .refine((value) => isIP(value) !== 0, { error: 'write an IP address, as in 203.0.113.7' })
    .meta({ examples: ['203.0.113.7'] })
}

/** A target host: a name, `*.` and a name (every host below it), an address, or `*`. Lower case, punycode after parsing. */
export function hostPattern() {
  return z
    .string()
    .transform((value, ctx) => {
      if (value === '*' || isIP(value) !== 0) return value.toLowerCase()
      const wildcard = value.startsWith('*.') ? '*.' : ''
      const written = value.slice(wildcard.length)
      const name = domainToASCII(written)
      // Checked before as well: domainToASCII completes the short address 1.2.3 to 1.2.0.3.
      if (/^[\d.]+$/.test(written) || !isHost(name))
        return refuse(ctx, 'write a host, as in www.example.com, *.example.com or *')
      return `${wildcard}${name}`
    })
    .meta({ examples: ['www.example.com', '*.example.com'] })
}

/** The base URL of an API: scheme, host, port, path prefix; without the last slash after parsing. */
export function baseUrl() {
  return z
    .string()
    .transform((value, ctx) => {
      const url = readHttpUrl(value)
      if (url === undefined) return refuse(ctx, 'write an address that begins with http:// or https://')
      if (url.username !== '' || url.password !== '') return refuse(ctx, 'a login does not belong in this address')
      if (url.search !== '' || url.hash !== '') return refuse(ctx, 'leave out everything from ? or # on')
      return withoutTrailingSlashes(url.href)
    })
    .meta({ pattern: orEnvironment('https?://.+'), examples: ['http://127.0.0.1:9000'] })
}

function withoutTrailingSlashes(href: string): string {
  let end = href.length
  while (href[end - 1] === '/') end--
  return href.slice(0, end)
}

/** A link that is fetched unchanged. Links of vendors contain keys, so it is a secret. */
export function secretUrl() {
  return z
    .string()
    .transform((value, ctx) => {
      if (readHttpUrl(value) === undefined) return refuse(ctx, 'write a link that begins with http:// or https://')
      return new Secret(value)
    })
    .meta({ pattern: orEnvironment('https?://.+') })
}

function readHttpUrl(value: string): URL | undefined {
  const url = URL.parse(value)
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') ? url : undefined
}

/** A path in the file system; relative ones are resolved against the configuration's own folder by load.ts. */
export function filePath() {
  return text({ maxBytes: 4_096 })
}

/** One line of a proxy list. It may contain a login, so it is a secret; the static vendor parses it. */
export function socketAddress() {
  return secret({ maxBytes: 2_048 }).meta({ examples: ['203.0.113.7:8080'] })
}
