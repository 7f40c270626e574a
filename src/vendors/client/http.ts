/**
 * One HTTP call to a vendor: a deadline, a size cap, no redirects, and every way in which it can fail as a VendorError.
 *
 * Vendor URLs and bodies hold keys. No message and no cause of what is thrown here repeats a URL, a host or a body:
 * undici's own errors are read for their code and dropped.
 */
import { createRequire } from 'node:module'
import { isIP } from 'node:net'
import type { Agent, buildConnector, Dispatcher } from 'undici'
import type { Clock } from '../../clock.ts'
import {
  type ConnectGuard,
  FORBIDDEN_ADDRESS,
  forbiddenAddress,
  openConnectGuard,
} from '../../network/connect-guard.ts'
import { VendorError } from '../contract/error.ts'
import type { Params, RawReply } from '../contract/operation.ts'
import type { CallLimit, CallTicket, LearnedFacts, Source, SourceSettings } from '../contract/source.ts'
import type { Delivered, Vendor } from '../contract/vendor.ts'
import { malformed } from '../parse/reply.ts'
import { httpDate } from '../parse/time.ts'

export interface VendorRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
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

/**
 * Holds a call back until its limit allows it, in the order of priority (higher first), then lets it out.
 * @throws the signal's reason when it aborts while waiting, else what `send` throws
 */
export type CallGate = <T>(
  limit: CallLimit,
  order: { readonly priority: number; readonly signal: AbortSignal; readonly ticket?: CallTicket | undefined },
  send: () => Promise<T>,
) => Promise<T>

/** What one source must still know after a restart: one plain JSON value. */
export interface SourceMemory {
  /** @returns what was saved last; undefined when nothing was */
  load(): Promise<unknown>
  /** Resolves only when the value would survive a crash. */
  save(value: unknown): Promise<void>
}

/**
 * Runs the tasks of one key one after the other, whoever starts them.
 * @throws the signal's reason when it aborts while waiting, else what `task` throws
 */
type InTurn = <T>(key: string, signal: AbortSignal, task: () => Promise<T>) => Promise<T>

/** What a source needs from the process. */
export interface SourceDeps {
  readonly clock: Clock
  readonly http: VendorHttp
  /** Absent only in tests of a single call: the limits are then nobody's. */
  readonly gate?: CallGate
  /** What is known of a credential, by `Source.account`. Absent: each source knows for itself. */
  readonly learnedOf?: (account: string) => LearnedFacts
  /** Absent: what must be remembered is remembered until the process ends. */
  readonly memory?: SourceMemory
  /** One per process, where providers share accounts. Absent: nobody waits for anybody. */
  readonly inTurn?: InTurn
}

/** How one call of a table is made. */
export interface CallOrder {
  readonly signal: AbortSignal
  /** Higher goes first where calls wait for their limit. */
  readonly priority: number
  /** Of the order that the call belongs to. */
  readonly ticket?: CallTicket | undefined
  /** For a vendor that wants calls named; default: a new name, or that of the same call that got no verdict. */
  readonly requestId?: string
}

export interface Answer {
  readonly data: unknown
  readonly reply: VendorReply
}

/** A vendor's calls one by one, for a source that is more than one call at a time: checked, limited, judged, masked as always. */
export interface Table {
  limitOf(operation: string): CallLimit
  /** @throws {VendorError}; rejects with the signal's reason on abort */
  call(operation: string, params: Params, order: CallOrder): Promise<Answer>
}

/** What a vendor that makes sources of its own is handed by the registry. */
export interface Engine {
  /** The source of a product that is one call. @throws {VendorError} class bad_request for settings that the table does not allow */
  openTableSource(vendor: Vendor, settings: SourceSettings, deps: SourceDeps): Source
  openTable(vendor: Vendor, settings: SourceSettings, deps: SourceDeps): Table
  /** Takes out what no upstream may be and puts the provider's login in. */
  filterAddresses(delivered: Delivered, settings: Pick<SourceSettings, 'allowPrivate' | 'upstream'>): Delivered
  /** Why a host may not be reached; undefined when it may. */
  refusalOf(host: string, allowPrivate: boolean): string | undefined
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
 * @param options.dispatcher for tests; whoever hands one in closes it
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
  const deadline = clock.after(request.timeoutMs, () => stop.abort(timedOut))
  const sentAt = clock.now()
  try {
    const response = await send(dispatcher, request, stop.signal)
    refuseRedirect(response)
    const text = await readBody(response.body, request.maxBodyBytes)
    const { date } = response.headers
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
    headers: { accept: '*/*', 'user-agent': 'turnpike', ...request.headers },
    body: request.body ?? null,
    signal,
  })
}

/** A redirect would carry the key to a host that nobody configured. */
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

/** UTF-8 without byte order mark. */
async function readBody(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) throw malformed(`the reply is larger than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    throw error instanceof VendorError
      ? error
      : malformed(`the reply broke off after ${bytes} bytes (${codeOf(error)})`)
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
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

/**
 * Judges a whole reply (vendors.md 0.1): the status first, then the vendor's own words as `decode` reads them.
 * @param decode gives the data, or throws VendorError; the code `body` means that it could not read the body at all
 * @param wallMs now, for a Retry-After that is a date
 */
export function judge<T>(reply: VendorReply, wallMs: number, decode: (reply: RawReply) => T): T {
  if (reply.status === 429) throw tooManyRequests(reply, reply.vendorWallMs ?? wallMs)
  // Some vendors report what went wrong under HTTP 400 with their usual envelope.
  if (reply.status < 300 || reply.status === 400) return decode(reply)
  const said = errorOf(() => decode(reply))
  if (said !== undefined && said.vendorCode !== 'body') throw said
  if (reply.status === 401 || reply.status === 403)
    throw new VendorError('auth', 'http', `the vendor refused the call (HTTP ${reply.status})`)
  throw new VendorError('server', 'http', `the vendor answered with HTTP ${reply.status}`)
}

function errorOf(decode: () => unknown): VendorError | undefined {
  try {
    decode()
    return undefined
  } catch (error) {
    if (error instanceof VendorError) return error
    throw error
  }
}

/** RFC 9110 section 10.2.3: seconds or a date. A date is measured on the vendor's own clock where it tells the time. */
function tooManyRequests(reply: VendorReply, vendorNowMs: number): VendorError {
  const header = reply.headers['retry-after']
  const text = typeof header === 'string' ? header.trim() : ''
  const until = httpDate(text)
  const wait = /^\d{1,6}$/.test(text)
    ? Number(text) * 1000
    : until === undefined
      ? undefined
      : Math.max(until - vendorNowMs, 0)
  return new VendorError('rate_limited', 'http', 'the vendor says too many calls (HTTP 429)', { wait })
}
