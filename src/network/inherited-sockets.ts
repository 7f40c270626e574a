/**
 * Listening sockets that were opened before this process: by systemd, or by the previous process. No client is refused while they
 * change hands: new connections wait in the queue of the system, which belongs to the socket and not to a process.
 */
import { once } from 'node:events'
import { type Server, Socket } from 'node:net'
import { type Address, formatAuthority } from '../address.ts'

/** The length of the accept queue: as many connections as a crawler opens at once; the kernel limits it to somaxconn. */
const BACKLOG = 4096

/** A listening socket on which this process does not accept yet. */
export class InheritedSocket {
  /** Only keeps the descriptor open: it neither reads nor accepts. */
  readonly #holder: Socket
  #address: Address

  /**
   * @param source the number of a descriptor, or the handle of an IPC message
   * @throws {TypeError} when it is not a TCP socket
   */
  constructor(source: number | object) {
    // Handles have no public type.
    const from = typeof source === 'number' ? { fd: source } : ({ handle: source } as { handle: never })
    this.#holder = new Socket({ ...from, readable: false, writable: false })
    const bound = this.#holder.address()
    if (!('address' in bound)) {
      this.#holder.destroy()
      throw new TypeError('only TCP sockets can be listened on')
    }
    this.#address = { host: bound.address, port: bound.port }
  }

  /** Where it listens, in the form of the configuration. */
  get address(): Address {
    return this.#address
  }

  /** Sets the address of the configuration: for port 0 it has port 0. */
  named(address: Address): this {
    this.#address = address
    return this
  }

  /** From now on this server accepts its connections, beginning with those in the queue. @throws the system's error */
  async moveTo(server: Server): Promise<void> {
    server.listen(this.#holder, BACKLOG)
    await once(server, 'listening')
  }

  close(): void {
    this.#holder.destroy()
  }
}

/** A listening port of this process, to be passed to another one. */
export interface OpenPort {
  /** In the form of the configuration: for port 0 it has port 0. */
  readonly place: Address
  /** The number of its descriptor. */
  readonly descriptor: number
}

/** Those that are not in use yet. */
export class InheritedSockets {
  readonly #sockets: InheritedSocket[]

  constructor(sockets: readonly InheritedSocket[]) {
    this.#sockets = [...sockets]
  }

  has(wanted: Address): boolean {
    return this.#sockets.some(({ address }) => isSamePlace(address, wanted))
  }

  /** @returns the socket that listens there; it is returned once */
  take(wanted: Address): InheritedSocket | undefined {
    const index = this.#sockets.findIndex(({ address }) => isSamePlace(address, wanted))
    return index < 0 ? undefined : this.#sockets.splice(index, 1)[0]
  }

  /** Closes the sockets whose address is not wanted. @returns their addresses, as `host:port` */
  closeUnwanted(wanted: readonly Address[]): string[] {
    const unwanted = this.#sockets.filter(({ address }) => !wanted.some((place) => isSamePlace(address, place)))
    for (const socket of unwanted) {
      this.#sockets.splice(this.#sockets.indexOf(socket), 1)
      socket.close()
    }
    return unwanted.map(({ address }) => formatAuthority(address.host, address.port))
  }

  /** Closes the remaining sockets. */
  close(): void {
    this.closeUnwanted([])
  }
}

function isSamePlace(one: Address, other: Address): boolean {
  return one.port === other.port && (one.host === other.host || (isWildcard(one.host) && isWildcard(other.host)))
}

const isWildcard = (host: string) => host === '0.0.0.0' || host === '::'

/**
 * The descriptor of a listening server, for a child process to inherit. Node has no public API for it.
 * @returns -1 where there is none
 */
export function descriptorOf(server: Server): number {
  const { _handle } = server as unknown as { readonly _handle: { readonly fd?: unknown } | null }
  return typeof _handle?.fd === 'number' ? _handle.fd : -1
}

/**
 * Listens at an address, with the inherited socket if there is one.
 * @param isShared other processes listen there too: the system distributes the connections
 * @throws the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL)
 */
export async function listenAt(
  server: Server,
  { host, port }: Address,
  inherited: InheritedSockets | undefined,
  isShared = false,
): Promise<void> {
  const socket = inherited?.take({ host, port })
  if (socket !== undefined) return socket.moveTo(server)
  server.listen({ host, port, backlog: BACKLOG, reusePort: isShared })
  await once(server, 'listening')
}
