/**
 * A simulated proxy.qg.net, the older API of 青果网络, written from the vendor's document; the replies of allocate and
 * query are those that public clients show. One instance is one key, bought for one product.
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

export type QgLegacyPlan =
  | { readonly kind: 'dedicated' | 'shared'; readonly channels: number }
  | { readonly kind: 'monopoly' }

export interface QgLegacyOptions {
  readonly clock: SimClock
  readonly key: string
  readonly plan: QgLegacyPlan
  readonly supplyAddress: () => Supply
  /** Life of the next address, ms. */
  readonly lifeMs?: () => number
  /** What the vendor sees us under; once given, it has to be on the whitelist. */
  readonly callerIp?: string
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const LIST = /^[^,\s]+(,[^,\s]+)*$/
const COUNT = /^[1-9]\d{0,4}$/

const order: Readonly<Record<string, RegExp>> = {
  Num: COUNT,
  KeepAlive: COUNT,
  AreaId: COUNT,
  Isp: /^[1-4]$/,
  detail: /^[01]$/,
}
const named: Readonly<Record<string, RegExp>> = { IP: LIST, TaskID: LIST }

/** What each call allows besides the key. */
const calls: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  '/allocate': order,
  '/extract': order,
  '/replace': { ...order, ...named },
  '/release': named,
  '/query': { ...named, detail: /^[01]$/ },
  '/whitelist/add': { IP: LIST },
  '/whitelist/del': { IP: LIST },
  '/whitelist/query': {},
  '/info/quota': {},
  '/resources': order,
  '/monopolies': { UUIDs: LIST },
}
const FIXED: Readonly<Record<string, number>> = { '/extract': 45, '/whitelist/add': 20, '/whitelist/del': 20 }
const BY_CHANNELS = ['/allocate', '/replace', '/query']
const BY_PRODUCT: Readonly<Record<string, readonly string[]>> = {
  '/allocate': ['dedicated'],
  '/replace': ['dedicated'],
  '/release': ['dedicated'],
  '/extract': ['shared'],
  '/query': ['dedicated', 'shared'],
  '/monopolies': ['monopoly'],
}

export class SimulatedQgLegacy extends SimulatedApi {
  readonly lines = new QgLines()
  readonly whitelist = new Set<string>()
  readonly #options: QgLegacyOptions
  readonly #released = new Set<SimSale>()
  #tasks = 0

  constructor(options: QgLegacyOptions) {
    super(options.clock)
    this.#options = options
  }

  protected answer(call: SimCall): SimReply {
    const allowed = calls[call.path]
    if (allowed === undefined) return this.#fail(-10, `there is no call ${call.path}`)
    if (call.method !== 'GET') this.violations.push(`${call.path} was called with ${call.method}`)
    const isInTime = this.withinLimit(call.path, this.#callsPerMinute(call.path), MINUTE_MS)
    const refused = this.#checkKey(call) ?? this.#checkParams(call, allowed)
    if (!isInTime) return this.#fail(-11)
    return refused ?? this.#perform(call)
  }

  protected emptyList({ path }: SimCall): SimReply {
    return path === '/monopolies' ? reply({ data: [] }) : reply({ Code: 0, TaskID: 'T', Num: 0, Data: [] })
  }

  #perform({ path, params }: SimCall): SimReply {
    const names = (name: string) => (params[name] ?? '').split(',')
    switch (path) {
      case '/allocate':
      case '/extract':
        return this.#sellSome(Number(params['Num'] ?? 1))
      case '/release':
        return this.#release(names('IP'))
      case '/replace':
        return this.#replace(names('IP'))
      case '/query':
        return this.#tell(this.#held())
      case '/monopolies': {
        const wanted = params['UUIDs'] === undefined ? undefined : names('UUIDs')
        return reply({ data: this.lines.listed(wanted, this.clock.now(), this.vendorWall()) })
      }
      case '/whitelist/add':
        for (const ip of names('IP')) this.whitelist.add(ip)
        return reply({ Code: 0, Num: this.whitelist.size })
      case '/whitelist/query':
        return reply({ Code: 0, Data: [...this.whitelist], Num: this.whitelist.size })
      case '/info/quota':
        return this.#quota()
      default:
        return reply({ Code: 0 })
    }
  }

