/** Every call of `ipipv-open-api.txt`, by the titles of its sections. What stands in no section says where it was seen. */
import type { ErrorRule, Operation, Param } from '../contract.ts'

const DOCUMENT = 'ipipv-open-api.txt'

// --- Parameters ---------------------------------------------------------------------------------------------------

type Rest = Partial<Param>

const text = (about: string, term: string, rest: Rest = {}): Param => ({ type: 'string', about, term, ...rest })
const whole = (about: string, term: string, rest: Rest = {}): Param => ({ type: 'integer', about, term, ...rest })
const list = (about: string, term: string, rest: Rest = {}): Param => ({ type: 'csv', about, term, ...rest })
const required = { required: true } as const

const appOrderNo = text('order number of your own; the same number is the same order', '购买者订单号', {
  ...required,
  min: 1,
  max: 32,
})
const productNo = text('number of the product', '产品编号', required)
const instanceNo = '平台实例编号'
const dynamicTypes = { values: [104, 105] }
const dynamicType = whole('104 dynamic outside of China, 105 dynamic in China', '代理类型', dynamicTypes)
const cycleTimes = whole('how many of the product’s own terms', '购买时长周期数', { min: 1 })
const renew = (term: string): Param => ({ type: 'boolean', default: false, about: 'renew by itself', term })
const extBandWidth = whole('bandwidth on top, Mbps; costs', '额外增加带宽', { min: 0 })
const useBridge = whole('1 no bridge, 2 bridge (costs); left out: as the app is set', '使用桥', { values: [1, 2] })
const page = whole('page', '页码', { default: 1, min: 1 })
const pageSize = whole('entries on a page', '每页显示数量', { default: 10, min: 1, max: 100 })
const mainUsername = text('main account, its name at ipipv; this or the app’s own name', '平台主账号')
const authType = whole('1 not verified, 2 person, 3 company', '认证类型', { ...required, values: [1, 2, 3] })
const status = whole('1 in order, 2 disabled', '状态', { ...required, values: [1, 2] })
const maxFlowLimit = whole('sets the account’s limit of traffic, MB, when above 0', '最大流量限制', { min: 0 })
const codes = (about: string, term: string) => list(about, term)

/** Products are told by number, or by these filters. */
const filters = {
  countryCode: text('country, ISO 3166 alpha-3', '国家代码'),
  cityCode: text('city, 9 characters', '城市代码'),
  supplierCode: text('supplier', '供应商代码'),
  unit: whole('unit of the term: 1 day, 2 week, 3 month, 4 year, 10 unlimited', '时长单位', {
    values: [1, 2, 3, 4, 10],
  }),
  ispType: whole('0 unknown, 1 single, 2 dual, 3 native, 4 datacenter', 'isp类型', { values: [0, 1, 2, 3, 4] }),
  duration: whole('shortest term, in units', '时长', { min: 0 }),
}

/** One line of an order: how many of which product, for how long. */
const openMembers: Readonly<Record<string, Param>> = {
  productNo: text('product; with it the filters mean nothing', '商品编号'),
  proxyType: whole('kind of proxy', '代理类型', { values: [101, 102, 103, 104, 105, 201] }),
  ...filters,
  count: whole('how many instances', '购买数量', { default: 1, min: 1, max: 20 }),
  cycleTimes,
  renew: renew('是否续费'),
  extBandWidth,
  appUsername: text('main account, for dynamic traffic', '主账号'),
  // The upper bound is the vendor's Go SDK's.
  flow: whole('dynamic traffic, MB', '动态流量', { min: 1, max: 102_400 }),
  useBridge,
  projectId: text('project; kept for later', '购买项目id'),
  cidrBlocks: {
    type: 'items',
    about: 'address blocks and how many of each',
    term: '支持网段及数量',
    members: {
      cidr: text('block, as in 192.168.0.0/24', '网段', required),
      count: whole('how many', '该网段数量', { min: 1 }),
    },
  },
}

