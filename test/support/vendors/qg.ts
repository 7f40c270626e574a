/**
 * A simulated qg.net (青果网络), written from the vendor's document of the current API. One instance is one key, bought for
 * one product. Errors come under HTTP 400 in the usual envelope, deadlines in China's time to the second.
 */
import { QgLines } from './qg-lines.ts'
import {
  chinaTime,
  type SimCall,
  type SimClock,
  type SimReply,
  type SimSale,
  SimulatedApi,
  type Supply,
} from './simulated-api.ts'

/** What was bought, with its allowance where it has one. */
export type QgPlan =
  | { readonly mode: 'channel' | 'exclusive' | 'overseas-channel'; readonly channels: number }
  /** Lines that take `dialMs` to get an address, told by /monopolies of the older API. */
  | { readonly mode: 'locked'; readonly channels: number; readonly dialMs: number }
  | { readonly mode: 'elastic'; readonly perDay: number }
  | { readonly mode: 'uniform'; readonly perMinute: number }
  | { readonly mode: 'volume' | 'overseas-volume'; readonly balance: number }

export interface QgOptions {
  readonly clock: SimClock
  readonly key: string
  /** Demanded with every call when given. */
  readonly pwd?: string
  readonly plan: QgPlan
  readonly supplyAddress: () => Supply
  /** Life of the next address, ms. */
  readonly lifeMs?: () => number
}

const MINUTE_MS = 60_000
const CODES = /^\w+(,\w+)*$/

const share: Readonly<Record<string, RegExp>> = {
  key: /^\S+$/,
  pwd: /^\S+$/,
  num: /^[1-9]\d{0,4}$/,
  area: CODES,
  area_ex: CODES,
  isp: /^[0-3]$/,
  distinct: /^(true|false)$/,
}

const KEY_ALONE = { key: share['key'] as RegExp, pwd: share['pwd'] as RegExp }
/** Not in the document: public clients call it. */
const BALANCE = 100_000

/** What each product's section allows on `/get`. */
const getParams: Readonly<Record<QgPlan['mode'], Readonly<Record<string, RegExp>>>> = {
  channel: share,
  elastic: share,
  uniform: share,
  volume: share,
  locked: { ...without(share, 'area_ex', 'distinct'), area: /^\d+$/ },
  exclusive: without({ ...share, keep_alive: /^[1-9]\d*$/ }, 'area_ex'),
  'overseas-channel': without(share, 'isp', 'distinct'),
  'overseas-volume': without(share, 'isp', 'distinct'),
}

export class SimulatedQg extends SimulatedApi {
  /** Answer the next extractions with this code, whatever they ask. */
  refuseWith: string | undefined
  readonly lines = new QgLines()
  readonly #options: QgOptions
  #requestNumber = 0

  constructor(options: QgOptions) {
    super(options.clock)
    this.#options = options
  }

  protected answer(call: SimCall): SimReply {
    const { plan } = this.#options
    const allowed = this.#paramsOf(call.path)
    if (call.path === '/moved') this.violations.push('a redirect was followed')
    if (plan.mode === 'locked' && call.path === '/monopolies') return this.#listLines(call)
    if (allowed === undefined) return this.#fail('ACCESS_DENY', `${plan.mode} has no ${call.path}`)
    if (call.method !== 'GET') this.violations.push(`${call.path} was called with ${call.method}`)
    const isInTime = this.withinLimit(call.path, this.#callsPerMinute(call.path), MINUTE_MS)
    const refused = this.#checkKey(call) ?? this.#checkParams(call, allowed)
    if (!isInTime) return this.#fail('REQUEST_LIMIT_EXCEEDED')
    if (refused !== undefined) return refused
    if (call.path === '/query') return this.#succeed(this.#held())
    if (call.path === '/balance') return this.#envelope(200, { code: 'SUCCESS', data: { balance: BALANCE } })
    if (this.refuseWith !== undefined) return this.#fail(this.refuseWith)
    if (this.badDay === 'no-stock') return this.#fail('NO_RESOURCE_FOUND')
    const count = Number(call.params['num'] ?? 1)
    if (plan.mode === 'locked') return this.#orderLines(count, plan)
    return call.path === '/pool' ? this.#fill(count) : this.#extract(count)
  }

  protected emptyList(): SimReply {
    return this.#succeed([])
  }

  #paramsOf(path: string): Readonly<Record<string, RegExp>> | undefined {
    const { mode } = this.#options.plan
    if (path === '/get') return getParams[mode]
    if (mode === 'channel' && path === '/pool') return share
    if (getParams[mode] === share && path === '/balance') return KEY_ALONE
    return mode === 'channel' && path === '/query' ? KEY_ALONE : undefined
  }

