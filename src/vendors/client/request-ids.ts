/**
 * Names for calls, where a vendor wants one with each. A call that got no verdict (no answer, a broken one, a fault of the
 * vendor's) keeps its name when it is repeated, so that a vendor that remembers names can answer instead of acting twice.
 * A call that carries an order number of the user's is named after its contents: another process repeats it under the
 * same name.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { Params } from '../contract/operation.ts'

/** A vendor that answers a remembered name with the same fault for ever must not hold us: after so many repeats the name is new. */
const MAX_REPEATS = 5
const MAX_KEPT = 100

export class RequestIds {
  /** Calls without a verdict: operation and parameters -> their name. */
  readonly #kept = new Map<string, { readonly id: string; readonly repeats: number }>()
  readonly #repeats = new Map<string, number>()
  /** Names made of contents that have been used: after a verdict the same call is another one. */
  readonly #used = new Set<string>()

  /**
   * The name for a call that is about to leave. Two calls under way never share one.
   * @param orderParam the parameter by which the vendor knows an order again
   */
  take(operation: string, params: Params, orderParam?: string): string {
    const key = keyOf(operation, params)
    const kept = this.#kept.get(key)
    if (kept === undefined || kept.repeats >= MAX_REPEATS) {
      this.#kept.delete(key)
      const isOrder = orderParam !== undefined && params[orderParam] !== undefined
      return kept === undefined && isOrder ? this.#ofContents(key) : randomUUID()
    }
    this.#kept.delete(key)
    this.#repeats.set(kept.id, kept.repeats + 1)
    return kept.id
  }

  #ofContents(key: string): string {
    const digest = createHash('sha256').update(key).digest('hex')
    const id = [8, 12, 16, 20, 32].map((end, at, ends) => digest.slice(at === 0 ? 0 : ends[at - 1], end)).join('-')
    if (this.#used.has(id)) return randomUUID()
    if (this.#used.size < MAX_KEPT) this.#used.add(id)
    return id
  }

  /** The call got its verdict. */
  settled(id: string): void {
    this.#repeats.delete(id)
  }

  /** The call got none: its next repetition has the same name. */
  unanswered(operation: string, params: Params, id: string): void {
    const repeats = this.#repeats.get(id) ?? 0
    this.#repeats.delete(id)
    const oldest = this.#kept.keys().next()
    if (this.#kept.size >= MAX_KEPT && oldest.done !== true) this.#kept.delete(oldest.value)
    this.#kept.set(keyOf(operation, params), { id, repeats })
  }
}

function keyOf(operation: string, params: Params): string {
  return JSON.stringify([operation, Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1))])
}
