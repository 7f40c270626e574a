/** Reading addresses out of the app_key OpenAPI's replies, whose lists come flat, nested, as text, or without any schema. */
import { Secret } from '../../secret.ts'
import type { DeliverContext, Delivered, Life, Params, Sold } from '../contract.ts'
import {
  chinaTime,
  countOf,
  type Endpoint,
  malformed,
  membersOf,
  parseEndpoint,
  parseList,
  shapeOf,
  textOf,
} from '../parse/reply.ts'

/** Lists within lists: the document shows one level. */
const MAX_DEPTH = 8
const MINUTE_MS = 60_000

/** `list` of a reply, wherever it stands: in the data, or being the data. */
export function listOf(data: unknown): readonly unknown[] {
  const list = Array.isArray(data) ? data : (membersOf(data)?.['list'] ?? membersOf(data)?.['data'])
  return Array.isArray(list) ? (list as unknown[]) : []
}

/** How many pages there are, where the reply tells. */
export function pagesOf(data: unknown): number | undefined {
  return countOf(membersOf(data)?.['total_page'])
}

// --- Dynamic ------------------------------------------------------------------------------------------------------

/** @param data a list of `ip:port`, nested or not; or the text of a text reply */
export function deliverDynamic(data: unknown, { request }: DeliverContext): Delivered {
  const life = lifeOf(request)
  const country = textOf(request['cc'])
  const more = { life, ...(country === undefined ? {} : { country }) }
  if (typeof data === 'string') {
    const { items, rejected } = parseList(data.replaceAll(/\\r|\\n/g, '\n'))
    return { sold: items.map(({ endpoint }) => toSold(endpoint, more)), rejected }
  }
  const list = Array.isArray(data) ? data : membersOf(data)?.['list']
  if (!Array.isArray(list) && list !== null) throw malformed('the reply has no list of addresses')
  const sold: Sold[] = []
  const rejected: string[] = []
  for (const item of flatten(list ?? [])) {
    const endpoint = endpointOf(item)
    if (endpoint === undefined) rejected.push(`not an address: ${shapeOf(textOf(item) ?? typeof item)}`)
    else sold.push(toSold(endpoint, more))
  }
  return { sold, rejected }
}

/** A reply tells no life: it is what was asked for, in minutes. */
function lifeOf({ life }: Params): Life {
  const minutes = countOf(life)
  return minutes === undefined || minutes === 0 ? { kind: 'unknown' } : { kind: 'for', ms: minutes * MINUTE_MS }
}

function flatten(list: unknown, depth = 0): unknown[] {
  if (!Array.isArray(list)) return [list]
  return depth === MAX_DEPTH ? [] : list.flatMap((item) => flatten(item, depth + 1))
}

function toSold(endpoint: Endpoint, more: Pick<Sold, 'life' | 'country'>): Sold {
  return { protocol: 'http', ...endpoint, ...more }
}

function endpointOf(item: unknown): Endpoint | undefined {
  const { ip, port } = membersOf(item) ?? {}
  return parseEndpoint(textOf(item) ?? `${textOf(ip)}:${textOf(port)}`)
}

// --- Static -------------------------------------------------------------------------------------------------------

/**
 * No schema is documented: whatever has an address and a port is taken, as are texts that are addresses.
 * @param wallMs the time of day. These addresses live for months: their end is told as so long from now, since a time of
 * day that far ahead would pass for a wrong clock
 */
export function deliverStatic(data: unknown, wallMs?: number): Delivered {
  if (data === undefined || (typeof data !== 'object' && typeof data !== 'string'))
    throw malformed('the reply has no list of addresses')
  const sold: Sold[] = []
  const rejected: string[] = []
  for (const item of flatten(candidates(data))) {
    const read = readStatic(item)
    const life = read === undefined ? undefined : lifeFrom(read.life, wallMs)
    if (read === undefined || life === undefined)
      rejected.push(`nothing with ip and port: ${shapeOf(textOf(item) ?? typeof item)}`)
    else if (life.kind === 'for' && life.ms <= 0) rejected.push('an address that has expired')
    else sold.push({ ...read, life })
  }
  return { sold, rejected }
}

function lifeFrom(life: Life, wallMs: number | undefined): Life {
  return life.kind === 'until' && wallMs !== undefined ? { kind: 'for', ms: life.wallMs - wallMs, isTerm: true } : life
}

function candidates(data: unknown): unknown {
  const list = listOf(data)
  if (list.length > 0 || Array.isArray(data)) return list
  return readStatic(data) === undefined ? [] : [data]
}

const PORTS = ['port', 'http_port', 'https_port', 'socks5_port'] as const

function readStatic(item: unknown): Sold | undefined {
  const fields = membersOf(item)
  if (fields === undefined) {
    const endpoint = parseEndpoint(textOf(item) ?? '')
    return endpoint === undefined ? undefined : toSold(endpoint, { life: { kind: 'endless' } })
  }
  const first = (...names: string[]) => names.map((name) => textOf(fields[name])).find((text) => text !== undefined)
  const portName = PORTS.find((name) => textOf(fields[name]) !== undefined) ?? 'port'
  const host = first('ip', 'host', 'proxy_ip', 'server')
  const endpoint = parseEndpoint(`${host}:${textOf(fields[portName])}`) ?? parseEndpoint(host ?? '')
  if (endpoint === undefined) return undefined
  const isSocks = portName === 'socks5_port' || /^socks5?h?$/i.test(first('protocol', 'type') ?? '')
  const [username, password] = [first('username', 'user', 'account'), first('password', 'pwd', 'pass')]
  const [country, city] = [first('country_code', 'country', 'cc'), first('city')]
  return {
    protocol: isSocks ? 'socks5' : 'http',
    ...endpoint,
    ...(username === undefined ? {} : { username }),
    ...(username === undefined || password === undefined ? {} : { password: new Secret(password) }),
    life: endOf(first('expired_at', 'expire_at', 'expire_time', 'expired_time', 'end_time')),
    ...(country === undefined ? {} : { country }),
    ...(city === undefined ? {} : { city }),
  }
}

/** `Y-m-d H:i:s` as in the rest of the API; the zone is not stated, the platform is Chinese. */
function endOf(text: string | undefined): Life {
  const wallMs = text === undefined ? undefined : chinaTime(text)
  return wallMs === undefined ? { kind: 'endless' } : { kind: 'until', wallMs }
}
