/** A binary min-heap that tracks the index of each member: change and removal are O(log n). */
export class IndexedHeap<T> {
  readonly #rank: (item: T) => number
  readonly #items: T[] = []
  readonly #position = new Map<T, number>()

  /** @param rank the lowest comes first; call `update` after the rank of an item has changed */
  constructor(rank: (item: T) => number) {
    this.#rank = rank
  }

  peek(): T | undefined {
    return this.#items[0]
  }

  add(item: T): void {
    if (this.#position.has(item)) return void this.update(item)
    this.#place(item, this.#items.length)
    this.#up(this.#items.length - 1)
  }

  /** Restores the order after the rank of `item` has changed; ignores items that are not in the heap. */
  update(item: T): void {
    const at = this.#position.get(item)
    if (at === undefined) return
    this.#up(at)
    this.#down(this.#position.get(item) ?? at)
  }

  remove(item: T): void {
    const at = this.#position.get(item)
    if (at === undefined) return
    this.#position.delete(item)
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    this.#place(last, at)
    this.update(last)
  }

  /** The lowest-ranked item that `accepts`; O(k log k) where k is how many lower ones are refused. */
  first(accepts: (item: T) => boolean): T | undefined {
    const top = this.#items[0]
    if (top === undefined || accepts(top)) return top
    const frontier = new IndexedHeap<number>((at) => this.#rankAt(at))
    frontier.add(0)
    for (let at = frontier.peek(); at !== undefined; at = frontier.peek()) {
      frontier.remove(at)
      const item = this.#items[at]
      if (item !== undefined && accepts(item)) return item
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < this.#items.length) frontier.add(child)
    }
    return undefined
  }

  #rankAt(at: number): number {
    const item = this.#items[at]
    return item === undefined ? Number.POSITIVE_INFINITY : this.#rank(item)
  }

  #place(item: T, at: number): void {
    this.#items[at] = item
    this.#position.set(item, at)
  }

  #up(from: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#rankAt(parent) <= this.#rankAt(at)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #down(from: number): void {
    let at = from
    for (;;) {
      const left = 2 * at + 1
      const child = this.#rankAt(left + 1) < this.#rankAt(left) ? left + 1 : left
      if (this.#rankAt(child) >= this.#rankAt(at)) return
      this.#swap(at, child)
      at = child
    }
  }

  #swap(a: number, b: number): void {
    const itemA = this.#items[a]
    const itemB = this.#items[b]
    if (itemA === undefined || itemB === undefined) return
    this.#place(itemB, a)
    this.#place(itemA, b)
  }
}
