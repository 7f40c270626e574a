/**
 * A simulated ipipv, written from the vendor's document: envelopes checked, names of calls and of orders idempotent, orders
 * that run on, instances that expire. One instance is one app.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { type SimCall, type SimClock, type SimReply, SimulatedApi, type Supply } from './simulated-api.ts'

export interface IpipvOptions {
  readonly clock: SimClock
  readonly appKey: string
  readonly appSecret: string
  readonly supplyAddress: () => Supply
  /** Price of one instance for one term. */
  readonly price?: number
  readonly inventory?: number
  /** How long an order runs, ms. */
  readonly orderMs?: number
  /** How long an instance lives, ms. */
  readonly lifeMs?: number
  /** What is sold beside `mb_1`: number and price. */
  readonly otherProducts?: Readonly<Record<string, number>>
}

interface SimOrder {
  readonly orderNo: string
  readonly appOrderNo: string
  readonly endsAt: number
  readonly instances: SimInstance[]
}

interface SimInstance {
  readonly instanceNo: string
  readonly orderNo: string
  readonly supply: Supply
  expiresWall: number
  status: number
}

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string' && value !== '',
  count: (value) => Number.isInteger(value) && Number(value) > 0,
  type: (value) => value === 104 || value === 105,
  minutes: (value) => typeof value === 'string' && /^\d+$/.test(value) && Number(value) >= 1 && Number(value) <= 120,
  texts: (value) => Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string'),
  numbers: (value) => Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'number'),
  lines: (value) => Array.isArray(value) && value.length > 0,
}

/** Parameters by name; `!` marks those that must be there. */
const shapes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  info: {},
  'product/query': { proxyType: 'numbers!', productNo: 'text', countryCode: 'text', cityCode: 'text', unit: 'count' },
  'instance/open': { appOrderNo: 'text!', params: 'lines!' },
  'instance/renew': { appOrderNo: 'text!', instances: 'lines!' },
  instance: { instances: 'texts!' },
  order: { orderNo: 'text', appOrderNo: 'text', page: 'count', pageSize: 'count' },
  'proxy/draw/pwd': {
    appUsername: 'text!',
    productNo: 'text!',
    proxyType: 'type',
    sessTime: 'minutes',
    num: 'count',
    addressCode: 'text',
  },
}

export class SimulatedIpipv extends SimulatedApi {
  readonly orders: SimOrder[] = []
  /** The next order is taken and never answered. */
  losesNextOrder = false
  /** The next order never arrives, and is not answered. */
  missesNextOrder = false
  /** Whether orders may be asked for by the number that the buyer gave them, as the vendor's public SDK does. */
  knowsAppOrderNo = true
  /** The lines of orders that were taken, as they came. */
  readonly lines: Readonly<Record<string, unknown>>[] = []
  /** Refuses orders with this code. */
  refusesOrders: number | undefined
  /** Orders end with this status; default 3, which worked. */
  orderStatus = 3
  /** Whether orders that brought nothing say that their amount came back. */
  refunds = true
  /** What new instances begin with; default 3, which runs. */
  newStatus = 3
  /** Instances that answers say nothing of. */
  leavesOut: readonly string[] = []
  readonly #options: IpipvOptions
  /** Names of calls -> what they asked. A name that comes again must ask the same. */
  readonly #named = new Map<string, string>()

  constructor(options: IpipvOptions) {
    super(options.clock)
    this.#options = options
  }

  /** One call without a socket: for tests whose clock stands still while it runs. */
  handle(path: string, body: string): SimReply {
    const call = { method: 'POST', path, params: JSON.parse(body) as Record<string, string>, at: this.clock.now() }
    this.calls.push(call)
    const reply = this.answer(call)
    const { badDay } = this
    return badDay === 'http-500' ? { status: 500, type: 'text/plain', body: 'Internal Server Error' } : reply
  }

  /** A number that an order has made before. */
  instance(index: number): SimInstance | undefined {
    return this.orders.flatMap(({ instances }) => instances)[index]
  }

  protected answer(call: SimCall): SimReply {
    const path = /^\/api\/open\/app\/(.+)\/v2$/.exec(call.path)?.[1] ?? ''
    const shape = shapes[path]
    if (call.method !== 'POST') this.violations.push(`${path} was called with ${call.method}`)
    if (shape === undefined) return this.#fail(500, `there is no ${path}`)
    this.withinLimit('app', 2, 1_000)
    const params = this.#open(call, path)
    if (params === undefined) return this.#fail(10_001, '解密失败，请检查密码')
    if (params['appOrderNo'] !== undefined && path === 'order' && !this.knowsAppOrderNo)
      return {
        status: 200,
        type: 'application/json',
        body: JSON.stringify({ reqId: 'x', code: 10_004, msg: '参数有误' }),
      }
    const wrong = wrongParam(params, shape)
    if (wrong !== undefined) return this.#fail(10_004, wrong)
    return this.#serve(path, params)
  }

