/**
 * Starts the process that takes over. That process must be a child with an IPC channel for handles from its start, and Node gives
 * such a channel only to processes that it starts itself: so `turnpike start --takeover` is two processes. This one forwards
 * signals, ends when the other ends, and ends the other when it ends or when the other does not serve in time.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Duplex } from 'node:stream'
import type { Clock } from '../clock.ts'
import { CommandError } from '../command-error.ts'
import { translate } from '../messages/translate.ts'
import { passSignals, sameArguments, type ThisProcess } from '../node/relaunch.ts'
import { LineChannel } from './line-channel.ts'
import { type Request, reply } from './messages.ts'
import { ServingDeadline, type TakeoverStage } from './serving-deadline.ts'

/** Tells the child the name of its channel. */
export const CHANNEL_VARIABLE = 'TURNPIKE_TAKEOVER'
/** While this descriptor is open in the child, its launcher is alive. The child writes a `TakeoverStage` a line. */
export const LIFELINE = 4

interface LaunchDeps {
  readonly environment: NodeJS.ProcessEnv
  readonly process: ThisProcess
  readonly clock: Clock
  /** Ends when the child is ready: a service manager that was notified of the child's process id watches it from then on. */
  readonly endsEarly: boolean
}

/**
 * @param place see place.ts
 * @returns the exit code of the process that took over; undefined: no gateway runs there, so there is nothing to take over
 * @throws {CommandError} when the running gateway gives no valid answer
 */
export async function launchSuccessor(place: string, deps: LaunchDeps): Promise<number | undefined> {
  const { process, environment } = deps
  const id = randomUUID()
  const channel = await openChannel(place, id)
  if (channel === undefined) return undefined
  const child = spawn(process.execPath, sameArguments(process), {
    env: { ...environment, NODE_CHANNEL_FD: '3', [CHANNEL_VARIABLE]: id },
    stdio: ['inherit', 'inherit', 'inherit', channel, 'pipe'],
  })
  channel.destroy()
  const endPassing = passSignals(process, (signal) => void child.kill(signal))
  try {
    return await watch(child, deps)
  } finally {
    endPassing()
  }
}

/** @returns the exit code of the child, or 0 once it serves, when the launcher ends then. @throws {CommandError} when it was too slow */
async function watch(child: ChildProcess, { clock, endsEarly }: LaunchDeps): Promise<number> {
  const { promise: serves, resolve } = Promise.withResolvers<number>()
  const deadline = new ServingDeadline(clock, () => child.kill('SIGKILL'))
  const lifeline = (child.stdio[LIFELINE] as Duplex).on('error', () => {})
  createInterface({ input: lifeline }).on('line', (line) => {
    const stage = line as TakeoverStage
    deadline.reached(stage)
    if (stage === 'serves' && endsEarly) resolve(0)
  })
  const ended = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : 1))
  const code = await Promise.race([ended, serves])
  deadline.close()
  deadline.check()
  return code
}

/** @returns undefined when no process listens there */
async function openChannel(place: string, id: string): Promise<Socket | undefined> {
  const socket = connect(place)
  try {
    await once(socket, 'connect')
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined
    throw new CommandError(translate('the running gateway cannot be asked at {place} ({code})', { place, code }), {
      cause: error,
    })
  }
  return new Promise((resolve, reject) => {
    const refuse = () =>
      reject(new CommandError(translate('what listens at {place} is no gateway that can be taken over', { place })))
    const channel = new LineChannel(socket, {
      message: (value) => (reply.safeParse(value).data?.kind === 'ready' ? resolve(channel.pause()) : refuse()),
      closed: refuse,
    })
    channel.send({ kind: 'channel', id } satisfies Request)
  })
}
