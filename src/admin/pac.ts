/** The PAC file for the browser that asks: which port of the gateway it can reach, and under which address. */
import { formatAuthority, isEveryAddress, isLoopback, parseAuthority } from '../address.ts'
import type { Config } from '../config/schema.ts'
import { pacFile } from '../routes/pac.ts'
import type { GatewayParts } from './gateway-report.ts'

type Listener = Config['listen'][number]

/** What a Host without a port means. */
const HTTP_PORT = 80

/**
 * @param listen number or name of a port of the gateway; undefined: the first one that the browser can reach
 * @param requestHost the Host of the request: how the browser reaches this machine
 * @returns undefined when there is no such port, or it can be reached from this machine alone and the browser is on another
 */
export function pacOf(
  { config, addresses }: Pick<GatewayParts, 'config' | 'addresses'>,
  listen: string | undefined,
  requestHost: string,
): string | undefined {
  const host = parseAuthority(requestHost, HTTP_PORT)?.host ?? ''
  for (const [index, listener] of config.listen.entries()) {
    const { port = listener.port } = addresses[index] ?? {}
    if (listen !== undefined && listen !== listener.name && listen !== String(port)) continue
    const reached = reachedAt(listener, host)
    if (reached !== undefined) return fileFor(listener, formatAuthority(reached, port), config)
  }
  return undefined
}

function fileFor(listener: Listener, authority: string, config: Config): string {
  return pacFile(config.routes, {
    proxy: `${listener.tls === undefined ? 'PROXY' : 'HTTPS'} ${authority}`,
    listen: { port: listener.port, name: listener.name },
    mayBeDirect: listener.users?.some(({ providers }) => providers !== undefined) !== true,
  })
}

/** @param host under which the browser has reached the admin port */
function reachedAt(listener: Listener, host: string): string | undefined {
  if (isEveryAddress(listener.host)) return host
  return isLoopback(listener.host) && !isLoopback(host) ? undefined : listener.host
}
