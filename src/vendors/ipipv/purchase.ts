/**
 * Buys static instances, and nothing twice (ambiguity A10 of the vendor notes).
 *
 *            product asked: price, stock        order asked about
 *   idle ──▶ attempt written down ──▶ open ──▶ pending ──▶ instances known ──▶ idle
 *                                      │ refused: forgotten, idle
 *                                      └ no verdict ──▶ unknown: ipipv is asked for the order by our own number
 *                                                         │ it has it: pending      │ it has none: idle
 *                                                         └ it does not understand: the operator repeats the same order,
 *                                                           or shows ipipv's order that it became
 *
 * One order at a time. Its own number and the call's name are written down before the call leaves: a repetition has both
 * again. What was written down survives a restart, and an attempt that is found then got no verdict either. Nothing here
 * waits or repeats: supply decides when to ask (`look`).
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Answer, CallOrder, SourceMemory, VendorReply } from '../client/http.ts'
import { VendorError } from '../contract/error.ts'
import type { Params } from '../contract/operation.ts'
import type { CallTicket } from '../contract/source.ts'
import { malformed, membersOf, textOf } from '../parse/reply.ts'
import { isFinal, type OrderPage, readOrder } from './instances.ts'
import type { Purchase } from './settings.ts'

const attemptSchema = z.object({
  appOrderNo: z.string(),
  reqId: z.string(),
  params: z.string(),
  count: z.number(),
  /** When it left, ms since the epoch. */
  leftAt: z.number().default(0),
})
const noteSchema = z.object({
  version: z.literal(1),
  attempt: attemptSchema.optional(),
  /** ipipv's numbers of orders that were taken and have not come to their end. */
  pending: z.array(z.string()),
  /** How many instances those orders are for. */
  pendingCount: z.number().default(0),
  /** Instances that were bought here and may still live. */
  instances: z.array(z.string()),
  /** What one instance cost when an order was more expensive than allowed. */
  overpaid: z.number().optional(),
})
type Note = z.infer<typeof noteSchema>
export type Attempt = z.infer<typeof attemptSchema>

/** "一次最大20": of one product in one order. */
export const MAX_OPENED = 20
/** An order that left so lately may still be on its way: that ipipv does not know it proves nothing, ms. */
const ON_ITS_WAY_MS = 30_000
const NO_SUCH_ORDER = '10031'
const PAGE_SIZE = 100
const MAX_PAGES = 50
const STATIC_TYPES = '101,102,103'

export interface PurchaseDeps {
  /** The time of day, ms since the epoch. */
  readonly wall: () => number
  readonly memory: SourceMemory | undefined
  /** Calls an operation of the table. */
  readonly call: (operation: string, params: Params, order: CallOrder) => Promise<Answer>
}

/** An order that ipipv has taken. */
export interface Taken {
  readonly orderNo: string
  readonly count: number
  readonly reply: VendorReply
}

/** What the orders came to that have ended. */
export interface Ended {
  readonly orderNos: readonly string[]
  /** The instances that they brought. */
  readonly instances: readonly string[]
  /** Addresses that must be paid for: those, and those of which nobody says that the money came back. */
  readonly paid: number
  /** Why there are fewer than were ordered. */
  readonly failure: VendorError | undefined
}

export class Purchases {
  readonly #deps: PurchaseDeps
  #note: Promise<Note> | undefined

  constructor(deps: PurchaseDeps) {
    this.#deps = deps
  }

