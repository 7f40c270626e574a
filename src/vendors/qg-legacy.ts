/**
 * qg.net (青果网络), the older API on proxy.qg.net. Document: `qg-legacy-api.txt`. The cloud-server and billing calls at
 * its end are in qg/account-lookups.ts.
 */

import { z } from 'zod'
import { given } from '../given.ts'
import { VendorError } from './contract/error.ts'
import type { Credentials, Operation, Params, RawReply } from './contract/operation.ts'
import { credential, giveBackSetting, methodSetting } from './contract/settings.ts'
import type { Product, Vendor } from './contract/vendor.ts'
import { areasIn } from './parse/areas.ts'
import { membersOf, textOf } from './parse/reply.ts'
import { accountLookups, authorizeLookup, decodeLookup } from './qg/account-lookups.ts'
import { BY_AMOUNT, LEGACY_BASE_URL, legacyAccount, legacySales } from './qg/legacy-calls.ts'
import { MAX_PER_CALL } from './qg/legacy-params.ts'
import { callerAddress, decodeLegacy, deliverBatches, deliverLines, FOLLOWED, quotaOf } from './qg/legacy-replies.ts'

const operations: Readonly<Record<string, Operation>> = { ...legacySales, ...legacyAccount, ...accountLookups }
const ECHO = 'caller-ip'

function authorize(operation: string, params: Params, credentials: Credentials, _id: string, wallMs: number): Params {
  const { Key, Pwd } = credentials
  if (Object.hasOwn(accountLookups, operation)) return authorizeLookup(params, credentials, wallMs)
  if (Key === undefined) throw new VendorError('auth', 'credentials', 'qg-legacy needs the credential Key')
  if (operation === ECHO) return params
  return { ...params, Key: Key.reveal(), ...given({ Pwd: Pwd?.reveal() }) }
}

function decode(operation: string, reply: RawReply, sent: Params): unknown {
  if (Object.hasOwn(accountLookups, operation)) return decodeLookup(reply.text)
  return operation === ECHO ? reply.text.trim() : decodeLegacy(reply.text, operations[operation], sent)
}

/** The account's own calls, and those of the product. */
const callsOf =
  (...names: readonly string[]) =>
  (operation: string): boolean =>
    names.includes(operation) ||
    (!Object.hasOwn(legacySales, operation) && operation !== 'monopolies' && !Object.hasOwn(accountLookups, operation))

/** The document has no example of the reply: everything with a number and a name is read. */
const areas: NonNullable<Product['areas']> = {
  operation: 'resources',
  params: () => ({}),
  read: (data) => areasIn(data, 'AreaId'),
}

const lines: NonNullable<Product['areas']> = {
  operation: 'monopolies',
  params: () => ({}),
  read: (data) => {
    const listed = membersOf(data)?.['data']
    return (Array.isArray(listed) ? (listed as unknown[]) : []).flatMap((line) => {
      const { uuid, area, isp, state } = membersOf(line) ?? {}
      const value = textOf(uuid)
      const name = [area, isp, state].flatMap((one) => textOf(one) ?? []).join(' ')
      return value === undefined ? [] : [{ param: 'UUIDs', value, name }]
    })
  },
}

const dedicated: Product = {
  about: '动态独享代理 by time: addresses of one customer, which may be given back',
  extract: 'allocate',
  areas,
  canCall: callsOf('allocate', 'replace', 'release', 'query'),
  query: 'query',
  maxPerCall: MAX_PER_CALL,
  channels: true,
  settings: { ...methodSetting, ...giveBackSetting },
  order: (count, request) => ({ ...request, Num: count }),
  release: { operation: 'release', params: (ref) => ({ IP: ref }) },
  replace: { operation: 'replace', params: (ref, request) => ({ ...request, IP: ref }) },
  deliver: deliverBatches,
}

/** The document names one of its calls, and neither a channel to give back nor a list of held addresses. */
const byAmount: Product = {
  about: '动态独享代理 by amount: addresses of one customer, each paid for; no channels',
  extract: 'allocate',
  areas,
  canCall: callsOf('allocate'),
  maxPerCall: MAX_PER_CALL,
  settings: methodSetting,
  order: (count, request) => ({ ...request, Num: count }),
  deliver: deliverBatches,
}

const shared: Product = {
  about: '动态共享代理 by time: addresses that others use too; they end with the plan',
  extract: 'extract',
  areas,
  canCall: callsOf('extract', 'query'),
  query: 'query',
  maxPerCall: MAX_PER_CALL,
  channels: true,
  settings: methodSetting,
  order: (count, request) => ({ ...request, Num: count }),
  deliver: deliverBatches,
}

const monopoly: Product = {
  about: '动态独占代理: lines that were added at qg.net, whose addresses change with each redial',
  extract: 'monopolies',
  areas: lines,
  canCall: callsOf('monopolies'),
  query: 'monopolies',
  maxPerCall: MAX_PER_CALL,
  list: true,
  order: (_count, request) => request,
  follow: { ...FOLLOWED, operation: 'monopolies' },
  deliver: (data) => deliverLines(membersOf(data)?.['data']),
}

const inLinks = {
  hosts: [new URL(LEGACY_BASE_URL).hostname],
  credentials: { Key: 'Key', Pwd: 'Pwd' },
  count: 'Num',
  // Text has no deadline.
  leftOut: ['DataFormat', 'DataSeparator'],
} as const

export const qgLegacy: Vendor = {
  name: 'qg-legacy',
  baseUrl: LEGACY_BASE_URL,
  credentials: z.strictObject({
    Key: credential('Key of the product bought (Authkey).'),
    Pwd: credential('API password, where the account demands one.').optional(),
    appid: credential('Name of the account, for the look-ups of servers, prices and the balance.').optional(),
    appkey: credential('Key that signs those look-ups.').optional(),
  }),
  countedBy: ['Key'],
  operations,
  products: { dedicated, [BY_AMOUNT]: byAmount, shared, monopoly },
  authorize,
  decode,
  links: [
    { ...inLinks, path: /^\/allocate$/, products: ['dedicated'] },
    { ...inLinks, path: /^\/extract$/, products: ['shared'] },
    { ...inLinks, path: /^\/monopolies$/, products: ['monopoly'] },
  ],
  channelsNow: async (_product, account) => quotaOf(await account.call('info/quota', {})),
  whitelist: {
    // A full whitelist, or an address of another key, cannot be repaired by adding.
    isMissing: ({ vendorCode }) => vendorCode === '-13',
    echo: (account) => callerAddress(ECHO, account),
    add: async (ip, account) => void (await account.call('whitelist/add', { IP: ip })),
    remove: async (ip, account) => void (await account.call('whitelist/del', { IP: ip })),
  },
}
