/**
 * The demo vendor's document
 * ==========================
 * An extraction API of the kind that proxy vendors offer, for one account that owns some channels. An address occupies
 * one channel from its sale to its deadline; it cannot be given back earlier.
 *
 * 1. Calls. GET, parameters in the query string, each at most once. The answer is JSON:
 *
 *        { "code": "SUCCESS", "data": ..., "request_id": "..." }      HTTP 200
 *        { "code": "<see 4>", "message": "...", "request_id": "..." } HTTP 400, or as said in 4
 *
 *    `key` is demanded by every call. Each call has its own limit: the calls accepted in any 60 s, a sliding window.
 *    A refused call is not counted.
 *
 * 2. GET /get: takes addresses. Limit: channels * 5 + 10 in 60 s.
 *
 *        key      String            the account
 *        num      Integer 1..100    how many; default 1. When fewer channels are free, that many are sold
 *        country, area, city, isp   String, several separated by commas: only addresses with one of these
 *
 *    `data` is a list of:
 *
 *        server              host:port to connect to (an HTTP proxy)
 *        username, password  the login that this address demands
 *        proxy_ip            the address on which it goes out; what it fetches for real shows this machine's own instead
 *        country, area, city, isp
 *        deadline            YYYY-MM-DD HH:MM:SS in +08:00: the address stops then, and open connections are dropped
 *
 * 3. GET /query: what the account holds now, in the same shape. Parameter: key. Limit: 60 in 60 s.
 *
 * 4. Errors
 *
 *        INVALID_KEY             there is no such account
 *        INVALID_PARAMETER       a parameter is unknown, given twice, or not in its range; the message names it
 *        REQUEST_LIMIT_EXCEEDED  too many calls (HTTP 429; `Retry-After` says in how many seconds there will be room)
 *        NO_AVAILABLE_CHANNEL    every channel is occupied: wait for a deadline
 *        NO_RESOURCE_FOUND       there is no address in such a place
 *        NO_SUCH_OPERATION       unknown path or method (HTTP 404)
 *        INTERNAL_ERROR          no address could be started (HTTP 500)
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { type Clock, httpTime } from '../clock.ts'
import { http } from '../node/http.ts'
import type { Secret } from '../secret.ts'
import type { DemoLog } from './log.ts'
import { type PlaceFilter, placeFields } from './places.ts'
import type { NothingSold, SoldAddress, Stock } from './stock.ts'
import { SlidingWindow } from './window.ts'

const MINUTE_MS = 60_000
const MAX_PER_CALL = 100

type ErrorCode = NothingSold | 'INVALID_KEY' | 'INVALID_PARAMETER' | 'REQUEST_LIMIT_EXCEEDED' | 'NO_SUCH_OPERATION'

class Refusal extends Error {
  readonly code: ErrorCode
  /** Until the next call would be accepted, ms. */
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, retryAfterMs?: number) {
    super(message)
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

interface ApiOptions {
  readonly key: Secret
  readonly channels: number
}

interface Call {
  readonly parameters: readonly string[]
  readonly window: SlidingWindow
  readonly run: (query: URLSearchParams) => Promise<readonly SoldAddress[]>
}

/** The HTTP server of the document above; the caller listens and closes. */
export function createApi(
  { key, channels }: ApiOptions,
  stock: Stock,
  { clock, log }: { readonly clock: Clock; readonly log: DemoLog },
): Server {
  const calls = new Map<string, Call>([
    [
      '/get',
      {
        parameters: ['key', 'num', ...placeFields],
        window: new SlidingWindow(channels * 5 + 10, MINUTE_MS),
        run: (query) => sell(query, stock),
      },
    ],
    ['/query', { parameters: ['key'], window: new SlidingWindow(60, MINUTE_MS), run: async () => stock.held }],
  ])

  async function answer(request: IncomingMessage): Promise<readonly SoldAddress[]> {
    const url = URL.parse(request.url ?? '/', 'http://demo.invalid')
    const call = calls.get(url?.pathname ?? '')
    if (url === null || call === undefined || request.method !== 'GET')
      throw new Refusal('NO_SUCH_OPERATION', 'There are GET /get and GET /query.')
    if (url.searchParams.get('key') !== key.reveal())
      throw new Refusal('INVALID_KEY', 'There is no account with this key.')
    const waitMs = call.window.take(clock.now())
    if (waitMs > 0) throw new Refusal('REQUEST_LIMIT_EXCEEDED', 'Too many calls in 60 s.', waitMs)
    checkNames(url.searchParams, call.parameters)
    return call.run(url.searchParams)
  }

  return http.createServer((request, response) => {
    answer(request).then(
      (addresses) => send(response, 200, { code: 'SUCCESS', data: addresses.map(asItem) }, clock),
      (error: unknown) => {
        if (!(error instanceof Refusal)) log.warn({ err: error }, 'a call of the demo vendor failed')
        refuse(response, error, clock)
      },
    )
  })
}

async function sell(query: URLSearchParams, stock: Stock): Promise<readonly SoldAddress[]> {
  const sold = await stock.sell(countOf(query.get('num')), filterOf(query))
  if (typeof sold === 'string') throw new Refusal(sold, whyNothing[sold])
  return sold
}

const whyNothing = {
  NO_RESOURCE_FOUND: 'There is no address in such a place.',
  NO_AVAILABLE_CHANNEL: 'Every channel is occupied until the deadline of its address.',
  INTERNAL_ERROR: 'No address could be started.',
} as const satisfies Record<NothingSold, string>

function countOf(num: string | null): number {
  const count = num === null ? 1 : /^\d{1,3}$/.test(num) ? Number(num) : 0
  if (count < 1 || count > MAX_PER_CALL)
    throw new Refusal('INVALID_PARAMETER', `num: an integer from 1 to ${MAX_PER_CALL}.`)
  return count
}

function filterOf(query: URLSearchParams): PlaceFilter {
  return Object.fromEntries(
    placeFields.flatMap((field) => (query.get(field) ? [[field, query.get(field)?.split(',')]] : [])),
  )
}

function checkNames(query: URLSearchParams, known: readonly string[]): void {
  const names = [...query.keys()]
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Refusal('INVALID_PARAMETER', `${unknown}: unknown parameter.`)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new Refusal('INVALID_PARAMETER', `${twice}: given more than once.`)
}

/** The one place where a login leaves: this is the wire. */
function asItem({ host, port, place, deadline, username, password }: SoldAddress): object {
  return { server: `${host}:${port}`, proxy_ip: host, ...place, deadline, username, password: password.reveal() }
}

function refuse(response: ServerResponse, error: unknown, clock: Clock): void {
  const refusal = error instanceof Refusal ? error : new Refusal('INTERNAL_ERROR', 'The demo vendor failed.')
  if (refusal.retryAfterMs !== undefined) response.setHeader('retry-after', Math.ceil(refusal.retryAfterMs / 1000))
  send(response, statusOf(refusal.code), { code: refusal.code, message: refusal.message }, clock)
}

function statusOf(code: ErrorCode): number {
  switch (code) {
    case 'NO_SUCH_OPERATION':
      return 404
    case 'REQUEST_LIMIT_EXCEEDED':
      return 429
    case 'INTERNAL_ERROR':
      return 500
    default:
      return 400
  }
}

function send(response: ServerResponse, status: number, reply: object, clock: Clock): void {
  response.setHeader('date', httpTime(clock.wall())) // node's own would ignore an injected clock
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  response.end(JSON.stringify({ ...reply, request_id: randomUUID() }))
}
