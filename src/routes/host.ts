/** The canonical form of hosts for comparison in rules, and addresses as numbers. */
import { isIPv4, isIPv6 } from 'node:net'

/** Resolvers read `127.1`, `0x7f.1` and `2130706433` as IPv4 addresses: they must not bypass a rule about addresses. */
const NUMERIC = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/

/** Lower case, without dots at the end, which some resolvers drop; addresses in their shortest form, IPv4 inside IPv6 as IPv4. */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase()
  let end = lower.length
  while (lower.charAt(end - 1) === '.') end--
  const name = lower.slice(0, end)
  if (name.includes(':')) return canonicalIPv6(name)
  return NUMERIC.test(name) && !isIPv4(name) ? (URL.parse(`http://${name}/`)?.hostname ?? name) : name
}

function canonicalIPv6(text: string): string {
  if (!isIPv6(text)) return text
  const [address = ''] = text.split('%')
  const short = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short)
  if (mapped === null) return short
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)]
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}

/** A canonical address as a number, with its length in bits; undefined for a name. */
export function addressNumber(host: string): { readonly value: bigint; readonly bits: 32 | 128 } | undefined {
  if (isIPv4(host)) {
    const value = host.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n)
    return { value, bits: 32 }
  }
  if (!isIPv6(host)) return undefined
  const [head = '', tail] = host.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':'))
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const zeros = new Array<string>(8 - before.length - after.length).fill('0')
  const value = [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
  return { value, bits: 128 }
}
