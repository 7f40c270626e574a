/**
 * Listening sockets that the processes of one gateway pass to each other, over the IPC channels between parent and child. Those of a
 * worker come to the control process through the supervisor, the parent of both, and go back the same way.
 */
import type { Address } from '../address.ts'
import { runInBackground } from '../internal-errors.ts'
import { InheritedSocket, type PassableHandle, type PortHandle } from '../network/inherited-sockets.ts'

/** Accompanies a socket: where it listens. `worker`: of which worker it is. */
export interface SocketMessage {
  readonly kind: 'socket'
  readonly worker: number
  /** The request that it answers. */
  readonly round: number
  readonly place: Address
}

/** All sockets of a worker have been sent. */
export interface SocketsEnd {
  readonly kind: 'sockets-end'
  readonly worker: number
  readonly round: number
}

/** The IPC channel to the parent or to a child. `send` is absent in a process that has no such parent. */
interface PassingChannel {
  readonly connected: boolean
  send?(message: object, handle?: never, options?: object, callback?: (error: Error | null) => void): boolean
}

/** Resolves when the other process has the handle, or has ended: this process may close its own. */
export function pass(channel: PassingChannel | undefined, message: object, handle?: PassableHandle): Promise<void> {
  return new Promise((resolve) => {
    // The types of Node know the wrappers of handles only.
    if (channel?.connected === true) channel.send?.(message, handle as never, {}, () => resolve())
    else resolve()
  })
}

/** For a process between the two: it has the socket open only while it is on its way. @param handle as it has arrived */
export function passOn(channel: PassingChannel | undefined, message: object, handle: unknown): void {
  const passed = (handle ?? undefined) as PassableHandle | undefined
  runInBackground(pass(channel, message, passed).then(() => passed?.close()))
}

/** @returns the socket of a message that has arrived; undefined: the system has not passed the handle */
export function socketOf({ place }: SocketMessage, handle: unknown): InheritedSocket | undefined {
  if (typeof handle !== 'object' || handle === null) return undefined
  return new InheritedSocket(handle).named(place, true)
}

interface WorkerChannel extends PassingChannel {
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown
}

/** A worker's end: it sends the sockets of its ports, and gets some from other processes. */
export class SocketsOfWorker {
  readonly #channel: WorkerChannel
  readonly #worker: number
  #arrived: InheritedSocket[] = []
  #waiting: { readonly count: number; resolve(sockets: InheritedSocket[]): void } | undefined

  /** @param channel `process` */
  constructor(channel: WorkerChannel, worker: number) {
    this.#channel = channel
    this.#worker = worker
    channel.on('message', (message, handle) => this.#receive(message as SocketMessage, handle))
  }

  #receive(message: SocketMessage, handle: unknown): void {
    this.#arrived.push(...[socketOf(message, handle)].filter((socket) => socket !== undefined))
    this.#deliver()
  }

  #deliver(): void {
    if (this.#waiting === undefined || this.#arrived.length < this.#waiting.count) return
    this.#waiting.resolve(this.#arrived.splice(0, this.#waiting.count))
    this.#waiting = undefined
  }

  /** Resolves when so many have come. */
  received(count: number): Promise<InheritedSocket[]> {
    const { promise, resolve } = Promise.withResolvers<InheritedSocket[]>()
    this.#waiting = { count, resolve }
    this.#deliver()
    return promise
  }

  /** @param round the request that this answers */
  share(round: number, ports: readonly PortHandle[]): void {
    const worker = this.#worker
    for (const { place, handle } of ports)
      void pass(this.#channel, { kind: 'socket', worker, round, place } satisfies SocketMessage, handle)
    void pass(this.#channel, { kind: 'sockets-end', worker, round } satisfies SocketsEnd)
  }
}
