/**
 * qg.net (青果网络), the current API: hosts share, exclusive, monopoly and overseas. Document: `qg-new-api.txt`, one
 * section per call; the sections have titles instead of numbers. What stands in no section says where it was seen.
 */

import { z } from 'zod'
import {
  type Account,
  type Channels,
  type Credentials,
  type Delivered,
  type ErrorRule,
  type Operation,
  type Param,
  type Params,
  type Product,
  type RawReply,
  type Sold,
  type Vendor,
  VendorError,
  type WaitEdge,
} from './contract.ts'
import { parseEndpoint } from './parse/address.ts'
import { deliverEach, given, lifeUntil } from './parse/items.ts'
import { parseJson } from './parse/json.ts'
import { countOf, credential, malformed, membersOf, refusal, ruleOf, shapeOf, textOf } from './parse/reply.ts'
import { legacyAccount } from './qg/legacy-calls.ts'
import { callerAddress, decodeLegacy, deliverLines, FOLLOWED, quotaOf } from './qg/legacy-replies.ts'

const DOCUMENT = 'qg-new-api.txt'
const PUBLIC_CLIENTS = "public clients of the vendor's API, not its document"
const MINUTE_MS = 60_000
/** Seen in public clients and a reseller's document; qg's own does not say. */
const MAX_PER_CALL = 100

// --- Parameters ---------------------------------------------------------------------------------------------------

const account: Readonly<Record<string, Param>> = {
  key: {
    type: 'string',
    required: true,
    secret: true,
    managed: true,
    about: 'the product bought',
    term: '产品唯一标识',
  },
  pwd: {
    type: 'string',
    secret: true,
    managed: true,
    about: 'API password, where the account has one; seen in public clients only',
    term: 'API密码',
  },
}
const num: Param = {
  type: 'integer',
  default: 1,
  managed: true,
  min: 1,
  max: MAX_PER_CALL,
  about: 'how many addresses',
  term: '提取个数',
}
const isp: Param = {
  type: 'integer',
  default: 0,
  values: [0, 1, 2, 3],
  about: 'carrier: 0 any, 1 电信, 2 移动, 3 联通',
  term: '按运营商提取',
}
const area = (about: string): Param => ({ type: 'csv', about, term: '按地区提取' })
const areaEx = (about: string): Param => ({ type: 'csv', about, term: '排除某些地区提取' })
const distinct: Param = {
  type: 'boolean',
  default: false,
  about: 'true: no address that is in use already',
  term: '去重提取',
}
const keepAlive: Param = {
  type: 'integer',
  min: 1,
  about: 'how long the addresses are to live, minutes',
  term: '资源存活时长',
}
const pool: Param = {
  type: 'integer',
  values: [1, 2],
  about: '1 normal, 2 enterprise pool; seen in public clients only',
  term: '资源池',
}

const shareParams: Readonly<Record<string, Param>> = {
  ...account,
  num,
  area: area('area codes, as in 350500,330700'),
  area_ex: areaEx('not these area codes, as in 440100,450000'),
  isp,
  distinct,
  pool,
}
const overseasParams: Readonly<Record<string, Param>> = {
  ...account,
  num,
  area: area('country codes or codes of your own, as in US,EU or 990100,990200'),
  area_ex: areaEx('not these countries'),
}

// --- Error codes --------------------------------------------------------------------------------------------------

