/**
 * Reports to systemd that the gateway is ready, and its main process id: after a takeover the process is not the one that
 * systemd started. Uses `systemd-notify`, because Node has no datagrams over Unix sockets.
 * https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
 */
import { execFile } from 'node:child_process'
import type { Log } from '../log/log.ts'

const MAX_MS = 5_000

/** Whether a service manager expects notifications. */
export function isManaged({ NOTIFY_SOCKET }: NodeJS.ProcessEnv): boolean {
  return NOTIFY_SOCKET !== undefined && NOTIFY_SOCKET !== ''
}

/** Resolves when the notification is sent, or has failed; a failure is logged. */
export function notifyReady(pid: number, environment: NodeJS.ProcessEnv, log: Log): Promise<void> {
  if (!isManaged(environment)) return Promise.resolve()
  const args = ['--ready', `--pid=${pid}`]
  return new Promise((resolve) => {
    execFile('systemd-notify', args, { env: environment, timeout: MAX_MS }, (error) => {
      if (error !== null)
        log.error({ code: error.code }, 'systemd-notify has failed: systemd does not know this process')
      resolve()
    })
  })
}
