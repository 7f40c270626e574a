/** Opens ipipv's products: each needs several calls, so each is a source of its own around the table. */
import { given } from '../../given.ts'
import { filterAddresses } from '../client/address-filter.ts'
import type { SourceDeps, Table } from '../client/contract.ts'
import type { VendorReply } from '../client/http.ts'
import { judge } from '../client/judge.ts'
import { openTableSource } from '../client/source.ts'
import { openTable } from '../client/table.ts'
import type { Delivery, UpstreamProtocol } from '../contract/delivery.ts'
import { VendorError } from '../contract/error.ts'
import type { CallOrder, Source, SourceSettings } from '../contract/source.ts'
import type { Delivered, Vendor } from '../contract/vendor.ts'
import { membersOf, textOf } from '../parse/reply.ts'
import { factsOf, listOf } from './draw.ts'
import { linkRequest, readLink, withoutLink } from './link.ts'
import { readLabels, readPassword, type Variant } from './settings.ts'
import { openStatic } from './static.ts'

/**
 * @param vendorWith the table, adapted to a user's own keys
 * @throws {VendorError} class bad_request for an unknown product and for settings that the table does not allow
 */
export function openProduct(
  vendorWith: (variant: Variant) => Vendor,
  settings: SourceSettings,
  deps: SourceDeps,
): Source {
  const labels = readLabels(settings.own)
  if (settings.product === 'static') return openStatic(vendorWith({ labels }), settings, deps)
  if (settings.product === 'dynamic-api') return openApi(vendorWith({ labels }), settings, deps)
  const { protocol, mainAccount } = readPassword(settings.own)
  return openTableSource(vendorWith({ labels, protocol, mainAccount }), settings, deps)
}

function openApi(vendor: Vendor, settings: SourceSettings, deps: SourceDeps): Source {
  const table = openTable(vendor, settings, deps)
  return {
    ...openTableSource(vendor, settings, deps),
    extract: async (count, order) => {
      const { data } = await table.call('proxy/draw/api', { ...settings.request, num: count }, order)
      const links = listOf(data).flatMap((entry) => textOf(membersOf(entry)?.['proxyUrl']) ?? [])
      if (links.length === 0) throw new VendorError('no_resource', 'empty', 'ipipv answered with success and no link')
      const parts: Part[] = []
      for (const link of links) parts.push(await fetchLink(link, table, settings, deps, order))
      return together(parts, settings)
    },
  }
}

interface Part {
  readonly delivered: Delivered
  readonly reply: VendorReply
}

/** The contents of a link pass the same gate, on an account of its own: another host answers. */
async function fetchLink(
  link: string,
  table: Table,
  settings: SourceSettings,
  deps: SourceDeps,
  order: CallOrder,
): Promise<Part> {
  const request = linkRequest(link, settings)
  const limit = table.limitOf('proxy/draw/api')
  const send = () => deps.http.call(request, order.signal)
  const reply = await (deps.gate === undefined
    ? send()
    : deps.gate({ ...limit, key: `${limit.key} link` }, order, send))
  const protocol: UpstreamProtocol = settings.request['protocol'] === 'http' ? 'http' : 'socks5'
  try {
    return { delivered: judge(reply, deps.clock.wall(), (raw) => readLink(raw, protocol)), reply }
  } catch (error) {
    throw error instanceof VendorError ? withoutLink(error, request.url) : error
  }
}

function together(parts: readonly Part[], settings: SourceSettings): Delivery {
  const facts = factsOf(settings.request)
  const sold = parts.flatMap(({ delivered }) => delivered.sold.map((item) => ({ ...item, ...facts })))
  const rejected = parts.flatMap(({ delivered }) => delivered.rejected)
  const filtered = filterAddresses({ sold, rejected }, settings)
  if (filtered.sold.length === 0)
    throw new VendorError(
      'server',
      'unusable',
      `no address behind the link can be used: ${filtered.rejected[0] ?? ''}`,
      { sale: 'sold' },
    )
  const replies = parts.map(({ reply }) => reply)
  const vendorWallMs = replies[0]?.vendorWallMs
  // Lives count from the first link: an early deadline is safe.
  const sentAt = Math.min(...replies.map((reply) => reply.sentAt))
  return { ...filtered, sentAt, ...given({ vendorWallMs }) }
}
