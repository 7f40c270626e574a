/** What goes on the wire of a generic vendor, and what of it must never be shown. */
import { Secret } from '../../secret.ts'
import { secretsInLink } from '../client/redact.ts'
import type { Composed, Credentials, Params } from '../contract.ts'
import { splitLogin } from '../parse/link.ts'
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
  const { url, headers: login } = splitLogin(new URL(fill(own.url)))
  const body = own.body === undefined ? undefined : fill(own.body)
  const type = body === undefined ? {} : { 'content-type': typeOf(body) }
  return { url: url.href, headers: { ...type, ...login, ...headers }, ...(body === undefined ? {} : { body }) }
}

function typeOf(body: string): string {
  return /^\s*[{[]/.test(body) ? 'application/json' : 'application/x-www-form-urlencoded'
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
    // As written, for `{num}` is no part of a key.
    ...secretsInLink(url.reveal().replaceAll(NUM, '0')),
    ...Object.values(headers).flatMap((value) => partsOfHeader(value.reveal())),
    ...(body === undefined ? [] : partsOfBody(body.reveal())),
  ]
  const kept = [...new Set(parts)].filter((part) => part.length >= MIN_SECRET && !part.includes(NUM))
  return Object.fromEntries([...wholes, ...kept.map((part, n): [string, Secret] => [`part ${n}`, new Secret(part)])])
}

/** Shorter ones are no keys: masking every `1` would make the vendor's words unreadable. */
const MIN_SECRET = 4

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
