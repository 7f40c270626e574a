/**
 * The `Host` headers that are accepted. A web page can make its own name resolve to this machine (DNS rebinding) and then read
 * the answers; but it cannot make the browser send a Host other than that name. So names must be known ones.
 */
import { isIP } from 'node:net'
import { isLoopback, parseAuthority } from '../../address.ts'

/**
 * @param ownHost the configured host
 * @returns whether a `Host` header means this server: `localhost`, `ownHost` or an IP address, with the port that the
 *   request came to
 */
export function hostCheck(ownHost: string): (header: string | undefined, localPort: number | undefined) => boolean {
  const own = ownHost.toLowerCase()
  // An address cannot be rebound, so off loopback every address is accepted; on loopback only loopback ones.
  const isAddress = isLoopback(own) ? isLoopback : () => true
  return (header, localPort) => {
    const named = parseAuthority(header ?? '', HTTP_PORT)
    if (named === undefined || named.port !== localPort) return false
    const host = named.host.toLowerCase()
    return host === 'localhost' || host === own || (isIP(host) !== 0 && isAddress(host))
  }
}

/** The port of a Host header without one. */
const HTTP_PORT = 80
