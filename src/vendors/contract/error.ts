/** The meaning of a failed vendor call for the provider, and for its order. */
import type { ErrorCode } from '../../errors.ts'

/** The meaning of a failed call for the provider: docs/vendors/README.md lists what each class does. */
export type ErrorClass =
  | 'auth'
  | 'whitelist'
  | 'expired_plan'
  | 'quota_exhausted'
  | 'rate_limited'
  | 'no_resource'
  | 'bad_request'
  | 'server'

export const codeOfClass = {
  auth: 'GW_VENDOR_AUTH',
  whitelist: 'GW_VENDOR_WHITELIST',
  expired_plan: 'GW_VENDOR_PLAN_EXPIRED',
  quota_exhausted: 'GW_VENDOR_QUOTA',
  rate_limited: 'GW_VENDOR_RATE_LIMITED',
  no_resource: 'GW_VENDOR_NO_RESOURCE',
  bad_request: 'GW_VENDOR_BAD_REQUEST',
  server: 'GW_VENDOR_SERVER',
} as const satisfies Record<ErrorClass, ErrorCode>

/**
 * The edge that a `quota_exhausted` or `rate_limited` answer asks us to wait for.
 * `minute`, `hour`: the next full one; `day+08:00`: the next midnight in China, and so for each zone; `earliest-deadline`: until
 * an address that the provider holds expires (a channel gets free); a number: so many milliseconds.
 */
export type WaitEdge = 'minute' | 'hour' | `day${'+' | '-'}${string}` | 'earliest-deadline' | number

/** The midnight of a zone as an edge: its sign, hours and minutes. */
export const DAY_EDGE = /^day([+-])(0\d|1[0-4]):([0-5]\d)$/

/** The cost of a failed order: nothing, all that was ordered, or unknown. */
export type Sale = 'refused' | 'sold' | 'unknown'

/** Transport codes after which the request may have been executed: no answer in the vendor's own form arrived. */
const UNANSWERED: ReadonlySet<string> = new Set(['http', 'network', 'timeout', 'redirect', 'body'])

/** A vendor call without a usable result. */
export class VendorError extends Error {
  readonly class: ErrorClass
  /** The vendor's own code, as text: `401`, `REQUEST_LIMIT_EXCEEDED`, `-11`; `http`, `connect`, `network`, `timeout`, `body` for the transport. */
  readonly vendorCode: string
  /** What the operator should do next. */
  readonly hint: string | undefined
  readonly wait: WaitEdge | undefined
  /** The cost, if the call was an order. */
  readonly sale: Sale
  /** The failed operation, by its name in the vendor's table, if there was one. */
  readonly operation: string | undefined
  /** The token of the call is no longer valid (`Vendor.login`). */
  readonly endsLogin: boolean
  /** The `Date` header of the reply that said so, ms since the epoch, if there was one. */
  readonly vendorWallMs: number | undefined

  /** @param message the vendor's own message, with every secret masked */
  constructor(errorClass: ErrorClass, vendorCode: string, message: string, options: VendorErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'VendorError'
    this.class = errorClass
    this.vendorCode = vendorCode
    this.hint = options.hint
    this.wait = options.wait
    this.sale = options.sale ?? (errorClass === 'server' && UNANSWERED.has(vendorCode) ? 'unknown' : 'refused')
    this.operation = options.operation
    this.endsLogin = options.endsLogin ?? false
    this.vendorWallMs = options.vendorWallMs
  }
}

interface VendorErrorOptions {
  readonly hint?: string | undefined
  readonly wait?: WaitEdge | undefined
  readonly sale?: Sale | undefined
  readonly operation?: string | undefined
  readonly endsLogin?: boolean | undefined
  readonly vendorWallMs?: number | undefined
  readonly cause?: unknown
}
