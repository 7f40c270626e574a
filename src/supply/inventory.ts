/**
 * What a vendor holds for one credential, in the pool or not. Each entry occupies its channel until it ends at the vendor; the
 * account store counts the channels, this class knows the entries.
 */
import type { AccountStore } from '../store/account-store.ts'

/** An address, by its provider's id. */
export interface HeldAddress {
  readonly id: string
  readonly provider: string
  readonly host: string
  readonly port: number
  /** The vendor's name for it, if there is one. */
  readonly ref?: string
}

interface Entry extends HeldAddress {
  /** The latest instant at which the vendor ends it, clock ms. */
  readonly endsAt: number
  /** The pool has had it and dropped it: too many failures, or no uses left. */
  isDone: boolean
  /** How often it was used in this life, by the pool or the record. */
  uses: number
}

export class Inventory {
  readonly #account: string
  readonly #store: Pick<AccountStore, 'hold' | 'free' | 'view'>
  readonly #entries = new Map<string, Entry>()
  /** Provider -> placeholders for the addresses of its unknown orders. */
  readonly #unknown = new Map<string, readonly string[]>()

  constructor(account: string, store: Pick<AccountStore, 'hold' | 'free' | 'view'>) {
    this.#account = account
    this.#store = store
  }

  /** @returns false when it was held already: the vendor has listed it again */
  add(address: HeldAddress, endsAt: number, now: number): boolean {
    const { id } = address
    const known = this.#entries.get(id)
    const isSameLife = known !== undefined && !isNewLife(known.endsAt, endsAt, now)
    this.#entries.set(id, {
      ...{ ...address, endsAt },
      isDone: isSameLife && known.isDone,
      uses: isSameLife ? known.uses : 0,
    })
    this.#store.hold(this.#account, [{ id, endsAt }])
    return known === undefined || known.endsAt <= now
  }

  /** The store may have lost what occupies channels. */
  holdAgain(): void {
    const holders = [...this.#entries.values()].map(({ id, endsAt }) => ({ id, endsAt }))
    this.#store.hold(this.#account, holders)
  }

  /** When the vendor ends it, clock ms. */
  endOf(id: string): number | undefined {
    return this.#entries.get(id)?.endsAt
  }

  /** The pool has dropped it before its end. */
  done(id: string): void {
    const entry = this.#entries.get(id)
    if (entry !== undefined) entry.isDone = true
  }

  /** It is not in the pool, and may come into it once more in the same life: when the vendor lists it. */
  noteUses(id: string, uses: number): void {
    const entry = this.#entries.get(id)
    if (entry !== undefined) entry.uses = Math.max(entry.uses, uses)
  }

  /** How often it was used in its present life before it came into the pool. */
  usesOf(id: string): number {
    return this.#entries.get(id)?.uses ?? 0
  }

  /** Whether the pool has had this life of it already: it is not lent again, however often the vendor lists it. */
  isDone(id: string): boolean {
    return this.#entries.get(id)?.isDone === true
  }

  /** Whether the reported end belongs to a life that the pool has had. */
  wasHad(id: string, endsAt: number, now: number): boolean {
    const known = this.#entries.get(id)
    return known?.isDone === true && !isNewLife(known.endsAt, endsAt, now)
  }

  /** The vendor has taken it back: its channel is free. */
  release(id: string): void {
    this.#entries.delete(id)
    this.#store.free(this.#account, [id])
  }

  /** @returns whether an address is held that is alive now */
  has(id: string, now: number): boolean {
    const entry = this.#entries.get(id)
    return entry !== undefined && entry.endsAt > now
  }

  /** Whether another provider of the account holds the same address: a list of the account contains the addresses of all. */
  isHeldByOther(provider: string, host: string, port: number, now: number): boolean {
    for (const entry of this.#entries.values())
      if (entry.host === host && entry.port === port && entry.provider !== provider && entry.endsAt > now) return true
    return false
  }

  /** Addresses that the vendor holds for a provider. */
  heldFor(provider: string, now: number): number {
    this.forgetEnded(now)
    return this.#of(provider).length
  }

  /** All that is held for a provider. */
  idsFor(provider: string, now: number): string[] {
    this.forgetEnded(now)
    return this.#of(provider).map(({ id }) => id)
  }

  /** The vendor's names of all that is held for a provider. */
  refsOf(provider: string, now: number): string[] {
    this.forgetEnded(now)
    return this.#of(provider).flatMap(({ ref }) => ref ?? [])
  }

  /** The vendor's names of lent addresses that end by then, the first to end first. @param at clock ms */
  refsEndingBy(provider: string, at: number): string[] {
    const ending = this.#of(provider).filter(({ isDone, endsAt }) => !isDone && endsAt <= at)
    return ending.sort((a, b) => a.endsAt - b.endsAt).flatMap(({ ref }) => ref ?? [])
  }

  /** Addresses with this name: after a replacement there are two. */
  idsOf(provider: string, ref: string): string[] {
    return this.#of(provider).flatMap((entry) => (entry.ref === ref ? [entry.id] : []))
  }

  #of(provider: string): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.provider === provider)
  }

  /** When the next channel becomes free without a release, clock ms. */
  earliestEnd(now: number): number | undefined {
    this.forgetEnded(now)
    let earliest: number | undefined
    for (const { endsAt } of this.#entries.values()) if (earliest === undefined || endsAt < earliest) earliest = endsAt
    return earliest
  }

  /** Lines that were bought and have no address yet: ref -> provider. They are recorded. */
  get pending(): ReadonlyMap<string, string> {
    const lines = this.#store.view.pendingLines(this.#account)
    return new Map(lines.map(({ id, provider }) => [id.slice(PENDING.length), provider]))
  }

  /** Bought lines without an address yet: each occupies a channel. */
  addPending(provider: string, refs: readonly string[], now: number): void {
    const { pending } = this
    const fresh = refs.filter((ref) => !pending.has(ref))
    if (fresh.length === 0) return
    const rest = { endsAt: now + PENDING_KEPT_MS, pendingFor: provider }
    this.#store.hold(
      this.#account,
      fresh.map((ref) => ({ id: PENDING + ref, ...rest })),
    )
  }

  /** They have an address now, or never will. */
  removePending(refs: readonly string[]): void {
    this.#store.free(
      this.#account,
      refs.map((ref) => PENDING + ref),
    )
  }

  /** An order of an earlier process with unknown outcome may have bought this many addresses. */
  holdUnknown(provider: string, count: number, endsAt: number): void {
    const known = this.#unknown.get(provider) ?? []
    const ids = Array.from({ length: count }, (_, index) => `unknown ${provider} ${known.length + index}`)
    this.#unknown.set(provider, [...known, ...ids])
    this.#store.hold(
      this.#account,
      ids.map((id) => ({ id, endsAt })),
    )
  }

  /** The vendor has listed what it holds: nothing is unknown any more. */
  freeUnknown(provider: string): void {
    this.#store.free(this.#account, this.#unknown.get(provider) ?? [])
    this.#unknown.delete(provider)
  }

  /** Drops entries that have ended. */
  forgetEnded(now: number): void {
    for (const [id, { endsAt }] of this.#entries) if (endsAt <= now) this.release(id)
  }
}

const PENDING = 'pending '
/** A line that its vendor has not named for so long does not come any more. */
const PENDING_KEPT_MS = 86_400_000

/**
 * Whether a reported end of an address means a new life. Vendors report lives in whole seconds and replies take time, so the same
 * promise varies a little: a new life must have at least twice the remaining time.
 */
export function isNewLife(knownEnd: number, toldEnd: number, now: number): boolean {
  return toldEnd - now >= 2 * (knownEnd - now)
}