const drawn: Readonly<Record<string, Param>> = {
  num: whole('how many addresses', '数量', { default: 1, min: 1, managed: true }),
  addressCode: text('continent, country, state or city code', '地址代码'),
  maxFlowLimit,
  productNo,
}

// --- Error codes --------------------------------------------------------------------------------------------------

const rule = (errorClass: ErrorRule['class'], term: string, hint?: string, wait?: number): ErrorRule => ({
  class: errorClass,
  term,
  ...(hint === undefined ? {} : { hint }),
  ...(wait === undefined ? {} : { wait }),
})

const TOP_UP_MS = 600_000

/** The list 返回状态码, whole. */
export const everyCode = {
  '500': rule('server', '系统错误'),
  '10001': rule('auth', '解密失败，请检查密码', 'ipipv cannot read the call: is appSecret the one of this appKey?'),
  '10002': rule('quota_exhausted', '创建代理失败，余额不足', 'nothing was bought: top up at ipipv', TOP_UP_MS),
  '10003': rule('no_resource', '创建代理失败，库存不足', 'nothing was bought: the product is out of stock'),
  '10004': rule(
    'bad_request',
    '创建代理失败，参数有误',
    'nothing was bought: does productNo exist, and is it enabled?',
  ),
  '10011': rule('bad_request', '续费失败，实例不存在', 'there is no such instance to renew'),
  '10021': rule('bad_request', '释放失败，实例不存在', 'there is no such instance to release'),
  '10022': rule('bad_request', '释放失败，实例已超过释放周期', 'too late to release it: never asked again'),
  '10031': rule(
    'bad_request',
    '获取订单失败，订单不存在',
    'there is no such order: orderNo is ipipv’s own number, appOrderNo yours',
  ),
  '10041': rule('bad_request', '获取实例失败，实例不存在', 'there is no such instance: take it out of instances:'),
  '10051': rule('bad_request', '创建用户失败，用户名已存在', 'the account exists already'),
  '10052': rule('bad_request', '获取用户失败，用户不存在', 'there is no such main account: correct appUsername'),
  '10061': rule('bad_request', '创建子账户失败，用户名已存在', 'the sub-account exists already'),
  '10062': rule('bad_request', '获取子账户失败，用户不存在', 'there is no such sub-account: correct appUsername'),
  '10071': rule('auth', '分配流量失败，主账户不存在或者被禁用', 'look at the main account at ipipv'),
  '10072': rule('quota_exhausted', '分配流量失败，余额不足', 'top up at ipipv', TOP_UP_MS),
  '10081': rule('quota_exhausted', '回收流量失败，余额不足', 'less traffic is left than is to be returned', TOP_UP_MS),
  '10091': rule('bad_request', '参数错误，region不存在', 'correct addressCode: product/area lists what there is'),
  '10092': rule('bad_request', '参数错误，username子账户不存在', 'there is no such sub-account: correct appUsername'),
  '10093': rule('bad_request', '参数错误，sessTime取值范围1-120（分钟）', 'sessTime is 1 to 120 minutes'),
} as const satisfies Readonly<Record<string, ErrorRule>>

type Code = keyof typeof everyCode
/** Every call can meet these. */
const COMMON: readonly Code[] = ['500', '10001']
const CREATING: readonly Code[] = ['10002', '10003', '10004', '10071', '10072']
const DRAWING: readonly Code[] = ['10091', '10092']

// --- Calls --------------------------------------------------------------------------------------------------------

/** Nothing is said about limits: two calls a second, all together, are taken to offend nobody (vendors.md 4.1). */
const limit = () => ({ calls: 2, perMs: 1_000 })

interface Section {
  readonly path?: string
  readonly about: string
  readonly effect?: Operation['effect']
  readonly quantity?: readonly string[]
  readonly params?: Operation['params']
  readonly reply: string
  readonly secrets?: NonNullable<Operation['secrets']>
  readonly codes?: readonly Code[]
}

