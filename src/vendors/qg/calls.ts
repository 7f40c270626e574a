/** The calls of qg.net's current API. Document: `qg-new-api.txt`, one section per call; the sections have titles instead of numbers. */
import type { Operation } from '../contract/operation.ts'
import { whole } from '../contract/params.ts'
import { balance, channelLimit, channels, everywhere, extracting, extractLimit, volumeLimit } from './errors.ts'
import { legacyAccount } from './legacy-calls.ts'
import { byChannels, perMinute } from './limits.ts'
import { account, area, distinct, isp, keepAlive, num, overseasParams, shareParams } from './params.ts'

const DOCUMENT = 'qg-new-api.txt'
const PUBLIC_CLIENTS = "public clients of the vendor's API, not its document"

const IP_LIST = '[{proxy_ip, server, area, isp, deadline}]'
export const host = (name: string) => `https://${name}.proxy.qg.net`

/** One section of the document. Calls of one host and path are counted together, for every product. */
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

function fromClients(name: 'share' | 'exclusive', path: string, about: string, reply: string): Operation {
  const rest = { params: account, limit: perMinute(60), effect: 'reads', errors: everywhere, reply } as const
  return { ...section('', name, path, { about, ...rest }), document: PUBLIC_CLIENTS }
}

const taking = { effect: 'buys', quantity: ['num'] } as const

export const LEGACY = 'legacy/'
export const ECHO = `${LEGACY}caller-ip`
export const LINES = `${LEGACY}monopolies`

export const operations: Readonly<Record<string, Operation>> = {
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
    about: 'takes addresses for exclusive use',
    params: { ...account, num, area: area('an area code'), isp, keep_alive: keepAlive, distinct },
    limit: byChannels,
    ...taking,
    reply: `{task_id, num, ips: ${IP_LIST}}`,
    errors: { ...extracting, ...channels },
  }),
  'exclusive/query': fromClients(
    'exclusive',
    '/query',
    'lists what the channels hold',
    `${IP_LIST} or {tasks: {id: {ips: ${IP_LIST}}}}`,
  ),
  'monopoly/get': section('独享代理(地区锁)-提取IP接口', 'monopoly', '/get', {
    about: 'takes lines of one area for exclusive use; their addresses come later, from legacy/monopolies',
    params: {
      ...account,
      num,
      area: whole('an area code', '按地区提取', { min: 1 }),
      isp: whole('carrier: 0 any, 1 电信, 2 移动, 3 联通', '按运营商提取', { values: [0, 1, 2, 3] }),
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
    'share',
    '/channels',
    'tells how many channels there are and how many are free',
    '{total, idle}',
  ),
  'share/resources': fromClients(
    'share',
    '/resources',
    'lists the areas that have addresses',
    '[{area, area_code, isp, isp_code, available}]',
  ),
  'share/balance': fromClients('share', '/balance', 'tells the balance', '{balance}'),
  // The older API serves the same keys: lines of monopoly/get, the whitelist, the channels.
  ...Object.fromEntries(Object.entries(legacyAccount).map(([name, call]) => [`${LEGACY}${name}`, call])),
}
