/** Resolves `groups:`: the providers of a group, their order and their proportion. */

/** A member of a group. */
export interface GroupMember {
  readonly kind: 'provider' | 'group'
  readonly name: string
  /** The lowest serves first; the next one when no provider of it can serve. */
  readonly priority: number
  /** Share among members of the same priority. */
  readonly weight: number
}

export interface RouteGroup {
  readonly name: string
  readonly members: readonly GroupMember[]
  /** Serves when no member can: as a last member of its own priority. */
  readonly fallback?: { readonly kind: 'provider' | 'group'; readonly name: string }
}

/** Providers that serve side by side. */
export type Tier = readonly { readonly provider: string; readonly weight: number }[]

/** The tiers of each group, the first to serve first; each provider once. Groups must not form a cycle (`findCycle`). */
export function resolveGroups(groups: readonly RouteGroup[]): ReadonlyMap<string, readonly Tier[]> {
  const byName = new Map(groups.map((group) => [group.name, group]))
  const resolved = new Map<string, readonly Tier[]>()
  const tiersOf = (name: string): readonly Tier[] => {
    const known = resolved.get(name)
    const group = byName.get(name)
    if (known !== undefined || group === undefined) return known ?? []
    const tiers = withoutRepeats(resolveGroup(group, tiersOf))
    resolved.set(name, tiers)
    return tiers
  }
  for (const { name } of groups) tiersOf(name)
  return resolved
}

function resolveGroup(group: RouteGroup, tiersOf: (name: string) => readonly Tier[]): readonly Tier[] {
  const tiersOfOne = ({ kind, name }: Pick<GroupMember, 'kind' | 'name'>, weight: number): readonly Tier[] =>
    kind === 'provider' ? [[{ provider: name, weight }]] : tiersOf(name).map((tier) => scale(tier, weight))
  const priorities = [...new Set(group.members.map(({ priority }) => priority))].sort((a, b) => a - b)
  const tiers = priorities.flatMap((priority) => {
    const members = group.members.filter((member) => member.priority === priority)
    return mergeTiers(members.map((member) => tiersOfOne(member, member.weight)))
  })
  return group.fallback === undefined ? tiers : [...tiers, ...tiersOfOne(group.fallback, 1)]
}

/** A group inside a group has its own weight, divided among its members. */
function scale(tier: Tier, weight: number): Tier {
  const sum = tier.reduce((total, member) => total + member.weight, 0)
  return tier.map(({ provider, weight: own }) => ({ provider, weight: (own * weight) / sum }))
}

/** Members side by side: their first tiers make one tier, their second tiers the next one. */
function mergeTiers(members: readonly (readonly Tier[])[]): readonly Tier[] {
  const depth = Math.max(0, ...members.map((tiers) => tiers.length))
  return Array.from({ length: depth }, (_, level) => members.flatMap((tiers) => tiers[level] ?? []))
}

function withoutRepeats(tiers: readonly Tier[]): readonly Tier[] {
  const seen = new Set<string>()
  const isNew = ({ provider }: Tier[number]) => seen.size < seen.add(provider).size
  return tiers.map((tier) => tier.filter(isNew)).filter((tier) => tier.length > 0)
}

/** The names along a cycle of groups, `start` first and last; undefined when none leads back to it. */
export function findCycle(start: string, members: (group: string) => readonly string[]): readonly string[] | undefined {
  const seen = new Set<string>()
  const search = (path: readonly string[]): readonly string[] | undefined => {
    for (const member of members(path.at(-1) ?? start)) {
      if (member === start) return [...path, start]
      if (seen.size === seen.add(member).size) continue
      const cycle = search([...path, member])
      if (cycle !== undefined) return cycle
    }
    return undefined
  }
  return search([start])
}

/**
 * The providers that are to serve now: those of the first tier in which one can, chosen by weight where weights differ.
 * @param canServe whether a provider holds an address or may buy one
 * @param share uniform in [0, 1): the place of this connection among the weights
 * @returns the names; of the first tier when no provider can serve
 */
export function chooseProviders(
  tiers: readonly Tier[],
  canServe: (provider: string) => boolean,
  share: number,
): readonly string[] {
  for (const tier of tiers) {
    const able = tier.filter(({ provider }) => canServe(provider))
    if (able.length > 0) return chosenOf(able, share)
  }
  return tiers[0]?.map(({ provider }) => provider) ?? []
}

/** Equal weights leave the choice to the strategy: all of them. */
function chosenOf(tier: Tier, share: number): readonly string[] {
  const [first] = tier
  if (tier.every(({ weight }) => weight === first?.weight)) return tier.map(({ provider }) => provider)
  let left = share * tier.reduce((sum, { weight }) => sum + weight, 0)
  for (const { provider, weight } of tier) {
    left -= weight
    if (left < 0) return [provider]
  }
  return tier.slice(-1).map(({ provider }) => provider)
}
