/** Header fields of a reply, and the cookies that it sets. */
import type { Life } from '../contract/delivery.ts'
import type { RawReply } from '../contract/operation.ts'
import { httpDate } from '../parse/time.ts'

/** By name; names of header fields are in lower case. */
export interface Outside {
  readonly header: Readonly<Record<string, string>>
  readonly cookie: Readonly<Record<string, string>>
  /** The lives that cookies state. */
  readonly lives: Readonly<Record<string, Life>>
}

export function outsideOf({ headers }: RawReply): Outside {
  const fields = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), textOf(value)] as const)
  const cookies = textsOf(headers['set-cookie']).flatMap((line) => cookieIn(line) ?? [])
  return {
    header: Object.fromEntries(fields),
    cookie: Object.fromEntries(cookies.map(({ name, value }) => [name, value])),
    lives: Object.fromEntries(cookies.map(({ name, life }) => [name, life])),
  }
}

type Values = RawReply['headers'][string]

const textsOf = (value: Values): readonly string[] => (typeof value === 'string' ? [value] : (value ?? []))
const textOf = (value: Values): string => textsOf(value)[0] ?? ''

/** RFC 6265 section 5.2. Undefined for a line that is no cookie. */
function cookieIn(line: string): { readonly name: string; readonly value: string; readonly life: Life } | undefined {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
  const at = pair.indexOf('=')
  if (at < 1) return undefined
  const stated = new Map(attributes.map((attribute) => attributeIn(attribute)))
  return { name: pair.slice(0, at).trim(), value: pair.slice(at + 1).trim(), life: lifeOf(stated) }
}

function attributeIn(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text.toLowerCase(), ''] : [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()]
}

/** Max-Age has priority. */
function lifeOf(attributes: ReadonlyMap<string, string>): Life {
  const [, seconds] = /^(\d{1,10})$/.exec(attributes.get('max-age') ?? '') ?? []
  if (seconds !== undefined) return { kind: 'for', ms: Number(seconds) * 1_000 }
  const wallMs = httpDate((attributes.get('expires') ?? '').replace(/^(\w{3}, \d\d)-(\w{3})-/, '$1 $2 '))
  return wallMs === undefined ? { kind: 'unknown' } : { kind: 'until', wallMs }
}
