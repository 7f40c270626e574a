/** What `routes:` and `groups:` say after parsing: plain values, in the order of the file. */

/** Where a matching connection goes. */
export type RouteTarget =
  | { readonly kind: 'provider'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'block' }
  /** From this machine's own address, through no upstream. */
  | { readonly kind: 'direct' }

/** How a client asks: CONNECT, an absolute-form request (`plain`), or SOCKS4, SOCKS4a and SOCKS5. */
export type RouteMethod = 'CONNECT' | 'plain' | 'socks'

export type HostPattern =
  /** That host alone: a name in lower case, or an address in its shortest form. */
  | { readonly kind: 'exact'; readonly value: string }
  /** Every host below the name, without itself. */
  | { readonly kind: 'below'; readonly value: string }
  /** The name itself and every host below it. */
  | { readonly kind: 'suffix'; readonly value: string }
  /** Every host that contains the text. */
  | { readonly kind: 'keyword'; readonly value: string }
  /** Targets that are given as an address in this block; names are not resolved. `address/length`. */
  | { readonly kind: 'block'; readonly value: string }
  | { readonly kind: 'any' }

/** Both ends are included. */
export interface PortRange {
  readonly from: number
  readonly to: number
}

/** One rule: it matches when each criterion that it has matches. A criterion is a list, of which one must match. */
export interface RouteRule {
  readonly host?: readonly HostPattern[]
  readonly port?: readonly PortRange[]
  /** Account names. */
  readonly user?: readonly string[]
  /** Ports of the gateway, by their number or `listen[].name`. */
  readonly listen?: readonly (number | string)[]
  readonly method?: readonly RouteMethod[]
  readonly to: RouteTarget
  /** Of a rule to `direct`: loopback and private targets are connected to although the rule does not name them. */
  readonly allowPrivate?: boolean
}

/** One connection or request, as the rules see it. */
export interface RouteQuery {
  /** Name as written, IPv4, or IPv6 without brackets. */
  readonly host: string
  readonly port: number
  readonly user: string | undefined
  /** The gateway's port that the client came through: its configured number and its name. */
  readonly listen: { readonly port: number; readonly name: string | undefined }
  readonly method: RouteMethod
}

/** As a person writes it: `provider juliang`, `block`. */
export function formatRouteTarget(to: RouteTarget): string {
  return 'name' in to ? `${to.kind} ${to.name}` : to.kind
}