function section(
  name: string,
  title: string,
  { path = name, effect = 'reads', codes = [], ...rest }: Section,
): Operation {
  const { params = {}, ...words } = rest
  const errors = Object.fromEntries([...COMMON, ...codes].map((code) => [code, everyCode[code]]))
  return {
    ...words,
    document: `${DOCUMENT}, ${title}`,
    method: 'POST',
    encoding: 'json',
    path: `/api/open/app/${path}/v2`,
    params,
    limit,
    limitGroup: 'app',
    effect,
    errors,
  }
}

const ORDERED = '{orderNo, appOrderNo, amount}; the order runs on: ask order'
const INSTANCE =
  '{instanceNo, proxyType, protocol, ip, port, countryCode, cityCode, useType, username, pwd, orderNo, userExpired, flowTotal, flowBalance, status, renew, bridges, openAt, renewAt, releaseAt, productNo}'
const USER = '{appUsername, username, password, status, authStatus}'
const WHITELIST = '{ipWhiteList: [ip]}'

const lookups: Readonly<Record<string, Operation>> = {
  info: section('info', '获取App信息', {
    about: 'tells the balance of the app',
    reply: '{appName, coin, useBridge, callbackUrl, status}',
    // Nothing is signed in a callback: who knows the address can send one.
    secrets: { callbackUrl: 'link' },
  }),
  area: section('area', '同步地域', {
    about: 'lists areas as a tree',
    params: { codes: codes('only these areas', '地域代码') },
    reply: '[{code, name, cname, children}]',
  }),
  'city/list': section('city/list', '同步地域 (城市)', {
    about: 'lists cities',
    params: { codes: codes('only these cities', '城市代码列表') },
    reply: '[{cityCode, cityName, stateCode, stateName, countryCode, countryName, areaCode, areaName, status}]',
  }),
  'product/query': section('product/query', '获取产品库存', {
    about: 'lists products with price and stock',
    params: {
      proxyType: list(
        '101 static cloud, 102 static home in China, 103 static home abroad, 104, 105 dynamic',
        '代理类型',
        {
          ...required,
          values: [101, 102, 103, 104, 105, 201],
        },
      ),
      productNo: text('only this product', '产品Id'),
      ...filters,
    },
    reply:
      '[{productNo, productName, proxyType, useType, protocol, costPrice, inventory, duration, unit, enable, ...}]',
  }),
  'product/area': section('product/area', '动态产品区域列表', {
    about: 'lists the areas of a dynamic product',
    params: { productNo, proxyType: { ...dynamicType, ...required } },
    reply: '[{productNo, proxyType, areaCode, countryCode, stateCode, cityCode, status, region, supplierCode}]',
  }),
  'assign/ip/info': section('assign/ip/info', '查询指定Ip可用信息', {
    about: 'tells whether a certain address can be bought',
    params: { ip: text('the address', '指定ip', required) },
    reply: '{ip, canBuyStatus: 1 or -1}',
  }),
}

