/**
 * A simulated app_key OpenAPI (smartproxy.org and its resellers), written from the platform's document. One instance is one
 * account; errors are JSON under HTTP 200, whatever format was asked for.
 */
import { type SimCall, type SimClock, type SimReply, SimulatedApi, type Supply } from './simulated-api.ts'

export interface SmartproxyOptions {
  readonly clock: SimClock
  readonly appKey: string
  readonly supplyAddress: () => Supply
  /** Path in front of the calls. Default: the document's. */
  readonly prefix?: string
  /** Where the list of static addresses stands: as the document prints it, or behind the prefix as resellers have it. */
  readonly staticPath?: 'printed' | 'prefixed'
  readonly staticItems?: readonly object[]
  /** Items of a page, whatever is asked for. */
  readonly pageSize?: number
  /** Whether the list of `ip/v3` is a list of lists, as the document shows it. Default: it is. */
  readonly isNested?: boolean
}

const COUNT = /^[1-9]\d{0,4}$/
const WORD = /^\S{1,40}$/

/** What each call of the document allows besides the key; POST calls take a JSON body. */
const calls: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  'GET /ip/v3': {
    cc: WORD,
    state: WORD,
    city: WORD,
    format: /^(json|text|txt)$/,
    lb: WORD,
    num: COUNT,
    life: COUNT,
    ep: WORD,
  },
  'GET /ip/dynamic-citys': {},
  'GET /ip/dynamic-states': {},
  'GET /ip/dynamic-states/search': { country_code: WORD },
  'GET /ip/dynamic-citys/search': { country_code: WORD, state: WORD },
  'GET /whitelist-account/list': {},
  'GET /user-product/list': { trade_no: WORD, page: COUNT, size: COUNT, product_type: /^(9|11|14|25)$/ },
  'POST /whitelist-account/delete': { accounts: /^[a-z0-9]+(,[a-z0-9]+)*$/i },
  'POST /whitelist-account/change-limit': { account: /^[a-z0-9]+$/i, limit: /^\d{1,6}$/ },
}
const statics: Readonly<Record<string, RegExp>> = {
  country_code: WORD,
  product_type: /^(14|25)$/,
  trade_no: WORD,
  page: COUNT,
  size: COUNT,
  status: /^[1-4]$/,
}

export class SimulatedSmartproxy extends SimulatedApi {
  readonly #options: SmartproxyOptions

  constructor(options: SmartproxyOptions) {
    super(options.clock)
    this.#options = options
  }

  protected answer(call: SimCall): SimReply {
    const { prefix = '/openapi', staticPath = 'printed' } = this.#options
    const staticCall = `${staticPath === 'printed' ? '' : prefix}/ip/get-static-ip`
    const isStatic = call.path === staticCall
    const name = call.path.startsWith(`${prefix}/`) ? call.path.slice(prefix.length) : ''
    const allowed = isStatic ? statics : calls[`${call.method} ${name}`]
    // Nothing is documented; a client that knows nothing better stays below this.
    this.withinLimit('calls', 1, 1_000)
    if (allowed === undefined) return { status: 404, type: 'text/html', body: '<html>404 Not Found</html>' }
    const refused = this.#check(call, allowed)
    if (refused !== undefined) return refused
    if (isStatic) return this.#listStatic(call)
    return name === '/ip/v3' ? this.#extract(call) : succeed(name.endsWith('list') ? { list: [] } : null)
  }

  protected emptyList(): SimReply {
    return succeed({ list: [] })
  }

  #check({ params }: SimCall, allowed: Readonly<Record<string, RegExp>>): SimReply | undefined {
    if (this.badDay === 'key-wrong') return refuse(3)
    if (this.badDay === 'whitelist-missing') return refuse(202, 'please add IP 203.0.113.99 in the allow list')
    if (this.badDay === 'no-stock') return refuse(114)
    for (const [name, value] of Object.entries(params)) {
      if (name === 'app_key') continue
      if (allowed[name] === undefined) this.violations.push(`unknown parameter ${name}`)
      else if (!allowed[name].test(value)) this.violations.push(`${name} is out of range`)
    }
    if (params['app_key'] === this.#options.appKey) return undefined
    this.violations.push('the app_key is wrong')
    return refuse(3)
  }

  #extract({ params }: SimCall): SimReply {
    const { supplyAddress, isNested = true } = this.#options
    const lifeMs = Number(params['life'] ?? 1) * 60_000
    const sales = Array.from({ length: Number(params['num'] ?? 1) }, () => this.sell(supplyAddress(), lifeMs))
    const items = sales.map(({ supply }) => `${supply.host}:${supply.port}`)
    if (params['format'] !== 'json') return { status: 200, type: 'text/plain', body: items.join('\r\n') }
    return succeed({ list: isNested ? [items] : items })
  }

  #listStatic({ params }: SimCall): SimReply {
    const { staticItems = [], pageSize = Number(params['size'] ?? 20) } = this.#options
    const start = (Number(params['page'] ?? 1) - 1) * pageSize
    return succeed({ list: staticItems.slice(start, start + pageSize) })
  }
}

function succeed(data: unknown): SimReply {
  return { status: 200, type: 'application/json', body: JSON.stringify({ code: 200, msg: 'success', data }) }
}

function refuse(code: number, msg = ''): SimReply {
  return { status: 200, type: 'application/json', body: JSON.stringify({ code, msg, data: null }) }
}
