/**
 * The contract between a vendor and the rest of the gateway.
 *
 * A vendor is data: a table of the operations that its document describes and a table of the products it sells, plus
 * the few functions that cannot be data (a signature, an envelope, an item grammar). `engine/` runs every vendor.
 * Vendor code is pure translation: no timers, no retries, no logging, no pool.
 */
import type { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import type { Secret } from '../secret.ts'

/** vendors.md 0.1: what a failed call means for the provider. */
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
 * `minute`: the next full minute; `day+08:00`: the next midnight in China; `earliest-deadline`: until an address that
 * the provider holds expires (a channel gets free); a number: so many milliseconds.
 */
export type WaitEdge = 'minute' | 'day+08:00' | 'earliest-deadline' | number

/** What a failed order cost: nothing, all that was ordered, or nobody knows. */
export type Sale = 'refused' | 'sold' | 'unknown'

/** Transport codes after which the request may have been carried out: no answer in the vendor's own form came back. */
const UNANSWERED: ReadonlySet<string> = new Set(['http', 'network', 'timeout', 'redirect', 'body'])

/** A vendor call that did not give what was asked. */
export class VendorError extends Error {
  readonly class: ErrorClass
  /** The vendor's own code, as text: `401`, `REQUEST_LIMIT_EXCEEDED`, `-11`; `http`, `connect`, `network`, `timeout`, `body` for the transport. */
  readonly vendorCode: string
  /** What the operator should do next, in words. */
  readonly hint: string | undefined
  readonly wait: WaitEdge | undefined
  /** If the call was an order: what it cost. */
  readonly sale: Sale
  /** The operation that failed, by its name in the vendor's table, where one was called. */
  readonly operation: string | undefined
  /** The token of the call is no longer good (`Vendor.login`). */
  readonly endsLogin: boolean

  /** @param message the vendor's own words, with every secret masked */
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
  }
}

interface VendorErrorOptions {
  readonly hint?: string | undefined
  readonly wait?: WaitEdge | undefined
  readonly sale?: Sale | undefined
  readonly operation?: string | undefined
  readonly endsLogin?: boolean | undefined
  readonly cause?: unknown
}

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

/** At most `calls` arrivals in every window of `perMs`, whatever else happens. */
export interface RateLimit {
  readonly calls: number
  readonly perMs: number
}

export interface CallLimit extends RateLimit {
  readonly key: string
  /** The operation, and the provider, that state this limit. */
  readonly statedBy: string
}

/** One documented parameter. */
export interface Param {
  /** `csv` is a comma-separated list given as one string; `items` a JSON array of objects given as one string, see `members`. */
  readonly type: 'string' | 'integer' | 'boolean' | 'csv' | 'items'
  readonly required?: true
  /** What the vendor assumes when the parameter is left out. */
  readonly default?: string | number | boolean
  /** Bounds of an integer, or of the length of a string. */
  readonly min?: number
  readonly max?: number
  /** Most that is known to work; the document states no bound. A larger value is sent, with a warning to whoever wrote it. */
  readonly usualMax?: number
  /** The form of a string; of each member, for `csv`. */
  readonly format?: ParamFormat
  /** How the length of a string is counted: a Chinese character is two half-width ones. Default: one each. */
  readonly lengthIn?: 'half-width'
  /** Of a member of `items`: an object that has it buys traffic and no address. */
  readonly isTraffic?: true
  /** Of a member of `items`: another member that must be given with this one. */
  readonly together?: string
  /** All there is to choose from; of each member, for `csv`. */
  readonly values?: readonly (string | number)[]
  /** Of `items`: what each object holds. */
  readonly members?: Readonly<Record<string, Param>>
  /** Of `items`: members of which each object must have one at least. */
  readonly oneOf?: readonly string[]
  /** The value is a credential: masked wherever it is shown. */
  readonly secret?: true
  /** Set by the gateway itself (a count, a signature, a key): refused under `request:` in gateway.yaml. */
  readonly managed?: true
  /** English, one line. */
  readonly about: string
  /** The document's own word for it. */
  readonly term: string
}

