/**
 * Keeps the pool equal to a list: addresses that the gateway does not buy but reads. A list is a set: a reading replaces the
 * previous one. What is no longer listed is not lent any more; open tunnels continue.
 */
import type { ProviderParts } from './provider-parts.ts'

/** More addresses than this are not taken from a list. */
export const MAX_LIST = 100_000
const LIST_PAUSE_MS = 60_000
const SHORTEST_PAUSE_MS = 1_000

export class ListSync {
  readonly #parts: Pick<ProviderParts, 'source' | 'settings' | 'ingest' | 'stock'>
  #isReading = false
  #pauseMs = LIST_PAUSE_MS
  /** Readings in a row with lines that are dialled, and nothing new. */
  #dialling = 0

  constructor(parts: Pick<ProviderParts, 'source' | 'settings' | 'ingest' | 'stock'>) {
    this.#parts = parts
  }

  get isReading(): boolean {
    return this.#isReading
  }

  /**
   * When it is read again, if clients come: before all that it lists has ended; soon while lines of it are dialled, later each
   * time that they are not done.
   */
  get pauseMs(): number {
    return this.#pauseMs
  }

  /**
   * @returns how many upstreams the pool gained
   * @throws {VendorError} when the list cannot be read: held addresses stay
   */
  async read(signal: AbortSignal): Promise<number> {
    const { source, settings, ingest, stock } = this.#parts
    this.#isReading = true
    try {
      const listed = await source.extract(MAX_LIST, { signal })
      const { gained, missing, longestMs } = await ingest.takeList(listed, settings.ceiling ?? MAX_LIST)
      for (const id of missing) stock.takenBack(id)
      const isDialling = (listed.pending ?? []).length > 0
      if (gained > 0 || !isDialling) this.#dialling = 0
      const soonMs = (source.follow?.pendingEveryMs ?? LIST_PAUSE_MS) * 2 ** this.#dialling
      const halfLifeMs = longestMs > 0 ? Math.max(longestMs / 2, SHORTEST_PAUSE_MS) : LIST_PAUSE_MS
      this.#pauseMs = Math.min(isDialling ? soonMs : halfLifeMs, LIST_PAUSE_MS)
      this.#dialling++
      return gained
    } finally {
      this.#isReading = false
    }
  }
}
