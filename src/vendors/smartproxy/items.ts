/** Reads addresses from the app_key OpenAPI's replies, whose lists are flat, nested, text, or undocumented. */
import { given } from '../../given.ts'
import type { Life, ProxyRecord } from '../contract/delivery.ts'
import type { Params } from '../contract/operation.ts'
import type { DeliverContext, Delivered } from '../contract/vendor.ts'
import type { Found } from '../parse/facts.ts'
import { countOf, malformed, membersOf, textOf } from '../parse/reply.ts'
import { scanText, scanTree } from '../parse/scan.ts'

const MINUTE_MS = 60_000

/** `list` of a reply: in the data, or the data itself. */
export function listOf(data: unknown): readonly unknown[] {
  const list = Array.isArray(data) ? data : (membersOf(data)?.['list'] ?? membersOf(data)?.['data'])
  return Array.isArray(list) ? (list as unknown[]) : []
}

/** The number of pages, if the reply has it. */
export function pagesOf(data: unknown): number | undefined {
  return countOf(membersOf(data)?.['total_page'])
}

/** @param data a list of `ip:port`, nested or not; or the text of a text reply */
export function deliverDynamic(data: unknown, { request }: DeliverContext): Delivered {
  const list = Array.isArray(data) ? data : membersOf(data)?.['list']
  if (typeof data !== 'string' && !Array.isArray(list) && list !== null)
    throw malformed('the reply has no list of addresses')
  const { found, rejected } = typeof data === 'string' ? scanText(data) : scanTree(list)
  const country = textOf(request['cc'])
  const more = { life: lifeOf(request), ...given({ country }) }
  return { sold: found.map((one): ProxyRecord => ({ protocol: 'http', ...one, ...more })), rejected }
}

/** A reply has no life: it is the requested one, in minutes. */
function lifeOf({ life }: Params): Life {
  const minutes = countOf(life)
  return minutes === undefined || minutes === 0 ? { kind: 'unknown' } : { kind: 'for', ms: minutes * MINUTE_MS }
}

/**
 * The schema is not documented: everything with an address and a port is taken, and texts that are addresses.
 * @param wallMs the time of day. These addresses live for months: their end is passed as a duration from now, because such a
 * distant time of day would count as a wrong clock
 */
export function deliverStatic(data: unknown, wallMs?: number): Delivered {
  if (data === undefined || (typeof data !== 'object' && typeof data !== 'string'))
    throw malformed('the reply has no list of addresses')
  const { found, rejected } = scanTree(data)
  const all = found.map((one): ProxyRecord => ({ protocol: 'http', ...one, life: termOf(one, wallMs) }))
  const sold = all.filter(({ life }) => life.kind !== 'for' || life.ms > 0)
  return {
    sold,
    rejected: [...rejected, ...Array<string>(all.length - sold.length).fill('an address that has expired')],
  }
}

/** The zone of an end is not documented; the platform is Chinese. */
function termOf({ life }: Found, wallMs: number | undefined): Life {
  if (life.kind !== 'until') return { kind: 'endless' }
  return wallMs === undefined ? life : { kind: 'for', ms: life.wallMs - wallMs, isTerm: true }
}
