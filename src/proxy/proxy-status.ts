/** Statuses that a proxy generates itself, and those that must not reach a client. */
import type { RequestForm } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'

/** RFC 9110 section 15: there are five classes. */
const LAST_STATUS = 599
/** Vendors' proxies use these for failures between them and the target. */
const FIRST_OF_PROXIES = 590
/** A proxy may generate these itself when it cannot reach the target (RFC 9110 sections 15.6.3 to 15.6.5). */
const GATEWAY_STATUSES = new Set([502, 503, 504])

/** Whether a status may mean that a proxy cannot reach the target. */
export function isFromProxy(status: number): boolean {
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
