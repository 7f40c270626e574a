/** What goes on the wire of a generic vendor, and what of it must never be shown. */
import { Secret } from '../../secret.ts'
import type { Composed, Credentials, Params } from '../contract.ts'
import { percentDecoded } from '../parse/address.ts'
import { membersOf } from '../parse/reply.ts'
import type { GenericOwn } from './settings.ts'

const NUM = '{num}'

export function usesNum({ url, headers, body }: GenericOwn): boolean {
  return [url, body, ...Object.values(headers)].some((secret) => secret?.reveal().includes(NUM) === true)
}

/** @param params `num`: how many addresses are wanted */
export function compose(own: GenericOwn, { num = 1 }: Params): Composed {
  const fill = (secret: Secret) => secret.reveal().replaceAll(NUM, String(num))
  const headers = Object.fromEntries(
    Object.entries(own.headers).map(([name, value]) => [name.toLowerCase(), fill(value)]),
  )
  const url = new URL(fill(own.url))
  const login = loginHeader(url)
  url.username = ''
  url.password = ''
  const body = own.body === undefined ? undefined : fill(own.body)
  const type = body === undefined ? {} : { 'content-type': typeOf(body) }
  return { url: url.href, headers: { ...type, ...login, ...headers }, ...(body === undefined ? {} : { body }) }
}

function typeOf(body: string): string {
  return /^\s*[{[]/.test(body) ? 'application/json' : 'application/x-www-form-urlencoded'
}

/** `https://user:pass@host/list` means a Basic login (RFC 7617). */
function loginHeader({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const login = `${percentDecoded(username)}:${percentDecoded(password)}`
  return { authorization: `Basic ${Buffer.from(login).toString('base64')}` }
}

/**
 * The call as an account: the engine counts its calls by these and masks them wherever the vendor repeats them, the whole
 * and its parts, because vendors quote a key and not a link.
 */
export function credentialsOf(own: GenericOwn): Credentials {
  const { url, headers, body } = own
  const wholes: [string, Secret | undefined][] = [
    ['url', url],
    ['body', body],
    ...Object.entries(headers).map(([name, value]): [string, Secret] => [`header ${name}`, value]),
  ]
  const parts = [
    ...partsOfUrl(url.reveal()),
    ...Object.values(headers).flatMap((value) => partsOfHeader(value.reveal())),
    ...(body === undefined ? [] : partsOfBody(body.reveal())),
  ]
  const kept = [...new Set(parts)].filter((part) => part.length >= MIN_SECRET && !part.includes(NUM))
  return Object.fromEntries([...wholes, ...kept.map((part, n): [string, Secret] => [`part ${n}`, new Secret(part)])])
}

/** Shorter ones are no keys: masking every `1` would make the vendor's words unreadable. */
const MIN_SECRET = 4
/** Segments of a path are words, unless they are this long. */
const MIN_SECRET_SEGMENT = 8

function partsOfUrl(written: string): string[] {
  const url = new URL(written.replaceAll(NUM, '0'))
  const query = written.split('?')[1] ?? ''
  const raw = query.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1))
  const segments = url.pathname.split('/').filter((segment) => segment.length >= MIN_SECRET_SEGMENT)
  return [
    ...raw,
    ...url.searchParams.values(),
    ...[url.username, url.password, ...segments].flatMap((part) => [part, percentDecoded(part)]),
  ]
}

/** `Bearer <token>`, `Basic <base64 of user:password>`, `name=value; name=value`. */
function partsOfHeader(value: string): string[] {
  const words = value.split(/[\s,;]+/)
  const basic = /^Basic\s+(\S+)$/i.exec(value)?.[1]
  const login = basic === undefined ? [] : Buffer.from(basic, 'base64').toString('utf8').split(':')
  return [...words, ...words.map((word) => word.slice(word.indexOf('=') + 1)), ...login]
}

function partsOfBody(body: string): string[] {
  const leaves = leavesOf(body)
  if (leaves !== undefined) return leaves
  return [...new URLSearchParams(body).values(), ...body.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1))]
}

function leavesOf(body: string): string[] | undefined {
  try {
    const found: string[] = []
    const visit = (value: unknown): void => {
      if (typeof value === 'string' || typeof value === 'number') found.push(String(value))
      for (const member of Object.values(membersOf(value) ?? (Array.isArray(value) ? value : {}))) visit(member)
    }
    visit(JSON.parse(body.replaceAll(NUM, '0')))
    return found
  } catch {
    return undefined // no JSON
  }
}
