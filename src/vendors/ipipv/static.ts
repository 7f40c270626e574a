/**
 * The product `static`: instances by their numbers, those of orders, and those that were bought here. Without `purchase` it
 * is a list that is read; with it, instances are bought when those that there are do not suffice.
 */
import type { CallOrder, Engine, SourceDeps, Table, VendorReply } from '../client/http.ts'
import {
  type ByHand,
  type Delivery,
  type Params,
  type Source,
  type SourceSettings,
  type Vendor,
  VendorError,
} from '../contract.ts'
import { membersOf, textOf } from '../parse/reply.ts'
import { BalanceWatch } from './balance.ts'
import { type Instance, readInstances, untold } from './instances.ts'
import { operations } from './operations.ts'
import { Purchases } from './purchase.ts'
import { Serial } from './serial.ts'
import { readStatic, type StaticOwn } from './settings.ts'

/** Nothing is said about the most instances for one call. */
const MAX_ASKED = 100
const MISSING = '10041'

/** @throws {VendorError} class bad_request when there are neither instances nor orders nor a purchase */
export function openStatic(vendor: Vendor, settings: SourceSettings, deps: SourceDeps, engine: Engine): Source {
  const own = readStatic(settings.own)
  if (own.instances === undefined && own.orders === undefined && own.purchase === undefined)
    throw new VendorError('bad_request', 'instances', 'a static provider of ipipv needs instances, orders or purchase')
  const counting = countOpens(vendor, deps)
  const base = engine.openTableSource(vendor, settings, counting.deps)
  const account = new StaticAccount(own, settings, engine.openTable(vendor, settings, counting.deps), {
    ...counting,
    engine,
  })
  return {
    ...base,
    isList: own.purchase === undefined,
    extract: (count, signal, priority = 0, ticket) => account.extract(count, { signal, priority, ticket }),
    call: (operation, params, signal, priority = 0, ticket) =>
      account.call(operation, params, { signal, priority, ticket }),
    hint: () => account.hint(),
    ...(base.byHand === undefined ? {} : { byHand: planned(base.byHand, account) }),
  }
}

/** The purchase of which nobody knows is asked for by its number alone, and has been counted when it was made. */
function planned(byHand: ByHand, account: StaticAccount): ByHand {
  return {
    ...byHand,
    plan: async (operation, params) =>
      (await account.isRepetition(operation, params)) ? 0 : byHand.plan(operation, params),
  }
}

interface Counting {
  readonly deps: SourceDeps
  readonly opened: () => number
}

/** Whether an order has left the process decides whether it may have been taken. */
function countOpens({ operations }: Vendor, deps: SourceDeps): Counting {
  let count = 0
  const path = operations['instance/open']?.path ?? ''
  const http: SourceDeps['http'] = {
    call: (request, signal) => {
      if (request.url.pathname.endsWith(path)) count++
      return deps.http.call(request, signal)
    },
    close: () => deps.http.close(),
  }
  return { deps: { ...deps, http }, opened: () => count }
}

interface Holding {
  readonly instances: readonly Instance[]
  readonly rejected: readonly string[]
  readonly reply: VendorReply | undefined
}

/** What the account has, usable now or not. */
interface Stock extends Holding {
  /** Those that can be used now. */
  readonly instances: readonly Instance[]
  /** All that are not over: each is paid for. */
  readonly held: number
  readonly isComing: boolean
}

class StaticAccount {
  readonly #own: StaticOwn
  readonly #settings: SourceSettings
  readonly #table: Table
  readonly #deps: SourceDeps
  readonly #engine: Engine
  readonly #purchases: Purchases
  readonly #balance: BalanceWatch
  /** One after the other: two extractions at once would both find too few and both buy. */
  readonly #serial = new Serial()
  /** Instances that have been delivered: what comes next is another one, while there is one. */
  readonly #handed = new Set<string>()
  #alarm = new AbortController()

