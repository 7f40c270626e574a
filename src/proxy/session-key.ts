/** The session of a request, and the checks of its session options. */
import { hash } from 'node:crypto'
import { hostKey, type Target } from '../address.ts'
import type { ClientOptions } from '../downstream/client-options.ts'
import type { ClientIdentity } from '../downstream/client-request.ts'
import { GatewayError } from '../errors.ts'
import type { Filter } from '../pool/filter.ts'
import type { ListenerDefaults, Origin } from './route.ts'

/** Options about a session need a session. @throws {GatewayError} GW_BAD_OPTION */
export function checkSessionOptions(
  options: ClientOptions,
  sessionKey: string | undefined,
  sharesAddresses: boolean,
): void {
  const { exclusive = false, uses, strict = false } = options
  const refuse = (words: string) => {
    throw new GatewayError('GW_BAD_OPTION', words)
  }
  if (sessionKey === undefined && (exclusive || uses !== undefined))
    refuse(`the option "${exclusive ? 'exclusive' : 'uses'}" is for sessions: name one, as in crawler-session-42`)
  if (exclusive && sharesAddresses)
    refuse('the option "exclusive" needs pool.perUpstream.connections in a cluster; 1000 is enough')
  if (strict && uses !== undefined)
    refuse('the options "strict" and "uses" contradict each other: a strict session has no other address')
}

/** The position of a client among the weights of a group: always the same for one session. */
export function shareOf(
  { account, options }: ClientIdentity,
  target: Target,
  origin: Origin,
  defaults: ListenerDefaults,
): number {
  if (options.session === undefined && defaults.session === 'off') return Math.random()
  const key = options.session ?? (defaults.session === 'client' ? origin.clientAddress : hostKey(target.host))
  return Number.parseInt(hash('sha256', `${account ?? ''}\n${key}`).slice(0, 8), 16) / 2 ** 32
}

/**
 * A session belongs to its account and its wishes: the same name under another account is another session. Rules and rights are no
 * part of it, so that it outlives a reload that changes them. The key is a SHA-256 digest: names may be as long as a request head,
 * and sessions are kept by the hundred thousand.
 * @param wishes of the client alone
 */
export function sessionKeyOf(
  { account, options }: ClientIdentity,
  target: Target,
  origin: Origin,
  defaults: ListenerDefaults,
  wishes: Filter,
): string | undefined {
  const { session } = options
  if (session === undefined && defaults.session === 'off') return undefined
  const scope = `${account ?? ''}\n${wishes.key}`
  if (session !== undefined) return digest(`key\n${session}\n${scope}`)
  if (defaults.session === 'client') return digest(`client\n${origin.clientAddress}\n${scope}`)
  return digest(`target\n${hostKey(target.host)}\n${scope}`)
}

/** A client without a session is identified by its account, or by its address when it has none. @param wishes of the client alone */
export function ownerOf({ account }: ClientIdentity, origin: Origin, wishes: Filter): string {
  return digest(`last\n${account ?? origin.clientAddress}\n${wishes.key}`)
}

/** Not in a digest. */
const BESIDE = '.'

/**
 * Where a session lives on an upstream whose provider may not serve a target, another session beside it serves that target.
 * @param provider of the session's upstream @param permitted the providers that may serve the target; undefined: any
 * @returns the key of the session beside it; undefined: there is none
 */
export function besideKey(key: string, provider: string, permitted: readonly string[] | undefined): string | undefined {
  if (permitted === undefined || permitted.includes(provider) || key.includes(BESIDE)) return undefined
  return `${key}${BESIDE}${permitted[0] ?? ''}`
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url')
}
