/** Opens ipipv's products: each needs several calls, so each is a source of its own around the table. */
import type { Clock } from '../../clock.ts'
import type { CallOrder, Engine, SourceDeps, Table } from '../client/engine.ts'
import type { VendorReply } from '../client/http.ts'
import { judge } from '../client/judge.ts'
import type { Delivery, UpstreamProtocol } from '../contract/delivery.ts'
import { VendorError } from '../contract/error.ts'
import type { Params } from '../contract/operation.ts'
import type { CallTicket, Source, SourceSettings } from '../contract/source.ts'
import type { Delivered, Vendor } from '../contract/vendor.ts'
import { membersOf, textOf } from '../parse/reply.ts'
import { BalanceWatch } from './balance.ts'
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
  engine: Engine,
): Source {
  const labels = readLabels(settings.own)
  if (settings.product === 'static') return openStatic(vendorWith({ labels }), settings, deps, engine)
  if (settings.product === 'dynamic-api') return openApi(vendorWith({ labels }), settings, deps, engine)
  const { protocol, mainAccount } = readPassword(settings.own)
  const vendor = vendorWith({ labels, protocol, mainAccount })
  const base = engine.openTableSource(vendor, settings, deps)
  if (mainAccount === undefined) return base
  return withBalance(base, engine.openTable(vendor, settings, deps), mainAccount, settings.request, deps.clock)
}

function openApi(vendor: Vendor, settings: SourceSettings, deps: SourceDeps, engine: Engine): Source {
  const table = engine.openTable(vendor, settings, deps)
  const base = engine.openTableSource(vendor, settings, deps)
  const { request } = settings
  const draw = async (
    count: number,
    signal: AbortSignal,
    priority = 0,
    ticket?: CallTicket | undefined,
  ): Promise<Delivery> => {
    const order = { signal, priority, ticket }
    const { data } = await table.call('proxy/draw/api', { ...request, num: count }, order)
    const links = listOf(data).flatMap((entry) => textOf(membersOf(entry)?.['proxyUrl']) ?? [])
    if (links.length === 0) throw new VendorError('no_resource', 'empty', 'ipipv answered with success and no link')
    const parts: Part[] = []
    for (const link of links) parts.push(await fetchLink(link, table, { settings, deps, engine }, order))
    return together(parts, settings, engine)
  }
  const source: Source = { ...base, extract: draw }
  const { appUsername } = request
  return appUsername === undefined ? source : withBalance(source, table, String(appUsername), request, deps.clock)
}

interface Part {
  readonly delivered: Delivered
  readonly reply: VendorReply
}

interface Process {
  readonly settings: SourceSettings
  readonly deps: SourceDeps
  readonly engine: Engine
}

/** The contents of a link pass the same gate, on an account of its own: another host answers. */
async function fetchLink(link: string, table: Table, { settings, deps, engine }: Process, order: CallOrder) {
  const request = linkRequest(link, settings, engine.refusalOf)
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

function together(parts: readonly Part[], settings: SourceSettings, engine: Engine): Delivery {
  const facts = factsOf(settings.request)
  const sold = parts.flatMap(({ delivered }) => delivered.sold.map((item) => ({ ...item, ...facts })))
  const rejected = parts.flatMap(({ delivered }) => delivered.rejected)
  const filtered = engine.filterAddresses({ sold, rejected }, settings)
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
  return { ...filtered, sentAt, ...(vendorWallMs === undefined ? {} : { vendorWallMs }) }
}

/** The remaining traffic, MB, is reported with deliveries: the provider's `lowStock` is in MB too. */
function withBalance(base: Source, table: Table, account: string, request: Params, clock: Clock): Source {
  const { productNo, proxyType = 104 } = request
  if (productNo === undefined) return base
  const watch = new BalanceWatch(clock, async (signal) => {
    const params = { appUsername: account, proxyType, productNo }
    const { data } = await table.call('proxy/info', params, { signal, priority: 0 })
    return trafficLeft(data, String(productNo))
  })
  return {
    ...base,
    extract: (count, signal, priority, ticket) => watch.along(base.extract(count, signal, priority, ticket), signal),
  }
}

/** From `{list: [{productNo, balance}]}`; products that are sold by address count addresses. */
function trafficLeft(data: unknown, productNo: string): number | undefined {
  const entries = listOf(data).map(membersOf)
  const entry = entries.find((members) => textOf(members?.['productNo']) === productNo) ?? entries[0]
  const [balance, total, used] = ['balance', 'ipTotal', 'ipUsed'].map((name) =>
    Number(textOf(entry?.[name]) ?? Number.NaN),
  )
  if (total !== undefined && used !== undefined && total > 0 && !(Number(balance) > 0)) return total - used
  return balance !== undefined && Number.isFinite(balance) ? balance : undefined
}
