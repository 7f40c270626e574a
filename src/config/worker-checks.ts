/** Settings that cannot be combined with several workers. */
import { translate } from '../messages/translate.ts'
import { type Finding, valueAt } from './explain.ts'

/** @param raw the file's contents as plain values, valid or not */
export function checkWorkers(raw: unknown): readonly Finding[] {
  const workers = valueAt(raw, ['workers'])
  if (workers === undefined || workers === 1) return []
  return checkHosts(raw)
}

function checkHosts(raw: unknown): readonly Finding[] {
  if (valueAt(raw, ['cluster']) === undefined) return []
  const message = translate('a host of a cluster is one process: write workers: 1, or leave out cluster')
  return [{ path: ['workers'], message, at: 'value' }]
}
