/** From what a client said to what it may be lent: listener defaults, user rights, client options. */
import { hash } from 'node:crypto'
import type { Target } from '../address.ts'
import { type ClientOptions, noOptions } from '../downstream/client-options.ts'
import type { ClientIdentity, TrafficSettings } from '../downstream/client-request.ts'
import { GatewayError } from '../errors.ts'
import { holdsPlace, isSameCountry } from '../places.ts'
import { anyUpstream, type Facet, type Filter, type LeaseLimits } from '../pool/filter.ts'
import type { PoolSettings } from '../pool/members.ts'
import type { Upstream, UpstreamFacts } from '../pool/upstream.ts'
import type { RouteDecision, RouteTable } from '../routes/route-table.ts'
import type { RouteMethod, RouteQuery } from '../routes/rule.ts'
import type { Strategy } from '../strategy.ts'
import { GenerationalCache } from '../structures/generational-cache.ts'
import { isCommandHost } from './command-host.ts'

/** Defaults of the listener that the client came through. */
export interface ListenerDefaults extends TrafficSettings {
  readonly provider: string | undefined
  readonly strategy: Strategy | undefined
  /** What makes a session when the client names none. */
  readonly session: 'off' | 'client' | 'target'
  /** As rules name it. */
  readonly listen: RouteQuery['listen']
}

export interface Route {
  /** The configured user; undefined where the listener has none. */
  readonly user: string | undefined
  readonly filter: Filter
  readonly strategy: Strategy
  readonly lifeMs: number
  /** Undefined: every connection may leave through another upstream. */
  readonly sessionKey: string | undefined
  readonly strict: boolean
  /** Connections of the session through one address; 0 = no limit. */
  readonly uses: number
  /** Under this name it is remembered which upstream was lent last; set for clients that do not want that one again. */
  readonly avoidLast: string | undefined
  /** The session moves to another upstream with this request; without a session the request alone. */
  readonly rotates: boolean
  /** Plain HTTP: every request may leave through another upstream. */
  readonly perRequest: boolean
  readonly retryStatuses: readonly number[]
  /** How long the upstream stays away from the target's host after the request, ms. */
  readonly hostRestMs: number
  /** Called with each upstream that is lent, where the user has a limit of addresses. */
  readonly lent?: (upstream: Upstream) => void
  /** Set: the connection goes to the target itself, through no upstream. Only a rule can say so. */
  readonly direct: { readonly allowPrivate: boolean } | undefined
}

type UpstreamLimits = PoolSettings['perUpstream']

type DirectDecision = Extract<RouteDecision, { kind: 'direct' }>

export interface RouterSettings {
  readonly strategy: Strategy
  readonly perRequest: boolean
  readonly retryStatuses: readonly number[]
  readonly perUpstream: UpstreamLimits
  /** What the pool itself sees to: the widest limits of any port or user. */
  readonly poolLimits: UpstreamLimits
  readonly providers: readonly string[]
  /** Whether the gateway itself listens there, under any of the names and addresses of this machine. */
  readonly isOwnPort: (host: string, port: number) => boolean
  /** Undefined without rules. */
  readonly routes: RouteTable | undefined
  /** Several processes serve the clients of one session. */
  readonly sharesSessions: boolean
}

/** Where a request came from; its address costs a system call, so it is read only when it is needed. */
export interface Origin {
  readonly clientAddress: string
}

/** Providers that may serve a request; undefined: all. */
interface Allowed {
  /** A session belongs to these. */
  readonly all: readonly string[] | undefined
  /** Of them, those that are to serve now. */
  readonly serving: readonly string[] | undefined
}

/** Filters of sets of providers that are remembered. */
const MAX_FILTERS = 1_000

export class Router {
  readonly #settings: RouterSettings
  /** Routes that are the same for each request of an identity, with the port for which they hold. */
  readonly #known = new WeakMap<ClientIdentity, { readonly defaults: ListenerDefaults; readonly route: Route }>()

  constructor(settings: RouterSettings) {
    this.#settings = settings
  }

  /**
   * @throws {GatewayError} GW_TARGET_NOT_ALLOWED for a target that is the gateway itself, GW_TARGET_BLOCKED for one that
   *   a rule blocks, GW_PROVIDER_NOT_ALLOWED, GW_BAD_OPTION for a provider that is not configured
   */
  route(
    identity: ClientIdentity,
    target: Target,
    origin: Origin,
    defaults: ListenerDefaults,
    method: RouteMethod,
  ): Route {
    this.#refuseOwnPorts(target)
    return this.routeOfSession(identity, target, origin, defaults, method)
  }

