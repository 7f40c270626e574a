/**
 * The definition of a vendor: a table of the operations in its document and a table of its products, plus the few functions that
 * cannot be data (a signature, an envelope, an item format). `client/` runs every vendor. Vendor code is pure translation: no
 * timers, no retries, no logging, no pool.
 */
import type { z } from 'zod'
import type { Secret } from '../../secret.ts'
import type { Life, Pending, ProxyRecord } from './delivery.ts'
import type { VendorError } from './error.ts'
import type { Credentials, Operation, Params, RawReply } from './operation.ts'

/** A mistake in a provider's entry that concerns several keys. */
export interface EntryProblem {
  /** Relative to the entry. */
  readonly path: readonly (string | number)[]
  /** What is wrong and what to write instead; never a value. */
  readonly message: string
  /** Whether the key itself is wrong; default: its value. */
  readonly at?: 'key'
}

/** What can be bought. */
export interface Product {
  readonly about: string
  /** Name of the operation that sells addresses. */
  readonly extract: string
  /** Name of the operation that lists what the account holds now, if there is one. */
  readonly query?: string
  /** Largest number of addresses per call. */
  readonly maxPerCall: number
  /** Fixed number of addresses per call, for a link that cannot be changed. */
  readonly batchSize?: () => number
  /** An order is raised to this number if budget, channels and ceilings allow it; default 1. */
  readonly minPerOrder?: number
  /** Sold by channel: an address occupies one until its deadline, and no more can be held than there are. */
  readonly channels?: true
  /** An extraction lists held addresses as well as new ones: only the new ones are purchases. */
  readonly listsHeld?: true
  /** Held addresses were bought elsewhere and are only listed here: `extract` takes all of them at once, without regard to the count. */
  readonly list?: true
  /** The parameters of one extraction of `count` addresses. */
  readonly order: (count: number, request: Params) => Params
  /** For products whose order takes several calls of `extract`; default: that one call, read by `deliver`. */
  readonly take?: (count: number, account: Account) => Promise<Delivered>
  /** For products whose addresses arrive later or change: a call that reports their state, read by `deliver`. */
  readonly follow?: {
    readonly operation: string
    readonly everyMs: number
    readonly pendingEveryMs: number
    readonly params: (refs: readonly string[]) => Params
  }
  /** For products with early release: the call for one ref. */
  readonly release?: { readonly operation: string; readonly params: (ref: string) => Params }
  /** For products with replacement: the call for one ref, read by `deliver`. */
  readonly replace?: { readonly operation: string; readonly params: (ref: string, request: Params) => Params }
  /** The call that lists places or lines by name, and the reader of its data. */
  readonly areas?: {
    readonly operation: string
    readonly params: (request: Params) => Params
    readonly read: (data: unknown) => readonly NamedValue[]
  }
  /** Whether a key of this product can use an operation; default: each. Only for the order of listing. */
  readonly canCall?: (operation: string) => boolean
  /** The balance of the account and the end of the plan, if the vendor reports them. */
  readonly accountNow?: (account: Account) => Promise<AccountFacts>
  /** How often it is called while addresses are bought, ms; default: `supply/account-watch.ts`. */
  readonly accountEveryMs?: number | undefined
  /** Keys of the provider's entry in gateway.yaml that only this product has; they arrive in `SourceSettings.own`. */
  readonly settings?: Readonly<Record<string, z.ZodType>>
  /** Checks the keys of an entry together, as they are written, valid or not. */
  readonly check?: (entry: Readonly<Record<string, unknown>>) => readonly EntryProblem[]
  /** Reads the decoded data of a successful `extract` or `query` reply. Throws VendorError for mistakes that only the product can detect. */
  readonly deliver: (data: unknown, context: DeliverContext) => Delivered
}

export interface DeliverContext {
  /** Name of the called operation. */
  readonly operation: string
  /** The parameters that were sent, without credentials. */
  readonly request: Params
}

