/** May another upstream be tried? Decided here alone, before anything was said to the client. */
import { type ErrorCode, GatewayError } from '../errors.ts'
import type { Verdict } from '../pool/health.ts'
import { type Breakage, NO_ANSWER, SOCKS_REPLY } from '../pool/upstream.ts'
import type { LegFailure } from '../upstream/connection.ts'

/** `same`: once more at the session's own upstream. */
export type NextStep = 'same' | 'another' | 'give-up'

/** A session tries its own upstream this often before it moves: one lost packet is no reason to change the address. */
const OWN_TRIES = 2

export interface TryResult {
  readonly failure: LegFailure
  readonly verdict: Verdict
  /** Dials made for this client, this one included. */
  readonly tries: number
  readonly maxTries: number
  /** Of them at the session's own upstream; 0 without a session. */
  readonly ownTries: number
  readonly strict: boolean
}

export function nextStep({ failure, verdict, tries, maxTries, ownTries, strict }: TryResult): NextStep {
  if (failure.kind === 'local' || verdict === 'target' || tries >= maxTries) return 'give-up'
  const staysForNow = ownTries > 0 && ownTries < OWN_TRIES && failure.kind === 'broken'
  if (strict && ownTries > 0 && !staysForNow) return 'give-up'
  return staysForNow ? 'same' : 'another'
}

const BROKEN: Readonly<Record<Breakage, { code: ErrorCode; message: string }>> = {
  unreachable: { code: 'GW_UPSTREAM_UNREACHABLE', message: 'the upstream could not be connected to' },
  silent: { code: 'GW_UPSTREAM_SILENT', message: 'the upstream did not answer in time' },
  closed: { code: 'GW_UPSTREAM_CLOSED', message: 'the upstream closed the connection before the tunnel was open' },
  garbage: { code: 'GW_UPSTREAM_GARBAGE', message: 'the upstream answered with something that is no proxy answer' },
}

/** What the client hears if nothing better comes. */
export function errorOf(failure: LegFailure, verdict: Verdict): GatewayError {
  switch (failure.kind) {
    case 'local':
      return new GatewayError('GW_INTERNAL', 'this machine is out of a resource that a connection needs', {
        detail: { code: failure.code },
      })
    case 'broken':
      return new GatewayError(BROKEN[failure.how].code, BROKEN[failure.how].message)
    case 'login':
      return new GatewayError('GW_UPSTREAM_LOGIN', 'the upstream does not accept the login', {
        detail: { status: failure.status },
      })
    case 'refused':
      return refusal(failure.answer, verdict)
  }
}

function refusal(answer: number, verdict: Verdict): GatewayError {
  if (answer === NO_ANSWER) return new GatewayError('GW_UPSTREAM_SILENT', 'the upstream did not answer in time')
  const words = answer >= SOCKS_REPLY ? `SOCKS reply ${answer - SOCKS_REPLY}` : `HTTP status ${answer}`
  const detail = { answer: words }
  if (verdict === 'target')
    return new GatewayError('GW_TARGET_REFUSED', `two upstreams refused this target alike (${words})`, { detail })
  return new GatewayError('GW_UPSTREAM_REFUSED', `the upstream refused this target (${words})`, { detail })
}
