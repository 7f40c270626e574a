/**
 * The requests that are asked most (GET and HEAD in absolute-form, without a body, nothing unusual about them), read
 * without Node's parser. What is not exactly such a request is nothing here, and goes to Node's server.
 */

import { parseAuthority, type Target, toTarget } from '../address.ts'
import type { ClientIdentity } from '../downstream/client-request.ts'
import type { Connection } from '../downstream/connection.ts'
import type { Listener } from '../downstream/listener.ts'
import type { GatewayError } from '../errors.ts'
import type { PlainRequest, RequestForm } from '../proxy/http-contract.ts'
import { readPassing } from './fields.ts'
import type { QuickAnswer } from './response-head.ts'

/** A field line that says more than these asks for the long way: a body, an upgrade, options, a close. */
const USUAL = new Set(['host', 'connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te'])
// A path of printable ASCII without a fragment; host and port are looked at more closely behind it.
const REQUEST_LINE = /^(GET|HEAD) http:\/\/([\w.:[\]-]+)([/?][!"$-~]*)? HTTP\/1\.1\r\n/

export interface QuickHead {
  readonly method: string
  readonly authority: string
  /** Path and query, as written. */
  readonly path: string
  /** Offset of the first field line. */
  readonly fieldsAt: number
}

/** The header of a request, of which clients send the same again and again. */
export interface QuickHeader {
  /** For the upstream, each line with its CRLF. */
  readonly lines: string
  /** Value of Proxy-Authorization. */
  readonly login: string | undefined
}

const STARTS = ['GET http://', 'HEAD http://'] as const
const CR = 0x0d
const LF = 0x0a

/**
 * Whether a head whose end has not come may still be a usual one. A line that ends in a bare LF never is, and who writes
 * such lines waits for an answer, not for the end of the head.
 * @param newFrom what is before was looked at already
 */
export function mayBecomeUsual(bytes: Buffer, newFrom: number): boolean {
  const start = bytes.toString('latin1', 0, STARTS[1].length)
  if (!STARTS.some((usual) => start.startsWith(usual) || usual.startsWith(start))) return false
  for (let at = bytes.indexOf(LF, Math.max(0, newFrom)); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) return false
  }
  return true
}

/** @param text a whole head, latin1 @returns undefined when its first line is not of the usual kind */
export function readRequestLine(text: string): QuickHead | undefined {
  const parts = REQUEST_LINE.exec(text)
  if (parts === null) return undefined
  const [line, method = '', authority = '', rest = '/'] = parts
  return { method, authority, path: rest.startsWith('/') ? rest : `/${rest}`, fieldsAt: line.length }
}

/** @param fields the field lines up to and including the empty line @returns undefined when there is anything unusual */
export function readRequestHeader(fields: string): QuickHeader | undefined {
  const header = readPassing(fields, 0, true)
  if (header === undefined) return undefined
  const { lines, own } = header
  for (const [name, value] of own) {
    const isTwice = value.includes(', ')
    if (!USUAL.has(name) || (isTwice && (name === 'host' || name === 'proxy-authorization'))) return undefined
  }
  const isKept = /^(keep-alive)?$/i.test(own.get('connection') ?? '')
  return own.has('host') && isKept ? { lines, login: own.get('proxy-authorization') } : undefined
}

/** @returns undefined when it is no host with a port */
export function targetOf(authority: string): Target | undefined {
  const address = parseAuthority(authority, 80)
  return address && toTarget(address)
}

/** Who sent a request and reads what comes back. */
export interface QuickReader {
  readonly connection: Connection
  readonly listener: Listener
  /** What the head of an answer that begins now says about the connection, each line with its CRLF. */
  readonly connectionLines: string
  /** The whole answer was written. */
  answered(): void
}

export class QuickRequest implements PlainRequest {
  readonly isUpgrade = false
  readonly isQuick = true
  readonly method: string
  readonly target: Target
  readonly identity: ClientIdentity
  readonly listener: Listener
  readonly connection: Connection
  /** The conversation that carries it. */
  sending: { clientDrained(): void } | undefined
  readonly #path: string
  readonly #lines: string
  readonly #reader: QuickReader
  #hasBegun = false

  constructor(
    { method, path }: QuickHead,
    target: Target,
    { lines }: QuickHeader,
    identity: ClientIdentity,
    reader: QuickReader,
  ) {
    this.method = method
    this.target = target
    this.identity = identity
    this.connection = reader.connection
    this.listener = reader.listener
    this.#path = path
    this.#lines = lines
    this.#reader = reader
  }

  get clientAddress(): string {
    return this.connection.clientAddress
  }

  /** The request as the upstream gets it, latin1. @param login see Conversation.ask */
  text(form: RequestForm, login: string): string {
    const authority = this.target.authority.replace(/:80$/, '')
    const url = form === 'origin' ? this.#path : `http://${authority}${this.#path}`
    return `${this.method} ${url} HTTP/1.1\r\nHost: ${authority}\r\nConnection: keep-alive\r\n${this.#lines}${login}\r\n`
  }

  /** The head of the answer as the client gets it, latin1. @param extra names and values in turn */
  begin({ status, reason, lines, framing }: QuickAnswer, extra: readonly string[]): string {
    this.#hasBegun = true
    let own = framing === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : ''
    for (let i = 0; i + 1 < extra.length; i += 2) own += `${extra[i]}: ${extra[i + 1]}\r\n`
    return `HTTP/1.1 ${status} ${reason}\r\n${lines}${own}${this.#reader.connectionLines}\r\n`
  }

  answered(): void {
    this.#reader.answered()
  }

  refuse(error: GatewayError): void {
    if (this.#hasBegun) this.cut()
    else this.connection.turnAway(error, this.method !== 'HEAD')
  }

  cut(): void {
    this.connection.destroy()
  }
}
