/**
 * The calls of juliangip as tables. Document: `juliangip-dynamic.txt`. Calls and parameters that are not on the page were seen in
 * the vendor's public SDKs and clients; each says so.
 */
import type { Operation, Param } from '../contract/operation.ts'
import { fromCredentials, list, required, text, whole } from '../contract/params.ts'

const DOCUMENT = 'juliangip-dynamic.txt'
const PUBLIC_SDKS = "the vendor's public SDKs, not its document"
export const MAX_PER_CALL = 100

const order: Readonly<Record<string, Param>> = {
  trade_no: text('order number', '业务编号', { ...required, ...fromCredentials }),
  sign: text('signature over all other parameters', '加密签名', { ...required, ...fromCredentials }),
}

/** `1` switches it on; otherwise it is left out. */
const flag = (about: string, term: string) => whole(about, term, { values: [1] })

const getips: Operation = {
  about: 'takes addresses',
  document: `${DOCUMENT}, sections 1 to 5`,
  method: 'GET',
  alsoPost: true,
  path: '/dynamic/getips',
  params: {
    ...order,
    num: whole('how many addresses', '提取数量', { ...required, managed: true, min: 1, max: MAX_PER_CALL }),
    pt: whole('1 for HTTP proxies, 2 for SOCKS5 proxies', '代理类型', { default: 1, values: [1, 2] }),
    result_type: text(
      'format of the reply; json2 (objects instead of strings) was seen in public clients only',
      '返回类型',
      { default: 'text', values: ['text', 'json', 'json2', 'xml'] },
    ),
    split: whole('separator of a text reply: 1 CR LF, 2 LF, 3 space, 4 |', '结果分隔符', {
      default: 1,
      values: [1, 2, 3, 4],
    }),
    city_name: flag('1 adds the city to each address', '地区名称'),
    city_code: flag('1 adds the area code to each address', '邮政编码'),
    ip_remain: flag('1 adds the seconds left to each address; the gateway asks for it by default', '剩余可用时长'),
    auth_info: flag('1 adds user name and password to each address', '授权信息'),
    area: list('only these regions, in Chinese: 北京,上海', '筛选地区'),
    isp: text('only this carrier', '运营商筛选', { values: ['电信', '联通', '移动'] }),
    filter: flag('1 leaves out what was taken today', 'IP去重'),
    auto_white: flag('1 puts our egress address on the whitelist; seen in public clients only', '自动添加白名单'),
    no_area: list('not these regions; seen in public SDKs only', '排除地区'),
    ip_seg: list('only addresses that begin so; seen in public SDKs only', '筛选IP段'),
    no_ip_seg: list('no addresses that begin so; seen in public SDKs only', '排除IP段'),
  },
  // The page says 10 a second. Failed calls and the calls below are assumed to count too, so one group contains them all.
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

/** A call that is not in the document; same order, same signature, same envelope. */
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

const proxies = list('addresses as ip:port', '代理列表', { required: true })
const ips = list('IP addresses', 'IP列表', { required: true })
const whitelist = (about: string) => text(about, '白名单IP')

export const operations: Readonly<Record<string, Operation>> = {
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
