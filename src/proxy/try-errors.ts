/** Errors for clients whose tries have failed: what the last failure was, in the words of its protocol. */

import { GatewayError } from '../errors.ts'
import { given } from '../given.ts'
import type { Verdict } from '../pool/health.ts'
import { codeOf, NO_ANSWER, type Outcome, SOCKS_REPLY } from '../pool/upstream.ts'
import type { DialFailure } from '../upstream/connection.ts'

/** The error for the client after this failure, when nothing better follows. */
export function errorOf(failure: DialFailure, verdict: Verdict): GatewayError {
  if (failure.kind === 'local') {
    return new GatewayError('GW_INTERNAL', 'this machine is out of a resource that a connection needs', {
      detail: { code: failure.code },
    })
  }
  if (verdict === 'target') return targetError(failure)
  const detail = failure.kind === 'login' ? { status: failure.status } : { answer: answerText(failure) }
  return new GatewayError(codeOf(failure), messageOf(failure), { detail })
}

/** The same for a connection to the target itself: nothing else is tried. */
export function directError(failure: DialFailure): GatewayError {
  if (failure.kind === 'local') return errorOf(failure, 'another')
  if (failure.kind !== 'broken') {
    return new GatewayError('GW_TARGET_UNREACHABLE', `the target, connected to directly, ${UNANSWERED[howOf(failure)]}`)
  }
  const { how, code } = failure
  if (how === 'forbidden') {
    const message =
      'a rule of routes sends this target directly, and it leads to a private address or to this machine: the rule must name the host or the block of addresses, or have allowPrivate'
    return new GatewayError('GW_TARGET_NOT_ALLOWED', message)
  }
  const detail = given({ code })
  if (code === 'ECONNREFUSED')
    return new GatewayError('GW_TARGET_REFUSED', 'the target, connected to directly, refused the connection', {
      detail,
    })
  const text = NAME_ERRORS.test(code ?? '') ? 'has a name that could not be resolved' : DIRECT_FAILURES[how]
  return new GatewayError('GW_TARGET_UNREACHABLE', `the target ${text}${codeText(code)}`, { detail })
}

/** Codes of c-ares and getaddrinfo; a connection that takes too long is ETIMEDOUT. */
const NAME_ERRORS = /^(ENOTFOUND|ENODATA|ESERVFAIL|EREFUSED|ETIMEOUT|EBADNAME|EBADRESP|EAI_.*)$/

const DIRECT_FAILURES = {
  unreachable: 'could not be connected to directly',
  silent: 'did not accept a direct connection in time',
  closed: 'closed a direct connection before it was used',
  garbage: 'spoke on a direct connection before it was asked, which no HTTP server does',
} as const

function codeText(code: string | undefined): string {
  return code === undefined ? '' : ` (${code})`
}

function targetError(failure: Outcome): GatewayError {
  const answer = answerText(failure)
  if (failure.kind === 'unanswered' || answer === undefined) {
    const message = `the target could not be reached: several upstreams took the request and ${UNANSWERED[howOf(failure)]}`
    return new GatewayError('GW_TARGET_UNREACHABLE', message)
  }
  return new GatewayError('GW_TARGET_REFUSED', `two upstreams refused this target alike (${answer})`, {
    detail: { answer },
  })
}

const BEFORE_REQUEST = {
  forbidden: 'the upstream leads to a private address or to the gateway itself, and was not connected to',
  unreachable: 'the upstream could not be connected to',
  silent: 'the upstream did not finish the connection, TLS or login in time; the target was not asked for',
  closed: 'the upstream closed the connection before it was asked for the target',
  garbage: 'the upstream answered with something that is no proxy answer',
} as const

const UNANSWERED = {
  silent: 'did not answer in time',
  closed: 'closed the connection without an answer',
  garbage: 'brought back something that is no HTTP answer',
} as const

function messageOf(failure: Outcome): string {
  switch (failure.kind) {
    case 'broken':
      return BEFORE_REQUEST[failure.how]
    case 'login':
      return 'the upstream does not accept the login'
    case 'unanswered':
      return unansweredText(failure.how)
    case 'refused':
      if (failure.answer === NO_ANSWER) return unansweredText('silent')
      return `the upstream refused this target (${answerText(failure)})`
  }
}

function unansweredText(how: keyof typeof UNANSWERED): string {
  return `the upstream was connected and asked for the target, and ${UNANSWERED[how]}: either of the two may be the cause`
}

function howOf(failure: Outcome): keyof typeof UNANSWERED {
  return failure.kind === 'unanswered' ? failure.how : 'silent'
}

/** The refusal in terms of its protocol; undefined without a complete answer. */
function answerText(failure: Outcome): string | undefined {
  if (failure.kind !== 'refused' || failure.answer === NO_ANSWER) return undefined
  const { answer } = failure
  return answer >= SOCKS_REPLY ? `SOCKS reply ${answer - SOCKS_REPLY}` : `HTTP status ${answer}`
}