const everywhere: Readonly<Record<string, ErrorRule>> = {
  INTERNAL_ERROR: { class: 'server', term: '系统内部异常。' },
  INVALID_PARAMETER: {
    class: 'bad_request',
    term: '参数错误(包含参数格式、类型等错误)。',
    hint: 'compare request: with the table of docs/vendors/qg.md',
  },
  INVALID_KEY: {
    class: 'auth',
    term: 'Key不存在或已过期。',
    hint: 'copy the key again from the product page at qg.net, and see whether it has expired',
  },
  UNAVAILABLE_KEY: {
    class: 'expired_plan',
    term: 'Key不可用,已过期或被封禁',
    hint: 'renew the product at qg.net, or ask there why the key is banned',
  },
  ACCESS_DENY: {
    class: 'auth',
    term: 'Key没有此接口的权限。',
    hint: 'this key was bought for another product: correct product: in gateway.yaml',
  },
  API_AUTH_DENY: {
    class: 'auth',
    term: 'Api授权不通过,请检查Api鉴权配置',
    hint: 'the account protects its API: set credentials.pwd, or put the egress address of this machine on the API whitelist at qg.net',
  },
  KEY_BLOCK: { class: 'auth', term: 'Key被封禁。', hint: 'ask qg.net why the key is blocked' },
  // Where in its minute the vendor counts from is not said: a whole minute from now is past any edge.
  REQUEST_LIMIT_EXCEEDED: {
    class: 'rate_limited',
    term: '请求频率超出限制。',
    hint: 'another host uses this key too? Set limit: { share: ... }',
    wait: MINUTE_MS,
  },
}
const extracting: Readonly<Record<string, ErrorRule>> = {
  ...everywhere,
  NO_RESOURCE_FOUND: {
    class: 'no_resource',
    term: '资源不足。',
    hint: 'fewer filters (area, isp, distinct) find more',
  },
  FAILED_OPERATION: { class: 'server', term: '提取失败。' },
}
const balance: Readonly<Record<string, ErrorRule>> = {
  BALANCE_INSUFFICIENT: {
    class: 'quota_exhausted',
    term: 'Key余额不足。',
    hint: 'top up at qg.net',
    wait: 10 * MINUTE_MS,
  },
}
const channels: Readonly<Record<string, ErrorRule>> = {
  NO_AVAILABLE_CHANNEL: {
    class: 'quota_exhausted',
    term: '没有可用的空闲通道。',
    hint: 'every channel is occupied until an address expires',
    wait: 'earliest-deadline',
  },
}

/** The same code asks for another patience in every product. */
function extractLimit(wait: WaitEdge, hint: string): Readonly<Record<string, ErrorRule>> {
  return { EXTRACT_LIMIT_EXCEEDED: { class: 'quota_exhausted', term: '超出提取配额。', hint, wait } }
}
const channelLimit = extractLimit(
  'earliest-deadline',
  'every channel is occupied until an address expires; is channels: right?',
)
const volumeLimit = extractLimit(MINUTE_MS, 'the document does not say which quota: see the product page at qg.net')

/** Codes that stand in no section, seen in public clients; also the rest of the codes, for a call whose section leaves one out. */
const elsewhere: Readonly<Record<string, ErrorRule>> = {
  ...extracting,
  ...balance,
  ...channels,
  ...volumeLimit,
  DELETE_LIMIT_EXCEEDED: { class: 'rate_limited', term: '删除频率超出限制', wait: MINUTE_MS },
  IP_WHITELIST_LIMIT_EXCEEDED: {
    class: 'whitelist',
    term: '白名单数量超出限制',
    hint: 'the whitelist at qg.net is full: take an address off',
  },
  STATIC_DELETE_TIME_LIMIT: {
    class: 'bad_request',
    term: '24小时内不能释放',
    hint: 'addresses of this product can be released after 24 hours',
  },
  MONOPOLY_DELETE_TIME_LIMIT: {
    class: 'bad_request',
    term: '12小时内不能释放',
    hint: 'addresses of this product can be released after 12 hours',
  },
  MONOPOLY_CHANGEIP_TIME_LIMIT: {
    class: 'bad_request',
    term: '10秒内不能更换',
    hint: 'an address can be changed every 10 seconds',
  },
}

// --- Calls --------------------------------------------------------------------------------------------------------

const byChannels: Operation['limit'] = ({ channels: count }) => ({ calls: count * 5 + 10, perMs: MINUTE_MS })
const perMinute =
  (calls: number): Operation['limit'] =>
  () => ({ calls, perMs: MINUTE_MS })

const IP_LIST = '[{proxy_ip, server, area, isp, deadline}]'
const host = (name: string) => `https://${name}.proxy.qg.net`

/** One section of the document. Calls of one host and path are counted together, whatever product they are made for. */
function section(
  title: string,
  name: 'share' | 'exclusive' | 'monopoly' | 'overseas',
  path: string,
  rest: Pick<Operation, 'about' | 'params' | 'limit' | 'effect' | 'quantity' | 'errors'> & { reply?: string },
): Operation {
  return {
    document: `${DOCUMENT}, ${title}`,
    method: 'GET',
    baseUrl: host(name),
    path,
    limitGroup: `${name}${path}`,
    reply: IP_LIST,
    ...rest,
  }
}

function fromClients(path: string, about: string, reply: string): Operation {
  const rest = { params: account, limit: perMinute(60), effect: 'reads', errors: everywhere, reply } as const
  return { ...section('', 'share', path, { about, ...rest }), document: PUBLIC_CLIENTS }
}

const taking = { effect: 'buys', quantity: ['num'] } as const

const LEGACY = 'legacy/'
const ECHO = `${LEGACY}caller-ip`
const LINES = `${LEGACY}monopolies`