  /**
   * The same for a session that a client commands: the target is not reached.
   * @throws {GatewayError} as `route`, but for a target that is the gateway itself
   */
  routeOfSession(
    identity: ClientIdentity,
    target: Target,
    origin: Origin,
    defaults: ListenerDefaults,
    method: RouteMethod,
  ): Route {
    if (this.#settings.routes !== undefined || !isFixed(identity, defaults))
      return this.#makeRoute(identity, target, origin, defaults, method)
    const known = this.#known.get(identity)
    if (known?.defaults === defaults) return known.route
    const route = this.#makeRoute(identity, target, origin, defaults, method)
    this.#known.set(identity, { defaults, route })
    return route
  }

  #makeRoute(
    identity: ClientIdentity,
    target: Target,
    origin: Origin,
    defaults: ListenerDefaults,
    method: RouteMethod,
  ): Route {
    const { options } = identity
    const decision = this.#decide(identity, target, origin, defaults, method)
    if (decision?.kind === 'direct') return this.#direct(identity, decision)
    const allowed = this.#allowed(identity, decision, defaults)
    const scope = filterOf(options, providerFilter(allowed.all))
    const places = allowed.serving === allowed.all ? scope : filterOf(options, providerFilter(allowed.serving))
    const sessionKey = sessionKeyOf(identity, target, origin, defaults, scope)
    checkSessionOptions(options, sessionKey, this.#settings.sharesSessions)
    return {
      ...this.#trafficOf(identity, defaults),
      user: identity.user,
      filter: this.#limited(places, identity, defaults),
      lifeMs: options.lifeMs ?? 0,
      sessionKey,
      strict: options.strict ?? false,
      uses: options.uses ?? 0,
      avoidLast: options.avoidLast === true ? (sessionKey ?? ownerOf(identity, origin, scope)) : undefined,
      rotates: options.rotate ?? false,
      direct: undefined,
    }
  }

  /** The client's own word, then its user's, its port's, and what holds for all. */
  #trafficOf({ options, traffic }: ClientIdentity, defaults: ListenerDefaults) {
    const { strategy, perRequest, retryStatuses, perUpstream } = this.#settings
    const [user, port] = [traffic?.rotation, defaults.rotation]
    const per = user?.per ?? port?.per
    return {
      strategy: options.strategy ?? user?.strategy ?? port?.strategy ?? defaults.strategy ?? strategy,
      perRequest: per === undefined ? perRequest : per === 'request',
      retryStatuses: user?.retryStatuses ?? port?.retryStatuses ?? retryStatuses,
      hostRestMs: traffic?.perUpstream?.hostRest ?? defaults.perUpstream?.hostRest ?? perUpstream.hostRest,
    }
  }

