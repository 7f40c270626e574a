/** Settings that cannot be combined with `cluster:`, and those that need it. */
import { type Finding, valueAt } from './explain.ts'

/** @param raw the file's contents as plain values, valid or not */
export function checkCluster(raw: unknown): readonly Finding[] {
  if (valueAt(raw, ['cluster']) === undefined) return checkPorts(raw)
  return [...checkWorkers(raw), ...checkProviders(raw)]
}

/** Gateways that know nothing of each other would give one client's session several addresses. */
function checkPorts(raw: unknown): readonly Finding[] {
  const listen = valueAt(raw, ['listen'])
  if (!Array.isArray(listen)) return []
  return [...listen.keys()].flatMap((i) => {
    const path = ['listen', i, 'shared']
    const message =
      'only gateways of one cluster can share a port: add cluster, or write workers: auto in place of shared'
    return valueAt(raw, path) === true ? [{ path, message, at: 'value' as const }] : []
  })
}

function checkWorkers(raw: unknown): readonly Finding[] {
  const workers = valueAt(raw, ['workers'])
  if (workers === undefined || workers === 1) return []
  const message =
    'a gateway of a cluster is one process: write workers: 1, and start one gateway for each core with listen[].shared: true (docs/operate/scale.md)'
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
