/**
 * What the simulated vendors share: a real HTTP server on loopback, the bad days a vendor can have, and the referee.
 * A simulated vendor is written from the vendor's document alone; it imports nothing from src/vendors.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SimClock {
  /** Milliseconds, monotonic. */
  now(): number
  /** Milliseconds since the epoch: what this vendor would believe without `skewMs`. */
  wall(): number
}

/** An upstream that the vendor can hand out; it lives wherever the test wants. */
export interface Supply {
  readonly host: string
  readonly port: number
  /** What targets see; default `host`. */
  readonly exit?: string
  readonly username?: string
  readonly password?: string
}

export type BadDay =
  | 'http-500'
  | 'html'
  | 'empty-list'
  | 'truncated'
  | 'redirect'
  | 'silence'
  | 'key-wrong'
  | 'whitelist-missing'
  | 'no-stock'

export interface SimCall {
  readonly method: string
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  /** `SimClock.now()` on arrival. */
  readonly at: number
}

export interface SimReply {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** One address as sold. */
export interface SimSale {
  readonly supply: Supply
  readonly deadlineAt: number
}

export abstract class SimulatedApi {
  /** What a client did that the vendor's document forbids. A test asserts that it stays empty. */
  readonly violations: string[] = []
  readonly calls: SimCall[] = []
  readonly sales: SimSale[] = []
  badDay: BadDay | undefined
  /** How far the vendor's clock is ahead of the world's: shows in `Date` and in deadlines. */
  skewMs = 0
  protected readonly clock: SimClock
  readonly #server: Server
  readonly #arrivals = new Map<string, number[]>()
  readonly #waiting: { count: number; wake: () => void }[] = []

  constructor(clock: SimClock) {
    this.clock = clock
    this.#server = createServer((request, response) => void this.#receive(request, response))
  }

  /** Judges one call and answers it. */
  protected abstract answer(call: SimCall): SimReply
  /** The vendor's way to say that there is nothing, under a success code. */
  protected abstract emptyList(call: SimCall): SimReply

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  /** What goes into `baseUrl`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resolves as soon as `count` calls have arrived in all. */
  received(count: number): Promise<void> {
    if (this.calls.length >= count) return Promise.resolve()
    return new Promise((wake) => this.#waiting.push({ count, wake }))
  }

  /** To be told of every connection that an upstream of ours takes: none may come after the address's deadline. */
  recordUse(host: string, port: number): void {
    const sold = this.sales.filter(({ supply }) => supply.host === host && supply.port === port)
    const now = this.clock.now()
    if (sold.length === 0) this.violations.push('an address was used that was never sold')
    else if (sold.every(({ deadlineAt }) => deadlineAt < now))
      this.violations.push('an address was used after its deadline')
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  /** Counts an arrival; more than `calls` in any window of `perMs` break the rule. @returns whether the call was in time */
  protected withinLimit(group: string, calls: number, perMs: number): boolean {
    const now = this.clock.now()
    const recent = (this.#arrivals.get(group) ?? []).filter((at) => at > now - perMs)
    recent.push(now)
    this.#arrivals.set(group, recent)
    if (recent.length <= calls) return true
    this.violations.push(`${recent.length} calls of ${group} within ${perMs} ms, where ${calls} are allowed`)
    return false
  }

  protected sell(supply: Supply, lifeMs: number): SimSale {
    const sale = { supply, deadlineAt: this.clock.now() + lifeMs }
    this.sales.push(sale)
    return sale
  }

  /** Ms left of a sale. */
  protected left(sale: SimSale): number {
    return sale.deadlineAt - this.clock.now()
  }

  /** The time of day as this vendor believes it. */
  protected vendorWall(): number {
    return this.clock.wall() + this.skewMs
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await this.#read(request)
    this.calls.push(call)
    // The referee looks at every call, also on days when the answer is something else.
    const soldBefore = this.sales.length
    const reply = this.answer(call)
    const spoiled = this.#spoil(call, reply)
    if (spoiled !== undefined) this.sales.length = soldBefore
    for (const waiter of this.#waiting) if (this.calls.length >= waiter.count) waiter.wake()
    this.#send(response, spoiled ?? reply)
  }

  async #read(request: IncomingMessage): Promise<SimCall> {
    const at = this.clock.now()
    const url = new URL(request.url ?? '/', 'http://vendor.invalid')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString('utf8')
    const isJson = (request.headers['content-type'] ?? '').startsWith('application/json')
    const form = request.method === 'POST' ? new URLSearchParams(isJson ? membersOf(body) : body) : url.searchParams
    for (const name of new Set(form.keys())) {
      if (form.getAll(name).length > 1) this.violations.push(`the parameter ${name} came twice`)
    }
    return { method: request.method ?? '', path: url.pathname, params: Object.fromEntries(form), at }
  }

  /** What comes instead of the answer, and of the sale; undefined when the answer goes out. */
  #spoil(call: SimCall, reply: SimReply): SimReply | undefined {
    switch (this.badDay) {
      case 'http-500':
        return { status: 500, type: 'text/plain', body: 'Internal Server Error' }
      case 'html':
        return { status: 200, type: 'text/html', body: '<html><body>Welcome to nginx!</body></html>' }
      case 'redirect':
        return { status: 302, type: 'text/plain', body: '' }
      case 'empty-list':
        return reply.status === 200 ? this.emptyList(call) : undefined
      default:
        return undefined
    }
  }

  #send(response: ServerResponse, { status, type, body }: SimReply): void {
    if (this.badDay === 'silence') return
    const bytes = Buffer.from(body)
    const moved = status === 302 ? { location: `${this.url}/moved` } : {}
    const date = httpDate(this.vendorWall())
    response.sendDate = false
    response.writeHead(status, {
      'content-type': `${type}; charset=utf-8`,
      'content-length': bytes.length,
      date,
      ...moved,
    })
    if (this.badDay === 'truncated')
      response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy())
    else response.end(bytes)
  }
}

/** The members of a JSON body, as text. */
function membersOf(body: string): Record<string, string> {
  const members = Object.entries(JSON.parse(body) as Record<string, unknown>)
  return Object.fromEntries(members.map(([name, value]) => [name, String(value)]))
}

/** `Sun, 06 Nov 1994 08:49:37 GMT`, by the platform's calendar. */
export function httpDate(wallMs: number): string {
  const parts = partsOf(wallMs, 'UTC', { weekday: 'short', month: 'short' })
  return `${parts['weekday']}, ${parts['day']} ${parts['month']} ${parts['year']} ${parts['hour']}:${parts['minute']}:${parts['second']} GMT`
}

/** `2023-02-25 15:38:36` in China, by the platform's calendar. */
export function chinaTime(wallMs: number): string {
  const parts = partsOf(wallMs, 'Asia/Shanghai', { month: '2-digit' })
  return `${parts['year']}-${parts['month']}-${parts['day']} ${parts['hour']}:${parts['minute']}:${parts['second']}`
}

function partsOf(wallMs: number, timeZone: string, more: Intl.DateTimeFormatOptions): Record<string, string> {
  const two = '2-digit'
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    day: two,
    hour: two,
    minute: two,
    second: two,
    ...more,
  })
  return Object.fromEntries(format.formatToParts(wallMs).map(({ type, value }) => [type, value]))
}
