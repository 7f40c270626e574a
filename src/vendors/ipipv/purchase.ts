/**
 * Buys static instances, and nothing twice (ambiguity A10 of the vendor notes).
 *
 *            product asked: price, stock          order asked until its end
 *   idle ──▶ attempt written down ──▶ open ──▶ pending ──▶ instances known ──▶ idle
 *                                      │ refused: forgotten, idle
 *                                      └ no verdict ──▶ unknown: buys nothing more until the operator repeats the same
 *                                                       order, or shows ipipv's order that it became
 *
 * The order's own number and the call's name are written down before the call leaves: a repetition has both again. What
 * was written down survives a restart, and an attempt that is found then got no verdict either.
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { Answer, CallOrder, SourceMemory } from '../client/http.ts'
import { type Params, VendorError } from '../contract.ts'
import { malformed, membersOf, textOf } from '../parse/reply.ts'
import { isFinal, type OrderPage, readOrder } from './instances.ts'
import type { Purchase } from './settings.ts'

const attemptSchema = z.object({ appOrderNo: z.string(), reqId: z.string(), params: z.string(), count: z.number() })
const noteSchema = z.object({
  version: z.literal(1),
  attempt: attemptSchema.optional(),
  /** ipipv's numbers of orders that were taken and have not come to their end. */
  pending: z.array(z.string()),
  /** Instances that were bought here and may still live. */
  instances: z.array(z.string()),
  /** What one instance cost when an order was more expensive than allowed. */
  overpaid: z.number().optional(),
})
type Note = z.infer<typeof noteSchema>
export type Attempt = z.infer<typeof attemptSchema>

/** "一次最大20": of one product in one order. */
export const MAX_OPENED = 20
const FIRST_POLL_MS = 2_000
const POLL_GROWTH = 1.5
const MAX_POLL_MS = 30_000
/** An order that takes longer is asked about again with the next demand. */
const MAX_SETTLE_MS = 900_000
const PAGE_SIZE = 100
const MAX_PAGES = 50
const FAILED = 'order-failed'
const STATIC_TYPES = '101,102,103'

