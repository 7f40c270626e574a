/**
 * Request ids, for vendors that require one per call. A call without a verdict (no answer, an invalid one, an internal error of the
 * vendor) keeps its id when it is repeated, so that a vendor that remembers ids can answer instead of acting twice. The id of a
 * call with an order number of the user is made from its contents: another process repeats it with the same id.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { Params } from '../contract/operation.ts'

/** A vendor that always answers an id with the same error must not block us: after this many repetitions the id is new. */
const MAX_REPEATS = 5
const MAX_KEPT = 100

export class RequestIds {
  /** Calls without a verdict: operation and parameters -> their id. */
  readonly #kept = new Map<string, { readonly id: string; readonly repeats: number }>()
  readonly #repeats = new Map<string, number>()
  /** Used ids that were made from contents: after a verdict, the same call is a new one. */
  readonly #used = new Set<string>()

  /**
   * The id for a call that is about to be sent. Two calls in progress never share one.
   * @param orderParam the parameter with the order number of the user
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

  /** The call got no verdict: its next repetition has the same id. */
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
