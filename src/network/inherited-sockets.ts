/**
 * Listening sockets that were opened before this process: by systemd, or by the previous process. No client is refused while they
 * change hands: new connections wait in the queue of the system, which belongs to the socket and not to a process.
 */
import { once } from 'node:events'
import { type Server, Socket } from 'node:net'
import { type Address, formatAuthority, isEveryAddress } from '../address.ts'

/** The length of the accept queue: as many connections as a crawler opens at once; the kernel limits it to somaxconn. */
const BACKLOG = 4096

/** A listening socket on which this process does not accept yet. */
export class InheritedSocket {
  /** Only keeps the descriptor open: it neither reads nor accepts. */
  readonly #holder: Socket
  readonly #port: number
  #address: Address
  #isShared = false

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
    this.#port = bound.port
    this.#address = { host: bound.address, port: bound.port }
  }

  /** Where it listens, in the form of the configuration. */
  get address(): Address {
    return this.#address
  }

  /** The number of its port, whatever the configuration says. */
  get port(): number {
    return this.#port
  }

  /** Other sockets listen at its address too (SO_REUSEPORT). */
  get isShared(): boolean {
    return this.#isShared
  }

  /** The number of its descriptor. */
  get descriptor(): number {
    return descriptorOf(this.#holder)
  }

  /** To be sent over an IPC channel; undefined when it has been closed. */
  get handle(): PassableHandle | undefined {
    return handleOf(this.#holder)
  }

  /** Sets the address of the configuration: for port 0 it has port 0. */
  named({ host, port }: Address, isShared = false): this {
    this.#address = { host, port }
    this.#isShared = isShared
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
  /** Other sockets listen at its address too (SO_REUSEPORT). */
  readonly isShared?: boolean
}

/** The same, to be sent over an IPC channel. */
export interface PortHandle {
  readonly place: Address
  readonly handle: PassableHandle
}

/** Those that are not in use yet. */
export class InheritedSockets {
  readonly #sockets: InheritedSocket[]

  constructor(sockets: readonly InheritedSocket[] = []) {
    this.#sockets = [...sockets]
  }

  add(sockets: readonly InheritedSocket[]): void {
    this.#sockets.push(...sockets)
  }

  has(wanted: Address): boolean {
    return this.#sockets.some(({ address }) => isSamePlace(address, wanted))
  }

  /** @returns the socket that listens there; it is returned once */
  take(wanted: Address): InheritedSocket | undefined {
    const index = this.#sockets.findIndex(({ address }) => isSamePlace(address, wanted))
    return index < 0 ? undefined : this.#sockets.splice(index, 1)[0]
  }

  /** @returns all sockets that listen there: several processes can have listened; they are returned once */
  takeAll(wanted: Address): InheritedSocket[] {
    const sockets: InheritedSocket[] = []
    for (let socket = this.take(wanted); socket !== undefined; socket = this.take(wanted)) sockets.push(socket)
    return sockets
  }

  /** The number of the port that is open there, also where the configuration says 0. */
  portAt(wanted: Address): number | undefined {
    return this.#sockets.find(({ address }) => isSamePlace(address, wanted))?.port
  }

  /** Whether one is open there, and no other process may listen beside it. */
  isAlone(wanted: Address): boolean {
    return this.#sockets.some(({ address, isShared }) => isSamePlace(address, wanted) && !isShared)
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
  return (
    one.port === other.port && (one.host === other.host || (isEveryAddress(one.host) && isEveryAddress(other.host)))
  )
}

/** The handle of a socket. Sent over an IPC channel, it is open in both processes. */
export interface PassableHandle {
  /** The number of the descriptor; absent on Windows. */
  readonly fd?: number
  close(): void
}

/** Node has no public API for it. @returns undefined when the socket is closed */
export function handleOf(socket: Server | Socket): PassableHandle | undefined {
  return (socket as unknown as { readonly _handle: PassableHandle | null })._handle ?? undefined
}

/**
 * The descriptor of a listening server, for a child process to inherit.
 * @returns -1 where there is none
 */
export const descriptorOf = (socket: Server | Socket): number => handleOf(socket)?.fd ?? -1

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
