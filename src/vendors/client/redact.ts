/**
 * What may be shown of a vendor's messages and replies. Known secrets are masked everywhere and in every encoding (`maskerOf`, for
 * errors and logs). For a reply that is shown to the operator, the operation's table defines the secrets (`Operation.secrets`);
 * members whose names suggest a secret are hidden as well.
 */
import { isIP } from 'node:net'
import { isHostName } from '../../address.ts'
import { Secret } from '../../secret.ts'
import type { Operation, Params, SecretForm } from '../contract/operation.ts'
import type { SourceSettings } from '../contract/source.ts'
import { parseEndpoint, percentDecoded, splitLoginInFront } from '../parse/address.ts'

const HIDDEN = '***'

/** Not `sign` within a word, as in `assigned`, nor `pass` in `passed`. */
const SOUNDS_SECRET =
  /passw|passwd|(^|_)pass(_|$)|pwd|secret|token|signature|(^|_)sign$|(^|_)(app|api|auth|access)_?key$|^key$/i
/** Shorter values occur everywhere: they are hidden only as whole values. */
const TELLING_LENGTH = 4
/** Words of many links, and of vendors' messages: no key is one of them. */
const COMMON_WORD = /^(?:https?|socks[45]|json|text|true|false|basic|bearer|token|whitelist|residential|datacenter)$/i
/** Deeper replies are not shown. */
const MAX_DEPTH = 40

interface Hiding {
  readonly rules: Readonly<Record<string, SecretForm>>
  readonly values: (text: string) => string
  readonly shown: readonly string[]
}

/**
 * @param data the decoded data of a successful reply
 * @param known secret values: credentials, signatures, logins
 * @param shown names of secret members that are shown all the same
 * @returns a copy of the data with `***` in place of every secret
 */
export function redact(
  operation: Operation,
  data: unknown,
  known: readonly string[],
  shown: readonly string[] = [],
): unknown {
  const hiding = { rules: operation.secrets ?? {}, values: hiderOf(known), shown }
  return hide(data, hiding, '$', 0)
}

function hide(value: unknown, hiding: Hiding, name: string, depth: number): unknown {
  const form = Object.hasOwn(hiding.rules, name) ? hiding.rules[name] : undefined
  if (value === null || value === undefined || typeof value === 'boolean' || hiding.shown.includes(name)) return value
  if (form === 'all' || SOUNDS_SECRET.test(name)) return value === '' ? value : HIDDEN
  if (typeof value === 'string') return hiding.values(hideIn(value, form))
  if (typeof value === 'number') return hiding.values(String(value)) === String(value) ? value : HIDDEN
  if (typeof value !== 'object' || value instanceof Secret || depth >= MAX_DEPTH) return HIDDEN
  if (Array.isArray(value)) return value.map((item: unknown) => hide(item, hiding, name, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [hiding.values(key), hide(member, hiding, key, depth + 1)]),
  )
}

function hideIn(text: string, form: SecretForm | undefined): string {
  if (form === 'link') return hideBehindHost(text)
  if (form === 'login') return text.replace(/[^\s|]+/g, (part) => hideLogin(part))
  return form === 'account' ? text.replace(/[^\s|]+/g, (part) => hideLogin(part, 'account')) : text
}

/** `https://host/***`: the rest of a link gives access to its contents. */
function hideBehindHost(text: string): string {
  if (text === '') return text
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url === undefined || url.host === '' ? HIDDEN : `${url.protocol}//${url.host}/${HIDDEN}`
}

/**
 * Masks one text in the vendors' formats: `scheme://user:pass@host:port`, `host:port:user:pass`, `host:port,281:user:pass`,
 * `user:pass:host:port`, `user:pass`. Other texts may be a part of a password, and are hidden.
 */
function hideLogin(text: string, form: 'login' | 'account' = 'login'): string {
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*:\/\/)?(.*)$/is.exec(text) ?? []
  const leading = /^(\[[^\]]*\]|[^:@,[\]]+):(\d{1,5})(|\D.*)$/s.exec(rest)
  // `1.2.3.4:80:me:p@ss`: an IP address in front decides it, because an @ may be part of a password.
  if (leading !== null && isLiteral(leading[1])) return scheme + hideBehindAddress(leading)
  const at = rest.lastIndexOf('@')
  const host = rest.slice(at + 1).replace(/\/$/, '')
  if (at >= 0 && isAddress(host)) return `${scheme}${hidePassword(rest.slice(0, at))}@${host}`
  if (scheme !== '') return isAddress(host) ? text : hideBehindHost(text)
  if (leading !== null && isName(leading[1]) && (form === 'login' || leading[3] !== ''))
    return hideBehindAddress(leading)
  const { username, authority } = splitLoginInFront(rest) ?? {}
  if (authority !== undefined && isAddress(authority)) return `${username}:${HIDDEN}:${authority}`
  return rest.includes(':') ? hidePassword(rest) : HIDDEN
}

