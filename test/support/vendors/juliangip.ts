/**
 * A simulated juliangip (巨量IP), written from the vendor's page on dynamic proxies: who signs wrongly, invents a parameter,
 * leaves a range or calls an eleventh time within a second is written down in `violations`.
 *
 * Only error 401 is documented; the words of the others are what public clients met, their number is made up.
 */
import { createHash } from 'node:crypto'
import { type SimCall, type SimClock, type SimReply, type SimSale, SimulatedApi, type Supply } from './simulated-api.ts'

export interface JuliangipOptions {
  readonly clock: SimClock
  readonly tradeNo: string
  readonly key: string
  readonly supplyAddress: () => Supply
  /** Life of the next address, ms. */
  readonly lifeMs?: () => number
  /** Addresses that the order was bought with; default 1,000. */
  readonly stock?: number
}

const REFUSED = 400

/** Section 2 of the page. */
const documented: Readonly<Record<string, RegExp>> = {
  trade_no: /^\S+$/,
  num: /^([1-9]\d?|100)$/,
  pt: /^[12]$/,
  result_type: /^(text|json|xml|json2)$/,
  split: /^[1-4]$/,
  city_name: /^1$/,
  city_code: /^1$/,
  ip_remain: /^1$/,
  auth_info: /^1$/,
  area: /^\p{L}+(,\p{L}+)*$/u,
  isp: /^(电信|联通|移动)$/,
  filter: /^1$/,
  sign: /^[0-9a-f]{32}$/,
  // Not on the page, but in links that the vendor's own console makes.
  auto_white: /^1$/,
}

export class SimulatedJuliangip extends SimulatedApi {
  readonly #options: JuliangipOptions

  constructor(options: JuliangipOptions) {
    super(options.clock)
    this.#options = options
  }

  /** Addresses that the order has left. */
  get stock(): number {
    return (this.#options.stock ?? 1_000) - this.sales.length
  }

  protected answer(call: SimCall): SimReply {
    if (call.path !== '/dynamic/getips') {
      this.violations.push(call.path === '/moved' ? 'a redirect was followed' : `there is no ${call.path}`)
      return { status: 404, type: 'text/plain', body: 'not found' }
    }
    const isInTime = this.withinLimit('getips', 10, 1_000)
    const isSigned = this.#checkSignature(call.params)
    const areParamsRight = this.#checkParams(call.params)
    if (!isInTime) return fail(call, REFUSED, '请求过于频繁，请稍后再试')
    if (this.badDay === 'key-wrong' || !isSigned)
      return fail(call, 401, '签名校验失败，请参照开发文档修改或联系客服处理。')
    if (!areParamsRight) return fail(call, REFUSED, '参数格式错误')
    if (this.badDay === 'whitelist-missing' && call.params['auto_white'] === undefined)
      return fail(call, REFUSED, '请先添加白名单IP')
    if (this.badDay === 'no-stock') return fail(call, REFUSED, '暂无可用IP')
    const count = Number(call.params['num'])
    if (count > this.stock) return fail(call, REFUSED, '订单剩余数量不足')
    return this.#deliver(call, count)
  }

  protected emptyList(call: SimCall): SimReply {
    return success(call, [], this.stock)
  }

  #deliver(call: SimCall, count: number): SimReply {
    const sales = Array.from({ length: count }, () =>
      this.sell(this.#options.supplyAddress(), this.#options.lifeMs?.() ?? 180_000),
    )
    const secondsLeft = (sale: SimSale) => Math.floor(this.left(sale) / 1_000)
    const items = sales.map((sale) =>
      call.params['result_type'] === 'json2'
        ? describe(sale.supply, secondsLeft(sale), call)
        : line(sale.supply, secondsLeft(sale), call),
    )
    return success(call, items, this.stock)
  }

  #checkParams(params: SimCall['params']): boolean {
    const wrong: string[] = []
    for (const [name, value] of Object.entries(params)) {
      const allowed = documented[name]
      if (allowed === undefined) wrong.push(`unknown parameter ${name}`)
      else if (!allowed.test(value)) wrong.push(`${name} is out of range`)
    }
    for (const name of ['trade_no', 'num', 'sign']) if (params[name] === undefined) wrong.push(`${name} is missing`)
    this.violations.push(...wrong)
    return wrong.length === 0
  }

  /** The vendor's public rule: non-empty parameters by name, joined, and the key behind them. */
  #checkSignature(params: SimCall['params']): boolean {
    const names = Object.keys(params).filter((name) => name !== 'sign' && params[name] !== '')
    const signed = `${names
      .toSorted()
      .map((name) => `${name}=${params[name]}`)
      .join('&')}&key=${this.#options.key}`
    const isRight =
      params['sign'] === createHash('md5').update(signed).digest('hex') && params['trade_no'] === this.#options.tradeNo
    if (!isRight && this.badDay !== 'key-wrong') this.violations.push('the signature is wrong')
    return isRight
  }
}

/** `ip:port`, then what was asked for. */
function line(supply: Supply, secondsLeft: number, { params }: SimCall): string {
  const fields = [`${supply.host}:${supply.port}`]
  if (params['city_name'] !== undefined) fields.push('江苏徐州')
  if (params['city_code'] !== undefined) fields.push('320300')
  if (params['ip_remain'] !== undefined) fields.push(String(secondsLeft))
  const login = params['auth_info'] === undefined ? '' : `:${supply.username}:${supply.password}`
  return `${fields.join(',')}${login}`
}

function describe(supply: Supply, secondsLeft: number, { params }: SimCall): object {
  return {
    ip: supply.host,
    port: String(supply.port),
    ...(params['ip_remain'] === undefined ? {} : { ip_remain: secondsLeft }),
    ...(params['city_name'] === undefined ? {} : { city_name: '江苏徐州' }),
    ...(params['auth_info'] === undefined ? {} : { http_user: supply.username, http_pass: supply.password }),
  }
}

const SEPARATORS: Readonly<Record<string, string>> = { '1': '\r\n', '2': '\n', '3': ' ', '4': '|' }

/** Section 4: the three formats of success. */
function success(call: SimCall, items: readonly (string | object)[], surplus: number): SimReply {
  const counts = { count: items.length, filter_count: 0, surplus_quantity: surplus }
  switch (call.params['result_type'] ?? 'text') {
    case 'text':
      return { status: 200, type: 'text/plain', body: items.join(SEPARATORS[call.params['split'] ?? '1']) }
    case 'xml': {
      const numbers = Object.entries(counts).map(([name, value]) => `    <${name}>${value}</${name}>`)
      const proxies = items.map((item) => `      <proxy>${item}</proxy>`)
      return xml(
        200,
        '请求成功',
        ['', ...numbers, '    <proxy_list>', ...proxies, '    </proxy_list>', '  '].join('\n'),
      )
    }
    default:
      return json({ code: 200, msg: '请求成功', data: { ...counts, proxy_list: items } })
  }
}

/** Section 4: the three formats of failure. */
function fail(call: SimCall, code: number, msg: string): SimReply {
  const format = call.params['result_type'] ?? 'text'
  if (format === 'text') return { status: 200, type: 'text/plain', body: `ERROR(${code}):${msg}` }
  return format === 'xml' ? xml(code, msg, '') : json({ code, msg, data: [] })
}

function json(value: unknown): SimReply {
  return { status: 200, type: 'application/json', body: JSON.stringify(value) }
}

function xml(code: number, msg: string, data: string): SimReply {
  const body = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<result>\n  <code>${code}</code>\n  <msg>${msg}</msg>\n  <data>${data}</data>\n</result>\n`
  return { status: 200, type: 'text/xml', body }
}
