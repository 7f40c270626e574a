/** Everything a vendor holds for us, lent or not, in the pool or not: each address occupies its channel until it ends there. */
interface Entry {
  /** The latest instant at which the vendor ends it, clock ms. */
  readonly endsAt: number
  /** What the vendor calls it, where it has a name. */
  readonly ref: string | undefined
  /** The pool has had it and let go of it: too much blame, or no uses left. */
  isDone: boolean
}

export class Ledger {
  readonly #entries = new Map<string, Entry>()

  /** @returns false when it was held already: the vendor has told of it again */
  add(id: string, endsAt: number, now: number, ref?: string): boolean {
    const known = this.#entries.get(id)
    this.#entries.set(id, { endsAt, ref, isDone: this.isHad(id, endsAt, now) })
    return known === undefined || known.endsAt <= now
  }

  /** The pool has let go of it before its end. */
  done(id: string): void {
    const entry = this.#entries.get(id)
    if (entry !== undefined) entry.isDone = true
  }

  /** Whether the pool has had this life of it already: it is not to be lent again, however often the vendor tells of it. */
  isDone(id: string): boolean {
    return this.#entries.get(id)?.isDone === true
  }

  /** Whether the end that is told for it is that of a life which the pool has had. */
  isHad(id: string, endsAt: number, now: number): boolean {
    const known = this.#entries.get(id)
    return known?.isDone === true && !isNewLife(known.endsAt, endsAt, now)
  }

  /** The vendor has taken it back. */
  release(id: string): void {
    this.#entries.delete(id)
  }

  held(now: number): number {
    this.forgetEnded(now)
    return this.#entries.size
  }

  /** The vendor's names of all that is held. */
  refs(now: number): string[] {
    this.forgetEnded(now)
    return [...this.#entries.values()].flatMap(({ ref }) => (ref === undefined ? [] : [ref]))
  }

  /** Whose name this is; an address that was changed for another leaves two with the same name, the latest counts. */
  idsOf(ref: string): string[] {
    return [...this.#entries].flatMap(([id, entry]) => (entry.ref === ref ? [id] : []))
  }

  /** When the next channel gets free by itself, clock ms. */
  earliestEnd(now: number): number | undefined {
    this.forgetEnded(now)
    let earliest: number | undefined
    for (const { endsAt } of this.#entries.values()) if (earliest === undefined || endsAt < earliest) earliest = endsAt
    return earliest
  }

  /** Drops what has ended. The other questions do it too; where nobody asks them, it must be done now and then. */
  forgetEnded(now: number): void {
    for (const [id, { endsAt }] of this.#entries) if (endsAt <= now) this.#entries.delete(id)
  }
}

/**
 * Whether an end that is told for an address means another life than the one that is known. Vendors tell lives in whole
 * seconds and replies take their time, so one promise told twice differs a little: at least twice as much must be left.
 */
export function isNewLife(knownEnd: number, toldEnd: number, now: number): boolean {
  return toldEnd - now >= 2 * (knownEnd - now)
}