  #callsPerMinute(path: string): number {
    const { plan } = this.#options
    return path === '/get' && 'channels' in plan ? plan.channels * 5 + 10 : 60
  }

  #checkKey({ params }: SimCall): SimReply | undefined {
    const { key, pwd } = this.#options
    if (this.badDay === 'key-wrong') return this.#fail('INVALID_KEY')
    if (this.badDay === 'whitelist-missing') return this.#fail('API_AUTH_DENY')
    if (params['key'] !== key) return this.#fail('INVALID_KEY', 'the key is wrong')
    return pwd !== undefined && params['pwd'] !== pwd
      ? this.#fail('API_AUTH_DENY', 'the API password is wrong')
      : undefined
  }

  #checkParams({ params }: SimCall, allowed: Readonly<Record<string, RegExp>>): SimReply | undefined {
    for (const [name, value] of Object.entries(params)) {
      const pattern = allowed[name]
      if (pattern === undefined) return this.#fail('INVALID_PARAMETER', `unknown parameter ${name}`)
      if (!pattern.test(value)) return this.#fail('INVALID_PARAMETER', `${name} is out of range`)
    }
    return undefined
  }

  #orderLines(count: number, { channels, dialMs }: { channels: number; dialMs: number }): SimReply {
    if (this.lines.size + count > channels) return this.#fail('NO_AVAILABLE_CHANNEL')
    const [now, wall] = [this.clock.now(), this.vendorWall()]
    const uuids = Array.from({ length: count }, () => this.lines.add(this.#options.supplyAddress(), dialMs, now))
    const data = uuids.map((uuid) => this.lines.ordered(uuid, now, wall))
    return this.#envelope(200, { code: 'SUCCESS', data })
  }

  /** A call of the older API, with its own spelling and envelope. */
  #listLines({ params }: SimCall): SimReply {
    this.withinLimit('/monopolies', 60, MINUTE_MS)
    const { Key, UUIDs, ...others } = params
    if (Key !== this.#options.key) this.violations.push('the Key of /monopolies is wrong')
    for (const name of Object.keys(others)) this.violations.push(`unknown parameter ${name}`)
    const data = this.lines.listed(UUIDs?.split(','), this.clock.now(), this.vendorWall())
    return { status: 200, type: 'application/json', body: JSON.stringify({ data }) }
  }

  #extract(count: number): SimReply {
    const { plan } = this.#options
    if ('channels' in plan && this.#held().length + count > plan.channels) {
      return this.#fail(
        'EXTRACT_LIMIT_EXCEEDED',
        `${count} addresses were asked for with ${this.#held().length} of ${plan.channels} channels occupied`,
      )
    }
    if (plan.mode === 'uniform' && this.#soldSince(this.#minuteStart()) + count > plan.perMinute)
      return this.#fail('EXTRACT_LIMIT_EXCEEDED')
    if (plan.mode === 'elastic' && this.#soldSince(this.#dayStart()) + count > plan.perDay)
      return this.#fail('EXTRACT_LIMIT_EXCEEDED')
    if ('balance' in plan && this.sales.length + count > plan.balance) return this.#fail('BALANCE_INSUFFICIENT')
    return this.#succeed(this.#sellSome(count))
  }

  /** `/pool`: what the channels hold, and new addresses for the free ones. */
  #fill(count: number): SimReply {
    const { plan } = this.#options
    const held = this.#held()
    const free = 'channels' in plan ? plan.channels - held.length : 0
    return this.#succeed([...held, ...this.#sellSome(Math.min(count, free))])
  }

  #sellSome(count: number): SimSale[] {
    return Array.from({ length: count }, () =>
      this.sell(this.#options.supplyAddress(), this.#options.lifeMs?.() ?? MINUTE_MS),
    )
  }

  #held(): SimSale[] {
    return this.sales.filter((sale) => this.left(sale) > 0)
  }

  #soldSince(wallMs: number): number {
    const life = this.#options.lifeMs?.() ?? MINUTE_MS
    const elapsed = this.vendorWall() - wallMs
    return this.sales.filter((sale) => life - this.left(sale) <= elapsed).length
  }

  #minuteStart(): number {
    return Math.floor(this.vendorWall() / MINUTE_MS) * MINUTE_MS
  }

  #dayStart(): number {
    const [, hour = 0, minute = 0, second = 0] = chinaTime(this.vendorWall()).split(/[ :]/).map(Number)
    return this.vendorWall() - ((hour * 60 + minute) * 60 + second) * 1_000
  }

  #succeed(sales: readonly SimSale[]): SimReply {
    const { mode } = this.#options.plan
    const ips = sales.map((sale) => this.#describe(sale, mode.startsWith('overseas')))
    const data = mode === 'exclusive' ? { task_id: `TASK${this.#requestNumber}_task`, ips, num: ips.length } : ips
    return this.#envelope(200, { code: 'SUCCESS', data })
  }

  #describe(sale: SimSale, isOverseas: boolean): object {
    const { host, port, exit } = sale.supply
    const deadline = chinaTime(this.vendorWall() + this.left(sale))
    const where = isOverseas ? { area: '新加坡' } : { area: '河南省商丘市', isp: '电信' }
    return { proxy_ip: exit ?? host, server: `${host}:${port}`, ...where, deadline }
  }

  /** @param violation what the client did to deserve it, when it broke a rule */
  #fail(code: string, violation?: string): SimReply {
    if (violation !== undefined) this.violations.push(violation)
    return this.#envelope(400, { code, message: 'see the document' })
  }

  #envelope(status: number, members: object): SimReply {
    this.#requestNumber += 1
    const body = JSON.stringify({
      ...members,
      request_id: `00000000-0000-4000-8000-${String(this.#requestNumber).padStart(12, '0')}`,
    })
    return { status, type: 'application/json', body }
  }
}

function without(table: Readonly<Record<string, RegExp>>, ...names: string[]): Readonly<Record<string, RegExp>> {
  return Object.fromEntries(Object.entries(table).filter(([name]) => !names.includes(name)))
}
