/**
 * Sockets that systemd has opened: `LISTEN_FDS` of them, from descriptor 3 on, for the process `LISTEN_PID`.
 * https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
 */
import { InheritedSocket } from './inherited-sockets.ts'

const FIRST_DESCRIPTOR = 3
const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID']

/**
 * @param environment the variables are removed from it: child processes must not see them
 * @param pid of this process
 * @throws {Error} with the number of a descriptor that is not a listening TCP socket
 */
export function activatedSockets(environment: NodeJS.ProcessEnv, pid: number): InheritedSocket[] {
  const { LISTEN_PID, LISTEN_FDS } = environment
  for (const name of VARIABLES) delete environment[name]
  if (LISTEN_PID !== String(pid) || !/^[1-9]\d{0,2}$/.test(LISTEN_FDS ?? '')) return []
  const sockets: InheritedSocket[] = []
  try {
    for (let index = 0; index < Number(LISTEN_FDS); index++) sockets.push(open(FIRST_DESCRIPTOR + index))
    return sockets
  } catch (error) {
    for (const socket of sockets) socket.close()
    throw error
  }
}

function open(descriptor: number): InheritedSocket {
  try {
    return new InheritedSocket(descriptor)
  } catch (cause) {
    const message = `descriptor ${descriptor} of LISTEN_FDS is no listening TCP socket: use ListenStream=HOST:PORT`
    throw new Error(message, { cause })
  }
}
