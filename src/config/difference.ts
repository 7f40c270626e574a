/** The differences between two configurations. */
import { given } from '../given.ts'
import { isSame } from '../same.ts'
import { limitsOf } from './pool-limits.ts'
import type { Config } from './schema.ts'

/** Where the file differs from the configuration in force. */
export interface ReloadState {
  /** Why the latest reload was refused, and where the first mistake is. */
  readonly refusal: { readonly place: string; readonly reason: string } | undefined
  /** Keys whose changed values need a restart. */
  readonly needsRestart: readonly string[]
}

/** Paths of the keys that need a restart. */
const FIXED = [['state'], ['workers'], ['cluster'], ['admin'], ['callback'], ['log', 'format']] as const
/** The same in a cluster with limits of addresses, before or after the change: its hosts share out addresses from their start. */
const FIXED_LIMITS = [['pool', 'perUpstream'], ['listen']] as const

/** @returns the top-level keys that differ; for lists with names (providers, groups), the names too */
export function changesOf(former: Config, next: Config): string[] {
  const keys = new Set([...Object.keys(former), ...Object.keys(next)] as (keyof Config)[])
  return [...keys].flatMap((key) => {
    if (isSame(former[key], next[key])) return []
    return key === 'providers' || key === 'groups' ? namesOf(key, former[key], next[key]) : [key]
  })
}

type Named = readonly { readonly name: string }[]

function namesOf(key: string, former: Named, next: Named): readonly string[] {
  const [was, is] = [byName(former), byName(next)]
  const names = [...new Set([...was.keys(), ...is.keys()])].filter((name) => !isSame(was.get(name), is.get(name)))
  return names.length === 0 ? [key] : names.map((name) => `${key}.${name}`)
}

const byName = (list: Named) => new Map(list.map((entry) => [entry.name, entry]))

/**
 * @returns the part of `next` that a running process can apply, and the paths that need a restart
 */
export function applicable(former: Config, next: Config): { config: Config; needsRestart: string[] } {
  const { state, workers, cluster, callback } = former
  const { cluster: _, ...rest } = next
  const admin = hasOnlyNewToken(former.admin, next.admin) ? next.admin : former.admin
  const fixed = { state, workers, admin, callback, ...given({ cluster }) }
  const limits = cluster !== undefined && !isSame(limitsOf(former), limitsOf(next)) ? limitedBy(former, next) : {}
  const config = { ...rest, ...fixed, ...limits, log: { ...next.log, format: former.log.format } }
  const needsRestart = [...FIXED, ...FIXED_LIMITS]
    .filter((path) => !isSame(at(config, path), at(next, path)))
    .map((path) => path.join('.'))
  return { config, needsRestart }
}

const limitedBy = (former: Config, next: Config) => ({
  pool: { ...next.pool, perUpstream: former.pool.perUpstream },
  listen: former.listen,
})

/** The former token stays valid when the new configuration has none, so that clients that have it can continue. */
function hasOnlyNewToken(former: Config['admin'], next: Config['admin']): boolean {
  if (former === 'off' || next === 'off' || next.token === undefined) return false
  return isSame({ ...former, token: next.token }, next)
}

function at(config: Config, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], config)
}
