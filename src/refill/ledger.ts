/** Everything a vendor holds for us, lent or not, in the pool or not: each address occupies its channel until it ends there. */
interface Entry {
  /** When the vendor ends it, clock ms. */
  readonly endsAt: number
  /** What the vendor calls it, where it has a name. */
  readonly ref: string | undefined
}

export class Ledger {
  readonly #entries = new Map<string, Entry>()

  /** @returns false when it was held already: the vendor has sold it again */
  add(id: string, endsAt: number, ref?: string): boolean {
    const isNew = !this.#entries.has(id)
    this.#entries.set(id, { endsAt, ref })
    return isNew
  }

  /** The vendor has taken it back. */
  release(id: string): void {
    this.#entries.delete(id)
  }

  held(now: number): number {
    for (const [id, { endsAt }] of this.#entries) if (endsAt <= now) this.#entries.delete(id)
    return this.#entries.size
  }

  /** The vendor's names of all that is held. */
  get refs(): string[] {
    return [...this.#entries.values()].flatMap(({ ref }) => (ref === undefined ? [] : [ref]))
  }

  /** Whose name this is; an address that was changed for another leaves two with the same name, the latest counts. */
  idsOf(ref: string): string[] {
    return [...this.#entries].flatMap(([id, entry]) => (entry.ref === ref ? [id] : []))
  }

  /** When the next channel gets free by itself, clock ms. */
  get earliestEnd(): number | undefined {
    let earliest: number | undefined
    for (const { endsAt } of this.#entries.values()) if (earliest === undefined || endsAt < earliest) earliest = endsAt
    return earliest
  }
}
