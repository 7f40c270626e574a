import { anyUpstream } from '../../src/pool/filter.ts'
import { newTrace, type OpenConnection } from '../../src/proxy/connection-log.ts'
import type { LeaseRequest } from '../../src/proxy/lease-contract.ts'
import type { Route } from '../../src/proxy/route.ts'

/** What a client without options and session asks the lease queue for. */
export const plainClient: Omit<LeaseRequest, 'granted' | 'denied' | 'failInternally'> = {
  ...{ strategy: 'round-robin', filter: anyUpstream, host: 'a.test', lifeMs: 0, tried: [], user: 'u' },
  ...{ sessionKey: undefined, sessionUse: 'own', strict: false, uses: 0, avoid: [], avoidLast: undefined },
  ...{ permitted: undefined, lastError: undefined },
}

/** Its route. */
export const plainRoute: Route = {
  ...{ user: undefined, filter: anyUpstream, permitted: undefined, strategy: 'round-robin', lifeMs: 0 },
  ...{ sessionKey: undefined, strict: false, uses: 0, avoidLast: undefined, rotates: false, perRequest: false },
  ...{ retryStatuses: [], hostRestMs: 0, direct: undefined },
}

/** Its open connection, as the log has it. */
export function plainConnection(rest: Partial<OpenConnection> = {}): OpenConnection {
  return {
    ...{
      protocol: 'connect',
      clientAddress: '',
      account: undefined,
      target: 'a.test:443',
      beganAt: 0,
      trace: newTrace(),
    },
    ...{ sessionKey: undefined, sessionName: undefined, servedBy: undefined, underWay: undefined },
    ...{ bytesFromClient: 0, bytesToClient: 0, close: () => {} },
    ...rest,
  }
}
