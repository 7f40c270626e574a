/** What each simulated list vendor's pages and clients show: calls, parameters, limits, signatures, replies, errors. */
import { createHash, createHmac, randomBytes } from 'node:crypto'

export type Fault = 'key' | 'token' | 'whitelist' | 'stock' | 'pace' | 'count'
export type DialectName = keyof typeof table

/** What a simulated vendor remembers of an account. */
export interface SimulatedAccount {
  /** The account's keys by the vendor's own names. */
  readonly keys: Readonly<Record<string, string>>
  readonly whitelist: Set<string>
  readonly tokens: Map<string, number>
  readonly balance: number
  /** ms since the epoch. */
  readonly wall: () => number
}

/** An address as it is sold. */
export interface Item {
  readonly host: string
  readonly port: number
  readonly username?: string
  readonly password?: string
  readonly exit: string
  /** Its place in the reply. */
  readonly n: number
  readonly lifeMs: number
  /** Times of China. */
  readonly since: string
  readonly until: string
  /** ms since the epoch. */
  readonly untilMs: number
}

type Params = Readonly<Record<string, string>>

interface Call {
  readonly does: 'extract' | 'login' | 'balance' | 'whitelist-add' | 'whitelist-remove' | 'whitelist-echo'
  readonly method?: 'POST'
  /** Every parameter that a caller may send, with what it may be. */
  readonly params: Readonly<Record<string, RegExp>>
  readonly calls?: number
  readonly perMs?: number
  /** Carries no signature. */
  readonly isOpen?: true
  readonly answer?: (params: Params, account: SimulatedAccount) => string | object
}

export interface Dialect {
  /** The parameter that says how many addresses are wanted. */
  readonly count: string
  /** By path. */
  readonly calls: Readonly<Record<string, Call>>
  readonly errors: Readonly<Record<Fault, readonly [code: string | number, words: string]>>
  /** Whether the keys of a call are right; or what is wrong with them. */
  readonly isSigned: (params: Params, account: SimulatedAccount, path: string) => boolean | Fault
  readonly list: (items: readonly Item[], params: Params) => string | object
  readonly refuse: (code: string | number, words: string, params: Params) => string | object
}

const ANY = /^.+$/
const COUNT = /^\d{1,4}$/
const FLAG = /^[01]$/
const IP = /^[\d.]{7,15}$/

const md5 = (text: string) => createHash('md5').update(text).digest('hex')

/** Calls carry the account's keys as they are. */
const bearsKeys =
  (...names: readonly string[]) =>
  (params: Params, { keys }: SimulatedAccount): boolean =>
    names.every((name) => params[name] === keys[name])

/** `{"code": 0, "msg": ..., "data": ...}` with other names. */
const envelope = (good: string | number, words = 'msg') => ({
  list: (data: unknown) => ({ code: good, [words]: 'ok', success: true, data }),
  refuse: (code: string | number, message: string) => ({ code, [words]: message, success: false, data: null }),
})

const added =
  (name: string) =>
  (params: Params, { whitelist }: SimulatedAccount) => {
    whitelist.add(params[name] ?? '')
    return { code: 0, msg: '保存成功', success: true, data: null }
  }
const removed =
  (name: string) =>
  (params: Params, { whitelist }: SimulatedAccount) => {
    whitelist.delete(params[name] ?? '')
    return { code: 0, msg: '删除成功', success: true, data: null }
  }

// --- kuaidaili ----------------------------------------------------------------------------------------------------

const HOUR_MS = 3_600_000
const KDL_SKEW_S = 300
const kdlKeys = { secret_id: ANY, signature: ANY, sign_type: /^(?:token|hmacsha1)$/, timestamp: /^\d{10}$/ }

