/** Checks that the targets of rules and groups exist, and that groups lead to providers. */
import { findCycle } from '../routes/groups.ts'
import type { RouteTarget } from '../routes/rule.ts'
import { type Finding, valueAt } from './explain.ts'
import type { Path } from './locate.ts'
import { nearest } from './nearest.ts'
import { group, routes } from './routes-schema.ts'

interface Names {
  readonly provider: readonly string[]
  readonly group: readonly string[]
  readonly hidden: ReadonlySet<string>
}

interface DraftGroup {
  readonly index: number
  readonly name: string
  readonly refers: readonly { readonly kind: 'provider' | 'group'; readonly name: string; readonly path: Path }[]
}

/**
 * @param raw the file's contents as plain values, valid or not; invalid parts are ignored
 * @param hidden texts that came from the environment: never shown
 */
export function checkRoutes(raw: unknown, hidden: ReadonlySet<string>): readonly Finding[] {
  const groups = listAt(raw, 'groups').flatMap(readGroup)
  const names = {
    provider: listAt(raw, 'providers').flatMap((entry) => wordAt(entry, 'name')),
    group: groups.map(({ name }) => name),
    hidden,
  }
  return [
    ...groups.flatMap(({ refers }) => refers.flatMap((one) => checkReference(one, one.path, names))),
    ...checkGroups(groups),
    ...listAt(raw, 'routes').flatMap((entry, i) => checkRule(entry, i, raw, names)),
  ]
}

function checkReference(to: RouteTarget, path: Path, names: Names): readonly Finding[] {
  if (!('name' in to) || names[to.kind].includes(to.name)) return []
  const shown = names[to.kind].filter((name) => !names.hidden.has(name))
  const meant = nearest(to.name, shown)
  const help = meant === undefined ? `${to.kind}s here: ${shown.join(', ') || 'none'}` : `did you mean ${meant}?`
  return [{ path, message: `no ${to.kind} has this name; ${help}`, at: 'value' }]
}

function readGroup(entry: unknown, index: number): readonly DraftGroup[] {
  const { data } = group().safeParse(entry)
  if (data === undefined) return []
  const at = (path: Path): Path => ['groups', index, ...path]
  const members = data.members.map(({ kind, name }, m) => {
    const isWord = typeof valueAt(entry, ['members', m]) === 'string'
    return { kind, name, path: at(isWord ? ['members', m] : ['members', m, kind]) }
  })
  const { fallback } = data
  const last = fallback === undefined ? [] : [{ kind: fallback.kind, name: fallback.name, path: at(['fallback']) }]
  return [{ index, name: data.name, refers: [...members, ...last] }]
}

function checkGroups(groups: readonly DraftGroup[]): readonly Finding[] {
  const inner = (name: string) =>
    groups.find((one) => one.name === name)?.refers.flatMap((to) => (to.kind === 'group' ? to.name : [])) ?? []
  const findings: Finding[] = []
  const reported = new Set<string>()
  for (const { index, name } of groups) {
    if (groups.findIndex((one) => one.name === name) < groups.findIndex((one) => one.index === index))
      findings.push({ path: ['groups', index, 'name'], message: 'another group has this name already', at: 'value' })
    const cycle = reported.has(name) ? undefined : findCycle(name, inner)
    if (cycle === undefined) continue
    for (const member of cycle) reported.add(member)
    const message = `the groups form a cycle: ${cycle.join(' -> ')}; a group must end at providers`
    findings.push({ path: ['groups', index, 'members'], message, at: 'key' })
  }
  return findings
}

const oneRule = () => routes().element

function checkRule(entry: unknown, index: number, raw: unknown, names: Names): readonly Finding[] {
  const { data } = oneRule().safeParse(entry)
  if (data === undefined) return []
  const isLine = typeof entry === 'string'
  const path: Path = isLine ? ['routes', index] : ['routes', index, 'to']
  const ports = listAt(raw, 'listen').map((listener) => valueAt(listener, ['port']) ?? 8080)
  const portNames = listAt(raw, 'listen').flatMap((listener) => wordAt(listener, 'name'))
  const unknown = (data.listen ?? []).find((one) => !ports.includes(one) && !portNames.includes(String(one)))
  return [
    ...checkReference(data.to, path, names),
    ...(data.allowPrivate === undefined || data.to.kind === 'direct' ? [] : [misplacedAllowPrivate(index)]),
    ...(unknown === undefined
      ? []
      : [
          {
            path: ['routes', index, 'listen'],
            message: 'no port of the gateway has this number or name (listen[].port, listen[].name)',
            at: 'value' as const,
          },
        ]),
  ]
}

function misplacedAllowPrivate(index: number): Finding {
  const message = 'belongs to rules with to: direct; for the upstreams of a provider it stands at the provider'
  return { path: ['routes', index, 'allowPrivate'], message, at: 'key' }
}

function listAt(raw: unknown, key: string): readonly unknown[] {
  const value = valueAt(raw, [key])
  if (Array.isArray(value)) return value
  return key === 'listen' && value === undefined ? [{}] : []
}

function wordAt(entry: unknown, key: string): readonly string[] {
  const value = valueAt(entry, [key])
  return typeof value === 'string' ? [value] : []
}
