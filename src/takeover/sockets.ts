/** Sends listening sockets between processes, and duplicates them within one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Log } from '../log/log.ts'
import { InheritedSocket, InheritedSockets, type OpenPort } from '../network/inherited-sockets.ts'
import { moduleBeside } from '../node/module-beside.ts'
import { delivery } from './messages.ts'

/** The IPC channel that carries them: `process`, a child, or the messages of one that another process passes on. */
export interface SocketChannel {
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown
  once(event: 'disconnect', listener: () => void): unknown
  off(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown
}

/** Sockets that another process is to get. */
export interface LentPorts {
  readonly ports: readonly OpenPort[]
  /** The process that sends them has them. */
  close(): void
}

/** @returns the received sockets when the channel closes, in the order in which they were sent */
export async function receiveSockets(from: SocketChannel): Promise<InheritedSocket[]> {
  const sockets: InheritedSocket[] = []
  const receive = (value: unknown, handle: unknown) => {
    const message = delivery.safeParse(value).data
    if (message === undefined || typeof handle !== 'object' || handle === null) return
    sockets[message.index] = new InheritedSocket(handle)
  }
  from.on('message', receive)
  await new Promise<void>((resolve) => from.once('disconnect', resolve))
  from.off('message', receive)
  return sockets
}

/** Sends them to the process at the other end of the channel, which notices a failure because its end closes. */
export function sendSockets(channel: Socket, ports: readonly OpenPort[], log: Log): void {
  const child = startSender(channel, ports, { ...process.env, NODE_CHANNEL_FD: '3' })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 2_000)
  })
  child.on('error', (error) => log.error({ err: error }, 'the ports could not be sent'))
  child.on('close', (code) => code === 0 || log.error({ code, said }, 'the ports could not be sent'))
  channel.destroy()
}

/**
 * Duplicates the sockets: while the copies are open, new connections wait in the system's queue, although no process accepts.
 * @throws {Error} with a message, when the system refuses
 */
export async function copySockets(ports: readonly OpenPort[]): Promise<InheritedSockets> {
  const child = startSender('ipc', ports, process.env)
  const received = receiveSockets(child)
  const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error))
  const sockets = await Promise.race([received, failed])
  const named = ports.flatMap(({ place, isShared }, index) => sockets[index]?.named(place, isShared) ?? [])
  if (named.length === ports.length) return new InheritedSockets(named)
  for (const socket of named) socket.close()
  throw new Error('the listening sockets could not be copied')
}

const SENDER = fileURLToPath(moduleBeside('./send-sockets', import.meta.url))

function startSender(channel: 'ipc' | Socket, ports: readonly OpenPort[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [SENDER, String(ports.length)], {
    env,
    stdio: ['ignore', 'ignore', 'pipe', channel, ...ports.map(({ descriptor }) => descriptor)],
  })
}
