/**
 * Simulated vendors that Turnpike has no code for: each is a row of list-api-dialects.ts, written from its public pages and
 * clients. One instance is one account. It shares nothing with src/vendors.
 */
import {
  type Dialect,
  type DialectName,
  dialects,
  type Fault,
  type Item,
  type SimulatedAccount,
} from './list-api-dialects.ts'
import { chinaTime, type SimCall, type SimClock, type SimReply, SimulatedApi, type Supply } from './simulated-api.ts'

export interface ListApiOptions {
  readonly clock: SimClock
  readonly dialect: DialectName
  /** The account's keys by the vendor's own names, and whatever else each call must carry. */
  readonly keys: Readonly<Record<string, string>>
  readonly supplyAddress: () => Supply
  readonly lifeMs?: number
  /** Most addresses of one call. */
  readonly maxPerCall?: number
}

export class SimulatedListApi extends SimulatedApi implements SimulatedAccount {
  readonly keys: ListApiOptions['keys']
  /** Addresses that may call, once the first was added. */
  readonly whitelist = new Set<string>()
  readonly released: string[] = []
  /** Tokens that were handed out, and until when they are good, by the vendor's clock. */
  readonly tokens = new Map<string, number>()
  balance = 1_000
  readonly #options: ListApiOptions
  readonly #dialect: Dialect

  constructor(options: ListApiOptions) {
    super(options.clock)
    this.keys = options.keys
    this.#options = options
    this.#dialect = dialects[options.dialect]
  }

  /** ms since the epoch, as this vendor believes. */
  readonly wall = (): number => this.vendorWall()

  protected answer(call: SimCall): SimReply {
    const known = Object.hasOwn(this.#dialect.calls, call.path) ? this.#dialect.calls[call.path] : undefined
    if (known === undefined) return { status: 404, type: 'text/html', body: '<html>404 Not Found</html>' }
    const { calls = 1, perMs = 1_000, method = 'GET', params } = known
    const isInTime = this.withinLimit(known.does, calls, perMs)
    if (call.method !== method) this.violations.push(`the method ${call.method}`)
    for (const [name, value] of Object.entries(call.params)) {
      const range = Object.hasOwn(params, name) ? params[name] : undefined
      if (range === undefined) this.violations.push(`unknown parameter ${name}`)
      else if (!range.test(value)) this.violations.push(`${name} is out of range`)
    }
    const fault = this.#faultOf(call, known.isOpen === true, isInTime)
    if (fault !== undefined) return this.#refuse(fault, call.params)
    if (known.does === 'extract') return this.#extract(call)
    return reply(known.answer?.(call.params, this) ?? 'success')
  }

  protected emptyList({ params }: SimCall): SimReply {
    return reply(this.#dialect.list([], params))
  }

  #faultOf({ params, path }: SimCall, isOpen: boolean, isInTime: boolean): Fault | undefined {
    if (!isInTime) return 'pace'
    if (this.badDay === 'key-wrong') return 'key'
    const isSigned = isOpen || this.#dialect.isSigned(params, this, path)
    if (isSigned !== true) return isSigned === false ? 'key' : isSigned
    if (this.badDay === 'whitelist-missing') return 'whitelist'
    return this.badDay === 'no-stock' ? 'stock' : undefined
  }

  #extract({ params }: SimCall): SimReply {
    const { supplyAddress, lifeMs = 120_000, maxPerCall = 100 } = this.#options
    const wanted = params[this.#dialect.count] ?? ''
    if (!/^[1-9]\d{0,3}$/.test(wanted) || Number(wanted) > maxPerCall) {
      this.violations.push(`${this.#dialect.count} is out of range`)
      return this.#refuse('count', params)
    }
    const wall = this.vendorWall()
    const items = Array.from({ length: Number(wanted) }, (_, n): Item => {
      const { supply } = this.sell(supplyAddress(), lifeMs)
      const [since, until] = [chinaTime(wall), chinaTime(wall + lifeMs)]
      return { ...supply, exit: supply.exit ?? supply.host, n, lifeMs, since, until, untilMs: wall + lifeMs }
    })
    return reply(this.#dialect.list(items, params))
  }

  #refuse(fault: Fault, params: SimCall['params']): SimReply {
    const [code, words] = this.#dialect.errors[fault]
    return reply(this.#dialect.refuse(code, words, params))
  }
}

function reply(body: string | object): SimReply {
  if (typeof body === 'string') return { status: 200, type: 'text/plain', body }
  return { status: 200, type: 'application/json', body: JSON.stringify(body) }
}