  protected emptyList(): SimReply {
    return this.#succeed([])
  }

  #serve(path: string, params: Readonly<Record<string, unknown>>): SimReply {
    const { price = 10, inventory = 100 } = this.#options
    switch (path) {
      case 'info':
        return this.#succeed({ appName: 'app', coin: '99.5', useBridge: 1, status: 1 })
      case 'product/query':
        return this.#succeed(this.#products(params, price, inventory))
      case 'instance/open':
        return this.#take(params)
      case 'instance/renew':
        return this.#renew(params)
      case 'instance':
        return this.#describe(params['instances'] as string[])
      case 'order':
        return this.#tell(this.#orderNoOf(params), Number(params['page'] ?? 1), Number(params['pageSize'] ?? 10))
      default:
        return this.#draw(Number(params['num'] ?? 1), Number(params['sessTime'] ?? 5))
    }
  }

  #products({ productNo }: Readonly<Record<string, unknown>>, price: number, inventory: number): object[] {
    const all = Object.entries({ mb_1: price, ...this.#options.otherProducts })
    return all.flatMap(([name, costPrice]) =>
      productNo === undefined || productNo === name
        ? { productNo: name, costPrice: costPrice.toFixed(2), bandWidthPrice: '0.50', inventory, enable: 1 }
        : [],
    )
  }

  #renew(params: Readonly<Record<string, unknown>>): SimReply {
    const appOrderNo = String(params['appOrderNo'])
    if (this.refusesOrders !== undefined) return this.#fail(this.refusesOrders, '续费失败')
    const before = this.orders.find((order) => order.appOrderNo === appOrderNo)
    const lines = params['instances'] as { instanceNo: string; duration?: number }[]
    if (lines.some((line) => Object.keys(line).some((name) => !['instanceNo', 'duration'].includes(name))))
      return this.#fail(10_004, 'a renewal has another member than instanceNo and duration')
    const all = this.orders.flatMap(({ instances }) => instances)
    const renewed = lines.flatMap(({ instanceNo }) => all.find((one) => one.instanceNo === instanceNo) ?? [])
    if (renewed.length < lines.length) return this.#fail(10_011, '续费失败，实例不存在')
    const { orderMs = 5_000, lifeMs = 86_400_000, price = 10 } = this.#options
    const orderNo = before?.orderNo ?? `R${this.orders.length + 1}`
    if (before === undefined) {
      this.orders.push({ orderNo, appOrderNo, endsAt: this.clock.now() + orderMs, instances: renewed })
      for (const one of renewed) one.expiresWall += lifeMs
    }
    if (this.losesNextOrder) {
      this.losesNextOrder = false
      this.badDay = 'http-500'
    }
    return this.#succeed({ orderNo, appOrderNo, amount: (lines.length * price).toFixed(2) })
  }

  /** Opens the envelope. @returns undefined when it cannot be opened */
  #open({ params: envelope }: SimCall, path: string): Readonly<Record<string, unknown>> | undefined {
    const { version, encrypt, appKey, reqId = '', params = '' } = envelope
    if (version !== 'v2') this.violations.push(`the version is ${version}`)
    if (encrypt?.toUpperCase() !== 'AES') this.violations.push(`the encryption is ${encrypt}`)
    if (appKey !== this.#options.appKey || reqId === '') return undefined
    const text = this.#decrypt(params)
    if (text === undefined) return undefined
    const asked = `${path} ${text}`
    if ((this.#named.get(reqId) ?? asked) !== asked) this.violations.push('one name for two different calls')
    this.#named.set(reqId, asked)
    return JSON.parse(text === '' ? '{}' : text) as Record<string, unknown>
  }

  #decrypt(text: string): string | undefined {
    const { name, key } = this.#cipher()
    if (text === '') return ''
    try {
      const decipher = createDecipheriv(name, key, key.subarray(0, 16))
      return decipher.update(text, 'base64', 'utf8') + decipher.final('utf8')
    } catch {
      return undefined
    }
  }

  #cipher(): { name: string; key: Buffer } {
    const key = Buffer.from(this.#options.appSecret)
    return { name: `aes-${key.length * 8}-cbc`, key }
  }

  #take(params: Readonly<Record<string, unknown>>): SimReply {
    const appOrderNo = String(params['appOrderNo'])
    if (this.missesNextOrder) {
      this.missesNextOrder = false
      this.badDay = 'http-500'
      return this.#fail(500, '')
    }
    if (appOrderNo.length > 32) return this.#fail(10_004, 'appOrderNo is longer than 32')
    if (this.refusesOrders !== undefined) return this.#fail(this.refusesOrders, '创建代理失败')
    const before = this.orders.find((order) => order.appOrderNo === appOrderNo)
    const lines = params['params'] as { count?: number; cycleTimes?: number }[]
    this.lines.push(...lines.map((line) => ({ ...line })))
    const count = lines.reduce((sum, line) => sum + (line.count ?? 1), 0)
    if (lines.some((line) => (line.count ?? 1) > 20)) return this.#fail(10_004, 'more than 20 of one product')
    const order = before ?? this.#make(appOrderNo, count)
    if (this.losesNextOrder) {
      this.losesNextOrder = false
      this.badDay = 'http-500'
    }
    return this.#succeed({
      orderNo: order.orderNo,
      appOrderNo,
      amount: (count * (this.#options.price ?? 10)).toFixed(2),
    })
  }

  #make(appOrderNo: string, count: number): SimOrder {
    const { clock, orderMs = 5_000, lifeMs = 86_400_000, supplyAddress } = this.#options
    const orderNo = `C${this.orders.length + 1}`
    const instances = Array.from(
      { length: count },
      (_, index): SimInstance => ({
        instanceNo: `i_${orderNo}_${index + 1}`,
        orderNo,
        supply: supplyAddress(),
        expiresWall: clock.wall() + this.skewMs + lifeMs,
        status: this.newStatus,
      }),
    )
    const order = { orderNo, appOrderNo, endsAt: clock.now() + orderMs, instances }
    this.orders.push(order)
    return order
  }

  #orderNoOf({ orderNo, appOrderNo }: Readonly<Record<string, unknown>>): string {
    if (orderNo !== undefined) return String(orderNo)
    return this.orders.find((order) => order.appOrderNo === appOrderNo)?.orderNo ?? ''
  }

  #tell(orderNo: string, page: number, pageSize: number): SimReply {
    const order = this.orders.find((candidate) => candidate.orderNo === orderNo)
    if (order === undefined) return this.#fail(10_031, '获取订单失败，订单不存在')
    const isRunning = this.clock.now() < order.endsAt
    const all = isRunning || this.orderStatus === 4 ? [] : order.instances
    const instances = all.slice((page - 1) * pageSize, page * pageSize).map((instance) => this.#plain(instance))
    const { appOrderNo } = order
    const status = isRunning ? 2 : this.orderStatus
    return this.#succeed({
      orderNo,
      appOrderNo,
      type: 1,
      status,
      refund: status === 4 && this.refunds ? 1 : 0,
      count: all.length,
      page,
      pageSize,
      total: all.length,
      instances,
    })
  }

  #describe(numbers: readonly string[]): SimReply {
    const all = this.orders.flatMap(({ instances }) => instances)
    const found = numbers.map((number) => all.find(({ instanceNo }) => instanceNo === number))
    if (found.some((instance) => instance === undefined)) return this.#fail(10_041, '获取实例失败，实例不存在')
    const told = found.filter((instance) => instance !== undefined && !this.leavesOut.includes(instance.instanceNo))
    return this.#succeed(told.flatMap((instance) => (instance === undefined ? [] : [this.#plain(instance)])))
  }

  #plain({ instanceNo, orderNo, supply, expiresWall, status }: SimInstance): object {
    const { host: ip, port, username = 'me', password: pwd = 'secret' } = supply
    const userExpired = Math.floor(expiresWall / 1_000)
    return {
      instanceNo,
      orderNo,
      productNo: 'mb_1',
      ip,
      port,
      protocol: '1,2',
      useType: '1',
      username,
      pwd,
      userExpired,
      status,
      bridges: [],
    }
  }

  #draw(count: number, minutes: number): SimReply {
    const list = Array.from({ length: count }, () => {
      const { supply } = this.sell(this.#options.supplyAddress(), minutes * 60_000)
      return `${supply.username ?? 'me'}:${supply.password ?? 'secret'}@${supply.host}:${supply.port}`
    })
    return this.#succeed({ list: [{ list }] })
  }

  #succeed(data: unknown): SimReply {
    const { name, key } = this.#cipher()
    const cipher = createCipheriv(name, key, key.subarray(0, 16))
    const text = cipher.update(JSON.stringify(data), 'utf8', 'base64') + cipher.final('base64')
    return {
      status: 200,
      type: 'application/json',
      body: JSON.stringify({ reqId: 'x', code: 200, msg: 'ok', data: text }),
    }
  }

  #fail(code: number, msg: string): SimReply {
    if (code === 10_004) this.violations.push(msg)
    return { status: 200, type: 'application/json', body: JSON.stringify({ reqId: 'x', code, msg }) }
  }
}

function wrongParam(
  params: Readonly<Record<string, unknown>>,
  shape: Readonly<Record<string, string>>,
): string | undefined {
  for (const [name, value] of Object.entries(params)) {
    const type = shape[name]?.replace('!', '')
    if (type === undefined) return `unknown parameter ${name}`
    if (TYPES[type]?.(value) !== true) return `${name} is no ${type}`
  }
  const missing = Object.entries(shape).find(([name, type]) => type.endsWith('!') && params[name] === undefined)
  return missing === undefined ? undefined : `${missing[0]} is missing`
}
