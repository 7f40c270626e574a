/** The results of the two draws: addresses with a login each, or a link to addresses. */

import type { Life, ProxyRecord, UpstreamProtocol } from '../contract/delivery.ts'
import type { Params } from '../contract/operation.ts'
import type { Delivered } from '../contract/vendor.ts'
import { parseEndpoint, readEndpoint } from '../parse/address.ts'
import { malformed, membersOf, textOf } from '../parse/reply.ts'

const MINUTE_MS = 60_000
const DEFAULT_SESSION_MINUTES = 5

/** Life of what `proxy/draw/pwd` draws: the requested session time. */
function sessionLife({ sessTime = DEFAULT_SESSION_MINUTES }: Params): Life {
  return { kind: 'for', ms: Number(sessTime) * MINUTE_MS }
}

/** Facts for the clients' geo options: from the requested code, by its length (dictionary of the document). */
export function factsOf({ addressCode }: Params): Pick<ProxyRecord, 'country' | 'area' | 'city'> {
  const code = String(addressCode ?? '')
  if (code.length === 3) return { country: code }
  if (code.length === 6) return { area: code }
  return code.length === 9 ? { city: code } : {}
}

/** The `{list: [...]}` of both draws. @throws {VendorError} class server when there is none */
export function listOf(data: unknown): readonly unknown[] {
  const { list } = membersOf(data) ?? {}
  if (list === undefined || list === null) throw malformed('the reply has no list')
  if (!Array.isArray(list)) throw malformed('the list of the reply is none')
  return list as unknown[]
}

/** Reads `{list: [{proxyUrl, list: [text]}]}`. @param protocol of addresses without one */
export function deliverPasswords(data: unknown, request: Params, protocol: UpstreamProtocol): Delivered {
  const sold: ProxyRecord[] = []
  const rejected: string[] = []
  for (const entry of listOf(data)) {
    const { proxyUrl, list } = membersOf(entry) ?? {}
    const url = textOf(proxyUrl)
    const gate = parseEndpoint(url ?? '')
    const texts = Array.isArray(list) && list.length > 0 ? (list as unknown[]) : url === undefined ? [] : [url]
    if (texts.length === 0) rejected.push('an entry without proxyUrl and list')
    for (const text of texts) {
      const reading = readEndpoint(textOf(text) ?? '', gate)
      if ('reason' in reading) rejected.push(reading.reason)
      else sold.push({ protocol, ...reading.endpoint, life: sessionLife(request), ...factsOf(request) })
    }
  }
  return { sold, rejected }
}