export interface PurchaseDeps {
  readonly clock: Clock
  readonly memory: SourceMemory | undefined
  /** Calls an operation of the table. */
  readonly call: (operation: string, params: Params, order: CallOrder) => Promise<Answer>
  /** How many `instance/open` have left this process. */
  readonly opened: () => number
  /** Resolves after `ms`, or as soon as the vendor lets us know of something. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
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

  async hasPending(): Promise<boolean> {
    return (await this.#recall()).pending.length > 0
  }

  /** The purchase of which nobody knows whether it took place. */
  async unknown(): Promise<Attempt | undefined> {
    return (await this.#recall()).attempt
  }

  /** Instances that are over for good need not be asked about again. */
  async forget(numbers: readonly string[]): Promise<void> {
    const note = await this.#recall()
    const instances = note.instances.filter((number) => !numbers.includes(number))
    if (instances.length < note.instances.length) await this.#write({ ...note, instances })
  }

  /**
   * Buys up to `count`, waits until the order has come to its end, and remembers its instances.
   * @throws {VendorError} `purchase_unknown` when an order got no verdict, now or before
   */
  async buy(count: number, terms: Purchase, order: CallOrder): Promise<void> {
    const note = await this.#recall()
    if (note.attempt !== undefined) throw stuck(note.attempt, 'bad_request')
    if (note.overpaid !== undefined && note.overpaid > terms.maxPrice) throw overpaid(note.overpaid)
    const number = Math.min(count, MAX_OPENED, await this.#available(terms, order))
    const { productNo, cycleTimes, useBridge } = terms
    const attempt: Attempt = {
      appOrderNo: `tp${randomUUID().replaceAll('-', '').slice(0, 30)}`,
      reqId: randomUUID(),
      params: JSON.stringify([{ productNo, count: number, cycleTimes, useBridge }]),
      count: number,
    }
    await this.#write({ ...note, attempt })
    await this.#open(attempt, order, terms.maxPrice)
    await this.settle(order)
  }

  /** The operator's word: the order of which nobody knows, once more under the same numbers. @returns the reply's data */
  async repeat(order: CallOrder): Promise<unknown> {
    const { attempt } = await this.#recall()
    if (attempt === undefined) throw new VendorError('bad_request', 'appOrderNo', 'no purchase is unknown')
    return this.#open(attempt, order, Number.POSITIVE_INFINITY)
  }

  async #open(attempt: Attempt, order: CallOrder, maxPrice: number): Promise<unknown> {
    const { appOrderNo, params, reqId } = attempt
    const before = this.#deps.opened()
    try {
      const { data } = await this.#deps.call('instance/open', { appOrderNo, params }, { ...order, requestId: reqId })
      await this.#taken(attempt, data, maxPrice)
      return data
    } catch (error) {
      const hasLeft = this.#deps.opened() > before
      const isVerdict = error instanceof VendorError && error.class !== 'server' && !isUnreadable(error)
      if (hasLeft && !isVerdict) throw order.signal.aborted ? error : stuck(attempt, 'server')
      await this.#forgetAttempt()
      throw error
    }
  }

  async #taken(attempt: Attempt, data: unknown, maxPrice: number): Promise<void> {
    const orderNo = textOf(membersOf(data)?.['orderNo'])
    if (orderNo === undefined) throw malformed('the reply to an order has no orderNo')
    const note = await this.#recall()
    const { attempt: _, ...rest } = note
    const each = Number(textOf(membersOf(data)?.['amount']) ?? 0) / attempt.count
    const tooMuch = each > maxPrice * (1 + ROUNDING) ? { overpaid: each } : {}
    await this.#write({ ...rest, ...tooMuch, pending: [...note.pending, orderNo] })
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

  /** Asks once about every order that has not come to its end. @returns whether all have */
  async look(order: CallOrder): Promise<boolean> {
    for (const orderNo of (await this.#recall()).pending) {
      const pages = await this.pagesOf(orderNo, order)
      if (pages.every(({ status }) => isFinal(status))) await this.#ended(orderNo, pages)
    }
    return !(await this.hasPending())
  }

  /** Asks until every order has come to its end. @throws {VendorError} class no_resource when that takes too long */
  async settle(order: CallOrder): Promise<void> {
    const { clock, pause } = this.#deps
    const end = clock.now() + MAX_SETTLE_MS
    for (let waitMs = FIRST_POLL_MS; ; waitMs = Math.min(waitMs * POLL_GROWTH, MAX_POLL_MS)) {
      if (await this.#lookPatiently(order)) return
      if (clock.now() >= end) throw new VendorError('no_resource', 'pending', 'an order at ipipv still runs')
      await pause(waitMs, order.signal)
    }
  }

  /** The order is paid for: a question that got no answer is asked again. */
  async #lookPatiently(order: CallOrder): Promise<boolean> {
    try {
      return await this.look(order)
    } catch (error) {
      const isPassing = error instanceof VendorError && (error.class === 'server' || error.class === 'rate_limited')
      if (!isPassing || error.vendorCode === FAILED) throw error
      return false
    }
  }

  async #ended(orderNo: string, pages: readonly OrderPage[]): Promise<void> {
    const note = await this.#recall()
    const numbers = pages.flatMap((page) => page.numbers)
    const pending = note.pending.filter((number) => number !== orderNo)
    await this.#write({ ...note, pending, instances: [...new Set([...note.instances, ...numbers])] })
    if (numbers.length > 0) return
    const isRefunded = pages.some((page) => page.isRefunded)
    // A refusal gives the budget back; money of which nobody says that it came back stays booked.
    throw new VendorError(isRefunded ? 'no_resource' : 'server', FAILED, `order ${orderNo} failed at ipipv`, {
      hint: isRefunded ? undefined : 'ipipv tells of no refund: look at the order there',
      sale: isRefunded ? 'refused' : 'unknown',
    })
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
    await this.#write({ ...rest, pending: [...new Set([...rest.pending, orderNo])] })
  }

  #recall(): Promise<Note> {
    this.#note ??= this.#load()
    return this.#note
  }

  async #load(): Promise<Note> {
    const saved = await this.#deps.memory?.load()
    if (saved === undefined || saved === null) return { version: 1, pending: [], instances: [] }
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

/** The order was taken, and only its reply cannot be read. */
function isUnreadable(error: VendorError): boolean {
  return error.vendorCode === 'decrypt' || error.vendorCode === 'body'
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
