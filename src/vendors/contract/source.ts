/** The contract between supply and a vendor: one configured account and product, ready to be called. */
import type { Secret } from '../../secret.ts'
import type { Delivery, Followed } from './delivery.ts'
import type { VendorError } from './error.ts'
import type { Credentials, Operation, Params, RateLimit } from './operation.ts'
import type { AccountFacts, Channels, NamedValue } from './vendor.ts'

/** The part of an order that is visible to its calls. */
export interface CallTicket {
  /** @returns true once: for the call whose slot in the window is already reserved */
  takes(windowKey: string): boolean
  /** A call that buys is about to be sent: from now on the vendor may have sold. */
  sent(): void
  /** The vendor refused the call with the reserved slot, because of the number of calls. */
  tooMany(): void
}

/** How a call is made. */
export interface CallOrder {
  readonly signal: AbortSignal
  /** Higher goes first where calls wait for their limit; default 0. */
  readonly priority?: number | undefined
  /** Ticket of the order that the call belongs to. */
  readonly ticket?: CallTicket | undefined
  /** For a vendor that requires request ids; default: a new id, or the id of the same call when that got no answer. */
  readonly requestId?: string
}

/** What a vendor has reported about a credential since the process started. Shared by all sources of the credential. */
export interface LearnedFacts {
  channels: number | undefined
  /** Parameters with which an extraction registers its source address. */
  callerParams: Params
}

export interface CallLimit extends RateLimit {
  readonly key: string
  /** The operation, and the provider, that state this limit. */
  readonly statedBy: string
  /** Longer windows that a call has to fit into as well. */
  readonly also?: readonly CallLimit[]
}

/** A provider as configured: what `openSource` of the registry makes a `Source` from. Durations in ms, sizes in bytes. */
export interface SourceSettings {
  /** The user's name for it: used in messages, not sent to the vendor. */
  readonly name: string
  readonly vendor: string
  readonly product: string
  readonly credentials: Credentials
  /** The vendor's own parameters, sent with every extraction. */
  readonly request: Params
  /**
   * Login at the upstreams when the vendor reports none per item; `protocol` for those whose port accepts both; `tls` uses TLS for
   * those that would be connected to in clear.
   */
  readonly upstream?: {
    readonly username?: string
    readonly password?: Secret
    readonly protocol?: 'http' | 'socks5'
    readonly tls?: boolean
  }
  /** The same API elsewhere: scheme, host, port and path prefix. Used for every operation, including those with a host of their own. */
  readonly baseUrl?: string
  /** Accept loopback, private and link-local upstream addresses. */
  readonly allowPrivate: boolean
  /** Number of channels of the account, for products sold by channel. */
  readonly channels?: number
  /** Part of the documented limits that this gateway may use, above 0 and at most 1. */
  readonly limit: { readonly share: number }
  /** Life of an address whose vendor reports none. */
  readonly ttlMs?: number
  /** Deadline of one call, connecting included. */
  readonly callTimeoutMs: number
  readonly maxBodyBytes: number
  /** The keys of this product, as parsed by its `settings`. */
  readonly own?: Readonly<Record<string, unknown>>
  /** The source of addresses for the vendor `static`; exactly one of the three. Entries and URL may contain logins. */
  readonly list?: readonly (string | Secret)[]
  readonly file?: string
  readonly url?: Secret
}

/** When addresses that still work are given back to the vendor, as configured. */
export interface GivesBack {
  /** No client has asked for this time, ms. */
  readonly idleMs?: number
  /** The gateway stops. */
  readonly onStop: boolean
}

