/** Addresses of juliangip: texts with columns in an order that is not documented, and objects. */
import { given } from '../../given.ts'
import { Secret } from '../../secret.ts'
import type { Life, ProxyRecord } from '../contract/delivery.ts'
import type { Params } from '../contract/operation.ts'
import type { DeliverContext, Delivered } from '../contract/vendor.ts'
import { notAnAddress, parseEndpoint } from '../parse/address.ts'
import { deliverEach, secretOf } from '../parse/items.ts'
import { countOf, malformed, membersOf, textOf } from '../parse/reply.ts'
import { splitText } from './replies.ts'

export function deliver(data: unknown, { request }: DeliverContext): Delivered {
  const { proxy_list: written = [], surplus_quantity: surplus } = contentsOf(data)
  const listed: unknown = typeof written === 'string' ? splitText(written, request['split']) : written
  if (!Array.isArray(listed)) throw malformed('the reply has no proxy_list')
  const read = (item: unknown) =>
    typeof item === 'string'
      ? (readText(item, request) ?? notAnAddress(item))
      : (readObject(item, request) ?? notAnAddress(typeof item))
  return { ...deliverEach(listed, read), ...given({ balance: countOf(surplus) }) }
}

/** An empty array, an empty element or nothing at all represents an empty object. */
function contentsOf(data: unknown): Readonly<Record<string, unknown>> {
  const isNothing = data === undefined || data === null || data === '' || (Array.isArray(data) && data.length === 0)
  const members = isNothing ? {} : membersOf(data)
  if (members === undefined) throw malformed('the data of the reply is no object')
  return members
}

function protocolOf({ pt = 1 }: Params): ProxyRecord['protocol'] {
  return String(pt) === '2' ? 'socks5' : 'http'
}

function lifeOf(seconds: string | undefined): Life {
  // Below 0: it has ended.
  const isCount = seconds !== undefined && /^-?\d{1,9}$/.test(seconds)
  return isCount ? { kind: 'for', ms: Number(seconds) * 1_000 } : { kind: 'unknown' }
}

/** `ip:port`, then the requested facts, separated by commas in an undocumented order, then perhaps a login. */
function readText(item: string, request: Params): ProxyRecord | undefined {
  const [address = '', ...rest] = item.trim().split(',')
  const endpoint = parseEndpoint(address)
  if (endpoint === undefined) return undefined
  const { fields, login } = splitLogin(rest)
  const facts: { life: Life; area?: string; city?: string } = { life: { kind: 'unknown' } }
  for (const field of fields) {
    const kind = kindOf(field, request)
    if (kind === 'life') facts.life = lifeOf(field)
    else facts[kind] = field
  }
  return { protocol: protocolOf(request), ...endpoint, ...login, ...facts }
}

/** A login follows the last field, `281:user:pass`, or is a field of its own, `user:pass`. */
function splitLogin(rest: readonly string[]): { fields: string[]; login: Pick<ProxyRecord, 'username' | 'password'> } {
  const fields = rest.map((field) => field.trim()).filter((field) => field !== '')
  const match = /^(?:([^:]+):)?([^:]+):([^:]+)$/.exec(fields.at(-1) ?? '')
  if (match === null) return { fields, login: {} }
  const [, fact, username = '', password = ''] = match
  return {
    fields: [...fields.slice(0, -1), ...(fact === undefined ? [] : [fact])],
    login: { username, password: new Secret(password) },
  }
}

/**
 * The meaning of a field is known when one kind of number was requested. With both, six digits that are a valid Chinese area code
 * are one; a life that long (30 h) is not sold together with area codes.
 */
function kindOf(field: string, { ip_remain: lifeAsked, city_code: codeAsked }: Params): 'life' | 'area' | 'city' {
  if (!/^-?\d+$/.test(field)) return 'city'
  if (codeAsked === undefined && lifeAsked !== undefined) return 'life'
  if (lifeAsked === undefined && codeAsked !== undefined) return 'area'
  return field.length === 6 && field >= '110000' && field <= '829999' ? 'area' : 'life'
}

/** An item of `json2`, by what public clients read: `{ip, port, http_user?, http_pass?, ip_remain?, city_name?, real_ip?}`. */
function readObject(item: unknown, request: Params): ProxyRecord | undefined {
  const {
    ip,
    port,
    http_user: user,
    http_pass: pass,
    ip_remain: seconds,
    city_name: name,
    city_code: code,
    real_ip: real,
  } = membersOf(item) ?? {}
  const endpoint = parseEndpoint(`${textOf(ip)}:${textOf(port)}`)
  if (endpoint === undefined) return undefined
  const [username, password, exit, city, area] = [user, pass, real, name, code].map(textOf)
  return {
    protocol: protocolOf(request),
    ...endpoint,
    life: lifeOf(textOf(seconds)),
    ...given({ username, password: secretOf(password), exit, city, area }),
  }
}