  constructor(
    own: StaticOwn,
    settings: SourceSettings,
    table: Table,
    { deps, opened, engine }: Counting & { engine: Engine },
  ) {
    this.#own = own
    this.#settings = settings
    this.#table = table
    this.#deps = deps
    this.#engine = engine
    this.#purchases = new Purchases({
      clock: deps.clock,
      memory: deps.memory,
      call: (operation, params, order) => table.call(operation, params, order),
      opened,
      pause: (ms, signal) => this.#pause(ms, signal),
    })
    this.#balance = new BalanceWatch(deps.clock, async (signal) => {
      const { data } = await table.call('info', {}, { signal, priority: 0 })
      const coin = Number(textOf(membersOf(data)?.['coin']) ?? Number.NaN)
      return Number.isFinite(coin) ? coin : undefined
    })
  }

  /** The vendor let us know of something: a pause between two questions ends. */
  hint(): void {
    this.#alarm.abort()
    this.#alarm = new AbortController()
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const alarm = this.#alarm.signal
    await this.#deps.clock.sleep(ms, AbortSignal.any([signal, alarm])).catch(() => signal.throwIfAborted())
  }

  extract(count: number, order: CallOrder): Promise<Delivery> {
    return this.#serial.run(() => this.#balance.along(this.#extract(count, order), order.signal))
  }

  async #extract(count: number, order: CallOrder): Promise<Delivery> {
    const { purchase } = this.#own
    const held = await this.#holding(order)
    if (purchase === undefined) return this.#deliver(held.instances, held, count)
    const fresh = held.instances.filter(({ instanceNo }) => !this.#handed.has(instanceNo))
    if (fresh.length > 0) return this.#deliver(fresh, held, count)
    if (await this.#purchases.hasPending()) await this.#purchases.settle(order)
    // One that is being made, or stands still for now, is paid for: another one would be one too many.
    else if (held.held >= purchase.count || held.isComing)
      return this.#deliver(held.instances, held, held.instances.length)
    else await this.#purchases.buy(Math.min(count, purchase.count - held.held), purchase, order)
    const now = await this.#holding(order)
    return this.#deliver(
      now.instances.filter(({ instanceNo }) => !this.#handed.has(instanceNo)),
      now,
      count,
    )
  }

  #deliver(instances: readonly Instance[], { rejected, reply }: Holding, count: number): Delivery {
    const chosen = instances.slice(0, count)
    for (const { instanceNo } of chosen) this.#handed.add(instanceNo)
    const sold = chosen.flatMap((instance) => instance.sold ?? [])
    const screened = this.#engine.screen({ sold, rejected }, this.#settings)
    if (screened.sold.length === 0) throw nothing(screened.rejected)
    const { sentAt = this.#deps.clock.now(), vendorWallMs } = reply ?? {}
    return { ...screened, sentAt, ...(vendorWallMs === undefined ? {} : { vendorWallMs }) }
  }

  async #holding(order: CallOrder): Promise<Stock> {
    const { instances = [], orders = [], purchase } = this.#own
    if (purchase !== undefined) await this.#purchases.look(order)
    const ofOrders: string[] = []
    for (const orderNo of orders) {
      const pages = await this.#purchases.pagesOf(orderNo, order)
      ofOrders.push(...pages.flatMap(({ numbers }) => numbers))
    }
    const bought = await this.#purchases.instances()
    const numbers = [...new Set([...instances, ...ofOrders, ...bought])]
    const parts: Holding[] = []
    for (let at = 0; at < numbers.length; at += MAX_ASKED)
      parts.push(await this.#ask(numbers.slice(at, at + MAX_ASKED), order))
    const holding = merge(parts)
    await this.#purchases.forget(holding.instances.flatMap(({ isOver, instanceNo }) => (isOver ? instanceNo : [])))
    for (const { reason, instanceNo } of holding.instances) if (reason !== undefined) this.#handed.delete(instanceNo)
    return {
      ...holding,
      held: holding.instances.filter(({ isOver }) => !isOver).length,
      isComing: holding.instances.some(({ isComing }) => isComing),
      instances: holding.instances.filter(({ sold }) => sold !== undefined),
      rejected: [...holding.rejected, ...holding.instances.flatMap(({ reason }) => reason ?? [])],
    }
  }

  /** One that is missing spoils the answer for all: then the halves are asked for. */
  async #ask(numbers: readonly string[], order: CallOrder): Promise<Holding> {
    try {
      const { data, reply } = await this.#table.call('instance', { instances: numbers.join(',') }, order)
      const wallMs = reply.vendorWallMs ?? this.#deps.clock.wall() - (this.#deps.clock.now() - reply.sentAt)
      const told = readInstances(data, this.#own, wallMs)
      const isTold = new Set(told.map(({ instanceNo }) => instanceNo))
      const missing = numbers.filter((number) => !isTold.has(number)).map(untold)
      return { instances: [...told, ...missing], rejected: [], reply }
    } catch (error) {
      if (!(error instanceof VendorError) || error.vendorCode !== MISSING) throw error
      const [only = ''] = numbers
      if (numbers.length === 1) {
        await this.#purchases.forget(numbers)
        return { instances: [], rejected: [`instance ${only} does not exist`], reply: undefined }
      }
      const half = Math.ceil(numbers.length / 2)
      return merge([await this.#ask(numbers.slice(0, half), order), await this.#ask(numbers.slice(half), order)])
    }
  }

  /** Whether this is the purchase of which nobody knows whether it took place, once more. */
  async isRepetition(operation: string, params: Params): Promise<boolean> {
    if (operation !== 'instance/open') return false
    const unknown = await this.#purchases.unknown()
    return unknown !== undefined && params['appOrderNo'] === unknown.appOrderNo
  }

  /** Any operation by hand. A purchase that is unknown is repeated by its own number, and recognised in an order that is shown. */
  async call(operation: string, params: Params, order: CallOrder): Promise<unknown> {
    if (await this.isRepetition(operation, params)) return this.#serial.run(() => this.#purchases.repeat(order))
    const call = () => this.#table.call(operation, params, order)
    const isRead = (operations[operation]?.effect ?? 'reads') === 'reads'
    const { data } = await (isRead ? call() : this.#serial.run(call))
    if (operation === 'order')
      await this.#purchases.recognise(String(params['orderNo']), textOf(membersOf(data)?.['appOrderNo']))
    return data
  }
}

function merge(parts: readonly Holding[]): Holding {
  return {
    instances: parts.flatMap(({ instances }) => instances),
    rejected: parts.flatMap(({ rejected }) => rejected),
    reply: parts.find(({ reply }) => reply !== undefined)?.reply,
  }
}

function nothing(rejected: readonly string[]): VendorError {
  const [reason] = rejected
  return new VendorError(
    'no_resource',
    'empty',
    reason === undefined ? 'there is no instance' : `no instance can be used: ${reason}`,
  )
}
