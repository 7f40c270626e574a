/** One call of a vendor, as its document describes it: parameters, limit, errors, and what of its reply is secret. */
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

/** An HTTP answer, body decoded as UTF-8 and capped in size. */
export interface RawReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
}
