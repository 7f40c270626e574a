/** The parsed form of `routes:` and `groups:`: plain values, in the order of the file. */

/** The target of a matching connection. */
export type RouteTarget =
  | { readonly kind: 'provider'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'block' }
  /** From this machine's own address, without an upstream. */
  | { readonly kind: 'direct' }

/** The method of the client: CONNECT, an absolute-form request (`plain`), or SOCKS4, SOCKS4a and SOCKS5. */
export type RouteMethod = 'CONNECT' | 'plain' | 'socks'

export type HostPattern =
  /** Exactly that host: a name in lower case, or an address in its shortest form. */
  | { readonly kind: 'exact'; readonly value: string }
  /** Every host below the name, but not the name itself. */
  | { readonly kind: 'below'; readonly value: string }
  /** The name itself and every host below it. */
  | { readonly kind: 'suffix'; readonly value: string }
  /** Every host that contains the text. */
  | { readonly kind: 'keyword'; readonly value: string }
  /** Targets that are an address in this block; names are not resolved. `address/length`. */
  | { readonly kind: 'block'; readonly value: string }
  | { readonly kind: 'any' }

/** Inclusive. */
export interface PortRange {
  readonly from: number
  readonly to: number
}

/** One rule: it matches when each of its criteria matches. A criterion is a list, of which one item must match. */
export interface RouteRule {
  readonly host?: readonly HostPattern[]
  readonly port?: readonly PortRange[]
  /** Account names. */
  readonly user?: readonly string[]
  /** Ports of the gateway, by their number or `listen[].name`. */
  readonly listen?: readonly (number | string)[]
  readonly method?: readonly RouteMethod[]
  readonly to: RouteTarget
  /** For a rule to `direct`: loopback and private targets are permitted although the rule does not name them. */
  readonly allowPrivate?: boolean
}

/** One connection or request, with the properties that rules use. */
export interface RouteQuery {
  /** Name as written, IPv4, or IPv6 without brackets. */
  readonly host: string
  readonly port: number
  readonly user: string | undefined
  /** The gateway's port that the client connected to: its configured number and its name. */
  readonly listen: { readonly port: number; readonly name: string | undefined }
  readonly method: RouteMethod
}

/** In the form that a user writes: `provider juliang`, `block`. */
export function formatRouteTarget(to: RouteTarget): string {
  return 'name' in to ? `${to.kind} ${to.name}` : to.kind
}
