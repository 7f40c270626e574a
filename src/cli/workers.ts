/** How many processes serve the clients of this gateway, and which role this process has. */
import { availableParallelism } from 'node:os'
import type { Clock } from '../clock.ts'
import type { Log } from '../log/log.ts'
import type { TakeoverStart } from '../takeover/client.ts'
import { type ControlProcess, controlProcess } from '../workers/role.ts'

export interface WorkersOfProcess {
  /** Undefined: this process is not the control process. */
  readonly control: ControlProcess | undefined
  /**
   * @param wanted `workers` of the configuration
   * @returns how many processes serve clients, and why it is not the configured number; 1: only this process
   */
  count(wanted: number | 'auto'): { readonly count: number; readonly because?: string }
  /** Starts the other processes, and ends when they end. @returns the exit code */
  supervise(
    count: number,
    deps: { readonly clock: Clock; readonly log: Log; readonly takeover: TakeoverStart | undefined },
  ): Promise<number>
  /** The id of the process that a service manager watches. */
  readonly mainPid: number
  /** @param onOrphaned called when the process that started this one has ended */
  watch(onOrphaned: () => void): void
}

/** Platforms where several processes can listen on one port, each with its own accept queue (https://nodejs.org/api/net.html#serverlistenoptions-callback). */
const SHARING: readonly NodeJS.Platform[] = ['linux', 'freebsd', 'sunos', 'aix']

const NO_SHARING = 'workers: this system cannot share a port between processes, so one process serves all clients'
const SYSTEMD = 'workers: with sockets of systemd one process serves all clients'

export function workersOf(process: NodeJS.Process): WorkersOfProcess {
  const { env, platform } = process
  const control = controlProcess(process)
  return {
    control,
    mainPid: control === undefined ? process.pid : process.ppid,
    count(wanted) {
      const count = wanted === 'auto' ? availableParallelism() : wanted
      if (count === 1) return { count }
      if (!SHARING.includes(platform)) return { count: 1, because: NO_SHARING }
      return env['LISTEN_FDS'] === undefined ? { count } : { count: 1, because: SYSTEMD }
    },
    async supervise(count, { clock, log, takeover }) {
      const { supervise } = await import('../workers/supervisor.ts')
      const warn = (words: string, facts: object) => log.error(facts, words)
      return supervise(count, { clock, process, takeover, environment: env, warn })
    },
    watch(onOrphaned) {
      if (control !== undefined) process.once('disconnect', onOrphaned)
    },
  }
}
