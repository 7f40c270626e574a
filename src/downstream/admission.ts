/**
 * Limits the client connections: clients that have logged in (or made a request, when no login is required) count towards
 * `limits.connections`; the others are *unidentified* and have limits of their own. A new connection over such a limit displaces
 * the oldest unidentified connection, of its own address or of the address with the most: idle sockets cannot lock other clients
 * out.
 *
 *   accept ──add──▶ unidentified ──identify──▶ identified ──remove──▶ gone
 *                        └── displaced, closed ───────────────────────▶
 */
import { clientNetwork } from '../address.ts'
import { FairQueue, Line, Place } from '../structures/fair-queue.ts'

/** A client connection, for admission. */
export interface AdmittedConnection {
  /** Managed by the Admission. */
  admission: Place<AdmittedConnection> | 'identified' | undefined
  /** Read only when there are many unidentified connections: it costs a system call. */
  readonly clientAddress: string
  destroy(): void
}

export class Admission {
  #max = 0
  #minUnidentified = 0
  #maxUnidentified = 0
  #maxPerAddress = 0
  readonly #onDisplaced: () => void
  #identified = 0
  /** Unidentified connections in order of arrival, while there are few. */
  readonly #arrivals = new Line<AdmittedConnection>('')
  /** One queue per address when there are many. */
  readonly #byAddress = new FairQueue<AdmittedConnection>()

  /**
   * @param max largest number of identified connections
   * @param onDisplaced a connection was closed for a new one
   * @param minUnidentified in addition, this many unidentified ones (descriptors.ts)
   */
  constructor(max: number, onDisplaced: () => void, minUnidentified: number) {
    this.#onDisplaced = onDisplaced
    this.configure(max, minUnidentified)
  }

  /** As for the constructor. Connections above a lowered limit stay. */
  configure(max: number, minUnidentified: number): void {
    this.#max = max
    this.#minUnidentified = minUnidentified
    this.#maxUnidentified = Math.max(minUnidentified, Math.floor(max / 2))
    this.#maxPerAddress = Math.max(minUnidentified, Math.floor(max / 4))
  }

  /** Connections now. */
  get size(): number {
    return this.#identified + this.#unidentified
  }

  get #unidentified(): number {
    return this.#arrivals.size + this.#byAddress.size
  }

  /** A connection was accepted. O(1), or O(addresses) when the caps are reached. */
  add(connection: AdmittedConnection): void {
    connection.admission = new Place('', connection)
    this.#arrivals.append(connection.admission)
    if (this.#byAddress.size === 0 && !this.#isOver && this.#arrivals.size <= this.#maxPerAddress) return
    this.#countByAddress()
    const own = connection.admission.user
    while (this.#byAddress.countOf(own) > this.#maxPerAddress) this.#displaceOldestOf(own)
    while (this.#isOver) this.#displaceOldestOf(this.#byAddress.largestUser() ?? own)
  }

  /** The connection has logged in. @returns false when the limit is reached */
  identify(connection: AdmittedConnection): boolean {
    const { admission } = connection
    if (admission === 'identified') return true
    if (admission === undefined || this.#identified >= this.#max) return false
    this.#leave(admission)
    connection.admission = 'identified'
    this.#identified++
    return true
  }

  /** The connection is closed. */
  remove(connection: AdmittedConnection): void {
    const { admission } = connection
    connection.admission = undefined
    if (admission === 'identified') this.#identified--
    else if (admission !== undefined) this.#leave(admission)
  }

  #leave(place: Place<AdmittedConnection>): void {
    if (this.#byAddress.size > 0) this.#byAddress.remove(place)
    else this.#arrivals.remove(place)
  }

  get #isOver(): boolean {
    return this.#unidentified > this.#maxUnidentified || this.size > this.#max + this.#minUnidentified
  }

  /** Those that are in order of arrival get their place by address. */
  #countByAddress(): void {
    for (let place = this.#arrivals.first; place !== undefined; place = this.#arrivals.first) {
      this.#arrivals.remove(place)
      const { item } = place
      item.admission = this.#byAddress.add(clientNetwork(item.clientAddress), item)
    }
  }

  #displaceOldestOf(address: string): void {
    const oldest = this.#byAddress.oldestOf(address)
    if (oldest === undefined) return
    this.#byAddress.remove(oldest)
    oldest.item.admission = undefined
    oldest.item.destroy()
    this.#onDisplaced()
  }
}