/** A token that was handed out less than 60 minutes ago, or an HMAC over method, path and sorted parameters. */
function kdlSigned(params: Params, { keys, tokens, wall }: SimulatedAccount, path: string): boolean | Fault {
  const { signature = '', ...rest } = params
  if (rest['secret_id'] !== keys['secret_id']) return false
  if (rest['sign_type'] !== 'hmacsha1') {
    const endsAt = tokens.get(signature)
    return endsAt === undefined ? false : endsAt > wall() ? true : 'token'
  }
  if (Math.abs(Number(rest['timestamp']) - wall() / 1_000) > KDL_SKEW_S) return false
  const names = Object.keys(rest).sort()
  const text = `GET${path}?${names.map((name) => `${name}=${rest[name]}`).join('&')}`
  return (
    signature ===
    createHmac('sha1', keys['secret_key'] ?? '')
      .update(text)
      .digest('base64')
  )
}

const kuaidaili: Dialect = {
  count: 'num',
  calls: {
    '/api/get_secret_token': {
      does: 'login',
      method: 'POST',
      isOpen: true,
      params: { secret_id: ANY, secret_key: ANY },
      answer: ({ secret_id, secret_key }, { keys, tokens, wall }) => {
        if (secret_id !== keys['secret_id'] || secret_key !== keys['secret_key'])
          return { code: -104, msg: '签名错误', data: null }
        const token = randomBytes(16).toString('hex')
        tokens.set(token, wall() + HOUR_MS)
        return { code: 0, msg: '', data: { secret_token: token, expire: HOUR_MS / 1_000 } }
      },
    },
    '/api/getdps/': {
      does: 'extract',
      calls: 10,
      params: { ...kdlKeys, num: COUNT, format: /^(?:text|json)$/, sep: /^[1-4]$/, f_et: /^1$/, pt: /^[12]$/ },
    },
    '/api/getipbalance': {
      does: 'balance',
      calls: 2,
      params: kdlKeys,
      answer: (_params, { balance }) => ({ code: 0, msg: '', data: { balance } }),
    },
    '/api/addwhiteip': { does: 'whitelist-add', params: { ...kdlKeys, iplist: IP }, answer: added('iplist') },
    '/api/delwhiteip': { does: 'whitelist-remove', params: { ...kdlKeys, iplist: IP }, answer: removed('iplist') },
  },
  errors: {
    key: [-104, '签名错误'],
    token: [-107, 'secret_token已过期'],
    whitelist: [-108, 'IP白名单错误'],
    stock: [-9, '提取余额不足'],
    pace: [-120, '接口调用频率超出限制'],
    count: [-1, '参数错误'],
  },
  isSigned: kdlSigned,
  list: (items, { format, sep = '1' }) => {
    const lines = items.map(({ host, port, lifeMs }) => `${host}:${port},${Math.floor(lifeMs / 1_000)}`)
    if (format === 'json') return { code: 0, msg: '', data: { count: items.length, proxy_list: lines } }
    const separators: Readonly<Record<string, string>> = { '1': '\r\n', '2': '\n', '3': ' ', '4': '|' }
    return lines.join(separators[sep])
  },
  refuse: (code, msg, { format }) => (format === 'text' ? `ERROR(${code}): ${msg}` : { code, msg, data: null }),
}

// --- The others ---------------------------------------------------------------------------------------------------

const zhima: Dialect = {
  count: 'num',
  calls: {
    '/getip': {
      does: 'extract',
      params: {
        ...{ num: COUNT, pack: ANY, type: /^2$/, port: /^1$/, ts: FLAG, ys: FLAG, cs: FLAG },
        ...{ lb: /^1$/, sb: /^0$/, pb: /^45?$/, mr: FLAG },
      },
    },
    '/index/index/save_white': {
      does: 'whitelist-add',
      isOpen: true,
      params: { neek: ANY, appkey: ANY, white: IP },
      answer: added('white'),
    },
    '/index/index/del_white': {
      does: 'whitelist-remove',
      isOpen: true,
      params: { neek: ANY, appkey: ANY, white: IP },
      answer: removed('white'),
    },
    '/index/index/get_my_balance': {
      does: 'balance',
      isOpen: true,
      params: { neek: ANY, appkey: ANY },
      answer: (_params, { balance }) => ({ code: 0, success: true, msg: '', data: { balance: `${balance}.50` } }),
    },
  },
  errors: {
    key: [117, '您的套餐pack传参有误'],
    token: [117, ''],
    whitelist: [113, '请添加白名单203.0.113.9'],
    stock: [115, '没有资源或没有符合条件的数据'],
    pace: [111, '提取链接请求太过频繁'],
    count: [117, '传参有误'],
  },
  isSigned: bearsKeys('pack'),
  ...envelope(0),
  list: (items) =>
    envelope(0).list(
      items.map(({ host, port, until, exit, n }) => ({
        ip: host,
        port: n % 2 === 0 ? port : String(port),
        expire_time: until,
        city: '徐州市',
        isp: '电信',
        outip: exit,
      })),
    ),
}

