/** Classifies a complete reply: by HTTP status first, then by the vendor's own message. */
import { type ErrorClass, VendorError } from '../contract/error.ts'
import type { RawReply } from '../contract/operation.ts'
import { httpDate } from '../parse/time.ts'
import type { VendorReply } from './http.ts'

/**
 * Judges a whole reply: the status first, then the vendor's own words as `decode` reads them.
 * @param decode gives the data, or throws VendorError; the code `body` means that it could not read the body at all
 * @param wallMs now, for a Retry-After that is a date
 */
export function judge<T>(reply: VendorReply, wallMs: number, decode: (reply: RawReply) => T): T {
  if (reply.status === 429) {
    const tooMany = tooManyRequests(reply, reply.vendorWallMs ?? wallMs)
    const said = saidIn(() => decode(reply))
    throw said === undefined ? tooMany : ofTooMany(said, tooMany)
  }
  // Some vendors report what went wrong under HTTP 400 with their usual envelope.
  if (reply.status < 300 || reply.status === 400) return decode(reply)
  const said = saidIn(() => decode(reply))
  if (said !== undefined) throw said
  if (reply.status === 401 || reply.status === 403)
    throw new VendorError('auth', 'http', `the vendor refused the call (HTTP ${reply.status})`)
  throw new VendorError('server', 'http', `the vendor answered with HTTP ${reply.status}`)
}

/** Some vendors use the status for a quota too: their own code tells which. */
export const CLASSES_OF_429: readonly ErrorClass[] = ['rate_limited', 'quota_exhausted', 'expired_plan', 'no_resource']

function ofTooMany(said: VendorError, tooMany: VendorError): VendorError {
  const { class: errorClass, vendorCode, message, hint } = said
  if (!CLASSES_OF_429.includes(errorClass)) return tooMany
  // Retry-After is about the rate of calls; when a quota is renewed, the table knows.
  const wait = errorClass === 'rate_limited' ? (tooMany.wait ?? said.wait) : (said.wait ?? tooMany.wait)
  return new VendorError(errorClass, vendorCode, message, { hint, wait })
}

/** Codes of the readers for a body that they cannot read, or in which there is nothing. */
const UNSAID = new Set(['body', 'empty'])

/** The vendor's own error in a reply, if there is one. */
function saidIn(decode: () => unknown): VendorError | undefined {
  try {
    decode()
    return undefined
  } catch (error) {
    if (error instanceof VendorError) return UNSAID.has(error.vendorCode) ? undefined : error
    throw error
  }
}

/** RFC 9110 section 10.2.3: seconds or a date. A date is measured on the vendor's own clock where it tells the time. */
function tooManyRequests(reply: VendorReply, vendorNowMs: number): VendorError {
  const header = reply.headers['retry-after']
  const text = typeof header === 'string' ? header.trim() : ''
  const until = httpDate(text)
  const wait = /^\d{1,6}$/.test(text)
    ? Number(text) * 1000
    : until === undefined
      ? undefined
      : Math.max(until - vendorNowMs, 0)
  return new VendorError('rate_limited', 'http', 'the vendor says too many calls (HTTP 429)', { wait })
}
