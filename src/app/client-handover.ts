/** What the side that serves clients does when another process takes over: this process, or several workers (workers/handover.ts). */
import type { Clock } from '../clock.ts'
import type { InheritedSockets } from '../network/inherited-sockets.ts'
import type { DataPlane } from '../proxy/data-plane.ts'
import { copySockets, type LentPorts } from '../takeover/sockets.ts'
import { closeForSuccessor } from './stop.ts'

export interface ClientHandover {
  /** The sockets of the ports, for another process. @throws {Error} with a message, where that is not possible now */
  openPorts(): Promise<LentPorts>
  /**
   * Accepts no more clients, and lends nothing any more when those who are connected have their tunnel or answer. No connection in
   * the queue of a port is lost, whatever becomes of the other process.
   * @throws {Error} with a message, where that is not possible; `resume` undoes what has been done
   */
  pause(): Promise<void>
  /** Undoes `pause`. */
  resume(): Promise<void>
  /** The other process serves. */
  close(): void
}

export class DataPlaneHandover implements ClientHandover {
  readonly #data: DataPlane
  readonly #clock: Clock
  /** While this process does not accept. */
  #copies: InheritedSockets | undefined

  constructor(data: DataPlane, clock: Clock) {
    this.#data = data
    this.#clock = clock
  }

  async openPorts(): Promise<LentPorts> {
    return { ports: this.#data.openPorts, close: () => {} }
  }

  async pause(): Promise<void> {
    this.#copies = await copySockets(this.#data.openPorts)
    await closeForSuccessor(this.#data, this.#clock)
  }

  async resume(): Promise<void> {
    this.#data.leaseQueue.lendAgain()
    if (this.#copies !== undefined) await this.#data.reopenPorts(this.#copies)
    this.#copies = undefined
  }

  close(): void {
    this.#copies?.close()
  }
}
