/** Rules and groups together: from a connection to the providers that may serve it. */
import { chooseProviders, type RouteGroup, resolveGroups, type Tier } from './groups.ts'
import { RouteMatcher } from './matcher.ts'
import type { RouteQuery, RouteRule, RouteTarget } from './rule.ts'

/** What the first rule that matches says. `rule` is its number, from 0. */
export type RouteDecision =
  | { readonly kind: 'block'; readonly rule: number }
  | {
      readonly kind: 'providers'
      readonly rule: number
      /** All that may serve it: a session belongs to these. */
      readonly all: readonly string[]
      /** Those that serve it now: a group may hold others in reserve. */
      readonly serving: readonly string[]
    }

export interface RouteSettings {
  readonly routes: readonly RouteRule[]
  readonly groups: readonly RouteGroup[]
}

export class RouteTable {
  readonly #rules: readonly RouteRule[]
  readonly #matcher: RouteMatcher
  readonly #groups: ReadonlyMap<string, readonly Tier[]>
  readonly #canServe: (provider: string) => boolean

  /** @param canServe whether a provider holds an address or may buy one; asked for groups alone */
  constructor({ routes, groups }: RouteSettings, canServe: (provider: string) => boolean) {
    this.#rules = routes
    this.#matcher = new RouteMatcher(routes)
    this.#groups = resolveGroups(groups)
    this.#canServe = canServe
  }

  /**
   * @param share uniform in [0, 1): the place of this connection among the weights of a group
   * @returns undefined when no rule matches
   */
  decide(query: RouteQuery, share: number): RouteDecision | undefined {
    const rule = this.#matcher.match(query)
    const to = rule === undefined ? undefined : this.#rules[rule]?.to
    if (rule === undefined || to === undefined) return undefined
    if (to.kind === 'block') return { kind: 'block', rule }
    const tiers = this.tiersOf(to)
    const all = tiers.flatMap((tier) => tier.map(({ provider }) => provider))
    const serving = all.length === 1 ? all : chooseProviders(tiers, this.#canServe, share)
    return { kind: 'providers', rule, all, serving }
  }

  /** The providers behind a target of a rule, the first to serve first; none for `block`. */
  tiersOf(to: RouteTarget): readonly Tier[] {
    if (to.kind === 'block') return []
    return to.kind === 'provider' ? [[{ provider: to.name, weight: 1 }]] : (this.#groups.get(to.name) ?? [])
  }
}
