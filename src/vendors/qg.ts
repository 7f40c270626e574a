/**
 * qg.net (青果网络), the current API: hosts share, exclusive, monopoly and overseas. Document: `qg-new-api.txt`. Calls from other
 * sources name their source.
 */

import { z } from 'zod'
import { given } from '../given.ts'
import { VendorError } from './contract/error.ts'
import type { Credentials, Params } from './contract/operation.ts'
import { credential } from './contract/settings.ts'
import type { Account, AccountFacts, Channels, Delivered, Product, Vendor } from './contract/vendor.ts'
import { areasIn } from './parse/areas.ts'
import { countOf, membersOf, textOf } from './parse/reply.ts'
import { ECHO, host, LEGACY, LINES, operations } from './qg/calls.ts'
import { callerAddress, deliverLines, FOLLOWED, quotaOf } from './qg/legacy-replies.ts'
import { MAX_PER_CALL } from './qg/params.ts'
import { decode, deliver } from './qg/replies.ts'

function authorize(operation: string, params: Params, { key, pwd }: Credentials): Params {
  if (key === undefined) throw new VendorError('auth', 'credentials', 'qg needs the credential key')
  if (operation === ECHO) return params
  const names = operation.startsWith(LEGACY)
    ? ({ key: 'Key', pwd: 'Pwd' } as const)
    : ({ key: 'key', pwd: 'pwd' } as const)
  return { ...params, [names.key]: key.reveal(), ...(pwd === undefined ? {} : { [names.pwd]: pwd.reveal() }) }
}

// --- Products -----------------------------------------------------------------------------------------------------

function product(
  extract: string,
  about: string,
  more: Pick<Product, 'channels' | 'query' | 'listsHeld'> = {},
): Product {
  return {
    about,
    extract,
    canCall: callsOf(extract),
    ...(extract.startsWith('share-') ? { accountNow: balanceNow, areas } : {}),
    maxPerCall: MAX_PER_CALL,
    order: (count, request) => ({ ...request, num: count }),
    deliver,
    ...more,
  }
}

/** Calls of the older host. Share products have their own `resources`. */
const OLDER_CALLS: Readonly<Record<string, readonly string[]>> = {
  exclusive: ['resources'],
  monopoly: ['resources', 'monopolies'],
}

/** A key works on the host of its product, and for account calls on the older one. */
function callsOf(extract: string): (operation: string) => boolean {
  const [product = ''] = extract.split('/')
  const prefixes = [`${product}/`, ...(product.startsWith('share-') ? ['share/'] : [])]
  const account = ['whitelist/', 'info/', 'caller-ip', ...(OLDER_CALLS[product] ?? [])]
  return (operation) =>
    [...prefixes, ...account.map((name) => `${LEGACY}${name}`)].some((each) => operation.startsWith(each))
}

const areas: NonNullable<Product['areas']> = {
  operation: 'share/resources',
  params: () => ({}),
  read: (data) => areasIn(data, 'area'),
}

/** A call of public clients; the document has none. */
async function balanceNow(account: Account): Promise<AccountFacts> {
  const data = await account.call('share/balance', {})
  const balance = Number(textOf(membersOf(data)?.['balance'] ?? data) ?? Number.NaN)
  return Number.isFinite(balance) ? { balance } : {}
}

/** Lines that the key already has (a restart, another host) occupy channels too: they are used. */
async function takeLines(count: number, account: Account): Promise<Delivered> {
  try {
    return deliverLines(await account.call('monopoly/get', { ...account.request, num: count }))
  } catch (error) {
    if (!(error instanceof VendorError) || error.vendorCode !== 'NO_AVAILABLE_CHANNEL') throw error
    const held = deliverHeld(await account.call(LINES, {}))
    if (held.sold.length + (held.pending ?? []).length === 0) throw error
    return held
  }
}

function deliverHeld(envelope: unknown): Delivered {
  return deliverLines(membersOf(envelope)?.['data'])
}

