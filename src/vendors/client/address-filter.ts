/** What a vendor sold, before anybody connects to it: addresses that cannot be upstreams are taken out, logins are put in. */
import { isIP, isIPv4 } from 'node:net'
import { addressMatcher } from '../../address.ts'
import type { Delivered, Sold, SourceSettings } from '../contract.ts'

/** The size the pool is built for; a reply with more is not meant for us. */
const MAX_ITEMS = 10_000
const MAX_REASONS = 100

/** Loopback, private, link-local, multicast, unspecified, reserved (RFC 6890); v4-mapped IPv6 counts as the IPv4 it holds. */
const isOurs = addressMatcher([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
  ...['192.0.0.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  // ::/96 holds the unspecified address, loopback and the IPv4-compatible form; 64:ff9b::/96 and 2002::/16 lead to any IPv4 address.
  ...['::/96', '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
])

const LOCAL_NAMES =
  /^(localhost|localhost\.localdomain|ip6-localhost|ip6-loopback|.+\.(localhost|local|internal|home\.arpa))$/i

export type ScreenSettings = Pick<SourceSettings, 'allowPrivate' | 'upstream'>

/**
 * Takes out what no upstream may be and completes the rest.
 * @returns what may be lent; `rejected` says in words what was taken out
 */
export function screen(delivered: Delivered, settings: ScreenSettings): Delivered {
  const seen = new Set<string>()
  const sold: Sold[] = []
  const rejected = [...delivered.rejected]
  for (const item of delivered.sold) {
    const name = `${item.host}|${item.port}|${item.username ?? ''}`
    const reason = seen.has(name) ? 'the same address twice in one reply' : refusalOf(item.host, settings.allowPrivate)
    seen.add(name)
    if (reason !== undefined) rejected.push(reason)
    else if (sold.length < MAX_ITEMS) sold.push(complete(item, settings.upstream))
    else rejected.push(`more than ${MAX_ITEMS} addresses in one reply`)
  }
  return { ...delivered, sold, rejected: rejected.slice(0, MAX_REASONS) }
}

/** Why a host may not be an upstream; undefined when it may. Names are not resolved here. */
export function refusalOf(host: string, allowPrivate: boolean): string | undefined {
  const name = host.replace(/\.$/, '')
  // Resolvers read `127.1`, `0x7f.1` and `2130706433` as IPv4 addresses, past the list above.
  if (isIP(name) === 0 && /(^|\.)(\d+|0x[0-9a-f]*)$/i.test(name)) return `${host} is no proper IP address`
  if (name.includes('%')) return `${host} holds a zone`
  if (allowPrivate) return undefined
  const isPrivate = isIP(name) === 0 ? LOCAL_NAMES.test(name) : isOurs(name)
  return isPrivate
    ? `${host} is a ${isIPv4(name) || isIP(name) === 6 ? 'private or reserved address' : 'local name'} (allowPrivate: true accepts it)`
    : undefined
}

function complete(item: Sold, upstream: SourceSettings['upstream']): Sold {
  if (upstream === undefined) return item
  const spoken = item.protocol === 'https' ? 'https' : (upstream.protocol ?? item.protocol)
  const protocol = upstream.tls === true && spoken === 'http' ? 'https' : spoken
  if (item.username !== undefined) return { ...item, protocol }
  const { username, password } = upstream
  return {
    ...item,
    protocol,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  }
}
