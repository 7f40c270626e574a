/** Settings that cannot be combined with `cluster:`. */
import { type Finding, valueAt } from './explain.ts'

/** @param raw the file's contents as plain values, valid or not */
export function checkCluster(raw: unknown): readonly Finding[] {
  if (valueAt(raw, ['cluster']) === undefined) return []
  return [...checkWorkers(raw), ...checkProviders(raw)]
}

function checkWorkers(raw: unknown): readonly Finding[] {
  const workers = valueAt(raw, ['workers'])
  if (workers === undefined || workers === 1) return []
  const message = 'a host of a cluster is one process: write workers: 1, or leave out cluster'
  return [{ path: ['workers'], message, at: 'value' }]
}

/** The addresses of the demo are on loopback: no other host can reach them. */
function checkProviders(raw: unknown): readonly Finding[] {
  const providers = valueAt(raw, ['providers'])
  if (!Array.isArray(providers)) return []
  return [...providers.keys()].flatMap((i) => {
    const path = ['providers', i, 'vendor']
    const message =
      'the addresses of the demo are on loopback, where no other host reaches them: leave out cluster, or the demo'
    return valueAt(raw, path) === 'demo' ? [{ path, message, at: 'value' as const }] : []
  })
}
