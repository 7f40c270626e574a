/** The sockets of one listening port: one, or those of several processes that this one has taken over. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Address } from '../address.ts'
import {
  descriptorOf,
  handleOf,
  type InheritedSocket,
  type InheritedSockets,
  listenAt,
  type PassableHandle,
} from '../network/inherited-sockets.ts'

interface OpenSocket {
  readonly server: Server
  /** Other sockets listen at its address too. */
  readonly isShared: boolean
}

interface PortEvents {
  accepted(socket: Socket): void
  /** The system could not accept a connection. */
  acceptFailed(error: NodeJS.ErrnoException): void
}

export class PortSockets {
  readonly #events: PortEvents
  readonly #opensShared: boolean
  #open: readonly OpenSocket[] = []

  /** @param opensShared other processes listen on the same port */
  constructor(events: PortEvents, opensShared: boolean) {
    this.#events = events
    this.#opensShared = opensShared
  }

  /**
   * @param inherited sockets that listen already: all of this address are used
   * @returns the actual address
   * @throws the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL)
   */
  async listen(place: Address, inherited: InheritedSockets | undefined): Promise<Address> {
    const sockets = inherited?.takeAll(place) ?? []
    this.#open = sockets.length === 0 ? [await this.#listenAt(place)] : await Promise.all(sockets.map(this.#moveHere))
    let bound = place
    for (const { server } of this.#open) {
      server.on('error', (error: NodeJS.ErrnoException) => this.#events.acceptFailed(error))
      const { address: host, port } = server.address() as AddressInfo
      bound = { host, port }
    }
    return bound
  }

  #newServer(): Server {
    return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#events.accepted(socket))
  }

  async #listenAt(place: Address): Promise<OpenSocket> {
    const isShared = this.#opensShared
    const server = this.#newServer()
    await listenAt(server, place, undefined, isShared)
    return { server, isShared }
  }

  readonly #moveHere = async (socket: InheritedSocket): Promise<OpenSocket> => {
    const { isShared } = socket
    const server = this.#newServer()
    await socket.moveTo(server)
    return { server, isShared }
  }

  /** For a child process to inherit. */
  get descriptors(): readonly { readonly descriptor: number; readonly isShared: boolean }[] {
    return this.#open.map(({ server, isShared }) => ({ descriptor: descriptorOf(server), isShared }))
  }

  /** To be sent to another process. */
  get handles(): readonly PassableHandle[] {
    return this.#open.flatMap(({ server }) => handleOf(server) ?? [])
  }

  /** Accepts no more clients. */
  close(): void {
    for (const { server } of this.#open) server.close()
  }
}