/**
 * `date-time`: 2022-08-01 00:00:00; `ip`: an IPv4 or IPv6 address; `ip-or-all`: the same, or `*`; `cidr`: 192.168.0.0/24;
 * `alphanumeric`: Latin letters and digits; `login`: name:password of those;
 * `term`: 2s, 1d, 1w or 1m (hours, days, weeks, months).
 */
export type ParamFormat = 'date-time' | 'ip' | 'ip-or-all' | 'cidr' | 'alphanumeric' | 'login' | 'term'

/** An account's secrets, by the vendor's own names. */
export type Credentials = Readonly<Record<string, Secret | undefined>>

export type ParamValue = string | number | boolean
export type Params = Readonly<Record<string, ParamValue>>

/** What one of a vendor's own error codes means for us. */
export interface ErrorRule {
  readonly class: ErrorClass
  /** The document's own words for the code. */
  readonly term: string
  /** What the operator should do next, in words. */
  readonly hint?: string
  readonly wait?: WaitEdge
  /** The token of the call is no longer good: a new one is fetched, and the call made once more (`Vendor.login`). */
  readonly endsLogin?: true
}

/**
 * What of a member is the secret. `all`: everything; `login`: the password in texts that may hold a login, beside an
 * address or alone; `account`: the same, where `name:12345` is a login and not an address; `link`: what follows the host,
 * because the link serves whoever has it.
 */
export type SecretForm = 'all' | 'login' | 'account' | 'link'

/** One documented call. */
export interface Operation {
  readonly about: string
  /** File in the vendor documents, and the section in it. */
  readonly document: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** The document allows POST as well: sent so where the provider's entry says `method: POST`. */
  readonly alsoPost?: true
  /** Why nobody has seen this call work: it is shown wherever the call is. */
  readonly unproven?: string
  /** How a POST carries its parameters; GET and DELETE always use the query. Default: `form`. */
  readonly encoding?: 'form' | 'json'
  /** Scheme and host where this operation lives when it is not the vendor's own `baseUrl`. */
  readonly baseUrl?: string
  readonly path: string
  /** In place of the vendor's own `prefix`. */
  readonly prefix?: string
  /**
   * For a call that is more than a list of parameters: makes the request from what `authorize` returned, in place of
   * `encoding`, `baseUrl` and `path`. A configured base URL replaces its scheme, host and port, and stands in front of its path.
   */
  readonly compose?: (params: Params) => Composed
  readonly params: Readonly<Record<string, Param>>
  /** Groups of parameters of which one at least must be given. */
  readonly oneOf?: readonly (readonly string[])[]
  /** `channels` is 1 until it is configured or asked; `product` is the configured one. */
  readonly limit: (account: { readonly channels: number; readonly product: string }) => RateLimit
  /**
   * Operations that name the same group are counted together by the vendor; default: the operation's own name.
   * Where members of a group state different limits for one account, the smallest holds.
   */
  readonly limitGroup?: string
  /** As how many calls a call counts against the limit; default: one. */
  readonly countsAs?: (params: Params, account: { readonly channels: number }) => number
  /** What a call does to the account: `buys`, `changes` and `deletes` want `--yes` on the command line. */
  readonly effect: 'reads' | 'buys' | 'changes' | 'deletes'
  /**
   * Of what `buys`: the parameters that say how many addresses; the largest counts, and one at least. An integer is the
   * number itself, a `csv` counts its members, `items` the sum of their `count` (one each, where they have none).
   */
  readonly quantity?: readonly string[]
  /** Shape of the data of a successful reply, in words. */
  readonly reply?: string
  /** Members of the reply's data that hold secrets, at any depth; texts in a list go by the list's name, and `$` is the data itself. */
  readonly secrets?: Readonly<Record<string, SecretForm>>
  /** Members of the reply's data that hold a secret which the vendor made up for this call: shown to whoever asks for that. */
  readonly generates?: readonly string[]
  /** The vendor's error codes on this call, as text. */
  readonly errors?: Readonly<Record<string, ErrorRule>>
}

/** A request as `Operation.compose` makes it. Every part may hold credentials. */
export interface Composed {
  /** Complete; http or https, without a login. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A mistake in a provider's entry that no single key can tell. */
export interface EntryProblem {
  /** From the entry on. */
  readonly path: readonly (string | number)[]
  /** What is wrong and what to write instead; never a value. */
  readonly message: string
  /** Whether the key itself is wrong; default: what it holds. */
  readonly at?: 'key'
}

/** An HTTP answer, body decoded as UTF-8 and capped in size. */
export interface RawReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
}

