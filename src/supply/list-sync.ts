/**
 * Keeps the pool equal to a list: addresses that the gateway does not buy but reads. A list is a set: a reading replaces the
 * previous one. What is no longer listed is not lent any more; open tunnels continue.
 */
import type { Source } from '../vendors/contract/source.ts'
import type { Ingest } from './ingest.ts'
import type { Stock } from './stock.ts'

const MAX_LIST = 100_000

interface ListSettings {
  /** Largest number of the list's addresses that are held at once. */
  readonly ceiling: number | undefined
}

export class ListSync {
  readonly #source: Source
  readonly #ingest: Ingest
  readonly #stock: Stock
  readonly #settings: ListSettings
  #isReading = false

  constructor(source: Source, settings: ListSettings, { ingest, stock }: { ingest: Ingest; stock: Stock }) {
    this.#source = source
    this.#ingest = ingest
    this.#stock = stock
    this.#settings = settings
  }

  get isReading(): boolean {
    return this.#isReading
  }

  /**
   * @returns how many upstreams the pool gained
   * @throws {VendorError} when the list cannot be read: held addresses stay
   */
  async read(signal: AbortSignal): Promise<number> {
    this.#isReading = true
    try {
      const { gained, missing } = await this.#ingest.takeList(
        await this.#source.extract(MAX_LIST, signal),
        this.#settings.ceiling ?? MAX_LIST,
      )
      for (const id of missing) this.#stock.takenBack(id)
      return gained
    } finally {
      this.#isReading = false
    }
  }
}
