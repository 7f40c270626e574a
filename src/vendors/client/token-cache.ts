/**
 * The token of a vendor's calls: fetched on first use, renewed before it ends and when the vendor rejects it. One call fetches it
 * for all waiting callers.
 */
import type { Clock } from '../../clock.ts'
import type { Secret } from '../../secret.ts'
import type { Life } from '../contract/delivery.ts'
import { VendorError } from '../contract/error.ts'
import type { CallOrder } from '../contract/source.ts'
import type { VendorLogin } from '../contract/vendor.ts'

/** A token with the facts of its call. */
interface Fetched {
  readonly token: Secret
  readonly life: Life
  /** Clock time at which the call was sent, ms. */
  readonly sentAt: number
  /** The reply's `Date` as ms since the epoch. */
  readonly vendorWallMs: number | undefined
}

interface Held {
  readonly token: Secret
  /** Clock times, ms. */
  readonly renewAt: number
  readonly endsAt: number
}

interface Flight {
  readonly done: Promise<Held>
  readonly signal: AbortSignal
}

export class TokenCache {
  readonly #clock: Clock
  readonly #login: VendorLogin
  readonly #fetch: (order: CallOrder) => Promise<Fetched>
  #held: Held | undefined
  #flight: Flight | undefined

  constructor(clock: Clock, login: VendorLogin, fetch: (order: CallOrder) => Promise<Fetched>) {
    this.#clock = clock
    this.#login = login
    this.#fetch = fetch
  }

  /**
   * The token for a call that is about to be made.
   * @throws {VendorError} of the call that fetches it, which bought nothing; rejects with the signal's reason on abort
   */
  async get({ signal, priority }: CallOrder): Promise<Secret> {
    for (;;) {
      signal.throwIfAborted()
      if (this.#held !== undefined && this.#clock.now() < this.#held.renewAt) return this.#held.token
      const flight = this.#flight ?? this.#start({ signal, priority })
      try {
        return (await unlessAborted(flight.done, signal)).token
      } catch (error) {
        signal.throwIfAborted()
        // The order that fetched it was cancelled: the next one fetches it.
        if (flight.signal.aborted) continue
        if (this.#held !== undefined && this.#clock.now() < this.#held.endsAt) return this.#held.token
        throw error instanceof VendorError ? unsold(error) : error
      }
    }
  }

  /** The vendor has rejected it. */
  forget(token: Secret): void {
    if (this.#held?.token === token) this.#held = undefined
  }

  #start(order: CallOrder): Flight {
    const done = this.#fetch(order)
      .then((fetched) => {
        this.#held = this.#hold(fetched)
        return this.#held
      })
      .finally(() => {
        this.#flight = undefined
      })
    this.#flight = { done, signal: order.signal }
    return this.#flight
  }

  #hold({ token, life, sentAt, vendorWallMs }: Fetched): Held {
    if (life.kind === 'unknown' || life.kind === 'endless')
      return { token, renewAt: Number.POSITIVE_INFINITY, endsAt: Number.POSITIVE_INFINITY }
    const wallMs = vendorWallMs ?? this.#clock.wall() - (this.#clock.now() - sentAt)
    const lifeMs = life.kind === 'for' ? life.ms : life.wallMs - wallMs
    const endsAt = sentAt + lifeMs
    return { token, endsAt, renewAt: endsAt - this.#login.renewBeforeMs(lifeMs) }
  }
}

/** A waiting caller can abort; the promise continues for the others. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** No order was sent, whatever the result of the call for the token. */
function unsold({ class: errorClass, vendorCode, message, hint, wait, operation }: VendorError): VendorError {
  return new VendorError(errorClass, vendorCode, message, { hint, wait, operation, sale: 'refused' })
}
