/**
 * Keeps the pool equal to a list: addresses that the gateway does not buy but reads. A list is a set: a reading replaces the
 * previous one. What is no longer listed is not lent any more; open tunnels continue.
 */
import type { ProviderParts } from './provider-parts.ts'

const MAX_LIST = 100_000

export class ListSync {
  readonly #parts: Pick<ProviderParts, 'source' | 'settings' | 'ingest' | 'stock'>
  #isReading = false

  constructor(parts: Pick<ProviderParts, 'source' | 'settings' | 'ingest' | 'stock'>) {
    this.#parts = parts
  }

  get isReading(): boolean {
    return this.#isReading
  }

  /**
   * @returns how many upstreams the pool gained
   * @throws {VendorError} when the list cannot be read: held addresses stay
   */
  async read(signal: AbortSignal): Promise<number> {
    const { source, settings, ingest, stock } = this.#parts
    this.#isReading = true
    try {
      const listed = await source.extract(MAX_LIST, signal)
      const { gained, missing } = await ingest.takeList(listed, settings.ceiling ?? MAX_LIST)
      for (const id of missing) stock.takenBack(id)
      return gained
    } finally {
      this.#isReading = false
    }
  }
}
