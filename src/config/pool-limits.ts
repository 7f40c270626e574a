/** Limits of one address, which ports and users may override. */

import type { PoolSettings } from '../pool/members.ts'
import { isLimited } from '../pool/ownership.ts'
import type { Config } from './schema.ts'

type LimitedConfig = Pick<Config, 'pool' | 'listen' | 'cluster'>

/**
 * The limits that the pool enforces: of each limit, the largest value that any client has. Smaller ones are enforced by the
 * filters of the clients (proxy/router.ts).
 */
export function poolSettings(config: LimitedConfig): PoolSettings {
  const { pool, listen, cluster } = config
  const { minLife, perUpstream } = pool
  const widest = (name: 'connections' | 'uses') => {
    const limits = listen.flatMap((port) => {
      const ofPort = port.perUpstream?.[name] ?? perUpstream[name]
      return port.users === undefined ? [ofPort] : port.users.map((user) => user.perUpstream?.[name] ?? ofPort)
    })
    return limits.includes(0) ? 0 : Math.max(...limits)
  }
  const limits = { ...perUpstream, connections: widest('connections'), uses: widest('uses') }
  return { minLife, perUpstream: limits, startsElsewhere: cluster !== undefined && hasLimits(config) }
}

/** The limits of the pool and the overrides of ports and users. */
export function limitsOf({ pool, listen }: LimitedConfig): readonly Parameters<typeof isLimited>[0][] {
  const narrower = listen.flatMap(({ perUpstream, users = [] }) => [
    perUpstream,
    ...users.map((user) => user.perUpstream),
  ])
  return [pool.perUpstream, ...narrower.filter((limits) => limits !== undefined)]
}

/** Whether any client has a limit of uses per address. */
export function hasLimits(config: LimitedConfig): boolean {
  return limitsOf(config).some(isLimited)
}