const operations: Readonly<Record<string, Operation>> = {
  'share-channel/get': section('短效代理-通道提取-提取IP接口', 'share', '/get', {
    about: 'takes addresses; each occupies a channel until its deadline',
    params: shareParams,
    limit: byChannels,
    ...taking,
    errors: { ...extracting, ...balance, ...channels, ...channelLimit },
  }),
  'share-channel/pool': section('短效代理-通道提取-查询并提取资源接口', 'share', '/pool', {
    about: 'lists what the channels hold and fills the free ones',
    params: shareParams,
    // The document says 60, a public client of the vendor's own says 45.
    limit: perMinute(45),
    ...taking,
    errors: { ...extracting, ...balance, ...channels, ...channelLimit },
  }),
  'share-channel/query': section('短效代理-通道提取-查询在用IP资源接口', 'share', '/query', {
    about: 'lists what the channels hold',
    params: account,
    limit: perMinute(60),
    effect: 'reads',
    errors: everywhere,
  }),
  'share-elastic/get': section('短效代理-弹性提取-提取IP接口', 'share', '/get', {
    about: 'takes addresses out of a daily allowance',
    params: shareParams,
    limit: perMinute(60),
    ...taking,
    errors: {
      ...extracting,
      ...extractLimit('day+08:00', "today's allowance is used up: tomorrow (China), or a larger plan"),
    },
  }),
  'share-uniform/get': section('短效代理-均匀提取-提取IP接口', 'share', '/get', {
    about: "takes addresses out of each minute's allowance",
    params: shareParams,
    limit: perMinute(60),
    ...taking,
    errors: {
      ...extracting,
      ...extractLimit('minute', "this minute's allowance is used up: the next minute, or a larger plan"),
    },
  }),
  'share-volume/get': section('短效代理-按量提取-提取IP接口', 'share', '/get', {
    about: 'takes addresses, each paid for from a balance',
    params: shareParams,
    limit: perMinute(60),
    ...taking,
    errors: { ...extracting, ...balance, ...volumeLimit },
  }),
  'exclusive/get': section('独享代理-提取IP接口', 'exclusive', '/get', {
    about: 'takes addresses that nobody else uses',
    params: { ...account, num, area: area('an area code'), isp, keep_alive: keepAlive, distinct },
    limit: byChannels,
    ...taking,
    reply: `{task_id, num, ips: ${IP_LIST}}`,
    errors: { ...extracting, ...channels },
  }),
  'monopoly/get': section('独享代理(地区锁)-提取IP接口', 'monopoly', '/get', {
    about: 'takes lines of one area that nobody else uses; their addresses come later, from legacy/monopolies',
    params: {
      ...account,
      num,
      area: { type: 'integer', min: 1, about: 'an area code', term: '按地区提取' },
      isp: {
        type: 'integer',
        values: [0, 1, 2, 3],
        about: 'carrier: 0 any, 1 电信, 2 移动, 3 联通',
        term: '按运营商提取',
      },
    },
    limit: byChannels,
    ...taking,
    reply: '[{uuid, area, isp, state, monopolize_time}]',
    errors: { ...extracting, ...channels },
  }),
  'overseas-channel/get': section('短效代理(全球)-通道提取-提取IP资源接口', 'overseas', '/get', {
    about: 'takes addresses outside of China; each occupies a channel until its deadline',
    params: overseasParams,
    limit: byChannels,
    ...taking,
    errors: { ...extracting, ...balance, ...channels, ...channelLimit },
  }),
  'overseas-volume/get': section('短效代理(全球HTTP)-按量提取-提取IP资源接口', 'overseas', '/get', {
    about: 'takes addresses outside of China, each paid for from a balance',
    params: overseasParams,
    limit: perMinute(60),
    ...taking,
    errors: { ...extracting, ...balance, ...volumeLimit },
  }),
  'share/channels': fromClients(
    '/channels',
    'tells how many channels there are and how many are free',
    '{total, idle}',
  ),
  'share/resources': fromClients(
    '/resources',
    'lists the areas that have addresses',
    '[{area, area_code, isp, isp_code, available}]',
  ),
  'share/balance': fromClients('/balance', 'tells the balance', '{balance}'),
  // The older API serves the same keys: lines of monopoly/get, the whitelist, the channels.
  ...Object.fromEntries(Object.entries(legacyAccount).map(([name, call]) => [`${LEGACY}${name}`, call])),
}