/** What the pool buys. */
export interface Product {
  readonly about: string
  /** Name of the operation that hands out addresses. */
  readonly extract: string
  /** Name of the operation that lists what the account holds now, if there is one. */
  readonly query?: string
  /** Most addresses per call. */
  readonly maxPerCall: number
  /** How many every call brings, whatever count is asked for: a link that nobody here can change. */
  readonly batchSize?: () => number
  /** An order is raised to so many where budget, channels and ceilings allow it; 1 when left out. */
  readonly minPerOrder?: number
  /** Sold by channel: an address occupies one until its deadline, and no more may be held than there are. */
  readonly channels?: true
  /** An extraction lists what is held already beside what is new: only the new is a purchase. */
  readonly listsHeld?: true
  /** What is held was bought elsewhere and only listed here: `extract` takes all of it at once, whatever the count. */
  readonly list?: true
  /** The parameters of one extraction of `count` addresses. */
  readonly order: (count: number, request: Params) => Params
  /** For products whose order takes more than one call of `extract`; default: that one call, read by `deliver`. */
  readonly take?: (count: number, account: Account) => Promise<Delivered>
  /** For products whose addresses come later or change: a call that tells where they stand, read by `deliver`. */
  readonly follow?: {
    readonly operation: string
    readonly everyMs: number
    readonly pendingEveryMs: number
    readonly params: (refs: readonly string[]) => Params
  }
  /** For products that can give an address back before its deadline: the call for one ref. */
  readonly release?: { readonly operation: string; readonly params: (ref: string) => Params }
  /** For products that can change an address for another: the call for one ref, read by `deliver`. */
  readonly replace?: { readonly operation: string; readonly params: (ref: string, request: Params) => Params }
  /** The call that lists places or lines by name, and how its data is read. */
  readonly areas?: {
    readonly operation: string
    readonly params: (request: Params) => Params
    readonly read: (data: unknown) => readonly NamedValue[]
  }
  /** Whether a key of this product can use an operation; default: each. Only for the order in which they are listed. */
  readonly canCall?: (operation: string) => boolean
  /** What is left on the account and when the plan ends, where the vendor tells. */
  readonly accountNow?: (account: Account) => Promise<AccountFacts>
  /** Keys of the provider's entry in gateway.yaml that only this product has; they arrive in `SourceSettings.own`. */
  readonly settings?: Readonly<Record<string, z.ZodType>>
  /** Looks at the keys of an entry together, as they are written, valid or not. */
  readonly check?: (entry: Readonly<Record<string, unknown>>) => readonly EntryProblem[]
  /** Reads the decoded data of a successful `extract` or `query` reply. Throws VendorError for what only a product can see to be wrong. */
  readonly deliver: (data: unknown, context: DeliverContext) => Delivered
}

export interface DeliverContext {
  /** Name of the operation that was called. */
  readonly operation: string
  /** The parameters that were sent, without credentials. */
  readonly request: Params
}

/** An account for those steps of a vendor that take several calls. Each call passes the gate; times come from the last one. */
export interface Account {
  /** The user's `request:`. */
  readonly request: Params
  /** The time of day, ms since the epoch, as this machine believes. */
  readonly wall: () => number
  /** One operation of the table, as decoded. @throws {VendorError} */
  readonly call: (operation: string, params: Params) => Promise<unknown>
}

/** What a product's reply says, before the engine adds the times. */
export interface Delivered {
  readonly sold: readonly ProxyRecord[]
  readonly pending?: readonly Pending[]
  readonly rejected: readonly string[]
  readonly balance?: number
}

/** A value that may be written under `request:`, and what it stands for. */
export interface NamedValue {
  readonly param: string
  readonly value: string
  /** In the vendor's own words. */
  readonly name: string
  /** How many addresses there are now, where the vendor tells. */
  readonly available?: number
}

/** What a vendor says of an account when it is asked. */
export interface AccountFacts {
  /** What is left, in the vendor's own unit. */
  readonly balance?: number
  /** When the plan ends, ms since the epoch. */
  readonly endsAt?: number
}

