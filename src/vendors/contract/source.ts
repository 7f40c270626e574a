/** The contract between supply and a vendor: one configured account and product, ready to be called. */
import type { Secret } from '../../secret.ts'
import type { Delivery, Followed } from './delivery.ts'
import type { VendorError } from './error.ts'
import type { Credentials, Operation, Params, RateLimit } from './operation.ts'
import type { AccountFacts, Channels, NamedValue } from './vendor.ts'

/** The part of an order that its calls see. */
export interface CallTicket {
  /** @returns true once: for the call whose slot in the window is booked already */
  takes(windowKey: string): boolean
  /** A call that buys is about to leave: from now on the vendor may have sold. */
  sent(): void
  /** The vendor refused the call that took the slot, because of the number of calls. */
  tooMany(): void
}

/** What a vendor has told of a credential since the process started. Shared by all sources of the credential. */
export interface LearnedFacts {
  channels: number | undefined
  /** Parameters that make an extraction register the address that it comes from. */
  callerParams: Params
}

export interface CallLimit extends RateLimit {
  readonly key: string
  /** The operation, and the provider, that state this limit. */
  readonly statedBy: string
}

/** A provider as configured: what `openSource` of the registry makes a `Source` from. Durations in ms, sizes in bytes. */
export interface SourceSettings {
  /** The user's own name for it: labels messages, means nothing to the vendor. */
  readonly name: string
  readonly vendor: string
  readonly product: string
  readonly credentials: Credentials
  /** The vendor's own parameters, sent with every extraction. */
  readonly request: Params
  /**
   * Login at the upstreams where the vendor tells none per item; `protocol` for those whose port speaks both; `tls` speaks
   * TLS to those that would be spoken to in clear.
   */
  readonly upstream?: {
    readonly username?: string
    readonly password?: Secret
    readonly protocol?: 'http' | 'socks5'
    readonly tls?: boolean
  }
  /** The same API elsewhere: scheme, host, port and path prefix. Every operation goes there, also those with a host of their own. */
  readonly baseUrl?: string
  /** Accept loopback, private and link-local upstream addresses. */
  readonly allowPrivate: boolean
  /** How many channels the account has, for products sold by channel. */
  readonly channels?: number
  /** Part of the documented limits that this gateway may use, above 0 and at most 1. */
  readonly limit: { readonly share: number }
  /** Life of an address whose vendor tells none. */
  readonly ttlMs?: number
  /** Deadline of one call, connecting included. */
  readonly callTimeoutMs: number
  readonly maxBodyBytes: number
  /** The keys that only this product has, as its `settings` parsed them. */
  readonly own?: Readonly<Record<string, unknown>>
  /** Where the vendor `static` finds its addresses; exactly one of the three. Entries and URL may hold logins. */
  readonly list?: readonly (string | Secret)[]
  readonly file?: string
  readonly url?: Secret
}

/** When addresses that still work are given back to the vendor, by the user's word. */
export interface GivesBack {
  /** No client has asked for so long, ms. */
  readonly idleMs?: number
  /** The gateway stops. */
  readonly onStop: boolean
}

/** One configured account and product, ready to be called. This is all that refill and admin see of a vendor. */
export interface Source {
  readonly vendor: string
  readonly product: string
  readonly maxPerCall: number
  /** How many addresses every extraction brings (and costs), whatever count is asked for; undefined where the count decides. */
  readonly batchSize?: number | undefined
  /** An order is raised to so many where budget, channels and ceilings allow it; 1 when left out. */
  readonly minPerOrder?: number
  /** An extraction lists what is held already beside what is new. */
  readonly listsHeld?: boolean
  /** A list of the user's own: nothing is bought, so all of it is taken at once, whatever the demand. */
  readonly isList: boolean
  /** Sold by channel: no more addresses may be held than there are channels. */
  readonly byChannel: boolean
  /** How many channels the configuration states, else what `channelsNow` last said; undefined when unknown or not sold by channel. */
  readonly channels: number | undefined
  /** Names the credential at its vendor: a digest, no secret. Sources with equal names share everything that is counted. */
  readonly account: string
  /** The documented limit of an operation, as far as is known now. Calls with the same `key` count together: a digest, no secret. */
  limitOf(operation: string): CallLimit
  /** The operation that `extract` calls, and the one that `query` calls if the product can list what it holds. */
  readonly extractOperation: string
  readonly queryOperation: string | undefined
  /**
   * Buys up to `count` addresses. Every call that it makes goes through the gate (http.ts), `priority` first.
   * @param ticket of the order that this is
   * @throws {VendorError}; rejects with the signal's reason on abort
   */
  extract(count: number, signal: AbortSignal, priority?: number, ticket?: CallTicket): Promise<Delivery>
  /** Lists what the account holds now; only where `queryOperation` is set. @throws {VendorError} */
  query(signal: AbortSignal, priority?: number): Promise<Delivery>
  /** Only where addresses come later (`Delivery.pending`) or change while they are held. */
  readonly follow?: Follow
  /**
   * Gives an address back before its deadline, which frees its channel: one call within the release limit.
   * Only for products that can. @param ref `ProxyRecord.ref` @throws {VendorError}; until it resolves the vendor still counts the address
   */
  release?(ref: string, signal: AbortSignal, priority?: number): Promise<void>
  /** When good addresses are given back; undefined: never. Only together with `release`. */
  readonly givesBack?: GivesBack | undefined
  /**
   * Gives an address back and takes another in one call of `replaceOperation`. Only for products that can.
   * @param ticket of the order that this is
   * @throws {VendorError}
   */
  replace?(ref: string, signal: AbortSignal, priority?: number, ticket?: CallTicket): Promise<Delivery>
  readonly replaceOperation?: string
  /** Buys more time for addresses that are held; undefined: never, or the product cannot. */
  readonly renewal?: Renewal | undefined
  /** Asks how many channels there are; limits and `channels` follow the answer unless configured. Only where the vendor tells. @throws {VendorError} */
  channelsNow?(signal: AbortSignal): Promise<Channels>
  /** Asks what is left on the account and when the plan ends. Only where the vendor tells. @throws {VendorError} */
  accountNow?(signal: AbortSignal): Promise<AccountFacts>
  /** The call that lists places or lines by name, with its parameters, and how its data is read. Only where the vendor has one. */
  readonly areas?: { readonly operation: string; readonly params: Params; read(data: unknown): readonly NamedValue[] }
  /** Whether the key of this product can use an operation. */
  canCall?(operation: string): boolean
  /** Only for vendors whose whitelist can be written by a call. */
  readonly whitelist?: Whitelist
  /** The vendor can let us know that something changed: a list is read again then. */
  readonly hasCallbacks?: true
  /** `extract` may make more than one call, or wait for another call of the account: it cannot hold a slot meanwhile. */
  readonly takesSeveralCalls?: boolean
  /** Any operation by name, parameters validated against its table. @throws {VendorError} class bad_request names parameter and range */
  call(operation: string, params: Params, signal: AbortSignal, priority?: number, ticket?: CallTicket): Promise<unknown>
  readonly operations: Readonly<Record<string, Operation>>
  /** What else a call at the operator's word needs; only where there is a table. */
  readonly byHand?: ByHand
}

