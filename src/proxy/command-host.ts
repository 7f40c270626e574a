/** The host name that exists only inside the gateway (session-commands.ts). */
import type { Target } from '../address.ts'

export const COMMAND_HOST = 'turnpike.internal'

/** Whether a name is that host; a fully qualified name may have a final dot (RFC 1034 section 3.1). */
export function isCommandHost(host: string): boolean {
  const length = host.endsWith('.') ? host.length - 1 : host.length
  return length === COMMAND_HOST.length && host.toLowerCase().startsWith(COMMAND_HOST)
}

export function isCommand({ host, port }: Target): boolean {
  return port === 80 && isCommandHost(host)
}
