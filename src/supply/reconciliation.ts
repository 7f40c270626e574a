/**
 * Asks the vendor what it holds for us when the vendor can tell and we cannot be certain: a reply was lost, lives cannot be
 * proven, or it says that channels are occupied of which we know nothing. Never as a condition of an order: when it fails, unknown
 * orders stay booked, and it is tried again after growing pauses.
 */
import type { Clock } from '../clock.ts'
import type { Log } from '../log/log.ts'
import type { Delivery } from '../vendors/contract/delivery.ts'
import type { Source } from '../vendors/contract/source.ts'
import { Backoff } from './backoff.ts'
import { wordsOf } from './failure-words.ts'

/** Pauses after failed look-ups: unknown orders may book all channels or the whole budget, and then nothing else frees them. */
const RETRY = { backoffMs: 5_000, maxBackoffMs: 60_000 }

export class Reconciliation {
  readonly #source: Source
  readonly #clock: Clock
  readonly #log: Log
  readonly #backoff: Backoff
  #isDemanded = false
  #notBefore = Number.NEGATIVE_INFINITY
  #hasAskedForChannels = false
  /** What happens in its place; undefined while its source is in use. */
  successor: Pick<Reconciliation, 'demand'> | undefined

  /** @param random uniform in [0, 1), for the jitter of the pauses */
  constructor(source: Source, { clock, log, random }: { clock: Clock; log: Log; random?: (() => number) | undefined }) {
    this.#backoff = new Backoff(RETRY, random)
    this.#source = source
    this.#clock = clock
    this.#log = log
  }

  get isDue(): boolean {
    return this.#clock.now() >= this.dueAt
  }

  /** When the vendor is asked next, clock ms; Infinity while there is nothing to ask, or no way. */
  get dueAt(): number {
    return this.#isDemanded && this.#source.queryOperation !== undefined ? this.#notBefore : Number.POSITIVE_INFINITY
  }

  /** There may be addresses that are not known here. */
  demand(): void {
    if (this.successor !== undefined) return void this.successor.demand()
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
      const delivery = await this.#source.query({ signal, priority })
      this.#isDemanded = false
      this.#backoff.reset()
      return delivery
    } catch (error) {
      signal.throwIfAborted()
      this.#notBefore = this.#clock.now() + this.#backoff.next()
      const facts = { operation: this.#source.queryOperation, reason: wordsOf(error) }
      this.#log.warn(facts, 'the vendor does not list what it holds: what a lost reply may have sold stays booked')
      return undefined
    }
  }
}
