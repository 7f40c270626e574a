/**
 * juliangip (巨量IP), dynamic proxies. Document: `juliangip-dynamic.txt` (the vendor's page of 2021-09-15).
 * Calls and parameters that the page does not know were seen in the vendor's public SDKs and clients; each says so.
 */

import { createHash } from 'node:crypto'
import { z } from 'zod'
import { Secret } from '../secret.ts'
import type { Life, ProxyRecord } from './contract/delivery.ts'
import { VendorError } from './contract/error.ts'
import type { Credentials, Operation, Param, Params, ParamValue, RawReply } from './contract/operation.ts'
import type { Account, DeliverContext, Delivered, Vendor } from './contract/vendor.ts'
import { notAnAddress, parseEndpoint } from './parse/address.ts'
import { deliverEach, given, secretOf } from './parse/items.ts'
import { parseJson } from './parse/json.ts'
import {
  countOf,
  credential,
  errorInText,
  malformed,
  membersOf,
  methodSetting,
  type RulesByWords,
  refusal,
  ruleInWords,
  ruleOf,
  startsLikeMarkup,
  textOf,
} from './parse/reply.ts'
import { readXml } from './parse/xml.ts'

const DOCUMENT = 'juliangip-dynamic.txt'
const PUBLIC_SDKS = "the vendor's public SDKs, not its document"
const MAX_PER_CALL = 100

// --- Calls --------------------------------------------------------------------------------------------------------

const order: Readonly<Record<string, Param>> = {
  trade_no: { type: 'string', required: true, secret: true, managed: true, about: 'order number', term: '业务编号' },
  sign: {
    type: 'string',
    required: true,
    secret: true,
    managed: true,
    about: 'signature over all other parameters',
    term: '加密签名',
  },
}

const csv = (about: string, term: string): Param => ({ type: 'csv', about, term })
/** Written `1` to have it, left out otherwise. */
const flag = (about: string, term: string): Param => ({ type: 'integer', values: [1], about, term })

const getips: Operation = {
  about: 'takes addresses',
  document: `${DOCUMENT}, sections 1 to 5`,
  method: 'GET',
  alsoPost: true,
  path: '/dynamic/getips',
  params: {
    ...order,
    num: {
      type: 'integer',
      required: true,
      managed: true,
      min: 1,
      max: MAX_PER_CALL,
      about: 'how many addresses',
      term: '提取数量',
    },
    pt: {
      type: 'integer',
      default: 1,
      values: [1, 2],
      about: '1 for HTTP proxies, 2 for SOCKS5 proxies',
      term: '代理类型',
    },
    result_type: {
      type: 'string',
      default: 'text',
      values: ['text', 'json', 'json2', 'xml'],
      about: 'format of the reply; json2 (objects instead of strings) was seen in public clients only',
      term: '返回类型',
    },
    split: {
      type: 'integer',
      default: 1,
      values: [1, 2, 3, 4],
      about: 'separator of a text reply: 1 CR LF, 2 LF, 3 space, 4 |',
      term: '结果分隔符',
    },
    city_name: flag('1 adds the city to each address', '地区名称'),
    city_code: flag('1 adds the area code to each address', '邮政编码'),
    ip_remain: flag('1 adds the seconds left to each address; the gateway asks for it by default', '剩余可用时长'),
    auth_info: flag('1 adds user name and password to each address', '授权信息'),
    area: csv('only these regions, in Chinese: 北京,上海', '筛选地区'),
    isp: { type: 'string', values: ['电信', '联通', '移动'], about: 'only this carrier', term: '运营商筛选' },
    filter: flag('1 leaves out what was taken today', 'IP去重'),
    auto_white: flag('1 puts our egress address on the whitelist; seen in public clients only', '自动添加白名单'),
    no_area: csv('not these regions; seen in public SDKs only', '排除地区'),
    ip_seg: csv('only addresses that begin so; seen in public SDKs only', '筛选IP段'),
    no_ip_seg: csv('no addresses that begin so; seen in public SDKs only', '排除IP段'),
  },
  // The page says 10 a second. Failed calls and the calls below are taken to count too, so one group holds them all.
  limit: () => ({ calls: 10, perMs: 1_000 }),
  limitGroup: 'order',
  effect: 'buys',
  quantity: ['num'],
  secrets: { proxy_list: 'login', http_pass: 'all' },
  reply: '{count, filter_count, surplus_quantity, proxy_list: ["ip:port" or "ip:port,..."]}',
  errors: {
    '401': {
      class: 'auth',
      term: '签名校验失败',
      hint: 'signature wrong: does this key belong to this trade_no?',
    },
  },
}

