/**
 * The calls of qg.net's older host, proxy.qg.net, as tables. Document: `qg-legacy-api.txt`, whose pages have titles
 * instead of numbers. Two vendors use them: qg-legacy sells through them, qg follows addresses and writes the whitelist.
 */
import type { ErrorRule, Operation, Param } from '../contract.ts'

const DOCUMENT = 'qg-legacy-api.txt'
const PUBLIC = 'public clients and a reseller’s copy of the pages, not the document'
export const LEGACY_BASE_URL = 'https://proxy.qg.net'
const MINUTE_MS = 60_000
/** Of a reseller's copy; the document states no most. */
export const MAX_PER_CALL = 100

// --- Parameters ---------------------------------------------------------------------------------------------------

const account: Readonly<Record<string, Param>> = {
  Key: {
    type: 'string',
    required: true,
    secret: true,
    managed: true,
    about: 'the product bought',
    term: '标识身份的密钥Key',
  },
  Pwd: {
    type: 'string',
    secret: true,
    managed: true,
    about: 'API password, where the account has one (error -14)',
    term: 'Pwd',
  },
}
const Num: Param = {
  type: 'integer',
  default: 1,
  managed: true,
  min: 1,
  max: MAX_PER_CALL,
  about: 'how many addresses',
  term: '数量',
}
const KeepAlive: Param = {
  type: 'integer',
  min: 1,
  about: 'how long the addresses are to live, minutes',
  term: '生存周期(单位分钟)',
}
const AreaId: Param = { type: 'integer', min: 1, about: 'only this area, by its number', term: '区域编号' }
const Isp: Param = {
  type: 'integer',
  values: [1, 2, 3, 4],
  about: 'only this carrier: 1 电信, 2 移动, 3 联通, 4 BGP; any when left out',
  term: '运营商',
}
const detail: Param = {
  type: 'integer',
  default: 0,
  values: [0, 1],
  about: '1 adds province and city to each address',
  term: '是否查看详情',
}
const Distinct: Param = {
  type: 'integer',
  default: 0,
  values: [0, 1],
  about: '1: no address that is in use already; in public clients, not in the document',
  term: '去重提取',
}
const Pool: Param = {
  type: 'integer',
  values: [1, 2],
  about: '1 normal, 2 enterprise pool; in public clients, not in the document',
  term: '资源池',
}
const DataFormat: Param = {
  type: 'string',
  default: 'json',
  values: ['json'],
  about: 'format of the reply: the gateway reads json, which is what comes without it',
  term: '返回格式',
}
const IP: Param = { type: 'csv', about: 'addresses of nodes, without ports; * for all', term: '节点IP' }
const TaskID: Param = { type: 'csv', about: 'batches; * for all', term: '任务ID' }
const whitelisted: Param = { type: 'csv', required: true, about: 'addresses of ours', term: '节点IP' }

const choice = { AreaId, Isp, detail, Distinct, Pool, DataFormat }

// --- Error codes --------------------------------------------------------------------------------------------------

/** The overview's table: any call may answer them. */
const everywhere: Readonly<Record<string, ErrorRule>> = {
  '-1': { class: 'server', term: '未知错误' },
  '-10': {
    class: 'bad_request',
    term: '参数不合法',
    hint: 'compare request: with the table of docs/vendors/qg-legacy.md',
  },
  // The minute starts with the first call, which may be another host's: a whole one from now is past any edge.
  '-11': {
    class: 'rate_limited',
    term: '请求过于频繁',
    hint: 'another host uses this key too? Set limit: { share: ... }',
    wait: MINUTE_MS,
  },
  '-12': { class: 'auth', term: 'Authkey被封禁', hint: 'ask qg.net why the key is banned' },
  '-13': {
    class: 'whitelist',
    term: '当前客户端IP不在授权名单中',
    hint: 'put the egress address of this machine on the whitelist at qg.net',
  },
  '-14': { class: 'auth', term: 'Pwd不合法', hint: 'the account protects its API: correct credentials.Pwd' },
  '-15': {
    class: 'auth',
    term: 'Authkey对应的业务无此权限',
    hint: 'this key was bought for another product: correct product: in gateway.yaml',
  },
  '-100': { class: 'expired_plan', term: '计划不存在或已过期', hint: 'renew the plan at qg.net' },
  '-103': { class: 'no_resource', term: '资源不足', hint: 'fewer filters (AreaId, Isp, Distinct) find more' },
  '-104': { class: 'server', term: '申请资源失败' },
  '-105': {
    class: 'rate_limited',
    term: '释放的IP数超过允许释放的IP数',
    hint: 'a minute allows channels * 2 addresses to be given back',
    wait: MINUTE_MS,
  },
}

