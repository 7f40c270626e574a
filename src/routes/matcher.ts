/**
 * Matches a connection against `routes:`: the first rule that matches wins, as if the rules were read one after the other, but only
 * candidate rules are examined. A rule is found through its most selective criterion: its hosts, else its ports, else its
 * users.
 */
import { GenerationalCache } from '../structures/generational-cache.ts'
import { canonicalHost } from './host.ts'
import { append, HostIndex } from './host-index.ts'
import type { PortRange, RouteQuery, RouteRule } from './rule.ts'

/** Hosts whose candidate rules are cached; clients use the same hosts again and again. */
const MAX_HOSTS = 10_000
/** A rule with more ports than this is examined for every connection. */
const MAX_INDEXED_PORTS = 1_024
const NO_RULES: readonly number[] = []

export class RouteMatcher {
  readonly #rules: readonly RouteRule[]
  readonly #hosts = new HostIndex()
  readonly #known = new GenerationalCache<readonly number[]>(MAX_HOSTS)
  readonly #byPort = new Map<number, number[]>()
  readonly #byUser = new Map<string, number[]>()
  readonly #others: number[] = []

  constructor(rules: readonly RouteRule[]) {
    this.#rules = rules
    for (const [number, rule] of rules.entries()) this.#index(number, rule)
  }

  #index(number: number, { host, port, user }: RouteRule): void {
    const patterns = host?.flatMap((pattern) => (pattern.kind === 'any' ? [] : [pattern]))
    const indexedPorts = port === undefined ? undefined : portsOf(port)
    if (patterns !== undefined && patterns.length === host?.length)
      for (const pattern of patterns) this.#hosts.add(pattern, number)
    else if (indexedPorts !== undefined) for (const one of indexedPorts) append(this.#byPort, one, number)
    else if (user !== undefined) for (const name of user) append(this.#byUser, name, number)
    else this.#others.push(number)
  }

  /** @returns the number of the first rule that matches, from 0; undefined when none does */
  match(query: RouteQuery): number | undefined {
    let first = this.#firstOf(this.#rulesFor(query.host), query, this.#rules.length)
    if (this.#byPort.size > 0) first = this.#firstOf(this.#byPort.get(query.port) ?? NO_RULES, query, first)
    if (this.#byUser.size > 0) first = this.#firstOf(this.#byUser.get(query.user ?? '') ?? NO_RULES, query, first)
    first = this.#firstOf(this.#others, query, first)
    return first === this.#rules.length ? undefined : first
  }

  #rulesFor(host: string): readonly number[] {
    const known = this.#known.get(host)
    if (known !== undefined) return known
    const rules = this.#hosts.rulesFor(canonicalHost(host))
    this.#known.set(host, rules)
    return rules
  }

  /** @param before only rules with a lower number matter, because the rule with this number matches already */
  #firstOf(numbers: readonly number[], query: RouteQuery, before: number): number {
    for (const number of numbers) {
      if (number >= before) return before
      const rule = this.#rules[number]
      if (rule !== undefined && fits(rule, query)) return number
    }
    return before
  }
}

/** Whether all criteria except the hosts match. */
function fits({ port, user, listen, method }: RouteRule, query: RouteQuery): boolean {
  if (port !== undefined && !port.some(({ from, to }) => query.port >= from && query.port <= to)) return false
  if (user !== undefined && (query.user === undefined || !user.includes(query.user))) return false
  if (method !== undefined && !method.includes(query.method)) return false
  return listen === undefined || listen.some((one) => one === query.listen.port || one === query.listen.name)
}

/** Each port once; undefined when there are too many. */
function portsOf(ranges: readonly PortRange[]): ReadonlySet<number> | undefined {
  const ports = new Set<number>()
  for (const { from, to } of ranges) {
    if (to - from >= MAX_INDEXED_PORTS) return undefined
    for (let port = from; port <= to; port++) ports.add(port)
  }
  return ports.size <= MAX_INDEXED_PORTS ? ports : undefined
}
