/** What the answer to a plain request, or its failure, shows about the upstream and the target. */
import type { RequestForm } from '../http1/request-head.ts'
import type { Outcome, Upstream } from '../pool/upstream.ts'
import { refusesLogin } from '../upstream/login-header.ts'
import { isFromProxy } from './proxy-status.ts'

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
