/**
 * Listening sockets that were open before this process: systemd's, or those of the process before it. No client is refused
 * while they change hands: what connects meanwhile waits in the system's queue, or here.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { type Address, formatAuthority } from '../address.ts'

/** As many pending connections as a crawler opens at once; the kernel caps it at somaxconn. */
const BACKLOG = 4096

export class InheritedSocket {
  readonly #server: Server
  #address: Address = { host: '', port: 0 }
  /** Accepted before the server of the port was there. */
  readonly #held: Socket[] = []

  private constructor(server: Server) {
    this.#server = server
    server.on('connection', (socket) => this.hold(socket))
  }

  /** Where it listens, as a configuration says it. */
  get address(): Address {
    return this.#address
  }

  /**
   * @param source the number of a descriptor, or the server of an IPC message; it is listened on at once, in the turn in
   *   which it came: what the server of the message accepted would be lost
   * @returns `listening` rejects with the system's error when it is no listening socket; with {TypeError} when it is none of TCP
   */
  static of(source: number | Server): { readonly socket: InheritedSocket; readonly listening: Promise<void> } {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const socket = new InheritedSocket(server)
    const listening = new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      const isOpen = () => {
        server.off('error', reject)
        // Running out of descriptors: the server of the port will report it.
        server.on('error', ignore)
        resolve()
      }
      if (typeof source === 'number') server.listen({ fd: source, backlog: BACKLOG }, isOpen)
      else server.listen(source, BACKLOG, isOpen)
    })
    return { socket, listening: listening.then(() => socket.#lookUp()) }
  }

  /** @throws {TypeError} */
  #lookUp(): void {
    const bound = this.#server.address()
    if (typeof bound === 'object' && bound !== null) this.#address = { host: bound.address, port: bound.port }
    else {
      this.close()
      throw new TypeError('only TCP sockets can be listened on')
    }
  }

  /** Gives it the address that a configuration has for it: with port 0, 0. */
  named(address: Address): this {
    this.#address = address
    return this
  }

  /** A connection that another process has accepted on it. */
  hold(socket: Socket): void {
    this.#held.push(socket.on('error', ignore))
  }

  /** From now on the connections are this server's, those that wait here first. */
  moveTo(server: Server): Promise<void> {
    const listening = new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#server, BACKLOG, () => {
        server.off('error', reject)
        resolve()
      })
    })
    for (const socket of this.#held.splice(0)) server.emit('connection', socket.off('error', ignore))
    return listening
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#held.splice(0)) socket.destroy()
  }
}

const ignore = () => {}

/** A listening port of this process, for another one. */
export interface OpenPort {
  /** As the configuration says it: with port 0, 0. */
  readonly place: Address
  /** The number of its descriptor. */
  readonly descriptor: number
}

/** Those that have not been taken yet. */
export class InheritedSockets {
  readonly #sockets: InheritedSocket[]

  constructor(sockets: readonly InheritedSocket[]) {
    this.#sockets = [...sockets]
  }

  /** @returns the one that listens there; it is given out once */
  take(wanted: Address): InheritedSocket | undefined {
    const index = this.#sockets.findIndex(({ address }) => isSamePlace(address, wanted))
    return index < 0 ? undefined : this.#sockets.splice(index, 1)[0]
  }

  /** Closes those for which there is no port among the wanted ones. @returns where they listened, as `host:port` */
  closeUnwanted(wanted: readonly Address[]): string[] {
    const unwanted = this.#sockets.filter(({ address }) => !wanted.some((place) => isSamePlace(address, place)))
    for (const socket of unwanted) {
      this.#sockets.splice(this.#sockets.indexOf(socket), 1)
      socket.close()
    }
    return unwanted.map(({ address }) => formatAuthority(address.host, address.port))
  }

  /** Closes what is left. */
  close(): void {
    this.closeUnwanted([])
  }
}

function isSamePlace(one: Address, other: Address): boolean {
  return one.port === other.port && (one.host === other.host || (isWildcard(one.host) && isWildcard(other.host)))
}

const isWildcard = (host: string) => host === '0.0.0.0' || host === '::'

/**
 * The number of the descriptor of a listening server, to be inherited by a child process. Node has no public name for it.
 * @returns -1 where there is none
 */
export function descriptorOf(server: Server): number {
  const { _handle } = server as unknown as { readonly _handle: { readonly fd?: unknown } | null }
  return typeof _handle?.fd === 'number' ? _handle.fd : -1
}

/**
 * Listens at an address, with the inherited socket where there is one.
 * @throws the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL)
 */
export function listenAt(
  server: Server,
  { host, port }: Address,
  inherited: InheritedSockets | undefined,
): Promise<void> {
  const socket = inherited?.take({ host, port })
  if (socket !== undefined) return socket.moveTo(server)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
