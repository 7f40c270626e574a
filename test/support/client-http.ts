import { type ClientOptions, type Connected, dial, type Place, sendRequest } from './client-dial.ts'
import {
  chunk,
  formatHead,
  type Header,
  headerValues,
  lastChunk,
  type ResponseHead,
  readBody,
  readResponseHead,
  responseFraming,
} from './http-wire.ts'
import { ConnectionLost } from './socket-io.ts'
import type { Login } from './upstream-behaviour.ts'

export function basic(login: Login): string {
  return `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`
}

export interface ConnectOptions extends ClientOptions {
  readonly headers?: readonly Header[]
  readonly httpVersion?: '1.0' | '1.1'
}

interface ConnectReply extends ResponseHead, Connected {}

/** CONNECT `target` (host:port). Resolves with whatever status came. @throws {ConnectionLost | WireError | HangError} */
export async function connectVia(proxy: Place, target: string, options: ConnectOptions = {}): Promise<ConnectReply> {
  const connected = await dial(proxy, options.timeoutMs)
  const headers = [...hostHeader(target, options), ...loginHeader(options), ...(options.headers ?? [])]
  await sendRequest(
    connected.socket,
    formatHead(`CONNECT ${target} HTTP/${options.httpVersion ?? '1.1'}`, headers),
    options,
  )
  return { ...(await readResponseHead(connected.reader)), ...connected }
}

export interface PlainOptions extends ConnectOptions {
  readonly method?: string
  /** A list goes out chunked, one chunk each. */
  readonly body?: Buffer | string | readonly (Buffer | string)[]
  /** A connection from an earlier reply. */
  readonly over?: Connected
}

interface PlainReply extends ResponseHead, Connected {
  /** 1xx replies that came before. */
  readonly interim: readonly ResponseHead[]
  readonly body: Buffer
  readonly trailers: readonly Header[]
  /** False: the connection ended or broke before the body was complete. */
  readonly complete: boolean
}

/** A request in absolute-form (or for whatever `url` is put in the request line). */
export async function plain(proxy: Place, url: string, options: PlainOptions = {}): Promise<PlainReply> {
  const { socket, reader } = options.over ?? (await dial(proxy, options.timeoutMs))
  const method = options.method ?? 'GET'
  const [framing, body] = encodeBody(options.body)
  const host = url.includes('://') ? hostHeader(new URL(url).host, options) : []
  const headers = [...host, ...loginHeader(options), ...framing, ...(options.headers ?? [])]
  const head = formatHead(`${method} ${url} HTTP/${options.httpVersion ?? '1.1'}`, headers)
  await sendRequest(socket, Buffer.concat([Buffer.from(head, 'latin1'), body]), options)
  return readReply({ socket, reader }, method)
}

/** The next reply on a connection, body included. @param method of the request it answers */
export async function readReply({ socket, reader }: Connected, method = 'GET'): Promise<PlainReply> {
  const interim: ResponseHead[] = []
  let head = await readResponseHead(reader)
  for (; head.status < 200 && head.status !== 101; head = await readResponseHead(reader)) interim.push(head)
  const pieces: Buffer[] = []
  const trailers: Header[] = []
  let complete = true
  try {
    for await (const piece of readBody(reader, responseFraming(head, method), trailers)) pieces.push(piece)
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error
    complete = false
  }
  return { ...head, socket, reader, interim, body: Buffer.concat(pieces), trailers, complete }
}

/** Unless the test brings its own. */
function hostHeader(host: string, { headers = [] }: ConnectOptions): Header[] {
  return headerValues(headers, 'host').length > 0 ? [] : [['Host', host]]
}

function loginHeader({ login }: ClientOptions): Header[] {
  return login === undefined ? [] : [['Proxy-Authorization', basic(login)]]
}

function encodeBody(body: PlainOptions['body']): [Header[], Buffer] {
  if (body === undefined) return [[], Buffer.alloc(0)]
  if (Array.isArray(body)) {
    const pieces = body.map((piece: Buffer | string) => chunk(Buffer.from(piece)))
    return [[['Transfer-Encoding', 'chunked']], Buffer.concat([...pieces, lastChunk()])]
  }
  const bytes = Buffer.from(body as Buffer | string)
  return [[['Content-Length', `${bytes.length}`]], bytes]
}
