/** Errors for clients that are lent no upstream. */
import { GatewayError } from '../errors.ts'
import { anyUpstream, type Facet, type Filter } from '../pool/filter.ts'
import type { Pool } from '../pool/pool.ts'
import type { LeaseRequest } from './lease-contract.ts'

/** @param waiting clients that wait */
export function queueFull(waiting: number): GatewayError {
  const message = `this user has its share of the places for clients that wait for an upstream (waiting: ${waiting})`
  return new GatewayError('GW_QUEUE_FULL', message)
}

/** @param isForOwn the client waited for the upstream of its session */
export function nothingCame(timeoutMs: number, isForOwn: boolean, isExclusive = false): GatewayError {
  const seconds = `${timeoutMs / 1_000} s`
  const message = isForOwn
    ? `the upstream of this session had no room for another connection within ${seconds}`
    : `no address became free within ${seconds}${isExclusive ? ': an exclusive session needs one that no other client has' : ''}`
  return new GatewayError('GW_POOL_EMPTY', message, { detail: { retryAfterMs: timeoutMs } })
}

/** Other processes of the gateway, or the other hosts of the cluster, were asked for the session. */
export function sessionUnknown(timeoutMs: number): GatewayError {
  const message = `no address is free here, and the other hosts or workers did not answer within ${timeoutMs / 1_000} s`
  return new GatewayError('GW_POOL_EMPTY', message, { detail: { retryAfterMs: timeoutMs } })
}

export function sessionLost(request: LeaseRequest): GatewayError {
  return request.lastError ?? new GatewayError('GW_SESSION_LOST', SESSION_LOST)
}

const SESSION_LOST = 'the upstream of this strict session is gone, or no longer what the client asks for'

/** Values named of each wish. */
const MAX_NAMED = 12

/** Names what could be asked for in place of the wishes. */
export function noMatch({ base, wishes }: Filter, pool: Pool): GatewayError {
  const named = wishes.map((facet) => [facet, pool.valuesOf(facet, base ?? anyUpstream)] as const)
  const unsaid = named.flatMap(([facet, values]) => (values.length === 0 ? facet : []))
  const first = unsaid.length === 0 ? 'no live address fits' : `no live address says its ${unsaid.join(' or ')}`
  return new GatewayError('GW_NO_MATCH', [first, ...named.flatMap(offered)].join('; '))
}

/** The values of one wish that live addresses have. */
function offered([facet, values]: readonly [Facet, readonly string[]]): readonly string[] {
  if (values.length === 0) return []
  if (facet === 'minlife') return [`longest life at purchase: ${longest(values)}`]
  const more = values.length > MAX_NAMED ? ` and ${values.length - MAX_NAMED} more` : ''
  return [`${facet} of live addresses: ${values.slice(0, MAX_NAMED).join(', ')}${more}`]
}

/** @param lives as `facetOf` writes them: `90s`, `endless` */
function longest(lives: readonly string[]): string {
  const seconds = lives.map((life) => (life === 'endless' ? Number.POSITIVE_INFINITY : Number.parseInt(life, 10)))
  return lives[seconds.indexOf(Math.max(...seconds))] ?? ''
}