/** Seen outside of the document. */
const channels: Readonly<Record<string, ErrorRule>> = {
  '-101': {
    class: 'bad_request',
    term: '提取数量超过通道数',
    hint: 'more addresses were asked for than the plan has channels: correct channels: in gateway.yaml',
  },
  '-102': {
    class: 'quota_exhausted',
    term: '没有可用的空闲通道',
    hint: 'every channel is occupied until an address expires or is released',
    wait: 'earliest-deadline',
  },
}
const listed: Readonly<Record<string, ErrorRule>> = {
  '-202': { class: 'whitelist', term: '白名单数量已满', hint: 'the whitelist at qg.net is full: take an address off' },
  '-206': {
    class: 'whitelist',
    term: 'IP已绑定其他Key',
    hint: 'this address is on the whitelist of another key at qg.net',
  },
}
export const legacyErrors: Readonly<Record<string, ErrorRule>> = { ...everywhere, ...channels, ...listed }

function only(...codes: string[]): Readonly<Record<string, ErrorRule>> {
  return Object.fromEntries(Object.entries(everywhere).filter(([code]) => codes.includes(code)))
}

// --- Calls --------------------------------------------------------------------------------------------------------

const byChannels: Operation['limit'] = ({ channels: count }) => ({ calls: count * 5 + 10, perMs: MINUTE_MS })
const perMinute =
  (calls: number): Operation['limit'] =>
  () => ({ calls, perMs: MINUTE_MS })

const BATCH = '{Code: 0, TaskID, Num, Data: [{IP, port, deadline, host, region?}]}'

function call(
  path: string,
  page: string,
  rest: Pick<Operation, 'about' | 'limit' | 'effect' | 'reply'> & Partial<Operation>,
): Operation {
  const document = `${DOCUMENT}, ${page}`
  const params = { ...account, ...rest.params }
  return { document, method: 'GET', baseUrl: LEGACY_BASE_URL, path, errors: everywhere, ...rest, params }
}

const COMMON = '公共参数, 接口请求频率'

/** What hands addresses out and takes them back. */
export const legacySales = {
  allocate: call('/allocate', COMMON, {
    about: 'takes addresses that nobody else uses; each occupies a channel until it expires or is released',
    params: { Num, KeepAlive, ...choice },
    // By time. A plan by amount is allowed 60.
    limit: byChannels,
    effect: 'buys',
    quantity: ['Num'],
    reply: BATCH,
    errors: { ...everywhere, ...channels },
  }),
  replace: call('/replace', COMMON, {
    about: 'gives addresses back and takes others',
    params: { IP, TaskID, Num, KeepAlive, ...choice },
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
    // A minute allows channels * 5 calls and channels * 2 addresses. With one address a call the second holds for both.
    limit: ({ channels: count }) => ({ calls: count * 2, perMs: MINUTE_MS }),
    effect: 'deletes',
    reply: '{Code: 0}',
  }),
  query: call('/query', COMMON, {
    about: 'lists the addresses that are held',
    params: { IP, TaskID, detail, DataFormat },
    limit: byChannels,
    effect: 'reads',
    reply: '{Code: 0, TaskList: [{TaskID, Num, Data: [...]}], TaskNum, TotalNum}',
  }),
} as const satisfies Readonly<Record<string, Operation>>

/** What the current API's keys use too. */
export const legacyAccount = {
  monopolies: call('/monopolies', '根据key查询当前独占列表', {
    about: 'lists the monopolised lines of the key, with the address of each that is online',
    params: { UUIDs: { type: 'csv', about: 'only these lines', term: '独占资源编号' } },
    limit: perMinute(60),
    effect: 'reads',
    reply: '{data: [{uuid, area, isp, state, monopolize_time, last_dial_time, ip?, heartbeat?}]} or {error}',
    errors: { '500': { class: 'server', term: '未知错误' } },
  }),
  'whitelist/add': call('/whitelist/add', `白名单相关, ${COMMON}`, {
    about: 'puts addresses of ours on the whitelist',
    params: { IP: whitelisted },
    limit: perMinute(20),
    effect: 'changes',
    reply: '{Code: 0, Num}',
    errors: { ...everywhere, ...listed },
  }),
  'whitelist/del': call('/whitelist/del', `白名单相关, ${COMMON}`, {
    about: 'takes addresses of ours off the whitelist',
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
  'info/quota': call('/info/quota', '查询可用通道数', {
    about: 'tells how many channels there are and how many are free',
    limit: perMinute(60),
    effect: 'reads',
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
