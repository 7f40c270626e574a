/** Takes in what a vendor delivers: into the record, then the inventory, then the pool, and counts it. */
import type { Added } from '../pool/members.ts'
import type { UpstreamFacts } from '../pool/upstream.ts'
import type { StoredUpstream } from '../store/contract.ts'
import type { Delivery } from '../vendors/contract/delivery.ts'
import { type LifeDoubt, latestEnd, toFacts, vendorDeadline } from './expiry.ts'
import { isNewLife } from './inventory.ts'
import type { ProviderContext } from './provider-context.ts'

type IngestContext = Pick<ProviderContext, 'settings' | 'clock' | 'pool' | 'log' | 'store' | 'inventory' | 'account'>

/** The result of one delivery. */
interface Arrival {
  /** Upstreams that the pool can lend now and could not before. */
  readonly gained: number
  /** Delivered addresses that are held already. */
  readonly known: number
  /** Addresses that have to be paid for, or may have to be. */
  readonly bought: number
  /** Of those, the ones that the vendor did not hold for us before. */
  readonly fresh: number
  /** Why none of them can be lent; undefined when one can. */
  readonly fault: string | undefined
}

interface IngestCounts {
  bought: number
  duplicates: number
  rejected: number
  tooShort: number
  secondsBought: number
}

/** The reason for a delivery: an order, a free list, or the vendor's list of earlier purchases. */
export type Occasion = 'order' | 'list' | 'news'

const words: Record<Occasion, string> = {
  order: 'addresses bought',
  list: 'the list has been read',
  news: 'the vendor tells of addresses that were bought before',
}

interface Item extends StoredUpstream {
  /** The rest of the promised life, ms. */
  readonly promisedMs: number
}

export class Ingest {
  readonly counts: IngestCounts = { bought: 0, duplicates: 0, rejected: 0, tooShort: 0, secondsBought: 0 }
  /** For the latest address, ms from its order: until the pool stops lending it, and until its channel is free again. */
  latestLife: { readonly lentMs: number; readonly heldMs: number } | undefined
  /** The balance that the vendor last reported. */
  balance: number | undefined
  readonly #parts: IngestContext
  readonly #told = new Set<LifeDoubt | 'low-stock'>()
  /** Lends nothing any more: what arrives is recorded and occupies its channel. */
  isClosed = false

  constructor(context: IngestContext) {
    this.#parts = context
  }

  /** Never rejects. A bad reply never changes what the pool holds. */
  async take(delivery: Delivery, occasion: Occasion): Promise<Arrival> {
    const items = this.#read(delivery)
    await this.#record(items)
    const { clock, inventory, account, settings, log } = this.#parts
    const now = clock.now()
    inventory.forgetEnded(now)
    const { pending } = inventory
    let fresh = (delivery.pending ?? []).filter(({ ref }) => !pending.has(ref)).length
    const results: Record<Added, number> = { added: 0, extended: 0, known: 0, 'too-short': 0 }
    for (const { facts, promisedMs, vendorDeadline: endsAt } of items) {
      const isNew = inventory.add(facts, endsAt, now)
      if (isNew) fresh++
      if (isNew && occasion === 'order') account.noteLife(settings.name, endsAt - delivery.sentAt)
      results[this.#pool(facts, now)]++
      if (isNew && Number.isFinite(promisedMs)) this.counts.secondsBought += Math.max(0, promisedMs / 1_000)
    }
    if (occasion === 'order') this.#noteLife(items)
    this.#account(delivery, results)
    const gained = results.added + results.extended
    const isNews = gained > 0 || occasion === 'order'
    log[isNews ? 'info' : 'debug']({ delivered: items.length, ...results, balance: delivery.balance }, words[occasion])
    // An address that is sold again is paid for again: if a reply only repeats it, the budget ends a little early.
    const fault = results['too-short'] === items.length ? lifeFault(items) : undefined
    return { gained, known: results.known, bought: items.length + (delivery.pending ?? []).length, fresh, fault }
  }

  /** The part of an account's list that belongs to no other provider, and how many of its addresses and lines were unknown. */
  ownOf(delivery: Delivery): { own: Delivery; unknown: number } {
    const { clock, inventory } = this.#parts
    const { provider } = this.#parts.settings.arrival
    const now = clock.now()
    const { pending } = inventory
    const own = {
      ...delivery,
      sold: delivery.sold.filter(({ host, port }) => !inventory.isHeldByOther(provider, host, port, now)),
      pending: (delivery.pending ?? []).filter(({ ref }) => (pending.get(ref) ?? provider) === provider),
    }
    const addresses = this.#read(own).filter(
      ({ facts: { id, ref = '' } }) => !inventory.has(id, now) && !pending.has(ref),
    )
    const lines = own.pending.filter(({ ref }) => !pending.has(ref) && inventory.idsOf(provider, ref).length === 0)
    return { own, unknown: addresses.length + lines.length }
  }

