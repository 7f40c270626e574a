/**
 * The views of the pool, one for each filter in use.
 *
 * Invariants
 * - The view of all contains exactly the upstreams that were last reported as lendable.
 * - Each other view contains those of them that its filter accepts (`admits`).
 */
import { admits, anyUpstream, type Filter } from './filter.ts'
import { View } from './selection.ts'
import type { Upstream } from './upstream.ts'

/** Number of filters with a view; beyond it, the least recently used one is dropped. Each costs one test per added upstream. */
const MAX_VIEWS = 256
/** A filter without clients for this time loses its view, ms: a view has an entry for each upstream that fits. */
const VIEW_IDLE_MS = 300_000

interface KnownView {
  readonly filter: Filter
  readonly view: View
  /** Clock ms. */
  usedAt: number
}

export class Views {
  readonly #random: () => number
  readonly #byKey = new Map<string, KnownView>()
  /** All lendable upstreams. */
  readonly all: View

  /** @param random uniform in [0, 1) */
  constructor(random: () => number) {
    this.#random = random
    this.all = new View(random)
    this.#byKey.set(anyUpstream.key, { filter: anyUpstream, view: this.all, usedAt: 0 })
  }

  /** The view of a filter. O(1) for a filter in use, else O(lendable upstreams). */
  of(filter: Filter, now: number): View {
    if (filter === anyUpstream) return this.all
    const known = this.#byKey.get(filter.key)
    if (known !== undefined) {
      known.usedAt = now
      return known.view
    }
    if (this.#byKey.size >= MAX_VIEWS) this.#dropUnused()
    const view = new View(this.#random)
    for (const upstream of this.all) if (admits(filter, upstream)) view.add(upstream)
    this.#byKey.set(filter.key, { filter, view, usedAt: now })
    return view
  }

  /** Drops the least recently used view. O(views), which is small beside the O(upstreams) of the new view. */
  #dropUnused(): void {
    let oldest: KnownView | undefined
    for (const known of this.#byKey.values()) {
      if (known.view !== this.all && known.usedAt < (oldest?.usedAt ?? Number.POSITIVE_INFINITY)) oldest = known
    }
    if (oldest !== undefined) this.#byKey.delete(oldest.filter.key)
  }

  /** Drops the views of filters without recent clients. */
  sweep(now: number): void {
    for (const { filter, view, usedAt } of this.#byKey.values())
      if (view !== this.all && now - usedAt > VIEW_IDLE_MS) this.#byKey.delete(filter.key)
  }

  /**
   * To be called after state, deadline, leases, uses or sessions of an upstream have changed.
   * @returns whether it has become lendable for some filter
   */
  update(upstream: Upstream, isLendable: boolean): boolean {
    if (!isLendable) {
      this.remove(upstream)
      return false
    }
    if (this.all.has(upstream)) return this.#updateLendable(upstream)
    for (const { filter, view } of this.#byKey.values()) if (admits(filter, upstream)) view.add(upstream)
    return true
  }

  /** Filters with limits depend on its load: it may fit more or fewer of them. @returns whether it fits one that it did not fit before */
  #updateLendable(upstream: Upstream): boolean {
    let isNew = false
    for (const { filter, view } of this.#byKey.values()) {
      if (filter.limits !== undefined && admits(filter, upstream) !== view.has(upstream)) {
        isNew ||= !view.has(upstream)
        if (view.has(upstream)) view.remove(upstream)
        else view.add(upstream)
      } else view.reorder(upstream)
    }
    return isNew
  }

  remove(upstream: Upstream): void {
    if (!this.all.has(upstream)) return
    for (const { view } of this.#byKey.values()) view.remove(upstream)
  }
}
