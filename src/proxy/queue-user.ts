import { clientNetwork } from '../address.ts'
import type { Origin } from './route.ts'

/** Whose turn a client uses in the waiting queue, and whose its leases are: the configured user, else the client's address. */
export function queueUser(user: string | undefined, origin: Origin): string {
  return user === undefined ? `address ${clientNetwork(origin.clientAddress)}` : `user ${user}`
}
