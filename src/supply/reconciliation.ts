/**
 * Asks the vendor what it holds for us when the vendor can tell and we cannot be certain: a reply was lost, lives cannot be
 * proven, or it says that channels are occupied of which we know nothing. At most once a minute, and never as a condition of an
 * order: when it fails, unknown orders stay booked.
 */
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Delivery } from '../vendors/contract/delivery.ts'
import type { Source } from '../vendors/contract/source.ts'
import { wordsOf } from './whitelist.ts'

const RETRY_MS = 60_000

export class Reconciliation {
  readonly #source: Source
  readonly #clock: Clock
  readonly #log: Log
  #isDemanded = false
  #notBefore = Number.NEGATIVE_INFINITY
  #hasAskedForChannels = false

  constructor(source: Source, { clock, log }: { clock: Clock; log: Log }) {
    this.#source = source
    this.#clock = clock
    this.#log = log
  }

  get isDue(): boolean {
    return this.#isDemanded && this.#source.queryOperation !== undefined && this.#clock.now() >= this.#notBefore
  }

  /** There may be addresses that are not known here. */
  demand(): void {
    this.#isDemanded = true
  }

  /** The same, once until an order succeeds: listed addresses may belong to another process. @returns whether it will be asked */
  demandOnce(): boolean {
    if (this.#hasAskedForChannels || this.#source.queryOperation === undefined) return false
    this.#hasAskedForChannels = true
    this.#isDemanded = true
    return true
  }

  /** An order has succeeded. */
  worked(): void {
    this.#hasAskedForChannels = false
  }

  /** @returns what is held; undefined when the vendor does not tell */
  async ask(signal: AbortSignal, priority: number): Promise<Delivery | undefined> {
    try {
      const delivery = await this.#source.query(signal, priority)
      this.#isDemanded = false
      return delivery
    } catch (error) {
      signal.throwIfAborted()
      this.#notBefore = this.#clock.now() + RETRY_MS
      const facts = { operation: this.#source.queryOperation, reason: wordsOf(error) }
      this.#log.warn(facts, 'the vendor does not list what it holds: what a lost reply may have sold stays booked')
      return undefined
    }
  }
}
