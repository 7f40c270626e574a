/**
 * The calls of qg.net's older host, proxy.qg.net, as tables. Document: `qg-legacy-api.txt`, whose pages have titles
 * instead of numbers. Two vendors use them: qg-legacy sells through them, qg follows addresses and writes the whitelist.
 */
import type { Operation, Params } from '../contract/operation.ts'
import { list } from '../contract/params.ts'
import { channels, everywhere, listed, only } from './legacy-errors.ts'
import { AreaId, account, choice, detail, IP, Isp, KeepAlive, Num, TaskID, whitelisted } from './legacy-params.ts'
import { byChannels, MINUTE_MS, perMinute } from './limits.ts'

const DOCUMENT = 'qg-legacy-api.txt'
const PUBLIC = 'public clients and a reseller’s copy of the pages, not the document'
export const LEGACY_BASE_URL = 'https://proxy.qg.net'

const BATCH = '{Code: 0, TaskID, Num, Data: [{IP, port, deadline, host, region?}]}'

function call(
  path: string,
  page: string,
  rest: Pick<Operation, 'about' | 'limit' | 'effect' | 'reply'> & Partial<Operation>,
): Operation {
  const document = `${DOCUMENT}, ${page}`
  const params = { ...account, ...rest.params }
  // The overview allows POST for every call; the pages of monopolies and info/quota say GET alone.
  return {
    document,
    method: 'GET',
    alsoPost: true,
    baseUrl: LEGACY_BASE_URL,
    path,
    errors: everywhere,
    ...rest,
    params,
  }
}

/** Only GET, according to the call's own page. */
function readOnly(
  path: string,
  page: string,
  rest: Pick<Operation, 'about' | 'limit' | 'reply'> & Partial<Operation>,
): Operation {
  const { alsoPost: _, ...operation } = call(path, page, { effect: 'reads', ...rest })
  return operation
}

/** Without one of them the vendor would have to guess, or would take all. */
const NAMED = [['IP', 'TaskID']] as const

/** How many addresses a call names; `*` means all that the channels can hold. */
function namedIn({ IP: ips, TaskID: tasks }: Params, { channels: most }: { readonly channels: number }): number {
  const names = [ips, tasks].flatMap((given) => (given === undefined ? [] : String(given).split(',')))
  return names.includes('*') ? most : names.length
}

const COMMON = '公共参数, 接口请求频率'

/** A plan that is paid by the address, and has no channels. */
export const BY_AMOUNT = 'dedicated-by-amount'

/** The calls that extract and release addresses. */
export const legacySales = {
  allocate: call('/allocate', COMMON, {
    about: 'takes addresses for exclusive use; each occupies a channel until it expires or is released',
    params: { Num, KeepAlive, ...choice },
    limit: (account) => (account.product === BY_AMOUNT ? perMinute(60)(account) : byChannels(account)),
    effect: 'buys',
    quantity: ['Num'],
    reply: BATCH,
    errors: { ...everywhere, ...channels },
  }),
  replace: call('/replace', COMMON, {
    about: 'gives addresses back and takes others',
    params: { IP, TaskID, Num, KeepAlive, ...choice },
    oneOf: NAMED,
    limit: byChannels,
    effect: 'buys',
    quantity: ['Num', 'IP', 'TaskID'],
    reply: BATCH,
    errors: { ...everywhere, ...channels },
  }),
  extract: call('/extract', COMMON, {
    about: 'takes addresses of a shared plan',
    params: { Num, KeepAlive, ...choice },
    limit: perMinute(45),
    effect: 'buys',
    quantity: ['Num'],
    reply: BATCH,
    errors: { ...everywhere, ...channels },
  }),
  release: call('/release', `${COMMON}, 释放次数限制`, {
    about: 'gives addresses back before they expire; the gateway names one with each call',
    params: { IP, TaskID },
    oneOf: NAMED,
    // A minute allows channels * 5 calls and channels * 2 addresses: the window counts addresses, and so keeps both.
    limit: ({ channels: count }) => ({ calls: count * 2, perMs: MINUTE_MS }),
    countsAs: namedIn,
    effect: 'deletes',
    reply: '{Code: 0}',
  }),
  query: call('/query', COMMON, {
    about: 'lists the addresses that are held',
    params: { IP, TaskID, AreaId, Isp, detail },
    limit: byChannels,
    effect: 'reads',
    reply: '{Code: 0, TaskList: [{TaskID, Num, Data: [...]}], TaskNum, TotalNum}',
  }),
} as const satisfies Readonly<Record<string, Operation>>

/** Calls that keys of the current API use too. */
export const legacyAccount = {
  monopolies: readOnly('/monopolies', '根据key查询当前独占列表', {
    about: 'lists the monopolised lines of the key, with the address of each that is online',
    params: { UUIDs: list('only these lines', '独占资源编号') },
    limit: perMinute(60),
    reply: '{data: [{uuid, area, isp, state, monopolize_time, last_dial_time, ip?, heartbeat?}]} or {error}',
    errors: { '500': { class: 'server', term: '未知错误' } },
  }),
  'whitelist/add': call('/whitelist/add', `白名单相关, ${COMMON}`, {
    about: 'adds addresses of this machine to the whitelist',
    params: { IP: whitelisted },
    limit: perMinute(20),
    effect: 'changes',
    reply: '{Code: 0, Num}',
    errors: { ...everywhere, ...listed },
  }),
  'whitelist/del': call('/whitelist/del', `白名单相关, ${COMMON}`, {
    about: 'removes addresses of this machine from the whitelist',
    params: { IP: whitelisted },
    limit: perMinute(20),
    effect: 'deletes',
    reply: '{Code: 0, Num}',
  }),
  'whitelist/query': call('/whitelist/query', `白名单相关, ${COMMON}`, {
    about: 'lists the whitelist',
    limit: perMinute(60),
    effect: 'reads',
    reply: '{Code: 0, Data: [ip], Num}',
  }),
  'info/quota': readOnly('/info/quota', '查询可用通道数', {
    about: 'tells how many channels there are and how many are free',
    limit: perMinute(60),
    reply: '{Code: 0, Total, Available, Used}',
    errors: only('-1', '-10', '-11', '-12', '-100'),
  }),
  resources: call('/resources', `查询区域资源, ${COMMON}`, {
    about: 'lists the areas that have addresses',
    params: { AreaId, Isp, detail },
    limit: perMinute(60),
    effect: 'reads',
    reply: 'areas with what is available; the document shows no example',
  }),
  'caller-ip': {
    about: 'tells under which address the vendor sees us',
    document: PUBLIC,
    method: 'GET',
    baseUrl: 'https://d.qg.net',
    path: '/ip',
    params: {},
    limit: perMinute(60),
    effect: 'reads',
    reply: 'the address as plain text',
  },
} as const satisfies Readonly<Record<string, Operation>>
