/**
 * Three simulated vendors that Turnpike has no table for: kuaidaili's lines of `ip:port,seconds`, JSON with an `expire_time`, and
 * plain lines of `ip:port` with errors in JSON. Each from what its public pages and clients show; one instance is one account.
 */
import { chinaTime, type SimCall, type SimClock, type SimReply, SimulatedApi, type Supply } from './simulated-api.ts'

export interface ListApiOptions {
  readonly clock: SimClock
  readonly dialect: 'kuaidaili' | 'zhima' | 'xiaoxiang'
  /** What the account's calls carry besides the count, each with its value. */
  readonly account: Readonly<Record<string, string>>
  readonly supplyAddress: () => Supply
  readonly lifeMs?: number
  /** Most addresses of one call. */
  readonly maxPerCall?: number
}

type Fault = 'key' | 'whitelist' | 'stock' | 'pace' | 'count'

interface Dialect {
  readonly path: string
  readonly count: string
  /** Parameters that a caller may send, each with what it may be, beside the account's. */
  readonly allowed: Readonly<Record<string, RegExp>>
  readonly calls: number
  readonly perMs: number
  readonly errors: Readonly<Record<Fault, readonly [code: number, words: string]>>
}

const FLAG = /^[01]$/

const dialects: Readonly<Record<ListApiOptions['dialect'], Dialect>> = {
  kuaidaili: {
    path: '/api/getdps/',
    count: 'num',
    allowed: { format: /^text$/, sep: /^[1-4]$/, f_et: /^1$/ },
    calls: 10,
    perMs: 1_000,
    errors: {
      key: [-104, '签名错误'],
      whitelist: [-108, 'IP白名单错误'],
      stock: [-9, '提取余额不足'],
      pace: [-120, '接口调用频率超出限制'],
      count: [-1, '参数错误'],
    },
  },
  zhima: {
    path: '/getip',
    count: 'num',
    allowed: { type: /^2$/, port: /^1$/, ts: FLAG, ys: FLAG, cs: FLAG, lb: /^1$/, sb: /^0$/, pb: /^45?$/, mr: FLAG },
    calls: 1,
    perMs: 1_000,
    errors: {
      key: [117, '您的套餐pack传参有误'],
      whitelist: [113, '请添加白名单'],
      stock: [115, '没有资源或没有符合条件的数据'],
      pace: [111, '提取链接请求太过频繁'],
      count: [117, '传参有误'],
    },
  },
  xiaoxiang: {
    path: '/ip/get',
    count: 'cnt',
    allowed: { wt: /^text$/ },
    calls: 1,
    perMs: 10_000,
    errors: {
      key: [1006, '应用授权验证未通过'],
      whitelist: [1008, '绑定的IP不一致'],
      stock: [1014, '应用剩余量不足'],
      pace: [1010, '请求过于频繁'],
      count: [1007, '提取量超过限制'],
    },
  },
}

export class SimulatedListApi extends SimulatedApi {
  readonly #options: ListApiOptions
  readonly #dialect: Dialect

  constructor(options: ListApiOptions) {
    super(options.clock)
    this.#options = options
    this.#dialect = dialects[options.dialect]
  }

  protected answer(call: SimCall): SimReply {
    const { path, count, calls, perMs } = this.#dialect
    if (call.path !== path) return { status: 404, type: 'text/html', body: '<html>404 Not Found</html>' }
    const isInTime = this.withinLimit('calls', calls, perMs)
    this.#check(call)
    const fault = this.#faultOf(call, isInTime)
    if (fault !== undefined) return this.#refuse(fault)
    const wanted = Number(call.params[count])
    return this.#sell(wanted, call)
  }

  protected emptyList(): SimReply {
    return this.#reply([])
  }

  /** The referee: what no careful client sends. */
  #check({ method, params }: SimCall): void {
    const { allowed, count } = this.#dialect
    if (method !== 'GET') this.violations.push(`the method ${method}`)
    for (const [name, value] of Object.entries(params)) {
      if (name === count || Object.hasOwn(this.#options.account, name)) continue
      if (allowed[name] === undefined) this.violations.push(`unknown parameter ${name}`)
      else if (!allowed[name].test(value)) this.violations.push(`${name} is out of range`)
    }
  }

  #faultOf({ params }: SimCall, isInTime: boolean): Fault | undefined {
    const { account, maxPerCall = 100 } = this.#options
    if (!isInTime) return 'pace'
    if (Object.entries(account).some(([name, value]) => params[name] !== value)) return 'key'
    if (this.badDay === 'key-wrong') return 'key'
    if (this.badDay === 'whitelist-missing') return 'whitelist'
    if (this.badDay === 'no-stock') return 'stock'
    const wanted = params[this.#dialect.count] ?? ''
    if (/^[1-9]\d{0,3}$/.test(wanted) && Number(wanted) <= maxPerCall) return undefined
    this.violations.push(`${this.#dialect.count} is out of range`)
    return 'count'
  }

  #sell(count: number, { params }: SimCall): SimReply {
    const { supplyAddress, lifeMs = 120_000 } = this.#options
    const sales = Array.from({ length: count }, () => this.sell(supplyAddress(), lifeMs))
    const items = sales.map(({ supply: { host, port, exit } }, n) => {
      if (this.#options.dialect !== 'zhima') return `${host}:${port}`
      const until = chinaTime(this.vendorWall() + lifeMs)
      return {
        ip: host,
        port: n % 2 === 0 ? port : String(port),
        expire_time: until,
        city: '徐州市',
        isp: '电信',
        outip: exit,
      }
    })
    const isTimed = this.#options.dialect === 'kuaidaili' && params['f_et'] === '1'
    return this.#reply(isTimed ? items.map((item) => `${item},${Math.floor(lifeMs / 1_000)}`) : items, params['sep'])
  }

  #reply(items: readonly unknown[], sep = '1'): SimReply {
    if (this.#options.dialect === 'zhima')
      return {
        status: 200,
        type: 'application/json',
        body: JSON.stringify({ code: 0, success: true, msg: '0', data: items }),
      }
    const separators: Readonly<Record<string, string>> = { '1': '\r\n', '2': '\n', '3': ' ', '4': '|' }
    return { status: 200, type: 'text/plain', body: items.join(separators[sep]) }
  }

  #refuse(fault: Fault): SimReply {
    const [code, words] = this.#dialect.errors[fault]
    if (this.#options.dialect === 'kuaidaili')
      return { status: 200, type: 'text/plain', body: `ERROR(${code}): ${words}` }
    const body = JSON.stringify({ code, success: false, msg: words, data: [] })
    return { status: 200, type: 'application/json', body }
  }
}
