/** One call of a vendor, as its document describes it: parameters, limit, errors, and the secrets in its reply. */
import type { Secret } from '../../secret.ts'
import type { ErrorClass, WaitEdge } from './error.ts'

/** At most `calls` arrivals in every window of `perMs`, whatever else happens. */
export interface RateLimit {
  readonly calls: number
  readonly perMs: number
}

/** One documented parameter. */
export interface Param {
  /** `csv` is a comma-separated list given as one string; `items` a JSON array of objects given as one string, see `members`. */
  readonly type: 'string' | 'integer' | 'boolean' | 'csv' | 'items'
  readonly required?: true
  /** The vendor's default when the parameter is left out. */
  readonly default?: string | number | boolean
  /** Bounds of an integer, or of the length of a string. */
  readonly min?: number
  readonly max?: number
  /** Largest value that is known to work; the document states no maximum. A larger value is sent, with a warning to the user. */
  readonly usualMax?: number
  /** The format of a string; of each item, for `csv`. */
  readonly format?: ParamFormat
  /** How the length of a string is counted: a Chinese character is two half-width ones. Default: one each. */
  readonly lengthIn?: 'half-width'
  /** For a member of `items`: an object with it buys traffic and no address. */
  readonly isTraffic?: true
  /** For a member of `items`: another member that is required together with this one. */
  readonly together?: string
  /** The permitted values; of each item, for `csv`; for a boolean, other spellings of true and false. */
  readonly values?: readonly (string | number)[]
  /** For `items`: the members of each object. */
  readonly members?: Readonly<Record<string, Param>>
  /** For `items`: members of which each object must have at least one. */
  readonly oneOf?: readonly string[]
  /** The value is a credential: masked wherever it is shown. */
  readonly secret?: true
  /** Set by the gateway itself (a count, a signature, a key): refused under `request:` in gateway.yaml. */
  readonly managed?: true
  /** English, one line. */
  readonly about: string
  /** The document's own description. */
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

/** The meaning of one of a vendor's error codes. */
export interface ErrorRule {
  readonly class: ErrorClass
  /** The document's own text for the code. */
  readonly term: string
  /** What the operator should do next. */
  readonly hint?: string
  readonly wait?: WaitEdge
  /** The token of the call is no longer valid: a new one is fetched, and the call is repeated once (`Vendor.login`). */
  readonly endsLogin?: true
}

/**
 * The secret part of a member. `all`: everything; `login`: the password in texts that may contain a login, with or without an
 * address; `account`: the same, where `name:12345` is a login and not an address; `link`: everything after the host, because the
 * link gives access without a login.
 */
export type SecretForm = 'all' | 'login' | 'account' | 'link'

/** One documented call. */
export interface Operation {
  readonly about: string
  /** File in the vendor documents, and the section in it. */
  readonly document: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** The document allows POST as well: used when the provider's entry says `method: POST`. */
  readonly alsoPost?: true
  /** Why this call is unproven: shown wherever the call is listed. */
  readonly unproven?: string
  /** How a POST encodes its parameters; GET and DELETE always use the query. Default: `form`. */
  readonly encoding?: 'form' | 'json'
  /** Scheme and host of this operation when they differ from the vendor's `baseUrl`. */
  readonly baseUrl?: string
  readonly path: string
  /** Its path is the whole path: neither the vendor's `prefix` nor the path of a `baseUrl` is put in front. */
  readonly isAtRoot?: true
  /**
   * For a call that is more than a list of parameters: makes the request from the result of `authorize`, in place of `encoding`,
   * `baseUrl` and `path`. A configured base URL replaces its scheme, host and port, and precedes its path.
   */
  readonly compose?: (params: Params) => Composed
  readonly params: Readonly<Record<string, Param>>
  /** Groups of parameters of which at least one must be given. */
  readonly oneOf?: readonly (readonly string[])[]
  /** `channels` is 1 until it is configured or reported; `product` is the configured one. */
  readonly limit: (account: { readonly channels: number; readonly product: string }) => RateLimit
  /** Longer windows that limit the same calls. The vendor counts those of one group together; each group is counted by itself. */
  readonly furtherLimits?: readonly (RateLimit & { readonly group: string })[]
  /**
   * The vendor counts operations of one group together; default: the operation's own name. When members of a group state different
   * limits for one account, the smallest applies.
   */
  readonly limitGroup?: string
  /** How many calls a call counts as in the limit; default: one. */
  readonly countsAs?: (params: Params, account: { readonly channels: number }) => number
  /** The effect of a call on the account: `buys`, `changes` and `deletes` require `--yes` on the command line. */
  readonly effect: 'reads' | 'buys' | 'changes' | 'deletes'
  /**
   * For `buys`: the parameters with the number of addresses; the largest counts, and at least one. An integer is the number itself,
   * a `csv` counts its items, `items` the sum of their `count` (one each without a `count`).
   */
  readonly quantity?: readonly string[]
  /** Description of the data of a successful reply. */
  readonly reply?: string
  /** Members of the reply's data that contain secrets, at any depth; texts in a list go by the list's name, and `$` is the data itself. */
  readonly secrets?: Readonly<Record<string, SecretForm>>
  /** Members of the reply's data with a secret that the vendor generated for this call: shown on request. */
  readonly generates?: readonly string[]
  /** The vendor's error codes on this call, as text. */
  readonly errors?: Readonly<Record<string, ErrorRule>>
}

/** A request made by `Operation.compose`. Every part may contain credentials. */
export interface Composed {
  /** Complete; http or https, without a login. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** An HTTP answer, body decoded as UTF-8 and capped in size. */
export interface RawReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
}