  /** The filter with what is narrower for this client than for the whole pool. */
  #limited(filter: Filter, { options, traffic }: ClientIdentity, defaults: ListenerDefaults): Filter {
    const { perUpstream, poolLimits } = this.#settings
    const limit = (name: 'connections' | 'uses') => {
      const own = traffic?.perUpstream?.[name] ?? defaults.perUpstream?.[name] ?? perUpstream[name]
      return own === poolLimits[name] ? 0 : own
    }
    return limitedFilter(filter, {
      exclusive: options.exclusive ?? false,
      connections: limit('connections'),
      uses: limit('uses'),
      minLifeMs: options.minLifeMs ?? 0,
    })
  }

  /** A client that asks for a provider, or is limited to some, gets no direct connection unless the rule names the user. */
  #direct(identity: ClientIdentity, { rule, allowPrivate, namesUser }: DirectDecision): Route {
    const { options, providers, user } = identity
    if (options.provider !== undefined || (providers !== undefined && !namesUser)) {
      const message = `rule ${rule + 1} of routes sends this target directly, and this client asks for, or is limited to, providers`
      throw new GatewayError('GW_PROVIDER_NOT_ALLOWED', message)
    }
    const { strategy, perRequest } = this.#settings
    return {
      ...{ user, filter: anyUpstream, strategy, lifeMs: 0, sessionKey: undefined, strict: false, uses: 0 },
      ...{ avoidLast: undefined, rotates: false, perRequest, retryStatuses: [], hostRestMs: 0 },
      direct: { allowPrivate },
    }
  }

  /** Nothing may target the gateway's own ports: a loop, or the admin API from outside. */
  #refuseOwnPorts({ host, port, authority }: Target): void {
    if (isCommandHost(host)) {
      const message = `${host.toLowerCase()} is inside the gateway: ask it by plain HTTP, as http://turnpike.internal/`
      throw new GatewayError('GW_TARGET_NOT_ALLOWED', message)
    }
    if (!this.#settings.isOwnPort(host, port)) return
    throw new GatewayError('GW_TARGET_NOT_ALLOWED', `${authority} is the gateway itself`)
  }

  /** What the first matching rule says, within what the user may and the client asks for. */
  #allowed(
    identity: ClientIdentity,
    decision: Exclude<RouteDecision, DirectDecision> | undefined,
    defaults: ListenerDefaults,
  ): Allowed {
    const provider = this.#provider(identity, decision === undefined ? defaults.provider : undefined)
    if (decision === undefined) {
      const all = provider === undefined ? identity.providers : [provider]
      return { all, serving: all }
    }
    if (decision.kind === 'block') {
      throw new GatewayError('GW_TARGET_BLOCKED', `rule ${decision.rule + 1} of routes blocks this target`)
    }
    const may = (name: string) =>
      (provider === undefined || provider === name) && (identity.providers?.includes(name) ?? true)
    const all = decision.all.every(may) ? decision.all : decision.all.filter(may)
    if (all.length === 0) {
      const message = `rule ${decision.rule + 1} of routes sends this target to providers that this client may not use or did not ask for`
      throw new GatewayError('GW_PROVIDER_NOT_ALLOWED', message)
    }
    const serving = decision.serving.filter(may)
    return { all, serving: serving.length === 0 || serving.length === all.length ? all : serving }
  }

  #decide(
    identity: ClientIdentity,
    target: Target,
    origin: Origin,
    defaults: ListenerDefaults,
    method: RouteMethod,
  ): RouteDecision | undefined {
    const { routes } = this.#settings
    if (routes === undefined) return undefined
    const { host, port } = target
    const query = { host, port, user: identity.account, listen: defaults.listen, method }
    return routes.decide(query, shareOf(identity, target, origin, defaults))
  }

  #provider({ options, providers }: ClientIdentity, byDefault: string | undefined): string | undefined {
    const provider = options.provider ?? byDefault
    if (provider === undefined) return undefined
    if (!this.#settings.providers.includes(provider)) {
      throw new GatewayError('GW_BAD_OPTION', 'the option "provider" names none of the configured providers')
    }
    if (providers !== undefined && !providers.includes(provider)) {
      throw new GatewayError('GW_PROVIDER_NOT_ALLOWED', `this user may not be served from provider "${provider}"`)
    }
    return provider
  }
}

/** Whether neither the target nor the client's address has a part in the route, where no rules decide. */
function isFixed({ options }: ClientIdentity, defaults: ListenerDefaults): boolean {
  return options.session !== undefined || (defaults.session === 'off' && options.avoidLast !== true)
}

type Place = Exclude<Facet, 'minlife'>

const FACETS: readonly Place[] = ['country', 'area', 'city', 'isp']

/** Equal wishes give equal keys: the pool keeps one view for each key. */
function filterOf(options: ClientOptions, base: Filter): Filter {
  if (options === noOptions) return base
  const wishes = FACETS.flatMap((facet) => {
    const value = options[facet]
    return value === undefined ? [] : [{ facet, value: value.toLowerCase() }]
  })
  if (wishes.length === 0) return base
  return {
    key: JSON.stringify([base.key, ...wishes.map((wish) => [wish.facet, wish.value])]),
    providers: base.providers,
    base,
    wishes: wishes.map(({ facet }) => facet),
    accepts: (facts) => base.accepts(facts) && wishes.every((wish) => fits(facts, wish)),
  }
}

const filters = new GenerationalCache<Filter>(MAX_FILTERS)

