/** Decides whether another upstream may be tried, before anything was sent to the client. */
import type { GatewayError } from '../errors.ts'
import type { DialFailure, UpstreamConnection } from '../upstream/connection.ts'

/** `same`: once more with the session's own upstream. */
type NextStep = 'same' | 'another' | 'give-up'

/** A session tries its own upstream this often before it moves: one lost packet must not change the address. */
const OWN_TRIES = 2

/** A failed try, and those before it. */
interface TriesSoFar {
  readonly failure: DialFailure
  /** The error for the client when nothing better follows; the catalogue decides what may follow. */
  readonly error: GatewayError
  /** Dials for this client, including this one. */
  readonly tries: number
  readonly maxTries: number
  /** Of them with the session's own upstream; 0 without a session. */
  readonly ownTries: number
  readonly strict: boolean
}

export function nextStep({ failure, error, tries, maxTries, ownTries, strict }: TriesSoFar): NextStep {
  if (error.spec.retry !== 'another-upstream' || tries >= maxTries) return 'give-up'
  const staysForNow = ownTries > 0 && ownTries < OWN_TRIES && isInterruption(failure)
  if (strict && ownTries > 0 && !staysForNow) return 'give-up'
  return staysForNow ? 'same' : 'another'
}

/** Whether the upstream had closed a connection that was opened in advance: that is not a failure. */
export function isStale({ wasWarm }: UpstreamConnection, failure: DialFailure): boolean {
  return wasWarm && isInterruption(failure) && failure.how === 'closed'
}

/** No answer came, or none that is valid. */
function isInterruption(failure: DialFailure): failure is Extract<DialFailure, { kind: 'broken' | 'unanswered' }> {
  return failure.kind === 'broken' || failure.kind === 'unanswered'
}
