/** What the supervisor tells a process that is to be the control process. */
import type { SupervisorChannel } from './control.ts'
import type { FromSupervisor } from './messages.ts'

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
}

export interface ControlProcess {
  readonly place: string
  readonly count: number
  readonly supervisor: SupervisorChannel
}

/** @returns undefined when this process is no control process */
export function controlProcess(process: NodeJS.Process): ControlProcess | undefined {
  const text = process.env[ROLE_VARIABLE]
  if (text === undefined) return undefined
  // Not for processes that this one starts.
  delete process.env[ROLE_VARIABLE]
  const { place, count, running, hasLostWorker } = JSON.parse(text) as ControlRole
  return {
    ...{ place, count },
    supervisor: {
      ...{ running, hasLostWorker },
      send: (message) => void (process.connected && process.send?.(message)),
      onMessage: (listener) => {
        process.on('message', (message) => listener(message as FromSupervisor))
        // The gateway's end does not wait for the supervisor's.
        process.channel?.unref()
      },
    },
  }
}