  /**
   * The current contents of a list. Addresses that are held already come before others, up to the ceiling.
   * @returns how many upstreams the pool gained, which of the held ones are no longer listed, and the longest life in the list
   */
  async takeList(
    delivery: Delivery,
    ceiling: number,
  ): Promise<{ gained: number; missing: readonly string[]; longestMs: number }> {
    const { clock, inventory } = this.#parts
    const held = new Set(inventory.idsFor(this.#parts.settings.arrival.provider, clock.now()))
    const items = this.#read(delivery)
    const listed = new Set(items.map(({ facts }) => facts.id))
    const chosen = new Set(
      [...listed]
        .filter((id) => held.has(id))
        .concat([...listed].filter((id) => !held.has(id)))
        .slice(0, ceiling),
    )
    const sold = delivery.sold.filter((_, index) => chosen.has(items[index]?.facts.id ?? ''))
    const { gained } = await this.take({ ...delivery, sold }, 'list')
    const longestMs = items.reduce((longest, { promisedMs }) => Math.max(longest, promisedMs), 0)
    return { gained, missing: [...held].filter((id) => !chosen.has(id)), longestMs }
  }

  /**
   * The result of a trial: it occupies its channels until it ends, and is never lent. What the pool holds of it stays.
   * @returns how many addresses must be paid for
   */
  async setAside(delivery: Delivery): Promise<number> {
    const { clock, inventory, pool, store } = this.#parts
    const now = clock.now()
    const fresh = this.#read(delivery).filter(({ facts }) => pool.get(facts.id) === undefined)
    await this.#record(fresh)
    for (const { facts, vendorDeadline: endsAt } of fresh) {
      inventory.add(facts, endsAt, now)
      inventory.done(facts.id)
      store.left(facts.id, 'used-up')
    }
    this.counts.bought += fresh.length
    this.counts.rejected += delivery.rejected.length
    if (delivery.balance !== undefined) this.noteBalance(delivery.balance)
    return delivery.sold.length + (delivery.pending ?? []).length + delivery.rejected.length
  }

  #read(delivery: Delivery): Item[] {
    const { clock, settings } = this.#parts
    const { arrival } = settings
    const repliedAt = clock.now()
    const sentWallMs = clock.wall() - (repliedAt - delivery.sentAt)
    return delivery.sold.map((sold) => {
      const { facts, doubt } = toFacts(sold, delivery, sentWallMs, arrival)
      if (doubt !== undefined) this.#doubt(doubt)
      const { at } = vendorDeadline(sold.life, delivery, sentWallMs, arrival.ttlMs)
      return { facts, promisedMs: at - repliedAt, vendorDeadline: latestEnd(at, delivery.sentAt, repliedAt) }
    })
  }

  /** Before they are lent. An address that cannot be recorded is lent all the same: it is paid for. */
  async #record(items: readonly Item[]): Promise<void> {
    const { clock, inventory, store, log } = this.#parts
    const now = clock.now()
    // If it were recorded, a life that has ended would begin again.
    const lendable = items.filter(({ facts, vendorDeadline: endsAt }) => !inventory.wasHad(facts.id, endsAt, now))
    try {
      await store.bought(lendable)
    } catch (error) {
      const reason = (error as Error).message
      log.error({ reason }, 'addresses could not be recorded: a restart now would lose them')
    }
  }

  /** A life that the pool has had is not lent again, and a slightly later end of the present life is not a new address. */
  #pool(facts: UpstreamFacts, now: number): Added {
    if (this.isClosed) return 'known'
    const { pool, inventory } = this.#parts
    const known = pool.get(facts.id)
    const knownEnd = known?.deadline
    if (known === undefined && inventory.isDone(facts.id)) return 'known'
    const result = pool.restore(facts, { worked: false, uses: inventory.usesOf(facts.id) }, now)
    return result === 'extended' && !isNewLife(knownEnd ?? now, facts.deadline, now) ? 'known' : result
  }

  #noteLife(items: readonly Item[]): void {
    const latest = items.at(-1)
    if (latest === undefined || !Number.isFinite(latest.vendorDeadline)) return
    const { boughtAt, deadline } = latest.facts
    this.latestLife = { lentMs: deadline - boughtAt, heldMs: latest.vendorDeadline - boughtAt }
  }

  #account(delivery: Delivery, results: Record<Added, number>): void {
    const { log } = this.#parts
    const tooShort = results['too-short']
    this.counts.bought += results.added + tooShort
    this.counts.duplicates += results.known + results.extended
    this.counts.tooShort += tooShort
    this.counts.rejected += delivery.rejected.length
    for (const reason of delivery.rejected.slice(0, 3)) log.warn({ reason }, 'an item of the reply cannot be used')
    if (delivery.balance !== undefined) this.noteBalance(delivery.balance)
    if (tooShort > 0) {
      const advice = 'Lower pool.minLife or buy a product that lives longer'
      log.warn(
        { count: tooShort },
        `addresses arrived with less life than pool.minLife: the quota is being burnt. ${advice}`,
      )
    }
  }

  /** The balance that the vendor reports. */
  noteBalance(balance: number): void {
    this.balance = balance
    const { lowStock } = this.#parts.settings
    const isLow = lowStock !== undefined && balance < lowStock
    if (isLow && !this.#told.has('low-stock')) this.#parts.log.warn({ balance }, 'the account runs low: top it up')
    if (isLow) this.#told.add('low-stock')
    else this.#told.delete('low-stock')
  }

  #doubt(doubt: LifeDoubt): void {
    if (this.#told.has(doubt)) return
    this.#told.add(doubt)
    this.#parts.log.warn({ doubt }, doubts[doubt])
  }
}

/** @param items none of which lives long enough to be lent */
function lifeFault(items: readonly Item[]): string | undefined {
  const { length } = items
  if (length === 0) return undefined
  if (items.every(({ promisedMs }) => promisedMs <= 0))
    return `the deadlines of all addresses in the reply (${length}) are past: a wrong zone or clock? Set ttl to use them all the same`
  return `all addresses in the reply (${length}) have less life left than pool.minLife: lower it, or buy a product that lives longer`
}

const doubts: Record<LifeDoubt, string> = {
  assumed: 'the vendor tells no life and no ttl is configured: 60 s are assumed. Set ttl',
  absurd:
    'a life of more than 48 h: a wrong zone, clock or unit? A time of day is replaced by the configured ttl, else 60 s; seconds are cut at 48 h',
  past: 'a deadline is past already: a wrong zone or clock? Set ttl to use the address all the same',
}
