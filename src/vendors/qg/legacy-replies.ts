/** Reading what proxy.qg.net answers. Shapes of `allocate`, `query` and their kin are of public clients: the document shows none. */

import { given } from '../../given.ts'
import type { Pending, ProxyRecord } from '../contract/delivery.ts'
import type { Operation, Params } from '../contract/operation.ts'
import type { Account, Channels, Delivered } from '../contract/vendor.ts'
import { parseEndpoint } from '../parse/address.ts'
import { deliverEach, lifeUntil } from '../parse/items.ts'
import { countOf, malformed, membersOf, refusal, ruleOf, shapeOf, textOf } from '../parse/reply.ts'
import { scanText } from '../parse/scan.ts'
import { legacyErrors } from './legacy-errors.ts'
import { type Envelope, envelopeOf, type TextKind } from './legacy-formats.ts'

/** `Code` of most calls, `code` or nothing of /monopolies. */
const WORKED = ['0', '200']

/**
 * @param operation the call that was made; other calls' codes are known too
 * @param sent its parameters
 * @returns the whole envelope: this API has its fields at the top
 * @throws {VendorError}
 */
export function decodeLegacy(text: string, operation: Operation | undefined, sent: Params): Envelope {
  const envelope = envelopeOf(text, kindOf(operation), sent['DataFormat'] === 'txt')
  const [upper, lower, failure] = [envelope['Code'], envelope['code'], envelope['error']].map(textOf)
  const code = upper ?? lower ?? (failure === undefined ? undefined : '500')
  if (code === undefined && envelope['data'] === undefined) throw malformed('the reply has no Code', text)
  if (code === undefined || WORKED.includes(code)) return envelope
  const [words = ''] = [failure, ...['Message', 'Msg', 'message', 'msg'].map((name) => textOf(envelope[name]))].filter(
    (said) => said !== undefined,
  )
  throw refusal(ruleOf(code, operation?.errors, legacyErrors), code, words)
}

function kindOf(operation: Operation | undefined): TextKind {
  if (operation?.path === '/info/quota') return 'quota'
  return operation?.path === '/monopolies' ? 'lines' : 'other'
}

// --- Addresses ----------------------------------------------------------------------------------------------------

/** `Data` of one batch, `TaskList` of several, or the fields of a single address at the top. */
export function deliverBatches(data: unknown): Delivered {
  const envelope = membersOf(data) ?? {}
  const { text } = envelope
  return typeof text === 'string' ? deliverText(text) : deliverEach(itemsOf(envelope), readItem)
}

/** A text contains the address, and perhaps more; a release names the host. */
function deliverText(text: string): Delivered {
  const { found, rejected } = scanText(text)
  if (found.length === 0) throw malformed('the reply has no list of addresses', text)
  return { sold: found.map((one): ProxyRecord => ({ protocol: 'http', ref: one.exit ?? one.host, ...one })), rejected }
}

function itemsOf(envelope: Envelope): unknown[] {
  const { TaskList: tasks, Data: data, IP: ip } = envelope
  if (Array.isArray(tasks)) return tasks.flatMap((task: unknown) => batchOf(membersOf(task)?.['Data']))
  if (data !== undefined && data !== null) return batchOf(data, 'strict')
  if (textOf(ip) !== undefined) return [envelope]
  // An empty result is null, or is left out beside a count of 0.
  const isNothing =
    tasks === null || data === null || ['0'].includes(textOf(envelope['Num'] ?? envelope['TotalNum']) ?? '')
  if (!isNothing) throw malformed('the reply has no list of addresses')
  return []
}

function batchOf(data: unknown, mode: 'strict' | 'lenient' = 'lenient'): unknown[] {
  if (Array.isArray(data)) return data as unknown[]
  if (mode === 'strict') throw malformed('the Data of the reply is no list')
  return []
}

/** Connects to `host`; `IP` is the exit address, and the name of the address in a release. `port` is a string. */
function readItem(item: unknown): ProxyRecord | string {
  const { IP, port, host, deadline, region, area, isp } = membersOf(item) ?? {}
  const [ip, place, carrier] = [IP, region ?? area, isp].map(textOf)
  const endpoint = parseEndpoint(textOf(host) ?? '') ?? parseEndpoint(`${ip}:${textOf(port)}`)
  if (endpoint === undefined) return `an item without an address: ${shapeOf(textOf(host) ?? ip ?? '')}`
  return {
    protocol: 'http',
    ...endpoint,
    life: lifeUntil(textOf(deadline)),
    ref: ip ?? endpoint.host,
    ...given({ exit: ip === endpoint.host ? undefined : ip, area: place, isp: carrier }),
  }
}

// --- Monopolised lines --------------------------------------------------------------------------------------------

/**
 * A line has no deadline, but a new address after each redial. So an address counts as good for this long after it was last listed,
 * and polling the list extends it.
 */
const SEEN_LIFE_MS = 120_000
const ONLINE = '在线'

/** With more lines the query would be too long: the whole list is read then. */
const MAX_NAMED = 50

/** Poll intervals of lines: well within `SEEN_LIFE_MS`, and within the document's 60 calls a minute. */
export const FOLLOWED = {
  everyMs: 20_000,
  pendingEveryMs: 3_000,
  params: (refs: readonly string[]): Params => (refs.length > MAX_NAMED ? {} : { UUIDs: refs.join(',') }),
} as const

/** Online lines are delivered, all others are pending. @param lines the list of either API */
export function deliverLines(lines: unknown): Delivered {
  if (lines === null) return { sold: [], pending: [], rejected: [] }
  if (!Array.isArray(lines)) throw malformed('the reply has no list of lines')
  return { pending: [], ...deliverEach(lines, readLine) }
}

function readLine(line: unknown): ProxyRecord | Pending | string {
  const { uuid, area, isp, state, ip } = membersOf(line) ?? {}
  const [ref, place, carrier, said = '', address] = [uuid, area, isp, state, ip].map(textOf)
  if (ref === undefined) return `a line without a uuid: ${shapeOf(JSON.stringify(line) ?? '')}`
  const endpoint = said === ONLINE && address !== undefined ? parseEndpoint(address) : undefined
  if (said === ONLINE && address !== undefined && endpoint === undefined)
    return `a line whose ip is no address: ${shapeOf(address)}`
  if (endpoint === undefined) return { ref, ...waitOf(said) }
  return {
    protocol: 'http',
    ...endpoint,
    life: { kind: 'for', ms: SEEN_LIFE_MS },
    ref,
    ...given({ area: place, isp: carrier }),
  }
}

/** `等待中(34)`, `排队中(等待秒数34)`. */
function waitOf(state: string): { waitMs?: number } {
  const seconds = /(\d{1,6})\s*[)）秒]/.exec(state)?.[1]
  return seconds === undefined ? {} : { waitMs: Number(seconds) * 1_000 }
}

// --- Account ------------------------------------------------------------------------------------------------------

/** @param data reply of info/quota */
export function quotaOf(data: unknown): Channels {
  const { Total, Available } = membersOf(data) ?? {}
  const [total, free] = [countOf(Total), countOf(Available)]
  if (total === undefined) throw malformed('the reply has no Total')
  return { total, ...given({ free }) }
}

/** @param operation the call's name in the vendor's table */
export async function callerAddress(operation: string, account: Account): Promise<string> {
  return textOf(await account.call(operation, {})) ?? ''
}
