/** Combines rules and groups: finds the providers that may serve a connection. */
import { chooseProviders, type RouteGroup, resolveGroups, type Tier } from './groups.ts'
import { canonicalHost } from './host.ts'
import { HostIndex } from './host-index.ts'
import { RouteMatcher } from './matcher.ts'
import type { HostPattern, RouteQuery, RouteRule, RouteTarget } from './rule.ts'

/** The target of the first rule that matches. `rule` is its number, from 0. */
export type RouteDecision =
  | { readonly kind: 'block'; readonly rule: number }
  | {
      readonly kind: 'direct'
      readonly rule: number
      /** The target may have a loopback or private address: the rule names it, or permits it. */
      readonly allowPrivate: boolean
      /** The rule names the user. */
      readonly namesUser: boolean
    }
  | {
      readonly kind: 'providers'
      readonly rule: number
      /** All providers that may serve it: a session may use any of them. Empty: the client may use none of the rule's. */
      readonly all: readonly string[]
      /** The providers that serve it now: a group may keep others in reserve. */
      readonly serving: readonly string[]
    }

/** What of a client decides between the members of a group. */
interface RouteChoice {
  /** Uniform in [0, 1): selects a member of a group by weight. */
  readonly share: number
  /** Providers that cannot serve, whatever is said of them. */
  readonly hopeless?: readonly string[]
  /** Whether the client may be served from a provider; undefined: from all. */
  readonly may?: ((provider: string) => boolean) | undefined
}

export interface RouteSettings {
  readonly routes: readonly RouteRule[]
  readonly groups: readonly RouteGroup[]
}

export class RouteTable {
  readonly #rules: readonly RouteRule[]
  readonly #matcher: RouteMatcher
  readonly #groups: ReadonlyMap<string, readonly Tier[]>
  /** Single hosts and small address blocks in rules to `direct`. */
  readonly #named: HostIndex
  readonly #canServe: (provider: string) => boolean

  /** @param canServe whether a provider has an address or may buy one; called only for groups */
  constructor({ routes, groups }: RouteSettings, canServe: (provider: string) => boolean) {
    this.#rules = routes
    this.#matcher = new RouteMatcher(routes)
    this.#groups = resolveGroups(groups)
    this.#canServe = canServe
    this.#named = namedHosts(routes)
  }

  /** @returns undefined when no rule matches */
  decide(query: RouteQuery, { share, hopeless = [], may }: RouteChoice): RouteDecision | undefined {
    const rule = this.#matcher.match(query)
    const found = rule === undefined ? undefined : this.#rules[rule]
    if (rule === undefined || found === undefined) return undefined
    const { to } = found
    if (to.kind === 'block') return { kind: 'block', rule }
    if (to.kind === 'direct') {
      const allowPrivate = found.allowPrivate === true || this.#names(query.host, rule)
      return { kind: 'direct', rule, allowPrivate, namesUser: found.user !== undefined }
    }
    const tiers = this.tiersOf(to, may)
    const all = tiers.flatMap((tier) => tier.map(({ provider }) => provider))
    const canServe = (provider: string) => !hopeless.includes(provider) && this.#canServe(provider)
    const serving = all.length === 1 ? all : chooseProviders(tiers, canServe, share)
    return { kind: 'providers', rule, all, serving }
  }

  /** Whether a rule to `direct` names this host itself. */
  #names(host: string, rule: number): boolean {
    return this.#named.rulesFor(canonicalHost(host)).includes(rule)
  }

  /** The providers of a rule's target, the first to serve first; none for `block` and `direct`. @param may as in RouteChoice */
  tiersOf(to: RouteTarget, may?: RouteChoice['may']): readonly Tier[] {
    if (!('name' in to)) return []
    const tiers = to.kind === 'provider' ? [[{ provider: to.name, weight: 1 }]] : (this.#groups.get(to.name) ?? [])
    if (may === undefined) return tiers
    return tiers.map((tier) => tier.filter(({ provider }) => may(provider))).filter((tier) => tier.length > 0)
  }
}

/** 10.0.0.0/8 and fc00::/7 are the largest private blocks: a larger block in a rule means the Internet. */
const MIN_PREFIX = { 4: 8, 6: 7 }

function namedHosts(rules: readonly RouteRule[]): HostIndex {
  const named = new HostIndex()
  for (const [number, { host = [], to }] of rules.entries()) {
    if (to.kind !== 'direct') continue
    for (const pattern of host) if (isOneHost(pattern)) named.add(pattern, number)
  }
  return named
}

function isOneHost(pattern: HostPattern): pattern is Exclude<HostPattern, { kind: 'any' }> {
  if (pattern.kind !== 'block') return pattern.kind === 'exact'
  const [address = '', length] = pattern.value.split('/')
  return Number(length) >= MIN_PREFIX[address.includes(':') ? 6 : 4]
}
