/** The instances of one account: those of the configuration, those of its orders, and those that were bought here. */
import { given } from '../../given.ts'
import { filterAddresses } from '../client/address-filter.ts'
import type { SourceDeps, Table } from '../client/contract.ts'
import type { VendorReply } from '../client/http.ts'
import type { Delivery, Followed } from '../contract/delivery.ts'
import { VendorError } from '../contract/error.ts'
import type { Params } from '../contract/operation.ts'
import type { CallOrder, SourceSettings } from '../contract/source.ts'
import { membersOf, textOf } from '../parse/reply.ts'
import { InstanceReader, type InstancesReply } from './instance-reader.ts'
import type { Instance } from './instances.ts'
import { operations } from './operations.ts'
import { OrderWatch } from './order-watch.ts'
import { Purchases } from './purchase.ts'
import { PurchaseNotes } from './purchase-notes.ts'
import type { RenewalTerms, StaticOwn } from './settings.ts'

/** A repeated end may differ by the difference of the clocks. A later one is a renewal. */
const SAME_END_MS = 60_000

/** What the account has, usable now or not. */
interface OwnedInstances extends InstancesReply {
  /** Those that can be used now. */
  readonly instances: readonly Instance[]
  /** All that are not over: each is paid for. */
  readonly held: number
  readonly isComing: boolean
}

export class StaticAccount {
  readonly #own: StaticOwn
  readonly #settings: SourceSettings
  readonly #table: Table
  readonly #deps: SourceDeps
  readonly #notes: PurchaseNotes
  readonly #purchases: Purchases
  readonly #orders: OrderWatch
  readonly #reader: InstanceReader
  /** Instances that have been delivered, and their ends, ms since the epoch: one that was renewed is as good as new. */
  readonly #handed = new Map<string, number>()

  constructor(own: StaticOwn, settings: SourceSettings, table: Table, deps: SourceDeps, account: string) {
    this.#own = own
    this.#settings = settings
    this.#table = table
    this.#deps = deps
    this.#notes = new PurchaseNotes(deps.memory, account)
    const orderDeps = {
      wall: () => deps.clock.wall(),
      notes: this.#notes,
      call: (operation: string, params: Params, order: CallOrder) => table.call(operation, params, order),
    }
    this.#purchases = new Purchases(orderDeps)
    this.#orders = new OrderWatch(orderDeps)
    this.#reader = new InstanceReader(own, table, deps.clock, this.#notes)
  }