/** A call that the document does not have; same order, same signature, same envelope. */
function sdkCall(
  path: string,
  effect: Operation['effect'],
  about: string,
  params: Operation['params'],
  reply: string,
): Operation {
  const { limit, limitGroup = 'order', errors = {} } = getips
  return {
    about,
    document: PUBLIC_SDKS,
    method: 'GET',
    alsoPost: true,
    path,
    params: { ...order, ...params },
    limit,
    limitGroup,
    effect,
    reply,
    errors,
  }
}

const proxies: Param = { type: 'csv', required: true, about: 'addresses as ip:port', term: '代理列表' }
const ips: Param = { type: 'csv', required: true, about: 'IP addresses', term: 'IP列表' }
const whitelist = (about: string): Param => ({ type: 'string', about, term: '白名单IP' })

const operations: Readonly<Record<string, Operation>> = {
  getips,
  check: sdkCall(
    '/dynamic/check',
    'reads',
    'tells which addresses still work',
    { proxy: proxies },
    '{"ip:port": true or false}',
  ),
  remain: sdkCall(
    '/dynamic/remain',
    'reads',
    'tells the seconds left of addresses',
    { proxy: proxies },
    '{"ip:port": seconds}',
  ),
  balance: sdkCall('/dynamic/balance', 'reads', 'tells how many addresses the order has left', {}, '{balance}'),
  getwhiteip: sdkCall(
    '/dynamic/getwhiteip',
    'reads',
    'lists the whitelist of the order',
    {},
    '{current_white_ip: [ip]}',
  ),
  setwhiteip: sdkCall(
    '/dynamic/setwhiteip',
    'changes',
    'writes the whitelist anew; what others set is gone',
    { ips },
    'unspecified',
  ),
  replaceWhiteIp: sdkCall(
    '/dynamic/replaceWhiteIp',
    'changes',
    'puts an address on the whitelist',
    {
      new_ip: { ...whitelist('address to add'), required: true },
      old_ip: whitelist('address to take off'),
      reset: flag('1 empties the whitelist first', '重置'),
    },
    'unspecified',
  ),
}

// --- Signature ----------------------------------------------------------------------------------------------------

/**
 * MD5 over the non-empty parameters sorted by name, then `&key=`: the rule of the vendor's public page
 * www.juliangip.com/help/api/sign/ and of its SDKs. Values are taken as they are, before any URL encoding.
 */
export function signatureOf(params: Params, key: string): string {
  const signed = Object.entries(params).filter(([name, value]) => name !== 'sign' && String(value).trim() !== '')
  const text = signed
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
  return createHash('md5').update(`${text}&key=${key}`, 'utf8').digest('hex')
}

function authorize(_operation: string, params: Params, { trade_no: tradeNo, key }: Credentials): Params {
  if (tradeNo === undefined || key === undefined)
    throw new VendorError('auth', 'credentials', 'juliangip needs the credentials trade_no and key')
  const signed: Params = { ...params, trade_no: tradeNo.reveal() }
  return { ...signed, sign: signatureOf(signed, key.reveal()) }
}

// --- Replies ------------------------------------------------------------------------------------------------------

/** Only code 401 is documented. The rest speaks through its words, by what public clients met and by guess (vendors.md 1.2). */
const words: RulesByWords = [
  [/频繁|too (fast|many|frequent)/i, { class: 'rate_limited', term: '请求过于频繁', wait: 1_000 }],
  [
    /白名单|授权IP|white ?list|allow ?list/i,
    {
      class: 'whitelist',
      term: '白名单',
      hint: 'add the egress address of this machine to the order at juliangip, or set request: { auto_white: 1 }',
    },
  ],
  [/过期|到期|expired/i, { class: 'expired_plan', term: '订单已过期', hint: 'renew the order at juliangip' }],
  [
    /余额|用完|数量不足|剩余|balance|insufficient|used up/i,
    {
      class: 'quota_exhausted',
      term: '余额不足',
      hint: 'the order has no addresses left: top up at juliangip',
      wait: 600_000,
    },
  ],
  [
    /无可用|暂无|库存|no (available )?(ip|prox)/i,
    { class: 'no_resource', term: '暂无可用IP', hint: 'fewer filters (area, isp, filter) find more' },
  ],
  [
    /参数|不能为空|格式|param|invalid|missing/i,
    { class: 'bad_request', term: '参数错误', hint: 'compare request: with the table of docs/vendors/juliangip.md' },
  ],
  [
    /签名|密钥|(?<![a-z])sign|(?<![a-z])key(?![a-z])/i,
    { class: 'auth', term: '签名校验失败', hint: 'signature wrong: does this key belong to this trade_no?' },
  ],
]

