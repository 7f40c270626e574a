/** What cannot be together with `cluster:`. */
import { type Finding, valueAt } from './explain.ts'

const LIMITS = ['connections', 'uses'] as const

/** @param raw the file's contents as plain values, valid or not */
export function checkCluster(raw: unknown): readonly Finding[] {
  if (valueAt(raw, ['cluster']) === undefined) return []
  return [...checkProviders(raw), ...checkLimits(raw)]
}

/** The demo's addresses are on loopback: no other host can reach them. */
function checkProviders(raw: unknown): readonly Finding[] {
  return indexes(raw, ['providers']).flatMap((i) => {
    const path = ['providers', i, 'vendor']
    const message = 'the demo works on one host alone: leave out cluster, or the demo'
    return valueAt(raw, path) === 'demo' ? [{ path, message, at: 'value' as const }] : []
  })
}

/** Each host counts for itself, so a limit of an address would be kept once on each host. */
function checkLimits(raw: unknown): readonly Finding[] {
  const ports = indexes(raw, ['listen']).map((l) => ['listen', l])
  const users = ports.flatMap((port) => indexes(raw, [...port, 'users']).map((u) => [...port, 'users', u]))
  return [['pool'], ...ports, ...users].flatMap((owner) =>
    LIMITS.flatMap((limit) => {
      const path = [...owner, 'perUpstream', limit]
      const value = valueAt(raw, path)
      if (value === undefined || value === 0) return []
      const message =
        'the hosts of a cluster lend the same addresses: a limit of one address cannot be kept there; write 0'
      return [{ path, message, at: 'value' as const }]
    }),
  )
}

function indexes(raw: unknown, path: readonly (string | number)[]): number[] {
  const list = valueAt(raw, path)
  return Array.isArray(list) ? [...list.keys()] : []
}