  #inTurn<T>({ signal }: CallOrder, task: () => Promise<T>): Promise<T> {
    return this.#notes.turns.inTurn(this.#settings.name, signal, task)
  }

  extract(count: number, order: CallOrder): Promise<Delivery> {
    return this.#inTurn(order, () => this.#extract(count, order))
  }

  async #extract(count: number, order: CallOrder): Promise<Delivery> {
    const { purchase } = this.#own
    if (purchase === undefined) {
      const held = await this.#owned(order)
      return this.#deliver(held.instances, held, count)
    }
    // Usually supply has asked already; what is left is of an earlier process.
    await this.#assertNothingOpen(order)
    const held = await this.#owned(order)
    const fresh = held.instances.filter((instance) => this.#isFresh(instance))
    if (fresh.length > 0) return { ...this.#deliver(fresh, held, count), paid: 0 }
    // One that is being made, or stands still for now, is paid for: another one would be one too many.
    const complete = completeness(held, purchase.count)
    if (complete !== undefined)
      return { ...this.#deliver(held.instances, held, held.instances.length), complete, paid: 0 }
    const taken = await this.#purchases.buy(Math.min(count, purchase.count - held.held), purchase, order)
    const { sentAt, vendorWallMs } = taken.reply
    const pendingRefs = refsOf(taken.orderNo, taken.count).map((ref) => ({ ref }))
    return { sold: [], rejected: [], pending: pendingRefs, isOpen: true, sentAt, ...given({ vendorWallMs }) }
  }

  /** @throws {VendorError} while an order runs, or it is not known whether it was taken: no other order is made */
  async #assertNothingOpen(order: CallOrder): Promise<void> {
    const before = await this.#orders.open()
    // Supply makes no order before it has got the cost of the last one (`Follow.settlesOrders`).
    if (before.unknown === undefined && before.pending.length === 0) return this.#notes.forgetPaid()
    const { failure } = await this.#orders.look(order)
    if (failure !== undefined) throw failure
    const { unknown, pending } = await this.#orders.open()
    if (unknown !== undefined) throw stillOpen(`whether the order ${unknown.appOrderNo} was taken is being found out`)
    if (pending.length > 0) throw stillOpen(`order ${pending.join(', ')} at ipipv still runs`)
  }

  #isFresh(instance: Instance): boolean {
    const end = this.#handed.get(instance.instanceNo)
    return end === undefined || this.#endOf(instance) > end + SAME_END_MS
  }

  #endOf({ sold }: Instance): number {
    return sold?.life.kind === 'for' ? this.#deps.clock.wall() + sold.life.ms : Number.POSITIVE_INFINITY
  }

  #deliver(instances: readonly Instance[], { rejected, reply }: InstancesReply, count: number): Delivery {
    const delivery = this.#deliveryOf(instances.slice(0, count), rejected, reply)
    if (delivery.sold.length === 0) throw nothing(delivery.rejected)
    return delivery
  }

  #deliveryOf(chosen: readonly Instance[], rejected: readonly string[], reply: VendorReply | undefined): Delivery {
    for (const instance of chosen) this.#handed.set(instance.instanceNo, this.#endOf(instance))
    const sold = chosen.flatMap((instance) => instance.sold ?? [])
    const { sentAt = this.#deps.clock.now(), vendorWallMs } = reply ?? {}
    return { ...filterAddresses({ sold, rejected }, this.#settings), sentAt, ...given({ vendorWallMs }) }
  }

  /** Where orders that run, and instances that are held, stand now. */
  follow(refs: readonly string[], order: CallOrder): Promise<Followed> {
    return this.#inTurn(order, () => this.#follow(refs, order))
  }

  async #follow(refs: readonly string[], order: CallOrder): Promise<Followed> {
    const ended = await this.#orders.look(order)
    const { unknown, pending, paid } = await this.#orders.open()
    const numbers = [...new Set([...refs.filter((ref) => orderOf(ref) === undefined), ...ended.instances])]
    const { instances, rejected, reply } = await this.#reader.describe(numbers, order)
    const usable = instances.filter(({ sold }) => sold !== undefined)
    // One that stands still may work again; it is not lent meanwhile, and comes back with an extraction.
    for (const { instanceNo, sold } of instances) if (sold === undefined) this.#handed.delete(instanceNo)
    const there = new Set([...pending, ...usable.map(({ instanceNo }) => instanceNo)])
    return {
      ...this.#deliveryOf(usable, rejected, reply),
      gone: refs.filter((ref) => !there.has(orderOf(ref) ?? ref)),
      ...(unknown === undefined && pending.length === 0 ? { settled: paid } : {}),
      ...given({ failure: ended.failure }),
    }
  }

  async #owned(order: CallOrder): Promise<OwnedInstances> {
    const { instances = [], orders = [] } = this.#own
    const ofOrders: string[] = []
    for (const orderNo of orders) {
      const pages = await this.#orders.pagesOf(orderNo, order)
      ofOrders.push(...pages.flatMap(({ numbers }) => numbers))
    }
    const { instances: bought } = await this.#notes.read()
    const numbers = [...new Set([...instances, ...ofOrders, ...bought])]
    const reply = await this.#reader.describe(numbers, order)
    for (const { reason, instanceNo } of reply.instances) if (reason !== undefined) this.#handed.delete(instanceNo)
    return {
      ...reply,
      held: reply.instances.filter(({ isOver }) => !isOver).length,
      isComing: reply.instances.some(({ isComing }) => isComing),
      instances: reply.instances.filter(({ sold }) => sold !== undefined),
      rejected: [...reply.rejected, ...reply.instances.flatMap(({ reason }) => reason ?? [])],
    }
  }

  /** One term more for instances that are held and end soon. */
  renew(refs: readonly string[], terms: RenewalTerms, order: CallOrder): Promise<Delivery> {
    return this.#inTurn(order, async () => {
      await this.#assertNothingOpen(order)
      const { instances } = await this.#reader.describe(refs, order)
      const usable = instances.filter(({ sold }) => sold !== undefined)
      if (usable.length === 0) throw nothing(instances.flatMap(({ reason }) => reason ?? []))
      const { reply } = await this.#purchases.renew(usable, terms, order)
      return {
        sold: [],
        rejected: [],
        isOpen: true,
        sentAt: reply.sentAt,
        ...given({ vendorWallMs: reply.vendorWallMs }),
      }
    })
  }

  /** Whether this repeats the purchase whose outcome is unknown. */
  async isRepetition(operation: string, params: Params): Promise<boolean> {
    const { unknown } = await this.#orders.open()
    return unknown?.operation === operation && params['appOrderNo'] === unknown.appOrderNo
  }

  /** Any operation by hand. A purchase that is unknown is repeated by its own number, and recognised in an order that is shown. */
  async call(operation: string, params: Params, order: CallOrder): Promise<unknown> {
    if (await this.isRepetition(operation, params)) return this.#inTurn(order, () => this.#purchases.repeat(order))
    const call = () => this.#table.call(operation, params, order)
    const isRead = (operations[operation]?.effect ?? 'reads') === 'reads'
    const { data } = await (isRead ? call() : this.#inTurn(order, call))
    if (operation === 'order')
      await this.#orders.recognise(String(params['orderNo']), textOf(membersOf(data)?.['appOrderNo']))
    return data
  }
}

/** Why no more instances are ordered; undefined when they may be. */
function completeness({ held, isComing }: OwnedInstances, count: number): string | undefined {
  if (held >= count) return `as many instances are held as purchase.count allows (${count}), and no more are bought`
  return isComing ? 'an instance is being made' : undefined
}

/** An order of several instances is as many pending addresses. */
function refsOf(orderNo: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${orderNo}#${index + 1}`)
}

function orderOf(ref: string): string | undefined {
  return ref.includes('#') ? ref.slice(0, ref.indexOf('#')) : undefined
}

function stillOpen(words: string): VendorError {
  return new VendorError('no_resource', 'pending', words)
}

function nothing(rejected: readonly string[]): VendorError {
  const [reason] = rejected
  return new VendorError(
    'no_resource',
    'empty',
    reason === undefined ? 'there is no instance' : `no instance can be used: ${reason}`,
  )
}
