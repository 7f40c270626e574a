/** What a vendor sells: addresses, as its replies tell them, before they become upstreams of the pool. */
import type { Secret } from '../../secret.ts'
import type { VendorError } from './error.ts'

export type UpstreamProtocol = 'http' | 'https' | 'socks5'

/** How long an address lives, as its vendor tells it. */
export type Life =
  /** A time of day, already converted to ms since the epoch in the vendor's zone; not yet corrected for the vendor's clock skew. */
  | { readonly kind: 'until'; readonly wallMs: number }
  /** Milliseconds counted from when the request was sent. `isTerm`: rented for months, or stated by the user, so 48 h are not too long. */
  | { readonly kind: 'for'; readonly ms: number; readonly isTerm?: true }
  /** The vendor says nothing: the provider's `ttl`, else 60 s with a warning. */
  | { readonly kind: 'unknown' }
  /** Never expires by itself (a static list). */
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
  /** The address that targets will see, when it is not `host`. */
  readonly exit?: string
  /** Facts for the clients' geo options, in the vendor's own spelling. */
  readonly country?: string
  readonly area?: string
  readonly city?: string
  readonly isp?: string
  /** What names this address in the vendor's later calls (a task id, a uuid, `ip:port`). */
  readonly ref?: string
  /** Names a session at an address that many share: sessions that differ are different upstreams. */
  readonly session?: string
}

/** Bought, but without an address so far: `Source.follow` tells when there is one. It occupies its channel already. */
export interface Pending {
  readonly ref: string
  /** How long the vendor says it will take, ms from `Delivery.sentAt`. */
  readonly waitMs?: number
}

/** What one successful extraction brought. */
export interface Delivery {
  /** The vendor took the order and has not carried it out: `Followed.settled` tells later what must be paid for. */
  readonly isOpen?: true
  readonly sold: readonly ProxyRecord[]
  /** Only of products that have `Source.follow`. */
  readonly pending?: readonly Pending[]
  /** Items of the reply that could not be used, each with the reason in words; never a secret. */
  readonly rejected: readonly string[]
  /** What the vendor says is left on the account (addresses, requests), when the reply carries it. */
  readonly balance?: number
  /** What the reply was written in, for people: `JSON`, `text, separated by |`. */
  readonly format?: string
  /** Clock time at which the request left, ms. Lives count from here: an early deadline costs less than a late one. */
  readonly sentAt: number
  /** The reply's `Date` header as ms since the epoch: shows how far the vendor's clock is from ours. Resolution 1 s. */
  readonly vendorWallMs?: number
}

/** Where addresses stand that were bought before. An address that is `sold` under a ref of another one takes its place. */
export interface Followed extends Delivery {
  /** Refs that were asked for and that the vendor holds no longer for us: their channels are free. */
  readonly gone: readonly string[]
  /** No order is open any more (`Delivery.isOpen`, or no verdict): so many addresses of them must be paid for. */
  readonly settled?: number
  /** Why an order that was open brought less than it was for. */
  readonly failure?: VendorError
}