const orders: Readonly<Record<string, Operation>> = {
  'instance/open': section('instance/open', '开通代理', {
    about: 'buys instances or traffic; the order runs on',
    effect: 'buys',
    quantity: ['params'],
    params: {
      appOrderNo,
      params: { type: 'items', ...required, about: 'what to buy', term: '购买代理产品列表', members: openMembers },
    },
    reply: ORDERED,
    codes: CREATING,
  }),
  'instance/open/assign/ip': section('instance/open/assign/ip', '指定ip开通代理', {
    about: 'buys one certain address; the order runs on',
    effect: 'buys',
    quantity: ['assignIp'],
    params: {
      appOrderNo,
      productNo,
      cycleTimes: { ...cycleTimes, ...required },
      renew: renew('是否续费'),
      extBandWidth,
      useBridge,
      assignIp: text('the address', '指定ip', required),
    },
    reply: ORDERED,
    codes: CREATING,
  }),
  'instance/renew': section('instance/renew', '续费代理', {
    about: 'buys more time for instances; the order runs on',
    effect: 'buys',
    quantity: ['instances'],
    params: {
      appOrderNo,
      instances: {
        type: 'items',
        ...required,
        about: 'which instances, for how long',
        term: '实例列表',
        members: {
          instanceNo: text('instance', instanceNo, required),
          duration: whole('terms; older than cycleTimes', '时长', { default: 1, min: 1 }),
          cycleTimes,
        },
      },
    },
    reply: ORDERED,
    codes: ['10002', '10011'],
  }),
  'instance/release': section('instance/release', '释放代理', {
    about: 'gives instances back for good; the order runs on',
    effect: 'deletes',
    params: {
      orderNo: text('order number of your own', '购买者订单号', required),
      instances: list('instances', instanceNo, required),
    },
    reply: ORDERED,
    codes: ['10021', '10022'],
  }),
  instance: section('instance', '获取实例', {
    about: 'tells where instances stand',
    params: { instances: list('instances', instanceNo, { ...required, managed: true }) },
    reply: `[${INSTANCE}]`,
    secrets: { pwd: 'all', bridges: 'login' },
    codes: ['10041'],
  }),
  order: section('order', '获取订单信息', {
    about: 'tells where an order stands, and its instances',
    params: {
      orderNo: text('ipipv’s order number; this or appOrderNo', '平台订单编号', { min: 1, max: 32 }),
      // Not in the document: the vendor's public Go SDK asks by it since 2024-11-23.
      appOrderNo: text('your own order number, in place of orderNo', '购买者订单号', { min: 1, max: 32 }),
      page,
      pageSize,
    },
    reply: `{orderNo, appOrderNo, type, status, count, amount, refund, page, pageSize, total, instances: [${INSTANCE}]}`,
    secrets: { pwd: 'all', bridges: 'login' },
    codes: ['10031'],
  }),
}

const password = text('password; made up when left out', '密码', { secret: true })

const accounts: Readonly<Record<string, Operation>> = {
  user: section('user', '创建或修改主账户', {
    about: 'makes or changes a main account of dynamic traffic',
    effect: 'changes',
    params: {
      appUsername: text('name of the account; made up when left out', '渠道商主账号'),
      password,
      phone: text('telephone', '主账号手机号', required),
      email: text('mail address', '主账号邮箱', required),
      authType,
      authName: text('name of person or company', '真实名字或者企业名'),
      no: text('number of the identity document', '证件号码', { ...required, secret: true }),
      vsp: whole('vsp', 'vsp', { min: 0 }),
      status,
    },
    reply: USER,
    secrets: { password: 'all' },
    codes: ['10051', '10052'],
  }),
  userAuth: section('userAuth', '同步实名', {
    about: 'writes who stands behind a main account',
    effect: 'changes',
    params: {
      username: mainUsername,
      appUsername: text('main account, the app’s own name', '渠道商主账号'),
      authType,
      authName: text('name of person or company', '真实姓名或者企业名'),
      no: text('number of the identity document', '实名认证号码', { secret: true }),
      vsp: text('vsp', 'vsp'),
    },
    reply: '{username, authStatus}',
    codes: ['10052'],
  }),
  'proxy/user': section('proxy/user', '创建或修改代理用户（子账号）', {
    about: 'makes or changes a sub-account, whose name draws addresses',
    effect: 'changes',
    params: {
      appUsername: text('name of the sub-account; made up when left out', '渠道商子账号', { min: 1, max: 32 }),
      password,
      limitFlow: whole('limit of traffic, MB', '动态流量上限', { ...required, min: 0 }),
      mainUsername,
      appMainUsername: text('main account, the app’s own name', '渠道商主账号'),
      remark: text('remark', '备注', { max: 255 }),
      status,
    },
    reply: USER,
    secrets: { password: 'all' },
    codes: ['10061', '10062'],
  }),
  'proxy/info': section('proxy/info', '获取代理余额信息', {
    about: 'tells how much traffic is left',
    params: {
      username: mainUsername,
      appUsername: text('main account, the app’s own name', '渠道商主账号'),
      proxyType: { ...dynamicType, ...required },
      productNo,
    },
    reply: '{list: [{used, total, balance, productNo, ipWhiteList, ipUsed, ipTotal}]}, traffic in MB',
    codes: ['10052'],
  }),
  'proxy/flow/use/log': section('proxy/flow/use/log', '流量使用记录', {
    about: 'lists what traffic was used',
    params: {
      appUsername: text('main account', '主账号', required),
      startTime: text('from, as in 2021-01-01 00:00:00; a week ago when left out', '开始时间'),
      endTime: text('to; today when left out', '结束时间'),
      productNo,
      page,
      pageSize,
    },
    reply: '{total, curPage, list: [{used, total, balance, usedTime, productNo}]}, traffic in bytes',
    codes: ['10052'],
  }),
  'proxy/addIpWhiteList': section('proxy/addIpWhiteList', '添加ip白名单', {
    about: 'puts an address on the whitelist of a main account',
    effect: 'changes',
    params: {
      appUsername: text('main account', '渠道商主账号', required),
      ip: text('the address', 'ip地址', required),
      proxyType: { ...dynamicType, ...required },
      productNo,
    },
    reply: WHITELIST,
    codes: ['10052'],
  }),
  'proxy/delIpWhiteList': section('proxy/delIpWhiteList', '删除ip白名单 (printed dellp; the SDKs say delIp)', {
    about: 'takes an address off the whitelist of a main account',
    effect: 'deletes',
    params: {
      appUsername: text('main account', '渠道商主账号', required),
      ip: text('the address', 'ip地址', required),
      proxyType: { ...dynamicType, default: 104 },
      productNo,
    },
    reply: WHITELIST,
    codes: ['10052'],
  }),
  'proxy/return': section('proxy/return', '动态代理流量回收', {
    about: 'gives traffic or addresses back for money',
    effect: 'deletes',
    params: {
      appUsername: text('main account', '渠道商主账号', required),
      proxyType: { ...dynamicType, ...required },
      ipNum: whole('how many addresses, where they were bought by number', '回收ip数量', { min: 1 }),
      productNo,
      flowNum: whole('how much traffic, MB, where it was bought by traffic', '回收流量数量', { min: 1 }),
      remark: text('remark', '备注', { max: 250 }),
    },
    reply: '{returnAmount} in yuan',
    codes: ['10052', '10081'],
  }),
}

