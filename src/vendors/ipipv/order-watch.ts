/** Follows the orders of an account: those that run at ipipv, and the purchase without a verdict (purchase.ts draws the states). */

import { VendorError } from '../contract/error.ts'
import type { CallOrder } from '../contract/source.ts'
import { membersOf, textOf } from '../parse/reply.ts'
import { isFinal, type OrderPage, readOrder } from './instances.ts'
import { type PurchaseDeps, stuck } from './purchase.ts'
import type { Attempt } from './purchase-notes.ts'

/** An order that was sent less than this ago may still be on its way: that ipipv does not know it proves nothing, ms. */
const ON_ITS_WAY_MS = 30_000
const NO_SUCH_ORDER = '10031'
const PAGE_SIZE = 100
const MAX_PAGES = 50

/** What the orders came to that have ended. */
export interface Ended {
  readonly orderNos: readonly string[]
  /** The instances that they brought. */
  readonly instances: readonly string[]
  /** Why there are fewer than were ordered. */
  readonly failure: VendorError | undefined
}

export class OrderWatch {
  readonly #deps: PurchaseDeps

  constructor(deps: PurchaseDeps) {
    this.#deps = deps
  }

  /**
   * What has not come to its end: a purchase whose outcome is unknown, and ipipv's numbers of orders; and how many instances of those
   * that have must be paid for, including those without a confirmed refund.
   */
  async open(): Promise<{ unknown: Attempt | undefined; pending: readonly string[]; paid: number }> {
    const { attempt, pending, paid } = await this.#deps.notes.read()
    return { unknown: attempt, pending, paid }
  }

  /**
   * Asks once about everything that is open: the purchase that got no verdict, and orders that run.
   * @throws {VendorError} `purchase_unknown` when only the operator can tell; what else a call throws
   */
  async look(order: CallOrder): Promise<Ended> {
    await this.#search(order)
    const ended: Ended[] = []
    for (const orderNo of (await this.#deps.notes.read()).pending) {
      const pages = await this.pagesOf(orderNo, order)
      if (pages.every(({ status }) => isFinal(status))) ended.push(await this.#ended(orderNo, pages))
    }
    return {
      orderNos: ended.flatMap(({ orderNos }) => orderNos),
      instances: ended.flatMap(({ instances }) => instances),
      failure: ended.find(({ failure }) => failure !== undefined)?.failure,
    }
  }

  /** Looks for the purchase that got no verdict by our own number of it, which ipipv's public SDK asks by as well. */
  async #search(order: CallOrder): Promise<void> {
    const { attempt } = await this.#deps.notes.read()
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
      if (error.vendorCode === NO_SUCH_ORDER && !isOnItsWay) return this.#deps.notes.forgetAttempt()
      if (error.class === 'bad_request' && error.vendorCode !== NO_SUCH_ORDER) throw stuck(attempt, 'bad_request')
      if (error.vendorCode !== NO_SUCH_ORDER) throw error
    }
  }

  async #ended(orderNo: string, pages: readonly OrderPage[]): Promise<Ended> {
    const note = await this.#deps.notes.read()
    const numbers = pages.flatMap((page) => page.numbers)
    const isRefunded = pages.some((page) => page.isRefunded)
    // A refusal gives the budget back; money without a confirmed refund stays booked.
    const lost = isRefunded ? 0 : note.pendingCount
    const pending = note.pending.filter((number) => number !== orderNo)
    const instances = [...new Set([...note.instances, ...numbers])]
    // Recorded together: supply may not get the result, because a further call fails or the process ends.
    await this.#deps.notes.write({ ...note, pending, instances, paid: note.paid + (numbers.length || lost) })
    const ended = { orderNos: [orderNo], instances: numbers, failure: undefined }
    if (numbers.length > 0) return ended
    const failure = new VendorError(
      isRefunded ? 'no_resource' : 'server',
      'order-failed',
      `order ${orderNo} failed at ipipv`,
      {
        hint: isRefunded ? undefined : 'ipipv tells of no refund: look at the order there',
        sale: isRefunded ? 'refused' : 'sold',
      },
    )
    return { ...ended, failure }
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
    const { attempt, ...rest } = await this.#deps.notes.read()
    if (attempt === undefined || attempt.appOrderNo !== appOrderNo) return
    const pending = [...new Set([...rest.pending, orderNo])]
    await this.#deps.notes.write({ ...rest, pending, pendingCount: attempt.count })
  }
}
