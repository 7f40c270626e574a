/** Addresses in a reply of unknown shape, with the facts beside them. */

import { isIP } from 'node:net'
import { given } from '../../given.ts'
import { Secret } from '../../secret.ts'
import type { Life, ProxyRecord } from '../contract/delivery.ts'
import type { Endpoint } from './address.ts'
import { lifeIn } from './time.ts'

/** An address; without a protocol when the reply has none. */
export type Found = Omit<ProxyRecord, 'protocol'> & Partial<Pick<ProxyRecord, 'protocol'>>

interface Facts {
  life?: Life
  exit?: string
  area?: string
  city?: string
  isp?: string
  username?: string
  password?: Secret
}

const CARRIER = /^(中国)?(电信|联通|移动|广电|铁通)$|^(china ?)?(telecom|unicom|mobile)$/i

/**
 * The facts after an address: remaining seconds or a time, a place, a carrier, another address (the exit), a login.
 * Six digits that are a valid Chinese area code are one.
 */
export function factsIn(fields: readonly string[]): Facts {
  const facts: Facts = {}
  for (const written of fields) {
    const field = written.trim()
    if (field !== '') readField(field, facts)
  }
  return facts
}

function readField(field: string, facts: Facts): void {
  if (/^[1-8]\d{5}$/.test(field) && field >= '110000' && field <= '829999') {
    facts.area ??= field
    return
  }
  const life = lifeIn(field)
  if (life !== undefined) {
    facts.life ??= life
    return
  }
  if (isIP(field) !== 0) facts.exit ??= field
  else if (CARRIER.test(field)) facts.isp ??= field
  else if (/^[^:]+:[^:]+(:[^:]+)?$/.test(field)) readLogin(field, facts)
  else if (/\p{L}/u.test(field) && field.length <= 100) readPlace(field, facts)
}

/** `user:pass`, also after a last fact: `281:user:pass`. */
function readLogin(field: string, facts: Facts): void {
  const [password = '', username = '', fact] = field.split(':').reverse()
  if (fact !== undefined) readField(fact, facts)
  facts.username ??= username
  facts.password ??= new Secret(password)
}

function readPlace(field: string, facts: Facts): void {
  if (facts.area === undefined) facts.area = field
  else facts.city ??= field
}

/** An address with its facts: the address's own login has priority. */
export function toFound(endpoint: Endpoint, facts: Facts): Found {
  const { life = { kind: 'unknown' }, ...rest } = facts
  const { username, password, ...places } = rest
  const login = endpoint.username === undefined && username !== undefined ? { username, ...given({ password }) } : {}
  const { exit, ...others } = places
  return { ...endpoint, ...login, life, ...others, ...(exit === undefined || exit === endpoint.host ? {} : { exit }) }
}
