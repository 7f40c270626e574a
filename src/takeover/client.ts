/** The new process's side of a takeover: it receives the ports, then the state, and says when it serves. */

import { once } from 'node:events'
import { connect, Server, Socket } from 'node:net'
import { CommandError } from '../cli/words.ts'
import { translate } from '../messages/translate.ts'
import { InheritedSocket, InheritedSockets } from '../network/inherited-sockets.ts'
import type { CarriedUpstream } from '../pool/former-process.ts'
import { LineChannel } from './line-channel.ts'
import { delivery, PROTOCOL, type Reply, type Request, reply } from './messages.ts'

/** The running gateway that is taken over. */
export interface Predecessor {
  /**
   * It accepts no client any more, and its state folder is free.
   * @throws {CommandError} when it refuses. When it has died, its state is free all the same, and nothing is known of it
   */
  release(): Promise<readonly CarriedUpstream[]>
  /** Tells it that this process serves. From now on it drains. @param drains hears what ends there */
  serving(drains: DrainObserver): void
  close(): void
}

export interface DrainObserver {
  /** So many tunnels are left of those that the upstream had there. */
  leasesLeft(upstreamId: string, count: number): void
  /** The old process has ended. */
  ended(): void
}

/** The part of `process` with the channel of the sockets. */
export interface SocketChannel {
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown
  once(event: 'disconnect', listener: () => void): unknown
  off(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown
}

/**
 * @param place see place.ts @param channel what the launcher has agreed on with the old process
 * @param from where the sockets come from
 * @throws {CommandError} when the running gateway refuses, or is gone
 */
export async function takeOverFrom(
  place: string,
  channel: string,
  from: SocketChannel,
): Promise<{ predecessor: Predecessor; inherited: InheritedSockets }> {
  const client = new TakeoverClient()
  const sockets = receiveSockets(from)
  try {
    const ports = await client.greet(place, channel)
    const byIndex = await sockets
    if (byIndex.size !== ports.length)
      throw new CommandError(translate('the running gateway could not hand over its ports'))
    const named = [...byIndex].map(([index, socket]) => socket.named(ports[index] ?? { host: '', port: 0 }))
    return { predecessor: client, inherited: new InheritedSockets(named) }
  } catch (error) {
    client.close()
    throw error
  }
}

/** @returns by index, when the channel has closed */
async function receiveSockets(from: SocketChannel): Promise<Map<number, InheritedSocket>> {
  const sockets = new Map<number, InheritedSocket>()
  const opening: Promise<unknown>[] = []
  const receive = (value: unknown, handle: unknown) => {
    const message = delivery.safeParse(value).data
    if (message === undefined) return
    if (handle instanceof Socket) sockets.get(message.index)?.hold(handle)
    else if (handle instanceof Server) {
      const { socket, listening } = InheritedSocket.of(handle)
      sockets.set(message.index, socket)
      opening.push(listening)
    }
  }
  from.on('message', receive)
  await new Promise<void>((resolve) => from.once('disconnect', resolve))
  from.off('message', receive)
  await Promise.all(opening)
  return sockets
}

class TakeoverClient implements Predecessor {
  #channel: LineChannel | undefined
  #waiting: ((message: Reply | undefined) => void) | undefined
  #drains: DrainObserver | undefined
  #isGone = false

  /** @returns the ports that will come, in their order */
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

  async release(): Promise<readonly CarriedUpstream[]> {
    const answer = await this.#ask({ kind: 'take' })
    if (answer === undefined) return []
    if (answer.kind === 'released') return answer.upstreams
    throw refusalOf(answer)
  }

  serving(drains: DrainObserver): void {
    this.#drains = drains
    this.#channel?.send({ kind: 'serving' } satisfies Request)
    if (this.#isGone) drains.ended()
  }

  /** @returns undefined when the other side is gone */
  #ask(message: Request): Promise<Reply | undefined> {
    if (this.#isGone) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#waiting = resolve
      this.#channel?.send(message)
    })
  }

  #received(message: Reply | undefined): void {
    if (message?.kind !== 'leases') return void this.#waiting?.(message)
    for (const [id, count] of message.left) this.#drains?.leasesLeft(id, count)
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
