/** What the operator reads of a failure: what happened, and what to do. */
import { StoreError } from '../store/errors.ts'
import { VendorError } from '../vendors/contract/error.ts'

export interface FailedCall {
  /** The operation that an order calls: another one is named in the words. */
  readonly expected: string
  /** The gateway could register its address itself, and may not. */
  readonly couldRegister: boolean
}

/** As it is; or, of a failure before the call could be sent, what that means for the provider. */
export function asVendorError(error: unknown): VendorError {
  if (error instanceof VendorError) return error
  if (error instanceof StoreError)
    return new VendorError('server', 'store', `nothing is bought that cannot be recorded: ${error.message}`)
  return new VendorError('server', 'internal', 'the call failed inside the gateway', { cause: error })
}

export const wordsOf = (error: unknown): string => asVendorError(error).message

/** Names the failed operation when it is not the order's own: `HTTP 404` alone does not tell what failed. */
export function callFailure(
  { class: errorClass, message, hint, vendorCode, operation }: VendorError,
  { expected, couldRegister }: FailedCall,
): string {
  const isOther = operation !== undefined && (operation !== expected || vendorCode === 'http')
  const words = isOther ? `${operation}: ${message}` : message
  const register = errorClass === 'whitelist' && couldRegister ? 'set whitelist: auto' : undefined
  const hints = [hint, register].filter((one) => one !== undefined)
  return hints.length === 0 ? words : `${words} (${hints.join(', or ')})`
}

/** How the addresses identify this gateway. */
export interface Identification extends Pick<FailedCall, 'couldRegister'> {
  /** It logs in at them. */
  readonly hasLogin: boolean
}

/** @param count addresses in a row that failed their first use */
export function addressFailure(count: number, cause: string | undefined, identification: Identification): string {
  return `${count} different addresses in a row failed (${cause}): ${causeInWords(cause, identification)}`
}

function causeInWords(cause: string | undefined, { hasLogin, couldRegister }: Identification): string {
  if (cause === 'login' && !hasLogin)
    return couldRegister
      ? 'they ask for a login, and none is configured: set upstream.username and upstream.password, or register this machine’s address with the vendor (set whitelist: auto)'
      : 'they ask for a login, and none is configured: set upstream.username and upstream.password, or register this machine’s address with the vendor'
  if (cause === 'login') return 'the login at the upstreams is wrong: check username, password and headers'
  if (cause === 'silent') return 'no answer: is this machine on the vendor’s whitelist for using the addresses?'
  if (cause === 'forbidden') return 'they lead to private addresses: allowPrivate: true accepts them'
  if (cause === 'unreachable') return 'no connection: is outgoing traffic to the vendor’s addresses allowed here?'
  return 'is this machine on the vendor’s whitelist, and is the protocol (http, socks5) the one that was bought?'
}

export const lineFailure = (broken: number): string =>
  `${broken} addresses in a row broke: the vendor's line, or our way to it, is down`
