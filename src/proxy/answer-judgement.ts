/** What the answer to a plain request, or its failure, shows about the upstream and the target, and what of it the client gets. */
import type { RequestForm } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { Outcome, Upstream } from '../pool/upstream.ts'
import { refusesLogin } from '../upstream/login-header.ts'

/** RFC 9110 section 9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

/** Whether a request with this method may be sent a second time. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method)
}

/** Whether the status is about the gateway's login at the upstream, and never for the client. @param form `origin`: the target has answered */
export function isAboutLogin(status: number, form: RequestForm): boolean {
  return form === 'absolute' && refusesLogin(status)
}

/** From an upstream that never worked: a status of proxies that have no way to the target, or to anything. */
export function isAmbiguous(status: number, form: RequestForm, upstream: Upstream): boolean {
  return !upstream.worked && form === 'absolute' && isFromProxy(status)
}

/** The outcome where the connection was open and the request on its way. Through a tunnel even garbage is the target's. */
export function outcomeOf(failure: Outcome, form: RequestForm): Outcome {
  if (failure.kind !== 'broken' || failure.how === 'unreachable' || failure.how === 'forbidden') return failure
  return failure.how === 'garbage' && form === 'absolute' ? failure : { kind: 'unanswered', how: failure.how }
}

/** RFC 9110 section 15: there are five classes. */
const LAST_STATUS = 599
/** Vendors' proxies use these for failures between them and the target. */
const FIRST_OF_PROXIES = 590
/** A proxy may generate these itself when it cannot reach the target (RFC 9110 sections 15.6.3 to 15.6.5). */
const GATEWAY_STATUSES = new Set([502, 503, 504])

/** Whether a status may mean that a proxy cannot reach the target. */
function isFromProxy(status: number): boolean {
  return GATEWAY_STATUSES.has(status) || status >= FIRST_OF_PROXIES
}

/**
 * The answer with a status that every client knows: retry lists contain 502, never 597. The received status is in Proxy-Status
 * (RFC 9209 section 2.1.3).
 * @param form `origin`: the target itself has answered, so 590 to 599 are its own
 */
export function presentable(head: ResponseHead, form: RequestForm): ResponseHead {
  const { status, lines } = head
  if (status < FIRST_OF_PROXIES || (status <= LAST_STATUS && form === 'origin')) return head
  return { ...head, status: 502, reason: '', lines: `${lines}Proxy-Status: turnpike; received-status=${status}\r\n` }
}