/** What surrounds `Source.call` when a person makes the call. Nothing of it calls the vendor. */
export interface ByHand {
  /**
   * Checks the parameters as a person gave them.
   * @returns how many addresses the call must be feared to buy; 0 for what buys nothing
   * @throws {VendorError} class bad_request with every mistake in words
   */
  plan(operation: string, params: Params): Promise<number>
  /** As how many calls a call counts against its limit. */
  slots(operation: string, params: Params): number
  /** What the person should know of a call that is made all the same. */
  warnings(operation: string, params: Params): readonly string[]
  /**
   * The data of a reply as it may be shown: every secret is `***`.
   * @param reveal shows what the call generated (`Operation.generates`)
   */
  show(operation: string, params: Params, data: unknown, reveal?: boolean): unknown
  /** What a reply brought for the pool; undefined unless the call was the product's own extraction and can be read so. */
  sold(operation: string, params: Params, data: unknown): Delivery | undefined
  /** Which of the refs that are held (`ProxyRecord.ref`) a successful call has given back. */
  givenBack(operation: string, params: Params, refs: readonly string[]): readonly string[]
}

/** More time for addresses that are held: an order of `operation`, as far as the user allows. */
export interface Renewal {
  /** How long before its end an address is renewed, ms. */
  readonly beforeMs: number
  readonly operation: string
  /** Most addresses of one call. */
  readonly maxPerCall: number
  /**
   * @param refs `ProxyRecord.ref` of what is to be renewed
   * @param ticket of the order that this is
   * @returns an order that runs on (`Delivery.isOpen`): `Follow` tells the new ends @throws {VendorError}
   */
  renew(refs: readonly string[], signal: AbortSignal, priority?: number, ticket?: CallTicket): Promise<Delivery>
}

/** Asks again where addresses stand: a pending one may be ready, a ready one may have changed. */
export interface Follow {
  /** How often, while none is pending and while one is. */
  readonly everyMs: number
  readonly pendingEveryMs: number
  /** It also tells what became of orders that are open: then it is asked as if something were pending. */
  readonly settlesOrders?: true
  /** @param refs of all that is held or pending @throws {VendorError}; what is held is then as good as before */
  ask(refs: readonly string[], signal: AbortSignal, priority?: number): Promise<Followed>
}

/** Writes our egress address onto the account's whitelist; what others wrote there stays. */
interface Whitelist {
  /** Whether an error says that our address is missing. */
  isMissing(error: VendorError): boolean
  /** The address that the vendor says it saw us under; undefined when its words name none, or more than one. */
  addressFromError(error: VendorError): string | undefined
  /** Asks the vendor under which address it sees us. @throws {VendorError} */
  echo?(signal: AbortSignal): Promise<string>
  /** @param ip IPv4 or IPv6 @throws {VendorError} class bad_request for what is no address */
  add(ip: string, signal: AbortSignal): Promise<void>
  /** Takes an address of ours off. @throws {VendorError} */
  remove?(ip: string, signal: AbortSignal): Promise<void>
  /** For when nobody knows the address: from now on each extraction asks the vendor to register whoever calls. */
  addCaller?(): void
}