  /** Instances that were bought here. @throws {VendorError} class bad_request when what was written down cannot be read */
  async instances(): Promise<readonly string[]> {
    return (await this.#recall()).instances
  }

  /** What has not come to its end: a purchase of which nobody knows whether it took place, and ipipv's numbers of orders. */
  async open(): Promise<{ unknown: Attempt | undefined; pending: readonly string[] }> {
    const { attempt, pending } = await this.#recall()
    return { unknown: attempt, pending }
  }

  /** Instances that are over for good need not be asked about again. */
  async forget(numbers: readonly string[]): Promise<void> {
    const note = await this.#recall()
    const instances = note.instances.filter((number) => !numbers.includes(number))
    if (instances.length < note.instances.length) await this.#write({ ...note, instances })
  }

  /**
   * Orders up to `count`. To be called when nothing is open.
   * @throws {VendorError} `purchase_unknown` when the order got no verdict
   */
  async buy(count: number, terms: Purchase, order: CallOrder): Promise<Taken> {
    const note = await this.#recall()
    if (note.overpaid !== undefined && note.overpaid > terms.maxPrice) throw overpaid(note.overpaid)
    const number = Math.min(count, MAX_OPENED, await this.#available(terms, order))
    const { productNo, cycleTimes, useBridge } = terms
    const attempt: Attempt = {
      appOrderNo: `tp${randomUUID().replaceAll('-', '').slice(0, 30)}`,
      reqId: randomUUID(),
      params: JSON.stringify([{ productNo, count: number, cycleTimes, useBridge }]),
      count: number,
      leftAt: this.#deps.wall(),
    }
    await this.#write({ ...note, attempt })
    const { orderNo, reply } = await this.#open(attempt, order, terms.maxPrice)
    return { orderNo, count: number, reply }
  }

  /** The operator's word: the order of which nobody knows, once more under the same numbers. @returns the reply's data */
  async repeat(order: CallOrder): Promise<unknown> {
    const { attempt } = await this.#recall()
    if (attempt === undefined) throw new VendorError('bad_request', 'appOrderNo', 'no purchase is unknown')
    return (await this.#open(attempt, order, Number.POSITIVE_INFINITY)).data
  }

  async #open(attempt: Attempt, order: CallOrder, maxPrice: number): Promise<Answer & { orderNo: string }> {
    const { appOrderNo, params, reqId } = attempt
    const departure = new Departure(order.ticket)
    try {
      const named = { ...order, ticket: departure, requestId: reqId }
      const answer = await this.#deps.call('instance/open', { appOrderNo, params }, named)
      return { ...answer, orderNo: await this.#taken(attempt, answer.data, maxPrice) }
    } catch (error) {
      if (departure.hasLeft && !isVerdict(error)) throw order.signal.aborted ? error : stuck(attempt, 'server')
      await this.#forgetAttempt()
      throw error
    }
  }

  /** @returns ipipv's number of the order */
  async #taken(attempt: Attempt, data: unknown, maxPrice: number): Promise<string> {
    const orderNo = textOf(membersOf(data)?.['orderNo'])
    if (orderNo === undefined) throw malformed('the reply to an order has no orderNo')
    const note = await this.#recall()
    const { attempt: _, ...rest } = note
    const each = Number(textOf(membersOf(data)?.['amount']) ?? 0) / attempt.count
    const tooMuch = each > maxPrice * (1 + ROUNDING) ? { overpaid: each } : {}
    await this.#write({ ...rest, ...tooMuch, pending: [...note.pending, orderNo], pendingCount: attempt.count })
    return orderNo
  }

  async #forgetAttempt(): Promise<void> {
    const { attempt: _, ...rest } = await this.#recall()
    await this.#write(rest)
  }

  /** How many can be bought at the price that is allowed. */
  async #available({ productNo, maxPrice, cycleTimes }: Purchase, order: CallOrder): Promise<number> {
    const { data } = await this.#deps.call('product/query', { proxyType: STATIC_TYPES, productNo }, order)
    const products: unknown[] = Array.isArray(data) ? data : []
    const product = products.map(membersOf).find((members) => textOf(members?.['productNo']) === productNo)
    if (product === undefined) throw noSuch(`ipipv has no static product ${productNo}`)
    const price = Number(textOf(product['costPrice']) ?? Number.NaN) * cycleTimes
    if (!(price <= maxPrice)) throw noSuch(`product ${productNo} costs ${price}, more than maxPrice ${maxPrice}`)
    const inventory = Number(textOf(product['inventory']) ?? 0)
    if (textOf(product['enable']) !== '1' || !(inventory >= 1))
      throw new VendorError('no_resource', 'stock', `product ${productNo} cannot be bought now`)
    return inventory
  }

