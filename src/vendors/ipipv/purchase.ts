/**
 * Buys static instances and more time for them, and nothing twice.
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
import type { Answer } from '../client/contract.ts'
import type { VendorReply } from '../client/http.ts'
import { VendorError } from '../contract/error.ts'
import type { CallOrder } from '../contract/source.ts'
import { malformed, membersOf, textOf } from '../parse/reply.ts'
import { Departure, isVerdict } from './departure.ts'
import { linesOf } from './lines.ts'
import { type Call, noSuch, offerFor, renewalPrice } from './offers.ts'
import type { Attempt, PurchaseNotes } from './purchase-notes.ts'
import type { Purchase, RenewalTerms } from './settings.ts'

/** "一次最大20": of one product in one order. */
export const MAX_OPENED = 20
/** Prices are decimal texts with two places; an amount is their product. */
const ROUNDING = 0.01

export interface PurchaseDeps {
  /** The time of day, ms since the epoch. */
  readonly wall: () => number
  readonly notes: PurchaseNotes
  readonly call: Call
}

/** An order that ipipv has taken. */
export interface Taken {
  readonly orderNo: string
  readonly count: number
  readonly reply: VendorReply
}

/** An instance, and what it was bought as. */
export interface Renewed {
  readonly instanceNo: string
  readonly productNo: string | undefined
}

export class Purchases {
  readonly #deps: PurchaseDeps

  constructor(deps: PurchaseDeps) {
    this.#deps = deps
  }

  /**
   * Orders up to `count`. To be called when nothing is open.
   * @throws {VendorError} `purchase_unknown` when the order got no verdict
   */
  async buy(count: number, terms: Purchase, order: CallOrder): Promise<Taken> {
    await this.#assertNotOverpaid(terms.maxPrice)
    const { productNo, inventory } = await offerFor(terms, this.#deps.call, order)
    const number = Math.min(count, MAX_OPENED, inventory)
    return this.#order('instance/open', linesOf(number, productNo, terms), number, terms.maxPrice, order)
  }

  /** One term more for each. To be called when nothing is open. @throws {VendorError} as `buy` */
  async renew(instances: readonly Renewed[], terms: RenewalTerms, order: CallOrder): Promise<Taken> {
    await this.#assertNotOverpaid(terms.maxPrice)
    const products = new Set(instances.map(({ productNo }) => productNo))
    for (const productNo of products) {
      if (productNo === undefined)
        throw noSuch('ipipv does not tell of which product an instance is: its price is unknown')
      await renewalPrice(productNo, terms, this.#deps.call, order)
    }
    // The document of this call has the older name of cycleTimes.
    const lines = instances.map(({ instanceNo }) => ({ instanceNo, duration: terms.cycleTimes }))
    return this.#order('instance/renew', lines, lines.length, terms.maxPrice, order)
  }

  async #assertNotOverpaid(maxPrice: number): Promise<void> {
    const { overpaid } = await this.#deps.notes.read()
    if (overpaid === undefined || overpaid <= maxPrice) return
    throw noSuch(`the last order cost ${overpaid} for each instance, more than maxPrice: nothing more is bought`)
  }

  async #order(
    operation: Attempt['operation'],
    lines: readonly object[],
    count: number,
    maxPrice: number,
    order: CallOrder,
  ): Promise<Taken> {
    const attempt: Attempt = {
      operation,
      appOrderNo: `tp${randomUUID().replaceAll('-', '').slice(0, 30)}`,
      reqId: randomUUID(),
      params: JSON.stringify(lines),
      count,
      leftAt: this.#deps.wall(),
    }
    const note = await this.#deps.notes.read()
    await this.#deps.notes.write({ ...note, attempt })
    const { orderNo, reply } = await this.#send(attempt, order, maxPrice)
    return { orderNo, count, reply }
  }

  /** On the operator's request: repeats the unknown order with the same numbers. @returns the reply's data */
  async repeat(order: CallOrder): Promise<unknown> {
    const { attempt } = await this.#deps.notes.read()
    if (attempt === undefined) throw new VendorError('bad_request', 'appOrderNo', 'no purchase is unknown')
    return (await this.#send(attempt, order, Number.POSITIVE_INFINITY)).data
  }

  async #send(attempt: Attempt, order: CallOrder, maxPrice: number): Promise<Answer & { orderNo: string }> {
    const { operation, appOrderNo, params, reqId } = attempt
    const departure = new Departure(order.ticket)
    try {
      const named = { ...order, ticket: departure, requestId: reqId }
      const lines = operation === 'instance/open' ? { params } : { instances: params }
      const answer = await this.#deps.call(operation, { appOrderNo, ...lines }, named)
      return { ...answer, orderNo: await this.#taken(attempt, answer.data, maxPrice) }
    } catch (error) {
      if (departure.hasLeft && !isVerdict(error)) throw order.signal.aborted ? error : stuck(attempt, 'server')
      await this.#deps.notes.forgetAttempt()
      throw error
    }
  }

  /** @returns ipipv's number of the order */
  async #taken(attempt: Attempt, data: unknown, maxPrice: number): Promise<string> {
    const orderNo = textOf(membersOf(data)?.['orderNo'])
    if (orderNo === undefined) throw malformed('the reply to an order has no orderNo')
    const { attempt: _, ...rest } = await this.#deps.notes.read()
    const each = Number(textOf(membersOf(data)?.['amount']) ?? 0) / attempt.count
    const tooMuch = each > maxPrice * (1 + ROUNDING) ? { overpaid: each } : {}
    const pending = [...rest.pending, orderNo]
    await this.#deps.notes.write({ ...rest, ...tooMuch, pending, pendingCount: attempt.count })
    return orderNo
  }
}

export function stuck({ operation, appOrderNo, count }: Attempt, errorClass: 'server' | 'bad_request'): VendorError {
  return new VendorError(
    errorClass,
    'purchase_unknown',
    `it is not known whether ipipv took the order ${appOrderNo} (instances: ${count}): no more are bought`,
    {
      sale: errorClass === 'server' ? 'unknown' : 'refused',
      hint: `look at ipipv: if it is there, call order orderNo=<its number>; if not, call ${operation} appOrderNo=${appOrderNo}, which repeats the same order`,
    },
  )
}
