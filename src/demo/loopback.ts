/**
 * Loopback addresses for the demo's upstreams. Linux and Windows answer on all of 127.0.0.0/8, so every upstream gets an
 * address of its own; macOS has only 127.0.0.1, and there the upstreams differ by port.
 */
import { createServer } from 'node:net'

const ADDRESSES = 250

/** Whether this machine lets a program listen on an address. */
export function canListenOn(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(0, host, () => probe.close(() => resolve(true)))
  })
}

/**
 * A supply of hosts for new upstreams: 127.8.0.1 to 127.8.3.250 in turn, or always 127.0.0.1.
 * @param canListen asked once, before the first host is given
 */
export async function loopbackHosts(
  canListen: (host: string) => Promise<boolean> = canListenOn,
): Promise<() => string> {
  if (!(await canListen('127.8.0.1'))) return () => '127.0.0.1'
  let given = 0
  return () => {
    const turn = given++ % (4 * ADDRESSES)
    return `127.8.${Math.floor(turn / ADDRESSES)}.${(turn % ADDRESSES) + 1}`
  }
}
