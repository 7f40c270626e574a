/** The secrets of an entry, and what identifies its account. */
import { Secret } from '../../secret.ts'
import { secretsInLink } from '../client/redact.ts'
import type { Credentials } from '../contract/operation.ts'
import { membersOf } from '../parse/reply.ts'
import { namesIn, withEveryName } from '../parse/template.ts'
import type { CallSettings } from './call-settings.ts'
import type { GenericOwn } from './settings.ts'

const ORIGIN = 'origin'
/** All parameters in one text: a single one may be as short as `1`, which must not be masked everywhere. */
const PARAMS = 'parameters'
const named = (name: string) => `credential ${name}`

/**
 * The account: its calls are counted by these values, and they are masked wherever the vendor repeats them, as a whole and in
 * parts, because vendors quote a key without the link.
 */
export function credentialsOf(own: GenericOwn): Credentials {
  const { url, body, headers } = own
  const calls = callsOf(own)
  const known: [string, Secret | undefined][] = [
    ...Object.entries(own.credentials).map(([name, value]): [string, Secret] => [named(name), value]),
    [ORIGIN, new Secret(new URL(filledIn(url.reveal())).origin)],
    ['url', url],
    ['body', body],
    [PARAMS, new Secret(JSON.stringify(paramsOf(own).map(([name, value]) => [name, value.reveal()])))],
    ...Object.entries(headers).map(([name, value]): [string, Secret] => [`header ${name}`, value]),
  ]
  const parts = [...new Set(calls.flatMap(partsOf))].filter((part) => part.length >= MIN_SECRET && !isTemplate(part))
  return Object.fromEntries([...known, ...parts.map((part, n): [string, Secret] => [`${n}`, new Secret(part)])])
}

/** An account with named keys is counted by them at its host; else by the whole call. */
export function countedBy({ credentials, headers }: GenericOwn): string[] {
  const keys = Object.keys(credentials)
  if (keys.length > 0) return [ORIGIN, ...keys.map(named)]
  return ['url', 'body', PARAMS, ...Object.keys(headers).map((name) => `header ${name}`)]
}

function callsOf({ operations, login, ...own }: GenericOwn): CallSettings[] {
  const others = [login, ...Object.values(operations)].filter((call) => call !== undefined)
  return [own, ...others]
}

function paramsOf({ query = {}, form = {}, json }: Pick<CallSettings, 'query' | 'form' | 'json'>): [string, Secret][] {
  return [
    ...Object.entries(query),
    ...Object.entries(form),
    ...(json === undefined ? [] : [['json', json] as [string, Secret]]),
  ]
}

const filledIn = (template: string): string => withEveryName(template, '0')
const isTemplate = (text: string): boolean => namesIn(text).length > 0

function partsOf({ url, headers, body, sign = [], ...call }: CallSettings): string[] {
  return [
    // As written, because a placeholder is not part of a key.
    ...secretsInLink(filledIn(url.reveal())),
    ...Object.values(headers).flatMap((value) => partsOfHeader(value.reveal())),
    ...(body === undefined ? [] : partsOfBody(body.reveal())),
    ...paramsOf(call).flatMap(([, value]) => leavesOf(value.reveal()) ?? [value.reveal()]),
    ...sign.flatMap(({ key }) => key?.reveal() ?? []),
  ]
}

/** Shorter values are not keys: masking every `1` would make the vendor's message unreadable. */
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
    visit(JSON.parse(filledIn(body)))
    return found
  } catch {
    return undefined // not JSON
  }
}
