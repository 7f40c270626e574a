/** Settings that cannot be combined with `cluster:`. */
import { type Finding, valueAt } from './explain.ts'

/** @param raw the file's contents as plain values, valid or not */
export function checkCluster(raw: unknown): readonly Finding[] {
  if (valueAt(raw, ['cluster']) === undefined) return []
  return checkProviders(raw)
}

/** The addresses of the demo are on loopback: no other host can reach them. */
function checkProviders(raw: unknown): readonly Finding[] {
  return indexes(raw, ['providers']).flatMap((i) => {
    const path = ['providers', i, 'vendor']
    const message =
      'the addresses of the demo are on loopback, where no other host reaches them: leave out cluster, or the demo'
    return valueAt(raw, path) === 'demo' ? [{ path, message, at: 'value' as const }] : []
  })
}

function indexes(raw: unknown, path: readonly (string | number)[]): number[] {
  const list = valueAt(raw, path)
  return Array.isArray(list) ? [...list.keys()] : []
}