const xiaoxiang: Dialect = {
  count: 'cnt',
  calls: {
    '/ip/get': { does: 'extract', perMs: 10_000, params: { appKey: ANY, appSecret: ANY, cnt: COUNT, wt: /^json$/ } },
  },
  errors: {
    key: [1006, '应用授权验证未通过'],
    token: [1006, ''],
    whitelist: [1008, '绑定的IP不一致'],
    stock: [1014, '应用剩余量不足'],
    pace: [1010, '请求过于频繁'],
    count: [1007, '提取量超过限制'],
  },
  isSigned: bearsKeys('appKey', 'appSecret'),
  ...envelope(200),
  list: (items) =>
    envelope(200).list(
      items.map(({ host, port, since, lifeMs }) => ({
        ip: host,
        port,
        realIp: null,
        startTime: since,
        during: lifeMs / 60_000,
      })),
    ),
}

const wandou: Dialect = {
  count: 'num',
  calls: {
    '/': {
      does: 'extract',
      params: { app_key: ANY, num: COUNT, xy: /^[13]$/, type: /^2$/, nr: /^(?:0|99)$/, area_id: /^\d*$/, isp: FLAG },
    },
  },
  errors: {
    key: [10001, 'app_key错误'],
    token: [10001, ''],
    whitelist: [10001, '请添加白名单'],
    stock: [10048, '没有可用套餐'],
    pace: [10001, '请求频繁，请稍后再试'],
    count: [10001, '参数错误'],
  },
  isSigned: bearsKeys('app_key'),
  ...envelope(200),
  list: (items) =>
    envelope(200).list(items.map(({ host, port, until }) => ({ ip: host, port, expire_time: until, city: '淮安市' }))),
}

const ipzan: Dialect = {
  count: 'num',
  calls: {
    '/core-extract': {
      does: 'extract',
      calls: 5,
      params: {
        ...{ num: COUNT, no: ANY, secret: ANY, minute: /^(?:1|3|5|10|15|30)$/, format: /^json$/, repeat: FLAG },
        ...{ protocol: /^[123]$/, pool: /^(?:quality|ordinary)$/, mode: /^(?:auth|whitelist)$/, area: /^\w*$/ },
      },
    },
  },
  errors: {
    key: [-1, '提取密钥错误'],
    token: [-1, ''],
    whitelist: [-1, '请将203.0.113.9加入白名单'],
    stock: [-1, '套餐余额不足'],
    pace: [-1, '请求过快'],
    count: [-1, '参数错误'],
  },
  isSigned: bearsKeys('no', 'secret'),
  ...envelope(0, 'message'),
  list: (items) =>
    envelope(0, 'message').list({
      count: items.length,
      list: items.map(({ host, port, untilMs, username = 'u', password = 'p' }) => ({
        ip: host,
        port,
        expired: untilMs,
        net: '电信',
        account: username,
        password,
      })),
    }),
}

