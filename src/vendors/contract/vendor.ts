/**
 * What a vendor is to the gateway: a table of the operations that its document describes and a table of the products that it sells,
 * plus the few functions that cannot be data (a signature, an envelope, an item grammar). `client/` runs every vendor.
 * Vendor code is pure translation: no timers, no retries, no logging, no pool.
 */
import type { z } from 'zod'
import type { Secret } from '../../secret.ts'
import type { Life, Pending, ProxyRecord } from './delivery.ts'
import type { VendorError } from './error.ts'
import type { Credentials, Operation, Params, RawReply } from './operation.ts'

/** A mistake in a provider's entry that no single key can tell. */
export interface EntryProblem {
  /** From the entry on. */
  readonly path: readonly (string | number)[]
  /** What is wrong and what to write instead; never a value. */
  readonly message: string
  /** Whether the key itself is wrong; default: what it holds. */
  readonly at?: 'key'
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
