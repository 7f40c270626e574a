/** Settings that cannot be combined with `cluster:`, and those that need it. */
import { type Finding, valueAt } from './explain.ts'

/** @param raw the file's contents as plain values, valid or not */
export function checkCluster(raw: unknown): readonly Finding[] {
  if (valueAt(raw, ['cluster']) === undefined) return checkPorts(raw)
  return [...checkWorkers(raw), ...checkProviders(raw)]
}

/** Gateways without a common store would give one client's session several addresses. */
function checkPorts(raw: unknown): readonly Finding[] {
  const message =
    'only gateways of one cluster can share a port: add cluster, or write workers: auto in place of shared'
  return refused(raw, 'listen', 'shared', true, message)
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
  const message =
    'the addresses of the demo are on loopback, where no other host reaches them: leave out cluster, or the demo'
  return refused(raw, 'providers', 'vendor', 'demo', message)
}

/** @returns a finding for each entry of a list in which this key has this value */
function refused(raw: unknown, list: string, key: string, value: unknown, message: string): readonly Finding[] {
  const entries = valueAt(raw, [list])
  if (!Array.isArray(entries)) return []
  const paths = [...entries.keys()].map((i) => [list, i, key])
  return paths.filter((path) => valueAt(raw, path) === value).map((path) => ({ path, message, at: 'value' }))
}
