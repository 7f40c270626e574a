/** The sockets of a gateway that was taken over, for the workers: each of them is used, or those who connect to it would wait for ever. */
import type { Address } from '../address.ts'
import type { InheritedSocket, InheritedSockets } from '../network/inherited-sockets.ts'

export class PortInheritance {
  readonly #ports: readonly (readonly InheritedSocket[])[]
  readonly #count: number

  /** @param inherited undefined: there was none @param places of the ports, in the form of the configuration @param count of workers */
  constructor(inherited: InheritedSockets | undefined, places: readonly Address[], count: number) {
    this.#count = count
    this.#ports = places.map(({ host, port }) => {
      const sockets = inherited?.takeAll({ host, port }) ?? []
      // Workers are told real numbers.
      return sockets.map((socket) => socket.named({ host, port: socket.port }, true))
    })
  }

  /** With fewer workers than before one has several of a port; with more, some open their own beside them. */
  of(worker: number): InheritedSocket[] {
    return this.#ports.flatMap((sockets) => sockets.filter((_, index) => index % this.#count === worker))
  }

  /** The workers have them. */
  close(): void {
    for (const socket of this.#ports.flat()) socket.close()
  }
}
