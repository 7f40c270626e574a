/** Limits of one address, which ports and users may have otherwise than the pool. */
import type { Config } from './schema.ts'

/**
 * What the pool sees to: of each limit the widest that any client may have. Narrower ones are in the filters of clients
 * (proxy/router.ts).
 */
export function poolSettings({
  pool,
  listen,
}: Pick<Config, 'pool' | 'listen'>): Pick<Config['pool'], 'minLife' | 'perUpstream'> {
  const { minLife, perUpstream } = pool
  const widest = (name: 'connections' | 'uses') => {
    const limits = listen.flatMap((port) => {
      const ofPort = port.perUpstream?.[name] ?? perUpstream[name]
      return port.users === undefined ? [ofPort] : port.users.map((user) => user.perUpstream?.[name] ?? ofPort)
    })
    return limits.includes(0) ? 0 : Math.max(...limits)
  }
  return { minLife, perUpstream: { ...perUpstream, connections: widest('connections'), uses: widest('uses') } }
}