/** An account for operations with several calls. Each call passes the gate; times are those of the last one. */
export interface Account {
  /** The user's `request:`. */
  readonly request: Params
  /** The time of day of this machine, ms since the epoch. */
  readonly wall: () => number
  /** One operation of the table, as decoded. @throws {VendorError} */
  readonly call: (operation: string, params: Params) => Promise<unknown>
}

/** The contents of a product's reply, before the engine adds the times. */
export interface Delivered {
  readonly sold: readonly ProxyRecord[]
  readonly pending?: readonly Pending[]
  readonly rejected: readonly string[]
  readonly balance?: number
}

/** A value that may be written under `request:`, and its name. */
export interface NamedValue {
  readonly param: string
  readonly value: string
  /** The vendor's own name. */
  readonly name: string
  /** How many addresses are available now, if the vendor reports it. */
  readonly available?: number
}

/** A vendor's report about an account. */
export interface AccountFacts {
  /** The balance, in the vendor's own unit. */
  readonly balance?: number
  /** When the plan ends, ms since the epoch. */
  readonly endsAt?: number
}

/** How many channels an account has. */
export interface Channels {
  readonly total: number
  /** How many of them are free, if the vendor reports it. */
  readonly free?: number
}

/** A token that one call of the vendor returns and all others carry. */
export interface VendorLogin {
  /** The call that returns it. */
  readonly operation: string
  /** Reads the decoded data of its reply. @throws {VendorError} when it contains no token */
  readonly read: (data: unknown) => { readonly token: Secret; readonly life: Life }
  /** How long before its end a new one is fetched, ms, as a function of its life, ms. */
  readonly renewBeforeMs: (lifeMs: number) => number
}

/** The form of the links that a vendor's pages generate for pasting into programs. */
export interface LinkForm {
  /** Host names. Absent: any, for a platform that is resold; then the link must contain every credential. */
  readonly hosts?: readonly string[]
  /** Matched against the path without a last slash. */
  readonly path: RegExp
  /** Possible products of such a link. The first is used: the one with the strictest limits. */
  readonly products: readonly [string, ...string[]]
  /** Credentials and the parameters that hold them. */
  readonly credentials: Readonly<Record<string, string>>
  /** The parameter with the number of addresses. */
  readonly count: string
  /** Parameters that the gateway leaves out, because it reads replies in its own format. */
  readonly leftOut?: readonly string[]
  /** A parameter that signs all others, and the credential for it: without that, a link cannot be changed. */
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
  /** The credentials that identify the account for the vendor's counting; default: all of them. */
  readonly countedBy?: readonly string[]
  /** Calls that change an account (`Operation.effect`) are made one at a time, over all of its providers. */
  readonly changesInTurn?: true
  /** The parameter with the user's own order number: the vendor executes an order number once. */
  readonly orderParam?: string
  readonly operations: Readonly<Record<string, Operation>>
  readonly products: Readonly<Record<string, Product>>
  /** For calls with a token: `authorize` finds it among the credentials, as `token`. */
  readonly login?: VendorLogin
  /**
   * Adds credentials and signature. The result is sent unchanged.
   * @param requestId identifies this call; equal when it is repeated after it got no answer
   * @param wallMs the time of day of sending, ms since the epoch, for a signature that contains it
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
  /** How a pasted link is recognised as this vendor's. */
  readonly links?: readonly LinkForm[]
  /** The number of channels of the account; undefined when only the configuration knows it. Called for products sold by channel. */
  readonly channelsNow?: (product: string, account: Account) => Promise<Channels>
  /** How our egress address is added to the account's whitelist without the removal of others. */
  readonly whitelist?: {
    /** Whether an error says that our address is missing there; default: its class is `whitelist`. */
    readonly isMissing?: (error: VendorError) => boolean
    readonly echo?: (account: Account) => Promise<string>
    readonly add: (ip: string, account: Account) => Promise<void>
    readonly remove?: (ip: string, account: Account) => Promise<void>
    /** Parameters with which an extraction registers its source address. */
    readonly callerParams?: Params
    /** Names the whitelist, of which only one provider makes changes at a time; default: that of the account. */
    readonly sharedBy?: string
  }
}