/** Without a user name everything is secret. */
function hidePassword(login: string): string {
  const colon = login.indexOf(':')
  return colon < 0 ? HIDDEN : `${login.slice(0, colon)}:${HIDDEN}`
}

/** @param match host, port, and the rest: `:user:pass`, or juliangip's facts, `,281,340281:user:pass` */
function hideBehindAddress([, host = '', port = '', behind = '']: RegExpExecArray): string {
  const address = `${host}:${port}`
  if (behind === '' || behind === '/') return address
  if (behind.startsWith(':')) return `${address}:${hidePassword(behind.slice(1))}`
  const facts = behind.split(',')
  const login = facts.findIndex((fact) => fact.includes(':'))
  if (!behind.startsWith(',') || facts.length === 0) return `${address}${HIDDEN}`
  if (login < 0) return `${address}${behind}`
  // A password may contain a comma: nothing after it is shown.
  return `${address}${[...facts.slice(0, login), hideFact(facts[login] ?? '')].join(',')}`
}

/** `281:user:pass`, `user:pass`. */
function hideFact(fact: string): string {
  const [, seconds = '', login = ''] = /^(\d+:)?(.*)$/s.exec(fact) ?? []
  return login.includes(':') ? `${seconds}${hidePassword(login)}` : `${seconds}${HIDDEN}`
}

const isLiteral = (host = '') => isIP(host.replace(/^\[|\]$/g, '')) !== 0
const isName = (host = '') => host.includes('.') && isHostName(host)
const isAddress = (text: string) => /^(\[[^\]]*\]|[^:@\s]+):\d{1,5}$/.test(text) && parseEndpoint(text) !== undefined

const isSecret = (value: string): boolean => value !== '' && !COMMON_WORD.test(value)

function hiderOf(known: readonly string[]): (text: string) => string {
  const all = [...new Set(known)].filter(isSecret)
  const telling = formsOf(all.filter((value) => value.length >= TELLING_LENGTH))
  return (text) => {
    if (all.includes(text)) return HIDDEN
    return telling.reduce((hiding, form) => hiding.replaceAll(form, HIDDEN), text)
  }
}

// --- Words --------------------------------------------------------------------------------------------------------

const MAX_MESSAGE_CHARACTERS = 300

/** Makes vendors' messages printable: secrets masked in every encoding that a reply may use, one line, limited length. */
export function maskerOf(secrets: readonly string[]): (text: string) => string {
  const forms = formsOf(secrets.filter(isSecret))
  return (text) => {
    const masked = forms.reduce((masking, form) => masking.replaceAll(form, '[redacted]'), text)
    return masked.replace(/\p{C}+/gu, ' ').slice(0, MAX_MESSAGE_CHARACTERS)
  }
}

/** Secrets in every encoding that a reply may use, the longest first: one secret may be part of another. */
function formsOf(secrets: readonly string[]): string[] {
  return secrets
    .flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      new URLSearchParams({ s: secret }).toString().slice(2),
      Buffer.from(secret).toString('base64'),
    ])
    .sort((a, b) => b.length - a.length)
}

/** The secret values of a call: credentials, signatures, the upstreams' login. */
export function secretsOf(operation: Operation, settings: SourceSettings, wire: Params): string[] {
  const inParams = Object.entries(wire).filter(([name]) => operation.params[name]?.secret === true)
  const inCredentials = Object.values(settings.credentials).map((secret) => secret?.reveal() ?? '')
  return [...inParams.map(([, value]) => String(value)), ...inCredentials, settings.upstream?.password?.reveal() ?? '']
}

/** Shorter values occur everywhere: masking every `1` would make the message unreadable. */
const MIN_VALUE_CHARACTERS = 4
/** Segments of a path are mostly words. */
const MIN_SEGMENT_CHARACTERS = 8

/**
 * A link and every part of it that may be a key: vendors quote the key without the link, decoded or as written.
 * @param link an absolute URL
 * @param minSegment shortest segment of the path that is masked
 */
export function secretsInLink(link: string, minSegment = MIN_SEGMENT_CHARACTERS): string[] {
  const { pathname, search, searchParams, username, password, href } = new URL(link)
  const values = search.split(/[?&]/).map((pair) => pair.slice(pair.indexOf('=') + 1))
  const segments = pathname.split('/').filter((segment) => percentDecoded(segment).length >= minSegment)
  const pieces = [...values, ...searchParams.values(), ...[username, password, ...segments].flatMap(bothForms)]
  const whole = search === '' ? [href] : [href, `${pathname}${search}`]
  return [...new Set([...whole, ...pieces])].filter((piece) => piece.length >= MIN_VALUE_CHARACTERS)
}

const bothForms = (written: string): string[] => [written, percentDecoded(written)]
