/**
 * One HTTP call to a vendor: a deadline, a size cap, no redirects, and every way in which it can fail as a VendorError.
 *
 * Vendor URLs and bodies hold keys. No message and no cause of what is thrown here repeats a URL, a host or a body:
 * undici's own errors are read for their code and dropped.
 */
import { isUtf8 } from 'node:buffer'
import { createRequire } from 'node:module'
import { isIP } from 'node:net'
import { brotliDecompressSync, unzipSync } from 'node:zlib'
import type { Agent, buildConnector, Dispatcher } from 'undici'
import type { Clock } from '../../clock.ts'
import {
  type ConnectGuard,
  FORBIDDEN_ADDRESS,
  forbiddenAddress,
  openConnectGuard,
} from '../../network/connect-guard.ts'
import { VendorError } from '../contract/error.ts'
import type { Operation, RawReply } from '../contract/operation.ts'
import { malformed } from '../parse/reply.ts'
import { httpDate } from '../parse/time.ts'

export interface VendorRequest {
  readonly method: Operation['method']
  /** Holds credentials: never put into a message. */
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** From the start of connecting to the last byte of the body. */
  readonly timeoutMs: number
  readonly maxBodyBytes: number
  /**
   * The URL came in a reply: it may not lead to loopback, to a private address or to the gateway itself, whatever its name
   * resolves to at the moment of connecting. Absent: the URL is the user's own.
   */
  readonly isForeign?: boolean
}

export interface VendorReply extends RawReply {
  /** Clock time at which the request was handed over, ms. */
  readonly sentAt: number
  /** The `Date` header as ms since the epoch. */
  readonly vendorWallMs: number | undefined
}

/** The only way out to vendors. One per process: it keeps the connections. */
export interface VendorHttp {
  /**
   * @throws {VendorError} class server for everything that kept the reply from coming whole: `connect` (nothing was sent), `network`, `timeout`,
   *   `redirect`, `body`
   * @throws the signal's reason on abort
   */
  call(request: VendorRequest, signal: AbortSignal): Promise<VendorReply>
  /** Waits for the calls under way, then closes the connections. */
  close(): Promise<void>
}

/** Longer than a connection attempt to a living host takes on any path; the call's own deadline is usually shorter. */
const CONNECT_TIMEOUT_MS = 10_000
/** The connector's own timer is coarse, ms. */
const CONNECT_SLACK_MS = 1_000
/**
 * Calls within a burst share a connection, later ones open their own: a connection that the vendor closes just as we
 * send would leave us not knowing whether the addresses were sold.
 */
const KEEP_ALIVE_MS = 4_000
/** No connection, or none to the right host: nothing of the request has left. Beginnings of system and TLS error codes. */
const UNSENT = [
  ...[
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'ETIMEOUT',
    'EADDRNOTAVAIL',
    'UND_ERR_CONNECT_TIMEOUT',
  ],
  ...['CERT_', 'ERR_TLS_CERT_', 'DEPTH_ZERO_', 'SELF_SIGNED_', 'UNABLE_TO_'],
]

/**
 * @param options.clock measures the deadline, so tests need not wait for it
 * @param options.guard resolves names, and decides where a foreign URL may lead; default: one of its own
 * @param options.dispatcher for tests; the caller that passes one closes it
 */
export function openVendorHttp(options: { clock: Clock; guard?: ConnectGuard; dispatcher?: Dispatcher }): VendorHttp {
  const { clock, guard = openConnectGuard(options.clock) } = options
  const agents = new Map<boolean, Agent>()
  const dispatcher = (isForeign: boolean) => {
    if (options.dispatcher !== undefined) return options.dispatcher
    const agent = agents.get(isForeign) ?? newAgent(clock, guard, !isForeign)
    agents.set(isForeign, agent)
    return agent
  }
  let closing: Promise<void> | undefined
  return {
    call: (request, signal) => call(dispatcher(request.isForeign === true), clock, request, signal),
    close: () => {
      closing ??= Promise.all([...agents.values()].map((agent) => agent.close())).then(() => {})
      return closing
    },
  }
}

const require = createRequire(import.meta.url)

/** Loads undici, which a gateway of lists alone never needs. It reads no proxy from the environment, unlike `fetch`. */
function newAgent(clock: Clock, guard: ConnectGuard, allowPrivate: boolean): Agent {
  const { Agent, buildConnector } = require('undici') as typeof import('undici')
  return new Agent({
    connect: promptConnector(guardedConnector(buildConnector, guard, allowPrivate), clock),
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // The call's deadline covers both; undici's own timers are coarse (1 s).
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  })
}

/**
 * A connection that took longer than its timer allows was opened by a process that stood still meanwhile (SIGSTOP): the call is not
 * written to it, for other hosts of a cluster count it as lost by now.
 */
function promptConnector(connect: buildConnector.connector, clock: Clock): buildConnector.connector {
  return (options, callback) => {
    const startedAt = clock.now()
    connect(options, (error, socket) => {
      if (error !== null) return callback(error, null)
      if (clock.now() - startedAt <= CONNECT_TIMEOUT_MS + CONNECT_SLACK_MS) return callback(null, socket)
      socket.destroy()
      callback(Object.assign(new Error('connect timeout'), { code: 'UND_ERR_CONNECT_TIMEOUT' }), null)
    })
  }
}