  /**
   * Asks once about everything that is open: the purchase that got no verdict, and orders that run.
   * @throws {VendorError} `purchase_unknown` when only the operator can tell; what else a call throws
   */
  async look(order: CallOrder): Promise<Ended> {
    await this.#search(order)
    const ended: Ended[] = []
    for (const orderNo of (await this.#recall()).pending) {
      const pages = await this.pagesOf(orderNo, order)
      if (pages.every(({ status }) => isFinal(status))) ended.push(await this.#ended(orderNo, pages))
    }
    return {
      orderNos: ended.flatMap(({ orderNos }) => orderNos),
      instances: ended.flatMap(({ instances }) => instances),
      paid: ended.reduce((sum, { paid }) => sum + paid, 0),
      failure: ended.find(({ failure }) => failure !== undefined)?.failure,
    }
  }

  /** Looks for the purchase that got no verdict by our own number of it, which ipipv's public SDK asks by as well. */
  async #search(order: CallOrder): Promise<void> {
    const { attempt } = await this.#recall()
    if (attempt === undefined) return
    const { appOrderNo, leftAt } = attempt
    try {
      const { data } = await this.#deps.call('order', { appOrderNo, page: 1, pageSize: PAGE_SIZE }, order)
      const orderNo = textOf(membersOf(data)?.['orderNo'])
      if (orderNo === undefined) throw stuck(attempt, 'bad_request')
      await this.recognise(orderNo, appOrderNo)
    } catch (error) {
      if (!(error instanceof VendorError)) throw error
      const isOnItsWay = Math.abs(this.#deps.wall() - leftAt) < ON_ITS_WAY_MS
      if (error.vendorCode === NO_SUCH_ORDER && !isOnItsWay) return this.#forgetAttempt()
      if (error.class === 'bad_request' && error.vendorCode !== NO_SUCH_ORDER) throw stuck(attempt, 'bad_request')
      if (error.vendorCode !== NO_SUCH_ORDER) throw error
    }
  }

  async #ended(orderNo: string, pages: readonly OrderPage[]): Promise<Ended> {
    const note = await this.#recall()
    const numbers = pages.flatMap((page) => page.numbers)
    const pending = note.pending.filter((number) => number !== orderNo)
    await this.#write({ ...note, pending, instances: [...new Set([...note.instances, ...numbers])] })
    const ended = { orderNos: [orderNo], instances: numbers, paid: numbers.length, failure: undefined }
    if (numbers.length > 0) return ended
    const isRefunded = pages.some((page) => page.isRefunded)
    const failure = new VendorError(
      isRefunded ? 'no_resource' : 'server',
      'order-failed',
      `order ${orderNo} failed at ipipv`,
      {
        hint: isRefunded ? undefined : 'ipipv tells of no refund: look at the order there',
        sale: isRefunded ? 'refused' : 'sold',
      },
    )
    // A refusal gives the budget back; money of which nobody says that it came back stays booked.
    return { ...ended, paid: isRefunded ? 0 : note.pendingCount, failure }
  }

  /** Every page of an order. An order that became of the unknown purchase settles it. */
  async pagesOf(orderNo: string, order: CallOrder): Promise<OrderPage[]> {
    const pages: OrderPage[] = []
    for (let page = 1, seen = 0; page <= MAX_PAGES; page++) {
      const { data } = await this.#deps.call('order', { orderNo, page, pageSize: PAGE_SIZE }, order)
      const read = readOrder(data)
      pages.push(read)
      seen += read.numbers.length
      if (page === 1) await this.recognise(orderNo, read.appOrderNo)
      if (read.numbers.length === 0 || seen >= read.total) break
    }
    return pages
  }

  /** ipipv showed an order: if it is the unknown purchase, that is known now. */
  async recognise(orderNo: string, appOrderNo: string | undefined): Promise<void> {
    const { attempt, ...rest } = await this.#recall()
    if (attempt === undefined || attempt.appOrderNo !== appOrderNo) return
    const pending = [...new Set([...rest.pending, orderNo])]
    await this.#write({ ...rest, pending, pendingCount: attempt.count })
  }

  #recall(): Promise<Note> {
    this.#note ??= this.#load()
    return this.#note
  }

  async #load(): Promise<Note> {
    const saved = await this.#deps.memory?.load()
    if (saved === undefined || saved === null) return { version: 1, pending: [], pendingCount: 0, instances: [] }
    const read = noteSchema.safeParse(saved)
    if (read.success) return read.data
    // Without it nobody knows what was bought: buying on could buy twice.
    throw new VendorError('bad_request', 'memory', 'what was written down about earlier purchases cannot be read')
  }

  async #write(note: Note): Promise<void> {
    await this.#deps.memory?.save(note)
    this.#note = Promise.resolve(note)
  }
}

/** Prices are decimal texts with two places; an amount is their product. */
const ROUNDING = 0.01

/** Sees whether the call that buys has left: then ipipv may have taken it. */
class Departure implements CallTicket {
  readonly #ticket: CallTicket | undefined
  hasLeft = false

  constructor(ticket: CallTicket | undefined) {
    this.#ticket = ticket
  }

  takes(windowKey: string): boolean {
    return this.#ticket?.takes(windowKey) === true
  }

  sent(): void {
    this.hasLeft = true
    this.#ticket?.sent()
  }

  tooMany(): void {
    this.#ticket?.tooMany()
  }
}

/** ipipv's own word, or proof that nothing was sent. A reply that cannot be read is none: the order was taken. */
function isVerdict(error: unknown): boolean {
  if (!(error instanceof VendorError)) return false
  if (error.vendorCode === 'connect') return true
  return error.class !== 'server' && error.vendorCode !== 'decrypt' && error.vendorCode !== 'body'
}

function stuck({ appOrderNo, count }: Attempt, errorClass: 'server' | 'bad_request'): VendorError {
  return new VendorError(
    errorClass,
    'purchase_unknown',
    `nobody knows whether the order ${appOrderNo} of ${count} instances was taken: nothing more is bought`,
    {
      sale: errorClass === 'server' ? 'unknown' : 'refused',
      hint: `look at ipipv: if it is there, call order orderNo=<its number>; if not, call instance/open appOrderNo=${appOrderNo}, which repeats the same order`,
    },
  )
}

function noSuch(words: string): VendorError {
  return new VendorError('bad_request', 'purchase', words, { hint: 'correct purchase: in gateway.yaml' })
}

function overpaid(each: number): VendorError {
  return noSuch(`the last order cost ${each} for each instance, more than maxPrice: nothing more is bought`)
}