const xiequ: Dialect = {
  count: 'num',
  calls: {
    '/VAD/GetIp.aspx': {
      does: 'extract',
      params: {
        ...{ act: /^get$/, uid: ANY, vkey: ANY, num: COUNT, time: /^\d{1,3}$/, plat: FLAG, re: FLAG, type: /^2$/ },
        ...{ so: FLAG, ow: FLAG, spl: /^\d$/, addr: /^.*$/, db: FLAG },
      },
    },
    '/VAD/OnlyIp.aspx': { does: 'whitelist-echo', isOpen: true, params: { yyy: ANY }, answer: () => '203.0.113.9' },
    '/IpWhiteList.aspx': {
      does: 'whitelist-add',
      isOpen: true,
      perMs: 1_000,
      params: { uid: ANY, ukey: ANY, act: /^(?:add|del)$/, ip: IP },
      answer: ({ act, ip = '' }, { whitelist }) => {
        if (act === 'add') whitelist.add(ip)
        else whitelist.delete(ip)
        return 'success'
      },
    },
  },
  errors: {
    key: [-1, 'vkey错误'],
    token: [-1, ''],
    whitelist: [-1, '请先添加白名单'],
    stock: [-1, '套餐已用完'],
    pace: [-1, '访问频率过快'],
    count: [-1, '参数错误'],
  },
  isSigned: bearsKeys('uid', 'vkey'),
  list: (items) => ({
    code: 0,
    success: 'true',
    msg: '',
    data: items.map(({ host, port }) => ({ IP: host, Port: port, IpAddress: '江苏省南通市' })),
  }),
  refuse: (code, words) => ({ code, success: 'true', msg: words, data: [] }),
}

const zdaye: Dialect = {
  count: 'count',
  calls: {
    '/ShortProxy/GetIP/': {
      does: 'extract',
      perMs: 1_000,
      params: { api: ANY, akey: ANY, count: COUNT, timespan: /^[1-9]\d?$/, type: /^3$/ },
    },
  },
  errors: {
    key: ['12001', 'akey错误'],
    token: ['12001', ''],
    whitelist: ['12007', '该产品当前授权模式为"终端IP授权"，但尚未绑定终端IP'],
    stock: ['12008', '该产品使用额度已经超限'],
    pace: ['12002', '调用频率过快，请至少1秒调用一次'],
    count: ['12003', '参数不完整或有错误'],
  },
  isSigned: bearsKeys('api', 'akey'),
  ...envelope('10001'),
  list: (items) => {
    const list = items.map(({ host, port, lifeMs }) => ({
      ip: host,
      port,
      adr: '浙江省湖州市 电信',
      timeout: lifeMs / 1_000,
    }))
    return envelope('10001').list({ count: items.length, proxy_list: list })
  },
}

const asiyunKeys = { orderId: ANY, time: /^\d{10}$/, sign: /^[0-9a-f]{32}$/ }

const asiyun: Dialect = {
  count: 'num',
  calls: {
    '/api/getIp': {
      does: 'extract',
      params: {
        ...{ ...asiyunKeys, num: COUNT, type: /^[12]$/, pid: /^-?\d*$/, cid: /^\d*$/, dataType: /^0$/ },
        ...{ singleIp: FLAG, unbindTime: /^(?:60|180|300|600)$/ },
      },
    },
    '/api/addWhiteIp': { does: 'whitelist-add', params: { ...asiyunKeys, ip: IP }, answer: added('ip') },
    '/api/delWhiteIp': { does: 'whitelist-remove', params: { ...asiyunKeys, ip: IP }, answer: removed('ip') },
  },
  errors: {
    key: [1, '签名错误'],
    token: [1, ''],
    whitelist: [1, '不在白名单'],
    stock: [1, '订单余量不足'],
    pace: [1, '请求太频繁'],
    count: [1, '参数错误'],
  },
  isSigned: ({ orderId, time, sign }, { keys, wall }) =>
    Math.abs(Number(time) - wall() / 1_000) < 60 &&
    orderId === keys['orderId'] &&
    sign === md5(`orderId=${orderId}&secret=${keys['secret']}&time=${time}`),
  list: (items) => ({
    serialNo: 'ca8ac15e',
    code: 0,
    data: items.map(({ host, port, exit }) => ({ realIp: exit, pid: 18, cid: 188, area: '四川-成都', ip: host, port })),
  }),
  refuse: (code, msg) => ({ code, msg }),
}

const table = { kuaidaili, zhima, xiaoxiang, wandou, ipzan, xiequ, zdaye, asiyun }
export const dialects: Readonly<Record<DialectName, Dialect>> = table
