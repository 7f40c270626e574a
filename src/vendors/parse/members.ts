/** Reads an address from an object of JSON or XML, by the usual names of its members. */

import { isIP } from 'node:net'
import { given } from '../../given.ts'
import type { Life } from '../contract/delivery.ts'
import type { Endpoint } from './address.ts'
import { type Found, toFound } from './facts.ts'
import { secretOf } from './items.ts'
import { countOf, textOf } from './reply.ts'
import { lifeIn } from './time.ts'

/** Names in lower case without hyphens and underscores: `expire_time`, `expireTime` and `ExpireTime` are equal. */
export type Fields = ReadonlyMap<string, string>

export function fieldsOf(members: Readonly<Record<string, unknown>>): Fields {
  const fields = new Map<string, string>()
  for (const [name, value] of Object.entries(members)) {
    const text = textOf(value)
    if (text !== undefined) fields.set(plainName(name), text)
  }
  return fields
}

export const plainName = (name: string): string => name.toLowerCase().replace(/[_\-. ]/g, '')

/** The first of these members that exists. */
export function first(fields: Fields, names: readonly string[]): string | undefined {
  return names.map((name) => fields.get(name)).find((text) => text !== undefined)
}

/** Names in one text: easier to compare than one a line. */
export function words(text: string): readonly string[] {
  return text.split(/\s+/)
}

/** Names of the host, the most certain first: beside `server` or `host`, an `ip` is the exit address. */
const HOSTS = words(
  `server host hostname domain gateway endpoint proxy proxyaddress proxyurl address addr url ipport
   ip ipaddress ipaddr proxyip proxyhost node`,
)
const PORTS = words('port proxyport httpport porthttp httpsport socks5port sockport socksport ports')
const EXITS = words('exitip exit outip outboundip realip egressip exportip publicip proxyip ip')
const USERS = words('username user account httpuser authuser proxyuser proxyusername login uname')
const PASSWORDS = words('password pass passwd pwd httppass authpass authpwd proxypass proxypassword')
const ENDS = words(
  `deadline expiretime expireat expiredat expiresat expirestime expiredtime expiration
   expirationtime dateend expirydate expiry expires expire endtime validuntil invalidtime duetime ttl
   ipremain remain remaintime remainingtime remaining lefttime timeleft lifetime expirein expiresin
   seconds validtime alivetime survivaltime`,
)
const AREAS = words('area region province provincename prov state location areaname regionname place')
const CITIES = words('city cityname')
const COUNTRIES = words('countrycode country cc countryname')
const CARRIERS = words('isp ispname carrier operator line network')
const BALANCES = words('surplusquantity surplus balance orderleftcount leftcount leftnum restnum')
const PROTOCOLS = words('protocol scheme proxytype type')

/** An address; undefined when the members have none. @param read parses a text */
export function itemIn(fields: Fields, read: (text: string) => Endpoint | undefined): Found | undefined {
  const endpoint = endpointOf(fields, read)
  if (endpoint === undefined) return undefined
  const exit = EXITS.map((name) => fields.get(name)).find(
    (text) => text !== undefined && isIP(text) !== 0 && text !== endpoint.host,
  )
  const [username, password] = [first(fields, USERS), first(fields, PASSWORDS)]
  const [area, city, country, isp] = [AREAS, CITIES, COUNTRIES, CARRIERS].map((names) => first(fields, names))
  const protocol = protocolOf(fields)
  const facts = {
    life: lifeOf(fields),
    ...given({ exit, area, city, isp, ...(username === undefined ? {} : { username, password: secretOf(password) }) }),
  }
  return {
    ...toFound(endpoint, facts),
    ...(endpoint.protocol === undefined && protocol !== undefined ? { protocol } : {}),
    ...given({ country }),
  }
}

/** A member with a whole address has priority over separate host and port. */
function endpointOf(fields: Fields, read: (text: string) => Endpoint | undefined): Endpoint | undefined {
  const hosts = HOSTS.flatMap((name) => fields.get(name) ?? [])
  const whole = hosts.map(read).find((endpoint) => endpoint !== undefined)
  if (whole !== undefined) return whole
  const port = first(fields, PORTS)
  if (port === undefined) return undefined
  return hosts
    .map((host) => read(`${host.includes(':') && !host.includes('/') ? `[${host}]` : host}:${port}`))
    .find((endpoint) => endpoint !== undefined)
}

function protocolOf(fields: Fields): Found['protocol'] {
  const said = first(fields, PROTOCOLS) ?? ''
  if (/^socks(5h?)?$/i.test(said)) return 'socks5'
  // `https` usually means that HTTPS sites are supported, not that the proxy speaks TLS.
  if (/^https?$/i.test(said)) return 'http'
  return ['socks5port', 'sockport', 'socksport'].some((name) => fields.has(name)) &&
    !fields.has('port') &&
    !fields.has('httpport')
    ? 'socks5'
    : undefined
}

function lifeOf(fields: Fields): Life {
  for (const name of ENDS) {
    const text = fields.get(name)
    const life = text === undefined ? undefined : lifeIn(text)
    if (life !== undefined) return life
  }
  return { kind: 'unknown' }
}

/** The balance in a reply. */
export function balanceIn(fields: Fields): number | undefined {
  return countOf(first(fields, BALANCES))
}
