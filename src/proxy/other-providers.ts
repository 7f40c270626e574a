/**
 * Where a request may go when its providers have nothing for it: to the next member of its group, or to providers of a
 * configuration that has come into force meanwhile. Never directly to the target.
 */
import type { Target } from '../address.ts'
import type { ClientPort } from '../downstream/client-port.ts'
import type { ClientConnection } from '../downstream/client-request.ts'
import { type ErrorCode, GatewayError } from '../errors.ts'
import type { RouteMethod } from '../routes/rule.ts'
import type { Origin, Route } from './route.ts'

/** Finds the route of a request by the configuration that is in force. */
export interface Routes {
  /**
   * @param hopeless providers that cannot serve it: a group leaves them out
   * @throws {GatewayError} as Router.route; GW_USER_LIMIT
   */
  route(
    client: RoutedClient,
    target: Target,
    port: ClientPort,
    method: RouteMethod,
    hopeless?: readonly string[],
  ): Route
}

/** A client, as far as its route depends on it. */
export type RoutedClient = Origin & Pick<ClientConnection, 'identity'>

/** Why some providers have no upstream for a request, which says nothing of others. */
const MAY_BE_ELSEWHERE: ReadonlySet<string> = new Set<ErrorCode>([
  'GW_NO_SUPPLY',
  'GW_BUDGET_REACHED',
  'GW_NO_MATCH',
  'GW_POOL_EMPTY',
])

/** Whether other providers may have an upstream where these had none. */
export function mayBeElsewhere({ code }: GatewayError): boolean {
  return MAY_BE_ELSEWHERE.has(code)
}

/**
 * @param find finds the route of the request
 * @param hopeless providers that have nothing for it @param isLimited its route so far leads to some providers only
 * @returns undefined: it leads to no other provider
 */
export function routeElsewhere(
  find: (hopeless: readonly string[]) => Route,
  hopeless: readonly string[],
  isLimited: boolean,
): Route | undefined {
  try {
    const route = find(hopeless)
    const { providers } = route.filter
    // A reload may have removed the rule: then any provider may serve it.
    const isElsewhere = providers?.some((provider) => !hopeless.includes(provider)) ?? isLimited
    return route.direct === undefined && isElsewhere ? route : undefined
  } catch (refusal) {
    if (refusal instanceof GatewayError) return undefined
    throw refusal
  }
}
