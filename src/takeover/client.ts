/** The new process's side of a takeover: it receives the ports, then the state, and reports when it serves. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { CommandError } from '../command-error.ts'
import { translate } from '../messages/translate.ts'
import { InheritedSockets } from '../network/inherited-sockets.ts'
import { LineChannel } from './line-channel.ts'
import { PROTOCOL, type Released, type Reply, type Request, reply } from './messages.ts'
import type { TakeoverStage } from './serving-deadline.ts'
import { receiveSockets, type SocketChannel } from './sockets.ts'

/** What a process that takes over has from the process that started it. */
export interface TakeoverStart {
  /** The name of its channel, agreed by the launcher and the running gateway. */
  readonly channel: string
  /** Where the listening sockets come from. */
  readonly sockets: SocketChannel
  report(stage: TakeoverStage): void
  /** @param listener called when the process that started this one has ended, and this one is to end with it */
  onOrphaned(listener: () => void): void
}

/** The running gateway that is taken over. */
export interface Predecessor {
  /**
   * It no longer accepts clients, and its state folder is free.
   * @throws {CommandError} when it refuses. After its sudden end its state folder is free too, and its state is unknown
   */
  release(): Promise<Released>
  /**
   * To be called when this process is able to serve, and before it accepts a client.
   * @throws {CommandError} when the old process has waited too long, and serves again
   */
  maySucceed(): Promise<void>
  /** Reports that this process serves. The old process drains from now on. @param drains receives what ends there */
  serving(drains: DrainObserver): void
  close(): void
}

export interface DrainObserver {
  /** How many of an upstream's tunnels are still open there. */
  leasesLeft(upstreamId: string, count: number): void
  /** The old process has ended. */
  ended(): void
}

/**
 * @param place see place.ts
 * @throws {CommandError} when the running gateway refuses, or has ended
 */
export async function takeOverFrom(
  place: string,
  { channel, sockets: from, report }: TakeoverStart,
): Promise<{ predecessor: Predecessor; inherited: InheritedSockets }> {
  const client = new TakeoverClient(() => report('released'))
  const sockets = receiveSockets(from)
  try {
    const ports = await client.greet(place, channel)
    const received = await sockets
    const named = ports.flatMap((port, index) => received[index]?.named(port, port.isShared) ?? [])
    if (named.length !== ports.length)
      throw new CommandError(translate('the running gateway could not hand over its ports'))
    return { predecessor: client, inherited: new InheritedSockets(named) }
  } catch (error) {
    client.close()
    throw error
  }
}

class TakeoverClient implements Predecessor {
  #channel: LineChannel | undefined
  #waiting: ((message: Reply | undefined) => void) | undefined
  #drains: DrainObserver | undefined
  #isGone = false
  /** It has reported this while this process had no request open. */
  #refused: Reply | undefined
  readonly #released: () => void

  constructor(released: () => void) {
    this.#released = released
  }

  /** @returns the ports that will arrive, in their order */
  async greet(place: string, channel: string): Promise<Extract<Reply, { kind: 'ports' }>['ports']> {
    const socket = connect(place)
    await once(socket, 'connect')
    this.#channel = new LineChannel(socket, {
      message: (value) => this.#received(reply.safeParse(value).data),
      closed: () => this.#closed(),
    })
    const answer = await this.#ask({ kind: 'hello', protocol: PROTOCOL, channel })
    if (answer?.kind === 'ports') return answer.ports
    throw refusalOf(answer)
  }

  async release(): Promise<Released> {
    const answer = await this.#ask({ kind: 'take' })
    if (answer === undefined) return { upstreams: [] }
    if (answer.kind !== 'released') throw refusalOf(answer)
    this.#released()
    return answer
  }

  async maySucceed(): Promise<void> {
    const answer = this.#refused ?? (await this.#ask({ kind: 'prepared' }))
    if (answer !== undefined && answer.kind !== 'go') throw refusalOf(answer)
  }

  serving(drains: DrainObserver): void {
    this.#drains = drains
    this.#channel?.send({ kind: 'serving' } satisfies Request)
    if (this.#isGone) drains.ended()
  }

  /** @returns undefined when the other side has ended */
  #ask(message: Request): Promise<Reply | undefined> {
    if (this.#isGone) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#waiting = (answer) => {
        this.#waiting = undefined
        resolve(answer)
      }
      this.#channel?.send(message)
    })
  }

  #received(message: Reply | undefined): void {
    if (message?.kind === 'leases') for (const [id, count] of message.left) this.#drains?.leasesLeft(id, count)
    else if (this.#waiting !== undefined) this.#waiting(message)
    else this.#refused = message
  }

  #closed(): void {
    this.#isGone = true
    this.#waiting?.(undefined)
    this.#drains?.ended()
  }

  close(): void {
    this.#channel?.close()
  }
}

function refusalOf(answer: Reply | undefined): CommandError {
  const reason = answer?.kind === 'refused' ? answer.reason : 'it has ended'
  return new CommandError(translate('the running gateway cannot be taken over: {reason}', { reason }))
}
