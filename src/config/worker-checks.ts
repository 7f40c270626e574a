/** Settings that cannot be combined with several workers. */
import { translate } from '../messages/translate.ts'
import { type Finding, valueAt } from './explain.ts'

/** @param raw the file's contents as plain values, valid or not */
export function checkWorkers(raw: unknown): readonly Finding[] {
  const workers = valueAt(raw, ['workers'])
  if (workers === undefined || workers === 1) return []
  return [...checkHosts(raw), ...checkUserLimits(raw)]
}

function checkHosts(raw: unknown): readonly Finding[] {
  if (valueAt(raw, ['cluster']) === undefined) return []
  const message = translate('a host of a cluster is one process: write workers: 1, or leave out cluster')
  return [{ path: ['workers'], message, at: 'value' }]
}

/** Each worker counts on its own, so a user would get the limit once per worker. */
function checkUserLimits(raw: unknown): readonly Finding[] {
  return indexes(raw, ['listen']).flatMap((l) =>
    indexes(raw, ['listen', l, 'users']).flatMap((u): Finding[] => {
      const path = ['listen', l, 'users', u, 'limits']
      const message = translate(
        'limits of a user are counted in one process only: write workers: 1, or leave out limits',
      )
      return valueAt(raw, path) === undefined ? [] : [{ path, message, at: 'key' }]
    }),
  )
}

function indexes(raw: unknown, path: readonly (string | number)[]): number[] {
  const list = valueAt(raw, path)
  return Array.isArray(list) ? [...list.keys()] : []
}