  get #channels(): number {
    const { plan } = this.#options
    return 'channels' in plan ? plan.channels : 1
  }

  #callsPerMinute(path: string): number {
    if (BY_CHANNELS.includes(path)) return this.#channels * 5 + 10
    return path === '/release' ? this.#channels * 5 : (FIXED[path] ?? 60)
  }

  #checkKey({ path, params }: SimCall): SimReply | undefined {
    const { key, plan, callerIp } = this.#options
    if (this.badDay === 'key-wrong') return this.#fail(-12)
    if (params['Key'] !== key) return this.#fail(-12, 'the key is wrong')
    const products = BY_PRODUCT[path]
    if (products !== undefined && !products.includes(plan.kind)) return this.#fail(-15, `${plan.kind} has no ${path}`)
    const isKnown = callerIp === undefined || path.startsWith('/whitelist/') || this.whitelist.has(callerIp)
    if (isKnown && this.badDay !== 'whitelist-missing') return undefined
    return reply({ Code: -13, Msg: `当前客户端IP(${callerIp})不在授权名单中` })
  }

  #checkParams({ params }: SimCall, allowed: Readonly<Record<string, RegExp>>): SimReply | undefined {
    for (const [name, value] of Object.entries(params)) {
      if (name === 'Key') continue
      const pattern = allowed[name]
      if (pattern === undefined) return this.#fail(-10, `unknown parameter ${name}`)
      if (!pattern.test(value)) return this.#fail(-10, `${name} is out of range`)
    }
    return undefined
  }

  #sellSome(count: number): SimReply {
    const held = this.#held().length
    if (this.badDay === 'no-stock') return this.#fail(-103)
    if (held + count > this.#channels) {
      return this.#fail(-102, `${count} addresses were asked for with ${held} of ${this.#channels} channels occupied`)
    }
    const { supplyAddress, lifeMs = () => HOUR_MS } = this.#options
    return this.#tell(
      Array.from({ length: count }, () => this.sell(supplyAddress(), lifeMs())),
      'one batch',
    )
  }

  /** @returns the sales of these addresses; undefined, and a violation, when one is not held */
  #named(ips: readonly string[]): SimSale[] | undefined {
    const found = ips.map((ip) => this.#held().find(({ supply }) => (supply.exit ?? supply.host) === ip))
    if (found.every((sale) => sale !== undefined)) return found
    this.violations.push('an address was given back that is not held')
    return undefined
  }

  #release(ips: readonly string[]): SimReply {
    const sales = this.#named(ips)
    if (sales === undefined) return this.#fail(-10)
    const isAllowed = ips
      .map(() => this.withinLimit('released addresses', this.#channels * 2, MINUTE_MS))
      .every(Boolean)
    if (!isAllowed) return this.#fail(-105)
    for (const sale of sales) this.#released.add(sale)
    return reply({ Code: 0 })
  }

  #replace(ips: readonly string[]): SimReply {
    const sales = this.#named(ips)
    if (sales === undefined) return this.#fail(-10)
    for (const sale of sales) this.#released.add(sale)
    return this.#sellSome(sales.length)
  }

  #held(): SimSale[] {
    return this.sales.filter((sale) => this.left(sale) > 0 && !this.#released.has(sale))
  }

  #quota(): SimReply {
    const used = this.#held().length
    return reply({ Code: 0, Total: this.#channels, Available: this.#channels - used, Used: used })
  }

  #tell(sales: readonly SimSale[], as: 'one batch' | 'tasks' = 'tasks'): SimReply {
    this.#tasks += 1
    const Data = sales.map((sale) => this.#describe(sale))
    const batch = { TaskID: `TASK${this.#tasks}`, Num: sales.length, Data }
    if (as === 'one batch') return reply({ Code: 0, ...batch })
    return reply({ Code: 0, TaskList: sales.length === 0 ? null : [batch], TaskNum: 1, TotalNum: sales.length })
  }

  #describe(sale: SimSale): object {
    const { host, port, exit = host } = sale.supply
    const deadline = chinaTime(this.vendorWall() + this.left(sale))
    return { IP: exit, port: String(port), deadline, host: `${host}:${port}` }
  }

  /** @param violation what the client did to deserve it, when it broke a rule */
  #fail(code: number, violation?: string): SimReply {
    if (violation !== undefined) this.violations.push(violation)
    return reply({ Code: code })
  }
}

function reply(members: object): SimReply {
  return { status: 200, type: 'application/json', body: JSON.stringify(members) }
}
