/** What the supervisor tells a process that is to be the control process. */

import { EventEmitter } from 'node:events'
import type { PassableHandle } from '../network/inherited-sockets.ts'
import type { TakeoverStart } from '../takeover/client.ts'
import type { FromSupervisor, ToSupervisor } from './messages.ts'
import { pass } from './passing.ts'

/** JSON of `ControlRole`, in the environment. */
export const ROLE_VARIABLE = 'TURNPIKE_CONTROL'

export interface ControlRole {
  /** Of the socket for workers. */
  readonly place: string
  /** How many workers there are. */
  readonly count: number
  /** Workers that are running: another control process was there before. */
  readonly running: readonly number[]
  readonly hasLostWorker: boolean
  /** The name of the channel of a takeover. Absent: this process takes nothing over. */
  readonly takeover?: string
}

/** To the process that has started this one and starts the workers. */
export interface SupervisorChannel {
  /** Numbers of the workers that were running when this process was started. */
  readonly running: readonly number[]
  /** Whether a worker has ended while there was no control process. */
  readonly hasLostWorker: boolean
  send(message: ToSupervisor): void
  /** Resolves when the handle has been sent. */
  pass(message: ToSupervisor, handle: PassableHandle | undefined): Promise<void>
  /** @param listener its `handle` is what `pass` at the other end has sent along */
  onMessage(listener: (message: FromSupervisor, handle: unknown) => void): void
}

export interface ControlProcess {
  readonly place: string
  readonly count: number
  readonly supervisor: SupervisorChannel
  /** Undefined: this process takes nothing over. */
  readonly takeover: TakeoverStart | undefined
}

/** @returns undefined when this process is no control process */
export function controlProcess(process: NodeJS.Process): ControlProcess | undefined {
  const text = process.env[ROLE_VARIABLE]
  if (text === undefined) return undefined
  // Not for processes that this one starts.
  delete process.env[ROLE_VARIABLE]
  const { place, count, running, hasLostWorker, takeover } = JSON.parse(text) as ControlRole
  const send = (message: ToSupervisor) => void pass(process, message)
  return {
    ...{ place, count },
    supervisor: {
      ...{ running, hasLostWorker, send },
      pass: (message, handle) => pass(process, message, handle),
      onMessage: (listener) => {
        process.on('message', (message, handle) => listener(message as FromSupervisor, handle))
        // The gateway's end does not wait for the supervisor's.
        process.channel?.unref()
      },
    },
    takeover: takeover === undefined ? undefined : takeoverThrough(process, takeover, send),
  }
}

/** The supervisor has the channel of the takeover, and passes its messages on. */
function takeoverThrough(
  process: NodeJS.Process,
  channel: string,
  send: (message: ToSupervisor) => void,
): TakeoverStart {
  const sockets = new EventEmitter()
  process.on('message', (message: FromSupervisor, handle) => {
    if (message.kind === 'ports-end') sockets.emit('disconnect')
    else sockets.emit('message', message, handle)
  })
  return {
    ...{ channel, sockets },
    report: (stage) => send({ kind: 'takeover', stage }),
    // The supervisor ends this process.
    onOrphaned: () => {},
  }
}
