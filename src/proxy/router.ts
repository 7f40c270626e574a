/** From what a client said to what it may be lent: rules, listener defaults, user rights, client options. */
import type { Target } from '../address.ts'
import type { ClientIdentity } from '../downstream/client-request.ts'
import { GatewayError } from '../errors.ts'
import { anyUpstream, type Filter } from '../pool/filter.ts'
import type { PoolSettings } from '../pool/members.ts'
import type { RouteDecision, RouteTable } from '../routes/route-table.ts'
import type { RouteMethod } from '../routes/rule.ts'
import type { Strategy } from '../strategy.ts'
import { isCommandHost } from './command-host.ts'
import type { ListenerDefaults, Origin, Route } from './route.ts'
import { filterOf, limitedFilter, providerFilter } from './route-filter.ts'
import { checkSessionOptions, ownerOf, sessionKeyOf, shareOf } from './session-key.ts'

type UpstreamLimits = PoolSettings['perUpstream']

type DirectDecision = Extract<RouteDecision, { kind: 'direct' }>

interface RouterSettings {
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
  /** Hosts of a cluster lend the same address, so that no session can have one alone. */
  readonly sharesAddresses: boolean
}

/** Providers that may serve a request; undefined: all. */
interface Allowed {
  readonly all: readonly string[] | undefined
  /** Of them, those that are to serve now. */
  readonly serving: readonly string[] | undefined
}

export class Router {
  readonly #settings: RouterSettings
  /** Routes that are the same for each request of an identity, with the port for which they hold. */
  readonly #known = new WeakMap<ClientIdentity, { readonly defaults: ListenerDefaults; readonly route: Route }>()

  constructor(settings: RouterSettings) {
    this.#settings = settings
  }

  /**
   * @param hopeless providers that cannot serve the request: groups leave them out
   * @throws {GatewayError} GW_TARGET_NOT_ALLOWED for a target that is the gateway itself, GW_TARGET_BLOCKED for one that
   *   a rule blocks, GW_PROVIDER_NOT_ALLOWED, GW_BAD_OPTION for a provider that is not configured
   */
  route(
    identity: ClientIdentity,
    target: Target,
    origin: Origin,
    defaults: ListenerDefaults,
    method: RouteMethod,
    hopeless?: readonly string[],
  ): Route {
    this.#refuseOwnPorts(target)
    return this.routeOfSession(identity, target, origin, defaults, method, hopeless)
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
    hopeless?: readonly string[],
  ): Route {
    const make = () => this.#makeRoute(identity, target, origin, defaults, method, hopeless)
    if (this.#settings.routes !== undefined || !isFixed(identity, defaults)) return make()
    const known = this.#known.get(identity)
    if (known?.defaults === defaults) return known.route
    const route = make()
    this.#known.set(identity, { defaults, route })
    return route
  }

  #makeRoute(
    identity: ClientIdentity,
    target: Target,
    origin: Origin,
    defaults: ListenerDefaults,
    method: RouteMethod,
    hopeless: readonly string[] = [],
  ): Route {
    const { options } = identity
    const decision = this.#decide(identity, target, origin, defaults, method, hopeless)
    if (decision?.kind === 'direct') return this.#direct(identity, decision)
    const { all: permitted, serving } = this.#allowed(identity, decision, defaults)
    const wishes = filterOf(options, providerFilter(options.provider === undefined ? undefined : [options.provider]))
    const sessionKey = sessionKeyOf(identity, target, origin, defaults, wishes)
    checkSessionOptions(options, sessionKey, this.#settings.sharesAddresses)
    return {
      ...this.#trafficOf(identity, defaults),
      user: identity.user,
      filter: this.#limited(filterOf(options, providerFilter(serving)), identity, defaults),
      permitted,
      lifeMs: options.lifeMs ?? 0,
      sessionKey,
      strict: options.strict ?? false,
      uses: options.uses ?? 0,
      avoidLast: options.avoidLast === true ? (sessionKey ?? ownerOf(identity, origin, wishes)) : undefined,
      rotates: options.rotate ?? false,
      direct: undefined,
    }
  }

  /** The client's own option, then the setting of its user, of its port, and the general one. */
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
      user,
      filter: anyUpstream,
      permitted: undefined,
      strategy,
      lifeMs: 0,
      sessionKey: undefined,
      strict: false,
      uses: 0,
      avoidLast: undefined,
      rotates: false,
      perRequest,
      retryStatuses: [],
      hostRestMs: 0,
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
    const { all, serving } = decision
    if (all.length === 0) {
      const message = `rule ${decision.rule + 1} of routes sends this target to providers that this client may not use or did not ask for`
      throw new GatewayError('GW_PROVIDER_NOT_ALLOWED', message)
    }
    return { all, serving: serving.length === all.length ? all : serving }
  }

  #decide(
    identity: ClientIdentity,
    target: Target,
    origin: Origin,
    defaults: ListenerDefaults,
    method: RouteMethod,
    hopeless: readonly string[],
  ): RouteDecision | undefined {
    const { routes } = this.#settings
    if (routes === undefined) return undefined
    const { host, port } = target
    const query = { host, port, user: identity.account, listen: defaults.listen, method }
    return routes.decide(query, {
      share: shareOf(identity, target, origin, defaults),
      hopeless,
      may: mayUse(identity),
    })
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

/** Which members of a group may serve this client; undefined: all. */
function mayUse({ options: { provider }, providers }: ClientIdentity): ((name: string) => boolean) | undefined {
  if (provider === undefined && providers === undefined) return undefined
  return (name) => (provider === undefined || provider === name) && (providers?.includes(name) ?? true)
}

/** Whether neither the target nor the client's address has a part in the route, where no rules decide. */
function isFixed({ options }: ClientIdentity, defaults: ListenerDefaults): boolean {
  return options.session !== undefined || (defaults.session === 'off' && options.avoidLast !== true)
}
