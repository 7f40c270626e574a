/** Classifies addresses: public, private or special; and names: local or not. */
import { isIP } from 'node:net'
import { addressMatcher } from '../address.ts'

/**
 * Addresses of this machine, of its network or of no host at all: the IANA special-purpose registries (RFC 6890),
 * without the documentation and benchmark blocks (local name servers of VPNs answer with 198.18.0.0/15 for every name).
 * v4-mapped IPv6 counts as the IPv4 address that it contains.
 */
const isSpecial = addressMatcher([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
  ...['192.0.0.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  // Azure's metadata and name service: a public address that every virtual machine there reaches on its own host.
  '168.63.129.16',
  // ::/96 contains the unspecified address, loopback and the IPv4-compatible form. The translation prefixes lead to any IPv4
  // address: NAT64 64:ff9b::/96 and 64:ff9b:1::/48, 6to4 2002::/16, Teredo 2001::/32.
  ...['::/96', '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '2001::/32'],
  // Discard-only, unique local, link-local, site-local, multicast.
  ...['100::/64', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
])

/** @param ip IPv4, or IPv6 without brackets */
export function isPrivateAddress(ip: string): boolean {
  // The zone of `fe80::1%eth0` names an interface of this machine.
  return ip.includes('%') || isSpecial(ip)
}

const LOCAL_NAMES =
  /^(localhost|localhost\.localdomain|ip6-localhost|ip6-loopback|.+\.(localhost|local|internal|home\.arpa))$/i

/** Names that no public name server knows. @param name without a final dot */
export function isLocalName(name: string): boolean {
  return LOCAL_NAMES.test(name)
}

/** Resolvers read `127.1`, `0x7f.1` and `2130706433` as IPv4 addresses, although they are not in dotted-decimal form. */
export function isOddAddress(name: string): boolean {
  return isIP(name) === 0 && /(^|\.)(\d+|0x[0-9a-f]*)$/i.test(name)
}