/** Connects to what the guard allows: the look-up hands on only such addresses, and an address is checked here. */
function guardedConnector(
  build: typeof buildConnector,
  guard: ConnectGuard,
  allowPrivate: boolean,
): buildConnector.connector {
  // Explicit: NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise let any host answer for the vendor.
  const common = { timeout: CONNECT_TIMEOUT_MS, allowH2: false, rejectUnauthorized: true }
  const connectors = new Map<number, buildConnector.connector>()
  return (options, callback) => {
    const port = Number(options.port || (options.protocol === 'https:' ? 443 : 80))
    const rule = { port, allowPrivate, group: 'vendors' }
    const host = options.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && guard.forbids(host, rule)) return callback(forbiddenAddress(), null)
    const connect = connectors.get(port) ?? build({ ...common, lookup: guard.lookup(rule) })
    connectors.set(port, connect)
    connect(options, callback)
  }
}

async function call(
  dispatcher: Dispatcher,
  clock: Clock,
  request: VendorRequest,
  signal: AbortSignal,
): Promise<VendorReply> {
  signal.throwIfAborted()
  const stop = new AbortController()
  const onAbort = () => stop.abort(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const timedOut = new VendorError('server', 'timeout', `the vendor did not answer within ${request.timeoutMs} ms`)
  // After a standstill of the process a reply may be waiting to be read: the addresses in it are paid for.
  const deadline = clock.after(request.timeoutMs, () => setImmediate(() => stop.abort(timedOut)))
  const sentAt = clock.now()
  try {
    const response = await send(dispatcher, request, stop.signal)
    refuseRedirect(response)
    const { date, 'content-type': type, 'content-encoding': coding } = response.headers
    const body = decompress(await readBody(response.body, request.maxBodyBytes), coding, request.maxBodyBytes)
    const text = textOf(body, String(type ?? ''))
    const vendorWallMs = typeof date === 'string' ? httpDate(date) : undefined
    return { status: response.statusCode, headers: response.headers, text, sentAt, vendorWallMs }
  } catch (error) {
    if (stop.signal.aborted) throw stop.signal.reason
    throw error instanceof VendorError ? error : unreachable(error)
  } finally {
    deadline.clear()
    signal.removeEventListener('abort', onAbort)
  }
}

function send(dispatcher: Dispatcher, request: VendorRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  return dispatcher.request({
    origin: request.url.origin,
    path: `${request.url.pathname}${request.url.search}`,
    method: request.method,
    // Replies are small; without the field a server may choose any coding (RFC 9110 section 12.5.3).
    headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'turnpike', ...request.headers },
    body: request.body ?? null,
    signal,
  })
}

/** A redirect would send the key to a host that is not configured. */
function refuseRedirect(response: Dispatcher.ResponseData): void {
  if (response.statusCode < 300 || response.statusCode > 399) return
  response.body.on('error', () => {}).destroy()
  throw new VendorError(
    'server',
    'redirect',
    `the vendor answered with a redirect (HTTP ${response.statusCode}), which is refused`,
    {
      hint: 'check baseUrl: http or https, the host, the path prefix',
    },
  )
}

async function readBody(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) throw tooLarge(maxBytes)
      chunks.push(chunk)
    }
  } catch (error) {
    throw error instanceof VendorError ? error : brokenOff(bytes, codeOf(error))
  }
  return Buffer.concat(chunks)
}

const tooLarge = (maxBytes: number) => malformed(`the reply is larger than ${maxBytes} bytes`)
const brokenOff = (bytes: number, code: string) => malformed(`the reply broke off after ${bytes} bytes (${code})`)

/** Some servers compress what was asked for without a coding, and the addresses in it are paid for. */
function decompress(bytes: Buffer, coding: string | string[] | undefined, maxBytes: number): Buffer {
  const read = { gzip: unzipSync, 'x-gzip': unzipSync, deflate: unzipSync, br: brotliDecompressSync }
  const name = String(coding).toLowerCase()
  if (!Object.hasOwn(read, name) || bytes.length === 0) return bytes
  try {
    return read[name as keyof typeof read](bytes, { maxOutputLength: maxBytes })
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes)
    // Text is not compressed, whatever its label says: a cache may have decompressed it.
    if (isUtf8(bytes)) return bytes
    throw brokenOff(bytes.length, code)
  }
}

/**
 * UTF-8 where the bytes are valid UTF-8, else the charset of Content-Type, else GB18030: Chinese vendors send it without
 * a label. A byte order mark is dropped.
 */
function textOf(bytes: Buffer, contentType: string): string {
  const [, label] = /charset="?([\w-]{1,40})/i.exec(contentType) ?? []
  for (const charset of ['utf-8', ...(label === undefined ? [] : [label]), 'gb18030']) {
    try {
      return new TextDecoder(charset, { fatal: true }).decode(bytes)
    } catch {
      // Not in this charset, or there is no such charset.
    }
  }
  return new TextDecoder().decode(bytes)
}

function unreachable(error: unknown): VendorError {
  const code = codeOf(error)
  if (code === FORBIDDEN_ADDRESS)
    return new VendorError(
      'server',
      'link',
      'the link of the reply is refused: it leads to a private or reserved address',
    )
  const vendorCode = UNSENT.some((start) => code.startsWith(start)) ? 'connect' : 'network'
  return new VendorError('server', vendorCode, `the vendor's API cannot be reached (${code})`)
}

/** `ECONNREFUSED`, `UND_ERR_SOCKET`, `HTTPParserError`: a symbol, never the words of a message, which may hold an address. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason'
  const code = 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^\w+$/.test(code) ? code : error.name
}
