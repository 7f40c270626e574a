/** Static instances: converts the vendor's description to an address, and decides which of them can be used now. */

import { formatAuthority } from '../../address.ts'
import { given } from '../../given.ts'
import type { Life, ProxyRecord, UpstreamProtocol } from '../contract/delivery.ts'
import { parseEndpoint } from '../parse/address.ts'
import { secretOf } from '../parse/items.ts'
import { countOf, malformed, membersOf, shapeOf, textOf } from '../parse/reply.ts'

/** The document's own numbers. */
const RUNNING = '3'
const COMING = ['1', '2']
const statusWords: Readonly<Record<string, string>> = {
  '1': 'waits to be made',
  '2': 'is being made',
  '6': 'is stopped',
  '10': 'is closed',
  '11': 'was released',
}
const protocolNumbers = { socks5: '1', http: '2', https: '3' } as const
/** 1 login, 3 a token in place of the password. Without either, access is by whitelist. */
const LOGIN_TYPES = ['1', '3']
/** Seconds until the year 33658; a larger number is in ms. */
const MS_FROM = 1e12

export interface InstanceSettings {
  /** Undefined: http if there is a choice. */
  readonly protocol?: 'http' | 'socks5' | undefined
  readonly bridge: boolean
}

export interface Instance {
  readonly instanceNo: string
  /** Why it cannot be used now; undefined when it can. */
  readonly reason: string | undefined
  /** Closed, released or expired: it never returns. */
  readonly isOver: boolean
  /** Bought, and not ready yet: it becomes ready without a further call. */
  readonly isComing: boolean
  readonly sold: ProxyRecord | undefined
  /** The product as it was bought. */
  readonly productNo: string | undefined
}

/** A requested instance that is missing in the answer: it is not certain that it has ended. */
export function untold(instanceNo: string): Instance {
  const reason = `instance ${instanceNo} is not in the answer`
  return { instanceNo, reason, isOver: false, isComing: false, sold: undefined, productNo: undefined }
}

/** @param vendorWallMs now, by the vendor's clock, ms since the epoch @throws {VendorError} class server when it is not a list */
export function readInstances(data: unknown, settings: InstanceSettings, vendorWallMs: number): Instance[] {
  if (data === undefined || data === null) return []
  if (!Array.isArray(data)) throw malformed('the list of instances is none')
  return data.map((item: unknown) => readInstance(membersOf(item) ?? {}, settings, vendorWallMs))
}

function readInstance(item: Readonly<Record<string, unknown>>, settings: InstanceSettings, nowMs: number): Instance {
  const instanceNo = textOf(item['instanceNo']) ?? ''
  const status = textOf(item['status']) ?? ''
  const productNo = textOf(item['productNo'])
  const no = (reason: string, isOver = false): Instance => ({
    instanceNo,
    reason: `instance ${/^[\w.-]{1,64}$/.test(instanceNo) ? instanceNo : shapeOf(instanceNo)} ${reason}`,
    isOver,
    isComing: COMING.includes(status),
    sold: undefined,
    productNo,
  })
  const life = lifeOf(item['userExpired'], nowMs)
  // At its end an instance is stopped, and may stay so: it is not paid for any more.
  if (life.kind === 'for' && life.ms <= 0 && !COMING.includes(status)) return no('has expired', true)
  if (status !== RUNNING) return no(statusWords[status] ?? 'is in an unknown state', status === '10' || status === '11')
  const place = placeOf(item, settings)
  if (typeof place === 'string') return no(place)
  return {
    instanceNo,
    reason: undefined,
    isOver: false,
    isComing: false,
    sold: { ...place, ...loginOf(item), ...factsOf(item), life, ref: instanceNo },
    productNo,
  }
}

/** Zero or empty: a term without end. */
function lifeOf(expired: unknown, nowMs: number): Life {
  const at = Number(textOf(expired) ?? 0)
  if (!Number.isFinite(at) || at <= 0) return { kind: 'endless' }
  return { kind: 'for', ms: (at >= MS_FROM ? at : at * 1_000) - nowMs, isTerm: true }
}

function placeOf(
  item: Readonly<Record<string, unknown>>,
  { protocol, bridge }: InstanceSettings,
): Pick<ProxyRecord, 'host' | 'port' | 'protocol' | 'exit'> | string {
  const ip = textOf(item['ip']) ?? ''
  const bridges = Array.isArray(item['bridges'])
    ? (item['bridges'] as unknown[]).flatMap((text) => textOf(text) ?? [])
    : []
  const entry = bridge ? bridges.map((text) => parseEndpoint(text)).find((found) => found !== undefined) : undefined
  // Bridges speak SOCKS5, by the vendor's public SDK.
  if (entry !== undefined) return { host: entry.host, port: entry.port, protocol: entry.protocol ?? 'socks5', exit: ip }
  const port = countOf(item['port'])
  const endpoint = port === undefined ? undefined : parseEndpoint(formatAuthority(ip, port))
  if (endpoint === undefined) return 'has no address'
  const spoken = protocolOf(textOf(item['protocol']), protocol)
  return spoken === undefined
    ? 'does not speak the protocol that is configured'
    : { host: endpoint.host, port: endpoint.port, protocol: spoken }
}

function protocolOf(numbers: string | undefined, wanted: 'http' | 'socks5' | undefined): UpstreamProtocol | undefined {
  // It may be missing: then only the configuration knows.
  if (numbers === undefined) return wanted ?? 'http'
  const offered = numbers.split(',').map((text) => text.trim())
  if (wanted !== undefined) return offered.includes(protocolNumbers[wanted]) ? wanted : undefined
  const names = ['http', 'socks5', 'https'] as const
  return names.find((name) => offered.includes(protocolNumbers[name]))
}

function loginOf(item: Readonly<Record<string, unknown>>): Pick<ProxyRecord, 'username' | 'password'> {
  const [useType = '1', username, password] = [item['useType'], item['username'], item['pwd']].map(textOf)
  const isLogin = useType.split(',').some((type) => LOGIN_TYPES.includes(type.trim()))
  // Type 3 has its token in the password, and the name may be missing or be the token too.
  const name = username ?? password
  if (!isLogin || name === undefined) return {}
  return { username: name, ...given({ password: secretOf(password) }) }
}

function factsOf(item: Readonly<Record<string, unknown>>): Pick<ProxyRecord, 'country' | 'city'> {
  const [country, city] = [item['countryCode'], item['cityCode']].map(textOf)
  return given({ country, city })
}

/** One answer of the call `order`. */
export interface OrderPage {
  /** 1 waits, 2 runs, 3 worked, 4 failed, 5 worked in part. */
  readonly status: number
  readonly appOrderNo: string | undefined
  readonly isRefunded: boolean
  /** Total number of instances. */
  readonly total: number
  readonly instances: unknown
  readonly numbers: readonly string[]
}

/** @throws {VendorError} class server when it is not an order */
export function readOrder(data: unknown): OrderPage {
  const order = membersOf(data)
  const status = countOf(order?.['status'])
  if (order === undefined || status === undefined) throw malformed('the reply is no order')
  const list: unknown[] = Array.isArray(order['instances']) ? order['instances'] : []
  const numbers = list.flatMap((item) => textOf(membersOf(item)?.['instanceNo']) ?? [])
  return {
    status,
    appOrderNo: textOf(order['appOrderNo']),
    isRefunded: textOf(order['refund']) === '1',
    total: countOf(order['total']) ?? numbers.length,
    instances: list,
    numbers,
  }
}

/** Whether an order has ended. */
export const isFinal = (status: number): boolean => status === 3 || status === 4 || status === 5
