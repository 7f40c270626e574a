/** Counters of one process as named numbers, so that what was added to them can be sent and added up elsewhere. */
import type { ErrorCode } from '../errors.ts'
import type { StreamCounters } from '../proxy/stream-counters.ts'

const PLAIN = [
  'openedCount',
  'clientsGone',
  'upBytes',
  'downBytes',
  'acceptFailures',
  'loginFailures',
  'refusedCount',
] as const
const RECORDS = ['requests', 'endedCounts', 'triesFailed'] as const

type Named = Readonly<Record<string, number>>

/** All that is not zero. */
function named(counters: StreamCounters): Map<string, number> {
  const all = new Map<string, number>()
  for (const name of PLAIN) all.set(name, counters[name])
  for (const name of RECORDS)
    for (const [key, value] of Object.entries(counters[name])) all.set(`${name} ${key}`, value)
  for (const [key, value] of counters.openedBy) all.set(`openedBy ${key}`, value)
  for (const [key, value] of counters.errors) all.set(`errors ${key}`, value)
  counters.openSeconds.counts.forEach((value, index) => void all.set(`open ${index}`, value))
  all.set('openSum', counters.openSeconds.sum)
  counters.setupCounts.forEach((value, index) => void all.set(`setup ${index}`, value))
  return all
}

export class CounterChanges {
  readonly #counters: StreamCounters
  #sent: ReadonlyMap<string, number> = new Map()

  constructor(counters: StreamCounters) {
    this.#counters = counters
  }

  /** What has been added since the last call. */
  take(): Named {
    const now = named(this.#counters)
    const changes: Record<string, number> = {}
    for (const [name, value] of now) {
      const added = value - (this.#sent.get(name) ?? 0)
      if (added !== 0) changes[name] = added
    }
    this.#sent = now
    return changes
  }
}

/** Adds what another process has counted. */
export function addChanges(counters: StreamCounters, changes: Named): void {
  for (const [name, added] of Object.entries(changes)) add(counters, name, added)
}

function add(counters: StreamCounters, name: string, added: number): void {
  const space = name.indexOf(' ')
  const [group, key] = [name.slice(0, space), name.slice(space + 1)]
  const plain = PLAIN.find((one) => one === name)
  const record = RECORDS.find((one) => one === group)
  if (plain !== undefined) counters[plain] += added
  else if (record !== undefined) increase(counters[record], key, added)
  else if (group === 'openedBy') counters.openedBy.set(key, (counters.openedBy.get(key) ?? 0) + added)
  else if (group === 'errors')
    counters.errors.set(key as ErrorCode, (counters.errors.get(key as ErrorCode) ?? 0) + added)
  else if (group === 'open') increase(counters.openSeconds.counts, key, added)
  else if (group === 'setup') increase(counters.setupCounts, key, added)
  else if (name === 'openSum') counters.openSeconds.sum += added
}

function increase(values: object, key: string, added: number): void {
  const numbers = values as Record<string, number>
  numbers[key] = (numbers[key] ?? 0) + added
}