/** One configured account and product, ready to be called: the interface of a vendor for supply and admin. */
export interface Source {
  readonly vendor: string
  readonly product: string
  readonly maxPerCall: number
  /** Fixed number of addresses (and cost) of every extraction; undefined when the count is respected. */
  readonly batchSize?: number | undefined
  /** An order is raised to this number if budget, channels and ceilings allow it; default 1. */
  readonly minPerOrder?: number
  /** An extraction lists held addresses as well as new ones. */
  readonly listsHeld?: boolean
  /** A list of the user: nothing is bought, so all of it is taken at once, without regard to the demand. */
  readonly isList: boolean
  /** Sold by channel: no more addresses can be held than there are channels. */
  readonly byChannel: boolean
  /** The configured number of channels, else the latest result of `channelsNow`; undefined when unknown or not sold by channel. */
  readonly channels: number | undefined
  /** A digest of the credential; not secret. Sources with equal values share everything that is counted. */
  readonly account: string
  /** The documented limit of an operation, as far as it is known. Calls with the same `key` (a digest, not secret) count together. */
  limitOf(operation: string): CallLimit
  /** The operation of `extract`, and the one of `query` if the product can list what it holds. */
  readonly extractOperation: string
  readonly queryOperation: string | undefined
  /**
   * Buys up to `count` addresses. Each of its calls passes the gate (`CallGate` in client/contract.ts).
   * @throws {VendorError}; rejects with the signal's reason on abort
   */
  extract(count: number, order: CallOrder): Promise<Delivery>
  /** Lists what the account holds now; only with `queryOperation`. @throws {VendorError} */
  query(order: CallOrder): Promise<Delivery>
  /** Only if addresses arrive later (`Delivery.pending`) or change while they are held. */
  readonly follow?: Follow
  /**
   * Gives an address back before its deadline, which frees its channel: one call within the release limit.
   * Only for products that can. @param ref `ProxyRecord.ref` @throws {VendorError}; until it resolves the vendor still counts the address
   */
  release?(ref: string, order: CallOrder): Promise<void>
  /** When good addresses are given back; undefined: never. Only together with `release`. */
  readonly givesBack?: GivesBack | undefined
  /**
   * Gives an address back and takes another in one call of `replaceOperation`. Only for products with such a call.
   * @throws {VendorError}
   */
  replace?(ref: string, order: CallOrder): Promise<Delivery>
  readonly replaceOperation?: string
  /** Extends held addresses; undefined: never, or not supported by the product. */
  readonly renewal?: Renewal | undefined
  /** Requests the number of channels; limits and `channels` follow the answer unless configured. Only if the vendor reports it. @throws {VendorError} */
  channelsNow?(signal: AbortSignal): Promise<Channels>
  /** Requests the balance of the account and the end of the plan. Only if the vendor reports them. @throws {VendorError} */
  accountNow?(signal: AbortSignal): Promise<AccountFacts>
  /** How often it is called while clients come, ms; undefined: the caller decides. */
  readonly accountEveryMs?: number | undefined
  /** The call that lists places or lines by name, with its parameters, and the reader of its data. Only if the vendor has one. */
  readonly areas?: { readonly operation: string; readonly params: Params; read(data: unknown): readonly NamedValue[] }
  /** Whether the key of this product can use an operation. */
  canCall?(operation: string): boolean
  /** Only for vendors whose whitelist can be written by a call. */
  readonly whitelist?: Whitelist
  /** The vendor can notify us of changes: a list is read again then. */
  readonly hasCallbacks?: true
  /** `extract` may make several calls, or wait for another call of the account: it cannot hold a slot meanwhile. */
  readonly takesSeveralCalls?: boolean
  /** Any operation by name, parameters validated against its table. @throws {VendorError} class bad_request names parameter and range */
  call(operation: string, params: Params, order: CallOrder): Promise<unknown>
  readonly operations: Readonly<Record<string, Operation>>
  /** What else a call by the operator needs; only for vendors with a table. */
  readonly byHand?: ByHand
}

/** Functions around `Source.call` for calls by the operator. None of them calls the vendor. */
export interface ByHand {
  /**
   * Checks the parameters as the operator gave them.
   * @returns how many addresses the call may buy; 0 when it buys nothing
   * @throws {VendorError} class bad_request with a description of every mistake
   */
  plan(operation: string, params: Params): Promise<number>
  /** How many calls a call counts as in its limit. */
  slots(operation: string, params: Params): number
  /** Notes for the operator about a call that is made all the same. */
  warnings(operation: string, params: Params): readonly string[]
  /**
   * The data of a reply for display: every secret is `***`.
   * @param reveal shows what the call generated (`Operation.generates`)
   */
  show(operation: string, params: Params, data: unknown, reveal?: boolean): unknown
  /** The addresses in a reply; undefined unless the call was the product's own extraction and can be read so. */
  sold(operation: string, params: Params, data: unknown): Delivery | undefined
  /** The held refs (`ProxyRecord.ref`) that a successful call has given back. */
  givenBack(operation: string, params: Params, refs: readonly string[]): readonly string[]
}

/** Extension of held addresses: an order of `operation`, as far as the user allows. */
export interface Renewal {
  /** How long before its end an address is renewed, ms. */
  readonly beforeMs: number
  readonly operation: string
  /** Largest number of addresses per call. */
  readonly maxPerCall: number
  /**
   * @param refs `ProxyRecord.ref` of the addresses to renew
   * @returns an open order (`Delivery.isOpen`): `Follow` reports the new ends @throws {VendorError}
   */
  renew(refs: readonly string[], order: CallOrder): Promise<Delivery>
}

/** Polls the state of addresses: a pending one may be ready, a ready one may have changed. */
export interface Follow {
  /** Poll intervals, while none is pending and while one is. */
  readonly everyMs: number
  readonly pendingEveryMs: number
  /** It also reports the result of open orders: then it polls as if an address were pending. */
  readonly settlesOrders?: true
  /** @param refs of everything held or pending @throws {VendorError}; the state of held addresses is then unchanged */
  ask(refs: readonly string[], order: CallOrder): Promise<Followed>
}

/** Adds our egress address to the account's whitelist; other entries stay. */
interface Whitelist {
  /** Whether an error says that our address is missing. */
  isMissing(error: VendorError): boolean
  /** Our address as the vendor sees it; undefined when its message contains none, or more than one. */
  addressFromError(error: VendorError): string | undefined
  /** Requests our address as the vendor sees it. @throws {VendorError} */
  echo?(signal: AbortSignal): Promise<string>
  /** @param ip IPv4 or IPv6 @throws {VendorError} class bad_request for an invalid address */
  add(ip: string, signal: AbortSignal): Promise<void>
  /** Removes one of our addresses. @throws {VendorError} */
  remove?(ip: string, signal: AbortSignal): Promise<void>
  /** When the address is unknown: from now on each extraction asks the vendor to register its source address. */
  addCaller?(): void
}