const locked: Product = {
  ...product('monopoly/get', '独享代理(地区锁): lines of one area and one customer', {
    channels: true,
    query: LINES,
    // All that the key holds comes where it has no channel free (`takeLines`).
    listsHeld: true,
  }),
  take: takeLines,
  follow: { ...FOLLOWED, operation: LINES },
  deliver: deliverHeld,
}

// --- Account ------------------------------------------------------------------------------------------------------

/** The older API documents this call; when it does not know the key, public clients of the share products use another one. */
async function channelsNow(sold: string, account: Account): Promise<Channels> {
  try {
    return quotaOf(await account.call(`${LEGACY}info/quota`, {}))
  } catch (error) {
    if (!(error instanceof VendorError) || !sold.startsWith('share-')) throw error
    const { total, idle } = membersOf(await account.call('share/channels', {})) ?? {}
    const [all, free] = [countOf(total), countOf(idle)]
    if (all === undefined) throw error
    return { total: all, ...given({ free }) }
  }
}

/** Codes after which registering the address may help; a full whitelist cannot be repaired by adding. */
const WHITELIST_CODES = ['API_AUTH_DENY', '-13']

/** Parameters of links in addition to the document's: an extraction as text has no deadline. */
const inLinks = { credentials: { key: 'key', pwd: 'pwd' }, count: 'num', leftOut: ['format', 'seq'] } as const
const hostOf = (name: string) => [new URL(host(name)).hostname]

export const qg: Vendor = {
  name: 'qg',
  baseUrl: host('share'),
  credentials: z.strictObject({
    key: credential('Key of the product bought (Authkey).'),
    pwd: credential('API password, where the account demands one.').optional(),
  }),
  countedBy: ['key'],
  operations,
  products: {
    'share-channel': product('share-channel/get', '短效代理, by channel', {
      channels: true,
      query: 'share-channel/query',
    }),
    'share-pool': product('share-channel/pool', '短效代理, by channel, listing what is held with what is new', {
      channels: true,
      listsHeld: true,
      query: 'share-channel/query',
    }),
    'share-elastic': product('share-elastic/get', '短效代理, elastic: an allowance for each day'),
    'share-uniform': product('share-uniform/get', '短效代理, uniform: an allowance for each minute'),
    'share-volume': product('share-volume/get', '短效代理, by amount'),
    exclusive: product('exclusive/get', '独享代理: addresses of one customer', {
      channels: true,
      query: 'exclusive/query',
    }),
    'exclusive-locked': locked,
    'overseas-channel': product('overseas-channel/get', '全球短效代理, by channel', { channels: true }),
    'overseas-volume': product('overseas-volume/get', '全球短效代理, by amount'),
  },
  authorize,
  decode,
  links: [
    {
      ...inLinks,
      hosts: hostOf('share'),
      path: /^\/get$/,
      products: ['share-channel', 'share-uniform', 'share-elastic', 'share-volume'],
    },
    { ...inLinks, hosts: hostOf('share'), path: /^\/pool$/, products: ['share-pool'] },
    { ...inLinks, hosts: hostOf('exclusive'), path: /^\/get$/, products: ['exclusive'] },
    { ...inLinks, hosts: hostOf('monopoly'), path: /^\/get$/, products: ['exclusive-locked'] },
    { ...inLinks, hosts: hostOf('overseas'), path: /^\/get$/, products: ['overseas-channel', 'overseas-volume'] },
  ],
  channelsNow,
  whitelist: {
    isMissing: ({ vendorCode }) => WHITELIST_CODES.includes(vendorCode),
    echo: (asked) => callerAddress(ECHO, asked),
    add: async (ip, asked) => void (await asked.call(`${LEGACY}whitelist/add`, { IP: ip })),
    remove: async (ip, asked) => void (await asked.call(`${LEGACY}whitelist/del`, { IP: ip })),
  },
}
