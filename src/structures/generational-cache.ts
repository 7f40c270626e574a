/**
 * A cache with two generations in place of a usage order: a look-up costs one access to a Map, and an entry that is not used
 * during one generation is dropped.
 */
export class GenerationalCache<Value> {
  readonly #max: number
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()

  /** @param max entries of one generation */
  constructor(max: number) {
    this.#max = max
  }

  get(text: string): Value | undefined {
    const value = this.#young.get(text)
    if (value !== undefined) return value
    const older = this.#old.get(text)
    if (older !== undefined) this.set(text, older)
    return older
  }

  set(text: string, value: Value): void {
    if (this.#young.size >= this.#max) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(text, value)
  }
}