const WORKED = '200'

function failure(operation: string, code: string, message: string): VendorError {
  const said = ruleInWords(message, words)
  // 401 stands for whatever is refused; its words tell when it is the whitelist.
  const rule = said?.class === 'whitelist' ? said : (ruleOf(code, operations[operation]?.errors) ?? said)
  return refusal(rule, code, message)
}

/** @returns the envelope's `data`; for a text reply what a JSON reply would hold, as far as text tells */
function decode(operation: string, reply: RawReply, sent: Params): unknown {
  const { result_type: format = operation === 'getips' ? 'text' : 'json', split } = sent
  const text = reply.text.trim()
  const refused = errorInText(text)
  if (refused !== undefined) throw failure(operation, refused.code, refused.words)
  if (format === 'text' && !/^[{<]/.test(text)) return { proxy_list: splitText(text, split) }
  const envelope = format === 'xml' && startsLikeMarkup(text) ? parseXml(text) : membersOf(parseJson(text))
  const { code, msg, data } = envelope ?? {}
  const said = textOf(code)
  if (said === undefined) throw malformed('the reply has no code', text)
  if (said !== WORKED) throw failure(operation, said, textOf(msg) ?? '')
  return data
}

/** Line breaks always separate: a reply that ignores `split` is still read. */
function splitText(text: string, split: ParamValue = 1): string[] {
  const separators: Readonly<Record<string, RegExp>> = { '3': /\s+/, '4': /[|\r\n]+/ }
  return text.split(separators[String(split)] ?? /[\r\n]+/).filter((item) => item !== '')
}

function parseXml(text: string): Readonly<Record<string, unknown>> | undefined {
  const document = readXml(text, { lists: ['proxy'] })
  if (document === undefined) throw malformed('the reply is broken XML', text)
  const envelope = membersOf(membersOf(document)?.['result'])
  const data = membersOf(envelope?.['data'])
  if (envelope === undefined || data === undefined) return envelope
  const { proxy = [] } = membersOf(data['proxy_list']) ?? {}
  return { ...envelope, data: { ...data, proxy_list: proxy } }
}

// --- Addresses ----------------------------------------------------------------------------------------------------

function deliver(data: unknown, { request }: DeliverContext): Delivered {
  const { proxy_list: written = [], surplus_quantity: surplus } = contentsOf(data)
  const listed: unknown = typeof written === 'string' ? splitText(written, request['split']) : written
  if (!Array.isArray(listed)) throw malformed('the reply has no proxy_list')
  const read = (item: unknown) =>
    typeof item === 'string'
      ? (readText(item, request) ?? notAnAddress(item))
      : (readObject(item, request) ?? notAnAddress(typeof item))
  return { ...deliverEach(listed, read), ...given({ balance: countOf(surplus) }) }
}

/** An empty array, an empty element or nothing at all stand where an object would be empty. */
function contentsOf(data: unknown): Readonly<Record<string, unknown>> {
  const isNothing = data === undefined || data === null || data === '' || (Array.isArray(data) && data.length === 0)
  const members = isNothing ? {} : membersOf(data)
  if (members === undefined) throw malformed('the data of the reply is no object')
  return members
}

function protocolOf({ pt = 1 }: Params): ProxyRecord['protocol'] {
  return String(pt) === '2' ? 'socks5' : 'http'
}

function lifeOf(seconds: string | undefined): Life {
  const isCount = seconds !== undefined && /^\d{1,9}$/.test(seconds)
  return isCount ? { kind: 'for', ms: Number(seconds) * 1_000 } : { kind: 'unknown' }
}

/** `ip:port`, then what was asked for, separated by commas in an order that is not documented, then perhaps a login. */
function readText(item: string, request: Params): ProxyRecord | undefined {
  const [address = '', ...rest] = item.trim().split(',')
  const endpoint = parseEndpoint(address)
  if (endpoint === undefined) return undefined
  const { fields, login } = splitLogin(rest)
  const facts: { life: Life; area?: string; city?: string } = { life: { kind: 'unknown' } }
  for (const field of fields) {
    const kind = kindOf(field, request)
    if (kind === 'life') facts.life = lifeOf(field)
    else facts[kind] = field
  }
  return { protocol: protocolOf(request), ...endpoint, ...login, ...facts }
}

/** A login stands behind the last field, `281:user:pass`, or is a field of its own, `user:pass`. */
function splitLogin(rest: readonly string[]): { fields: string[]; login: Pick<ProxyRecord, 'username' | 'password'> } {
  const fields = rest.map((field) => field.trim()).filter((field) => field !== '')
  const match = /^(?:([^:]+):)?([^:]+):([^:]+)$/.exec(fields.at(-1) ?? '')
  if (match === null) return { fields, login: {} }
  const [, fact, username = '', password = ''] = match
  return {
    fields: [...fields.slice(0, -1), ...(fact === undefined ? [] : [fact])],
    login: { username, password: new Secret(password) },
  }
}

/**
 * What a field means is known when one kind of number was asked for. With both, six digits that can be a Chinese area
 * code are one; a life that long (30 h) is not sold together with area codes.
 */
function kindOf(field: string, { ip_remain: lifeAsked, city_code: codeAsked }: Params): 'life' | 'area' | 'city' {
  if (!/^\d+$/.test(field)) return 'city'
  if (codeAsked === undefined && lifeAsked !== undefined) return 'life'
  if (lifeAsked === undefined && codeAsked !== undefined) return 'area'
  return field.length === 6 && field >= '110000' && field <= '829999' ? 'area' : 'life'
}

/** An item of `json2`, by what public clients read: `{ip, port, http_user?, http_pass?, ip_remain?, city_name?, real_ip?}`. */
function readObject(item: unknown, request: Params): ProxyRecord | undefined {
  const {
    ip,
    port,
    http_user: user,
    http_pass: pass,
    ip_remain: seconds,
    city_name: name,
    city_code: code,
    real_ip: real,
  } = membersOf(item) ?? {}
  const endpoint = parseEndpoint(`${textOf(ip)}:${textOf(port)}`)
  if (endpoint === undefined) return undefined
  const [username, password, exit, city, area] = [user, pass, real, name, code].map(textOf)
  return {
    protocol: protocolOf(request),
    ...endpoint,
    life: lifeOf(textOf(seconds)),
    ...given({ username, password: secretOf(password), exit, city, area }),
  }
}

// --- Whitelist ----------------------------------------------------------------------------------------------------

/** setwhiteip writes the list anew: what is on it has to be read first, or it is lost. */
async function addToWhitelist(ip: string, account: Account): Promise<void> {
  const { current_white_ip: listed } = membersOf(await account.call('getwhiteip', {})) ?? {}
  const current: unknown = typeof listed === 'string' ? listed.split(',').filter((one) => one.trim() !== '') : listed
  if (!Array.isArray(current) || !current.every((one) => typeof one === 'string'))
    throw malformed('the reply has no whitelist, and without it nothing can be added')
  if (current.includes(ip)) return
  await account.call('setwhiteip', { ips: [...current, ip].join(',') })
}

export const juliangip: Vendor = {
  name: 'juliangip',
  baseUrl: 'http://v2.api.juliangip.com',
  credentials: z.strictObject({
    trade_no: credential('Order number (业务编号).'),
    key: credential('API key of that order.'),
  }),
  countedBy: ['trade_no'],
  operations,
  products: {
    dynamic: {
      about: 'dynamic proxies, taken one batch at a time from an order',
      extract: 'getips',
      maxPerCall: MAX_PER_CALL,
      settings: methodSetting,
      // Nothing but the seconds left: with one option alone there is no doubt what a field means.
      order: (count, request) => ({ result_type: 'json', ip_remain: 1, ...request, num: count }),
      deliver,
    },
  },
  authorize,
  decode,
  links: [
    {
      // v1 was seen in the vendor's older SDKs; the other paths answer alike, as those SDKs read them.
      hosts: ['v2.api.juliangip.com', 'v1.api.juliangip.com'],
      path: /^\/(dynamic|postpay|unlimited|company\/(dynamic|postpay))\/getips$/,
      products: ['dynamic'],
      credentials: { trade_no: 'trade_no', key: 'key' },
      count: 'num',
      signature: { param: 'sign', credential: 'key' },
    },
  ],
  whitelist: { add: addToWhitelist, callerParams: { auto_white: 1 } },
}
