/**
 * The link that `proxy/draw/api` gives: fetched as it is, http(s) only, no redirects, capped, never shown. What it answers
 * is shown nowhere in the document: text with the delimiter that was asked for, or JSON of unknown shape.
 */
import { Secret } from '../../secret.ts'
import type { VendorRequest } from '../client/http.ts'
import {
  type Delivered,
  type RawReply,
  type Sold,
  type SourceSettings,
  type UpstreamProtocol,
  VendorError,
} from '../contract.ts'
import {
  type Endpoint,
  malformed,
  membersOf,
  parseEndpoint,
  parseJson,
  startsLikeMarkup,
  textOf,
} from '../parse/reply.ts'
import { failure } from './envelope.ts'
import { readItem } from './items.ts'

/**
 * @param link from the reply, a stranger's word
 * @param refusalOf why a host may not be reached, undefined when it may
 * @throws {VendorError} class server for a link that is none, and for one that leads to this machine or its network
 */
export function linkRequest(
  link: string,
  settings: Pick<SourceSettings, 'allowPrivate' | 'callTimeoutMs' | 'maxBodyBytes'>,
  refusalOf: (host: string, allowPrivate: boolean) => string | undefined,
): VendorRequest {
  const url = URL.parse(link)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw malformed('the proxyUrl of the reply is no http(s) link', link)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const reason = refusalOf(host, settings.allowPrivate)
  if (reason !== undefined) throw new VendorError('server', 'link', `the link of the reply is refused: ${reason}`)
  url.hash = ''
  return { method: 'GET', url, timeoutMs: settings.callTimeoutMs, maxBodyBytes: settings.maxBodyBytes }
}

/**
 * Reads what the link answered.
 * @param protocol of addresses that name none
 * @throws {VendorError} for an error in place of addresses
 */
export function readLink(reply: RawReply, protocol: UpstreamProtocol): Delivered {
  const { endpoints, rejected } = read(reply)
  const sold = endpoints.map((endpoint): Sold => ({ protocol, ...endpoint, life: { kind: 'unknown' } }))
  return { sold, rejected }
}

interface Found {
  readonly endpoints: readonly Endpoint[]
  readonly rejected: readonly string[]
}

const NOTHING: Found = { endpoints: [], rejected: [] }

function read({ text }: RawReply): Found {
  const body = text.trim()
  if (body === '') throw new VendorError('no_resource', 'empty', 'the link of the reply answered with nothing')
  if (/^[{[]/.test(body) && !/^\[[0-9a-f:.]+\]:/i.test(body)) return readJson(parseJson(body))
  const lines = withLineBreaks(body)
  // `/br` is one of the delimiters, so only what has no address in it is taken for a web page.
  if (startsLikeMarkup(lines)) throw malformed('a web page came where addresses were expected', body)
  return collect(
    lines.split(/[\r\n\t]+/).filter((line) => line.trim() !== ''),
    body,
  )
}

/** Delimiter 2 is printed `/br`; `<br>`, `<br/>` and `</br>` are taken for it too. */
function withLineBreaks(text: string): string {
  return text.replace(/<\/?br\s*\/?>|\/br(?![a-z])/gi, '\n').trim()
}

function collect(items: readonly string[], body: string): Found {
  const found = together(items.map(itemIn))
  if (found.endpoints.length === 0) throw errorInText(body)
  return found
}

function together(parts: readonly Found[]): Found {
  return {
    endpoints: parts.flatMap(({ endpoints }) => endpoints),
    rejected: parts.flatMap(({ rejected }) => rejected),
  }
}

/** Words of an error are shown: they may name the address that is missing on a whitelist. Anything else may be a login. */
function errorInText(body: string): VendorError {
  const known = failure('proxy/draw/api', 'link', body.replaceAll(/\s+/g, ' ').slice(0, MAX_WORDS))
  return known.class === 'server' ? malformed('the link of the reply brought no address', body) : known
}

const MAX_WORDS = 200
/** Shorter pieces of a link turn up in anything. */
const TELLING_LENGTH = 6

/** What a link answers may quote it, and a link serves whoever has it: masked are the whole of it and its pieces. */
export function withoutLink(error: VendorError, { href, pathname, search, searchParams }: URL): VendorError {
  const pieces = [
    href,
    `${pathname}${search}`,
    ...search.split(/[?&=]/),
    ...searchParams.values(),
    ...pathname.split('/'),
  ]
  const telling = pieces.filter((piece) => piece.length >= TELLING_LENGTH).sort((a, b) => b.length - a.length)
  const masked = telling.reduce((words, piece) => words.replaceAll(piece, '[redacted]'), error.message)
  return new VendorError(error.class, error.vendorCode, masked, { hint: error.hint, wait: error.wait })
}

function readJson(value: unknown): Found {
  const members = membersOf(value)
  const code = textOf(members?.['code'])
  const message = textOf(members?.['msg']) ?? textOf(members?.['message']) ?? ''
  if (code !== undefined && !SUCCESS.has(code.toLowerCase())) throw failure('proxy/draw/api', code, message)
  const found = itemsIn(value, 0)
  if (found.endpoints.length === 0 && found.rejected.length === 0)
    throw new VendorError('no_resource', 'empty', 'the link of the reply answered with an empty list')
  return found
}

const SUCCESS: ReadonlySet<string> = new Set(['200', '0', '1', 'success', 'ok'])
const MAX_DEPTH = 8

/** Every text in a list, and every object with a host and a port, wherever they stand. */
function itemsIn(value: unknown, depth: number): Found {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return NOTHING
  const whole = Array.isArray(value) ? undefined : endpointOf(value as Record<string, unknown>)
  if (whole !== undefined) return { endpoints: [whole], rejected: [] }
  const isText = (member: unknown): member is string => Array.isArray(value) && typeof member === 'string'
  return together(Object.values(value).map((member) => (isText(member) ? itemIn(member) : itemsIn(member, depth + 1))))
}

function itemIn(text: string): Found {
  const reading = readItem(text)
  return 'reason' in reading
    ? { endpoints: [], rejected: [reading.reason] }
    : { endpoints: [reading.endpoint], rejected: [] }
}

function endpointOf(members: Readonly<Record<string, unknown>>): Endpoint | undefined {
  const first = (...names: string[]) => names.map((name) => textOf(members[name])).find((text) => text !== undefined)
  const [host, port] = [first('ip', 'host', 'server', 'proxy'), first('port')]
  if (host === undefined) return undefined
  const endpoint = parseEndpoint(port === undefined || /:\d+$/.test(host) ? host : `${host}:${port}`)
  const login = readLogin(first('username', 'user', 'account'), first('password', 'pwd', 'pass'))
  return endpoint === undefined ? undefined : { ...endpoint, ...login }
}

function readLogin(username: string | undefined, password: string | undefined): Partial<Endpoint> {
  return username === undefined || password === undefined ? {} : { username, password: new Secret(password) }
}