function authorize(operation: string, params: Params, { key, pwd }: Credentials): Params {
  if (key === undefined) throw new VendorError('auth', 'credentials', 'qg needs the credential key')
  if (operation === ECHO) return params
  const names = operation.startsWith(LEGACY)
    ? ({ key: 'Key', pwd: 'Pwd' } as const)
    : ({ key: 'key', pwd: 'pwd' } as const)
  return { ...params, [names.key]: key.reveal(), ...(pwd === undefined ? {} : { [names.pwd]: pwd.reveal() }) }
}

// --- Replies ------------------------------------------------------------------------------------------------------

function decode(operation: string, reply: RawReply): unknown {
  if (operation === ECHO) return reply.text.trim()
  if (operation.startsWith(LEGACY)) return decodeLegacy(reply.text, operations[operation]?.errors)
  const { code, data, message, request_id: requestId } = membersOf(parseJson(reply.text)) ?? {}
  const said = textOf(code)
  if (said === undefined) throw malformed('the reply has no code', reply.text)
  if (said === 'SUCCESS') return data
  const rule = ruleOf(said, operations[operation]?.errors, elsewhere)
  const support = textOf(requestId) === undefined ? '' : ` (request_id ${textOf(requestId)})`
  throw refusal(rule, said, `${textOf(message) ?? rule?.term ?? said}${support}`)
}

function deliver(data: unknown): Delivered {
  return deliverEach(itemsOf(data), (listed) => readItem(listed as Listed))
}

interface Listed {
  readonly item: unknown
  readonly task: string | undefined
}

/** The products wrap their items differently: `[item]`, `{task_id, ips: [item]}`, `{tasks: {id: {ips: [item]}}}`; `null` is nothing. */
function itemsOf(data: unknown, task?: string): Listed[] {
  if (data === null || data === undefined) return []
  if (Array.isArray(data)) return data.map((item: unknown) => ({ item, task }))
  const { ips, task_id: id, tasks } = membersOf(data) ?? {}
  if (ips !== undefined) return Array.isArray(ips) ? itemsOf(ips, textOf(id) ?? task) : []
  const batches = membersOf(tasks)
  if (batches === undefined) throw malformed('the reply has no list of addresses')
  return Object.entries(batches).flatMap(([name, batch]) => {
    const { ips: members } = membersOf(batch) ?? {}
    return Array.isArray(members) ? itemsOf(members, name) : []
  })
}

/** Connects to `server`; `proxy_ip` is what targets see. @returns the address, or why it cannot be used */
function readItem({ item, task }: Listed): Sold | string {
  const {
    server: connect,
    proxy_ip: seen,
    area: place,
    isp: line,
    deadline: end,
    task_id: batch,
  } = membersOf(item) ?? {}
  const [server, exit, where, carrier, deadline, id] = [connect, seen, place, line, end, batch].map(textOf)
  const endpoint = server === undefined ? undefined : parseEndpoint(server)
  if (endpoint === undefined) return `an item whose server is no address: ${shapeOf(server ?? '')}`
  return {
    protocol: 'http',
    ...endpoint,
    life: lifeUntil(deadline),
    ...given({ exit: exit === endpoint.host ? undefined : exit, area: where, isp: carrier, ref: id ?? task }),
  }
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
    maxPerCall: MAX_PER_CALL,
    order: (count, request) => ({ ...request, num: count }),
    deliver,
    ...more,
  }
}

/** Lines that the key holds already (a restart, another host) fill the channels too: they are taken over. */
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
  ...product('monopoly/get', '独享代理(地区锁): lines of one area and one customer', { channels: true, query: LINES }),
  take: takeLines,
  follow: { ...FOLLOWED, operation: LINES },
  deliver: deliverHeld,
}

// --- Account ------------------------------------------------------------------------------------------------------

/** The older API documents this call; where it does not know the key, public clients of the share products have another. */
async function channelsNow(sold: string, account: Account): Promise<Channels> {
  try {
    return quotaOf(await account.call(`${LEGACY}info/quota`, {}))
  } catch (error) {
    if (!(error instanceof VendorError) || !sold.startsWith('share-')) throw error
    const { total, idle } = membersOf(await account.call('share/channels', {})) ?? {}
    const [all, free] = [countOf(total), countOf(idle)]
    if (all === undefined) throw error
    return { total: all, ...(free === undefined ? {} : { free }) }
  }
}

/** Codes after which an address on the whitelist may help; a whitelist that is full does not get better by adding. */
const WHITELIST_CODES = ['API_AUTH_DENY', '-13']

/** What stands in a link beside the document's parameters: an extraction as text tells no deadline. */
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
    exclusive: product('exclusive/get', '独享代理: addresses of one customer', { channels: true }),
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
