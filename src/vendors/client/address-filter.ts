/** Checks what a vendor sold before any connection: removes addresses that cannot be upstreams, and adds logins. */

import { isIP } from 'node:net'
import { given } from '../../given.ts'
import { isLocalName, isOddAddress, isPrivateAddress } from '../../network/address-scope.ts'
import type { ProxyRecord } from '../contract/delivery.ts'
import type { SourceSettings } from '../contract/source.ts'
import type { Delivered } from '../contract/vendor.ts'

/** The size the pool is built for; a reply with more is a mistake. */
const MAX_ITEMS = 10_000
const MAX_REASONS = 100

export type AddressFilterSettings = Pick<SourceSettings, 'allowPrivate' | 'upstream'>

/**
 * Removes addresses that must not be upstreams and completes the rest.
 * @returns the addresses that may be lent; `rejected` describes what was removed
 */
export function filterAddresses(delivered: Delivered, settings: AddressFilterSettings): Delivered {
  const seen = new Set<string>()
  const sold: ProxyRecord[] = []
  const rejected = [...delivered.rejected]
  for (const item of delivered.sold) {
    const name = `${item.host}|${item.port}|${item.username ?? ''}|${item.session ?? ''}`
    const reason = seen.has(name) ? 'the same address twice in one reply' : refusalOf(item.host, settings.allowPrivate)
    seen.add(name)
    if (reason !== undefined) rejected.push(reason)
    else if (sold.length < MAX_ITEMS) sold.push(complete(withCleanPlace(item), settings.upstream))
    else rejected.push(`more than ${MAX_ITEMS} addresses in one reply`)
  }
  return { ...delivered, sold, rejected: rejected.slice(0, MAX_REASONS) }
}

/** Why a host must not be an upstream; undefined when it may. Names are resolved at connecting: network/connect-guard.ts. */
export function refusalOf(host: string, allowPrivate: boolean): string | undefined {
  const name = host.replace(/\.$/, '')
  if (isOddAddress(name)) return `${host} is no proper IP address`
  if (name.includes('%')) return `${host} holds a zone`
  if (allowPrivate) return undefined
  if (isIP(name) === 0) return isLocalName(name) ? `${host} is a local name (allowPrivate: true accepts it)` : undefined
  return isPrivateAddress(name) ? `${host} is a private or reserved address (allowPrivate: true accepts it)` : undefined
}

/** What terminals and pages show as it is: control characters, and those that turn the direction of a text, are left out. */
function withCleanPlace(item: ProxyRecord): ProxyRecord {
  const { exit, country, area, city, isp } = item
  const facts = Object.entries(given({ exit, country, area, city, isp }))
  if (!facts.some(([, text]) => UNPRINTABLE.test(text))) return item
  return { ...item, ...Object.fromEntries(facts.map(([name, text]) => [name, text.replace(UNPRINTABLE_RUNS, '')])) }
}

const UNPRINTABLE = /\p{C}/u
const UNPRINTABLE_RUNS = /\p{C}+/gu

function complete(item: ProxyRecord, upstream: SourceSettings['upstream']): ProxyRecord {
  if (upstream === undefined) return item
  const spoken = item.protocol === 'https' ? 'https' : (upstream.protocol ?? item.protocol)
  const protocol = upstream.tls === true && spoken === 'http' ? 'https' : spoken
  if (item.username !== undefined) return { ...item, protocol }
  const { username, password } = upstream
  return { ...item, protocol, ...given({ username, password }) }
}