function providerFilter(providers: readonly string[] | undefined): Filter {
  if (providers === undefined) return anyUpstream
  const key = JSON.stringify(providers)
  const known = filters.get(key)
  if (known !== undefined) return known
  const filter: Filter = {
    key,
    providers,
    base: undefined,
    wishes: [],
    accepts: (facts) => providers.includes(facts.provider),
  }
  filters.set(key, filter)
  return filter
}

/** What options say of a session, they say of nothing else. @throws {GatewayError} GW_BAD_OPTION */
function checkSessionOptions(options: ClientOptions, sessionKey: string | undefined, isShared: boolean): void {
  const { exclusive = false, uses, strict = false } = options
  const refuse = (words: string) => {
    throw new GatewayError('GW_BAD_OPTION', words)
  }
  if (sessionKey === undefined && (exclusive || uses !== undefined))
    refuse(`the option "${exclusive ? 'exclusive' : 'uses'}" is for sessions: name one, as in crawler-session-42`)
  if (isShared && (exclusive || uses !== undefined))
    refuse(`the option "${exclusive ? 'exclusive' : 'uses'}" needs a gateway of one process (workers: 1)`)
  if (strict && uses !== undefined)
    refuse('the options "strict" and "uses" contradict each other: a strict session has no other address')
}

/** The same filter for addresses that no client has. */
export function aloneFilter(filter: Filter): Filter {
  const { connections = 0, uses = 0, minLifeMs = 0 } = filter.limits ?? {}
  return limitedFilter(filter, { exclusive: true, connections, uses, minLifeMs })
}

/** The same filter with further limits; equal ones are one filter. */
function limitedFilter(filter: Filter, limits: LeaseLimits): Filter {
  const { exclusive, connections, uses, minLifeMs } = limits
  if (!exclusive && connections === 0 && uses === 0 && minLifeMs === 0) return filter
  const key = JSON.stringify([filter.key, exclusive, connections, uses, minLifeMs])
  const known = filters.get(key)
  if (known !== undefined) return known
  const { providers, accepts } = filter
  const wish = minLifeMs === 0 ? undefined : 'minlife'
  const limited: Filter = {
    ...{ key, providers, limits },
    base: wish === undefined ? filter.base : (filter.base ?? filter),
    wishes: wish === undefined ? filter.wishes : [...filter.wishes, wish],
    accepts: (facts) => accepts(facts) && facts.deadline - facts.boughtAt >= minLifeMs,
  }
  filters.set(key, limited)
  return limited
}

/** Vendors write areas as in "河南省商丘市", of which a client names a part, in either script. */
function fits(facts: UpstreamFacts, { facet, value }: { facet: Place; value: string }): boolean {
  const fact = facts[facet]
  if (facet === 'country') return fact !== undefined && isSameCountry(fact, value)
  // A vendor that tells one place does not say whether it is a province or a town.
  const place = facet === 'city' ? (facts.city ?? facts.area) : fact
  return place !== undefined && holdsPlace(place, value)
}

/** Where a client stands among the weights of a group: always at the same place for one session. */
function shareOf(
  { account, options }: ClientIdentity,
  target: Target,
  origin: Origin,
  defaults: ListenerDefaults,
): number {
  if (options.session === undefined && defaults.session === 'off') return Math.random()
  const key = options.session ?? (defaults.session === 'client' ? origin.clientAddress : target.host.toLowerCase())
  return Number.parseInt(hash('sha256', `${account ?? ''}\n${key}`).slice(0, 8), 16) / 2 ** 32
}

/**
 * A session belongs to its account and its wishes: the same word of another account is another session. The key is a
 * SHA-256 digest: names may be as long as a request head, and sessions are kept by the hundred thousand.
 */
function sessionKeyOf(
  { account, options }: ClientIdentity,
  target: Target,
  origin: Origin,
  defaults: ListenerDefaults,
  filter: Filter,
): string | undefined {
  const { session } = options
  if (session === undefined && defaults.session === 'off') return undefined
  const scope = `${account ?? ''}\n${filter.key}`
  if (session !== undefined) return digest(`key\n${session}\n${scope}`)
  if (defaults.session === 'client') return digest(`client\n${origin.clientAddress}\n${scope}`)
  return digest(`target\n${target.host.toLowerCase()}\n${scope}`)
}

/** Who has no session is known by its account and its address. */
function ownerOf({ account }: ClientIdentity, origin: Origin, filter: Filter): string {
  return digest(`last\n${account ?? origin.clientAddress}\n${filter.key}`)
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url')
}
