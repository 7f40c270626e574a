/** Everything a vendor holds for us, lent or not, in the pool or not: each address occupies its channel until it ends there. */
export class Ledger {
  /** id -> when the vendor ends it, clock ms. */
  readonly #ends = new Map<string, number>()

  /** @returns false when it was held already: the vendor has sold it again */
  add(id: string, endsAt: number): boolean {
    const isNew = !this.#ends.has(id)
    this.#ends.set(id, endsAt)
    return isNew
  }

  /** The vendor has taken it back. */
  release(id: string): void {
    this.#ends.delete(id)
  }

  has(id: string): boolean {
    return this.#ends.has(id)
  }

  held(now: number): number {
    for (const [id, end] of this.#ends) if (end <= now) this.#ends.delete(id)
    return this.#ends.size
  }

  /** When the next channel gets free by itself, clock ms. */
  get earliestEnd(): number | undefined {
    let earliest: number | undefined
    for (const end of this.#ends.values()) if (earliest === undefined || end < earliest) earliest = end
    return earliest
  }
}
