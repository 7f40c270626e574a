/** What a vendor sells: addresses as its replies contain them, before they become upstreams of the pool. */
import type { Secret } from '../../secret.ts'
import type { VendorError } from './error.ts'

export type UpstreamProtocol = 'http' | 'https' | 'socks5'

/** How long an address lives, as the vendor reports it. */
export type Life =
  /** A time of day, already converted to ms since the epoch in the vendor's zone; not yet corrected for the vendor's clock skew. */
  | { readonly kind: 'until'; readonly wallMs: number }
  /** Milliseconds counted from when the request was sent. `isTerm`: rented for months, or stated by the user, so 48 h are not too long. */
  | { readonly kind: 'for'; readonly ms: number; readonly isTerm?: true }
  /** The vendor reports none: the provider's `ttl`, else 60 s with a warning. */
  | { readonly kind: 'unknown' }
  /** No end (a static list). */
  | { readonly kind: 'endless' }

/** One address as sold, before it becomes an upstream of the pool. */
export interface ProxyRecord {
  /** Where to connect: host name, IPv4, or IPv6 without brackets. */
  readonly host: string
  readonly port: number
  readonly protocol: UpstreamProtocol
  readonly username?: string
  readonly password?: Secret
  readonly life: Life
  /** The address that targets see, when it is not `host`. */
  readonly exit?: string
  /** Facts for the clients' geo options, in the vendor's own spelling. */
  readonly country?: string
  readonly area?: string
  readonly city?: string
  readonly isp?: string
  /** The vendor's name for this address in later calls (a task id, a uuid, `ip:port`). */
  readonly ref?: string
  /** The session at an address that several sessions share: different sessions are different upstreams. */
  readonly session?: string
}

/** Bought, but without an address yet: `Source.follow` reports it later. It occupies its channel already. */
export interface Pending {
  readonly ref: string
  /** Expected time according to the vendor, ms from `Delivery.sentAt`. */
  readonly waitMs?: number
}

/** The result of one successful extraction. */
export interface Delivery {
  /** The vendor accepted the order and has not executed it: `Followed.settled` reports later what must be paid for. */
  readonly isOpen?: true
  /** How many addresses must be paid for now; default: those of the reply. For vendors that list what was paid for before. */
  readonly paid?: number
  /** Why nothing was ordered although nothing is wrong: `sold` only lists what is held. */
  readonly complete?: string
  readonly sold: readonly ProxyRecord[]
  /** Only for products with `Source.follow`. */
  readonly pending?: readonly Pending[]
  /** Items of the reply that could not be used, each with the reason; never a secret. */
  readonly rejected: readonly string[]
  /** The balance of the account (addresses, requests), if the reply contains it. */
  readonly balance?: number
  /** The format of the reply, for display: `JSON`, `text, separated by |`. */
  readonly format?: string
  /** Clock time of sending the request, ms. Lives count from here: an early deadline costs less than a late one. */
  readonly sentAt: number
  /** The reply's `Date` header as ms since the epoch: shows the difference of the vendor's clock and ours. Resolution 1 s. */
  readonly vendorWallMs?: number
}

/** The state of addresses that were bought before. A `sold` address with the ref of another one replaces it. */
export interface Followed extends Delivery {
  /** Requested refs that the vendor no longer holds for us: their channels are free. */
  readonly gone: readonly string[]
  /** No order is open any more (`Delivery.isOpen`, or no verdict): this many addresses of them must be paid for. */
  readonly settled?: number
  /** Why an open order delivered fewer than ordered. */
  readonly failure?: VendorError
}