const drawing: Readonly<Record<string, Operation>> = {
  'proxy/draw/pwd': section('proxy/draw/pwd', '账密提取', {
    about: 'draws addresses with a login for each',
    effect: 'buys',
    quantity: ['num'],
    params: {
      appUsername: text('sub-account', '渠道商子账号名', required),
      sessTime: whole('life of each address, minutes', '有效时间', { default: 5, min: 1, max: 120 }),
      proxyType: dynamicType,
      ...drawn,
    },
    reply: '{list: [{proxyUrl, list: [text]}]}',
    secrets: { proxyUrl: 'login', list: 'account' },
    codes: [...DRAWING, '10093', '10062'],
  }),
  'proxy/draw/api': section('proxy/draw/api', 'Api提取代理请求', {
    about: 'draws a link under which addresses are found',
    effect: 'buys',
    quantity: ['num'],
    params: {
      appUsername: text('main account', '渠道商主账号', required),
      proxyType: { ...dynamicType, ...required },
      protocol: text('protocol of the addresses', '协议', { default: 'socks5', values: ['socks5', 'http'] }),
      returnType: text('format behind the link', '数据格式', { default: 'txt', values: ['txt', 'json'] }),
      delimiter: whole('between the addresses of a text: 1 CR LF, 2 /br, 3 CR, 4 LF, 5 tab', '分隔符', {
        default: 1,
        values: [1, 2, 3, 4, 5],
      }),
      ...drawn,
    },
    reply: '{list: [{proxyUrl}]}, each a link to be fetched',
    secrets: { proxyUrl: 'link' },
    codes: [...DRAWING, '10052'],
  }),
}

export const operations: Readonly<Record<string, Operation>> = { ...lookups, ...orders, ...accounts, ...drawing }