/** When addresses that still work are given back to the vendor, by the user's word. */
export interface GivesBack {
  /** No client has asked for so long, ms. */
  readonly idleMs?: number
  /** The gateway stops. */
  readonly onStop: boolean
}

/** How many channels an account has. */
export interface Channels {
  readonly total: number
  /** How many of them hold no address now, where the vendor tells. */
  readonly free?: number
}

/** A token that one call of the vendor brings and all others carry. */
export interface VendorLogin {
  /** The call that brings it. */
  readonly operation: string
  /** Reads the decoded data of its reply. @throws {VendorError} when there is no token in it */
  readonly read: (data: unknown) => { readonly token: Secret; readonly life: Life }
  /** How long before its end a new one is fetched, ms, by how long it lives, ms. */
  readonly renewBeforeMs: (lifeMs: number) => number
}

/** How links look that a vendor's pages make for pasting into programs. */
export interface LinkForm {
  /** Host names. Absent: any, for a platform that is resold; then every credential must be in the link. */
  readonly hosts?: readonly string[]
  /** Tested against the path without a last slash. */
  readonly path: RegExp
  /** Products that such a link may be for. The first is taken: the one with the strictest limits. */
  readonly products: readonly [string, ...string[]]
  /** Credentials and the parameters that hold them. */
  readonly credentials: Readonly<Record<string, string>>
  /** The parameter that holds how many addresses are wanted. */
  readonly count: string
  /** Parameters that the gateway leaves out, because it reads replies in its own format. */
  readonly leftOut?: readonly string[]
  /** A parameter that signs all others, and the credential that makes it: without that a link cannot be changed. */
  readonly signature?: { readonly param: string; readonly credential: string }
}

/** A vendor: everything in its documents that the gateway needs, as data. */
export interface Vendor {
  readonly name: string
  readonly baseUrl: string
  /** Path in front of every operation's own, as in `/openapi`; a configured base URL with a path of its own replaces it. */
  readonly prefix?: string
  /** Shape of `credentials:` in gateway.yaml; string members are `secret()` fields. */
  readonly credentials: z.ZodType<Credentials>
  /** The credentials that name the account whose calls the vendor counts together; default: all of them. */
  readonly countedBy?: readonly string[]
  /** Of the calls that change an account (`Operation.effect`), one at a time is on its way, over all of its providers. */
  readonly changesInTurn?: true
  /** The parameter with the user's own order number: the vendor does the same order once, however often it is sent. */
  readonly orderParam?: string
  readonly operations: Readonly<Record<string, Operation>>
  readonly products: Readonly<Record<string, Product>>
  /** Where calls carry a token: `authorize` finds it among the credentials, as `token`. */
  readonly login?: VendorLogin
  /**
   * Adds credentials and signature. What comes back goes on the wire as it is.
   * @param requestId names this call; the same again when it is repeated after it got no answer
   * @param wallMs the time of day at which the call leaves, ms since the epoch, for a signature that holds it
   */
  readonly authorize: (
    operation: string,
    params: Params,
    credentials: Credentials,
    requestId: string,
    wallMs: number,
  ) => Params
  /** Turns an HTTP answer into the reply's data, or throws VendorError with the class of the vendor's error. */
  readonly decode: (operation: string, reply: RawReply, sent: Params, credentials: Credentials) => unknown
  /** How a pasted link is known to be this vendor's. */
  readonly links?: readonly LinkForm[]
  /** How many channels the account has; undefined where only the configuration knows. Asked for products sold by channel. */
  readonly channelsNow?: (product: string, account: Account) => Promise<Channels>
  /** How our egress address gets onto the account's whitelist without anybody else's being taken off. */
  readonly whitelist?: {
    /** Whether an error says that our address is missing there; default: its class is `whitelist`. */
    readonly isMissing?: (error: VendorError) => boolean
    readonly echo?: (account: Account) => Promise<string>
    readonly add: (ip: string, account: Account) => Promise<void>
    readonly remove?: (ip: string, account: Account) => Promise<void>
    /** Parameters that make an extraction register whoever calls. */
    readonly callerParams?: Params
  }
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
