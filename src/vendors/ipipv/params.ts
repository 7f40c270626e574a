/** Parameters of ipipv's calls. */
import type { Param } from '../contract/operation.ts'
import { required, text, toggle, whole } from '../contract/params.ts'

/** Only some of the sections state how long it may be. */
export const anyOrderNo = text('order number of your own; the same number is the same order', '购买者订单号', required)
export const appOrderNo: Param = { ...anyOrderNo, min: 1, max: 32 }
export const productNo = text('number of the product', '产品编号', required)
export const instanceNo = '平台实例编号'
const dynamicTypes = { values: [104, 105] }
export const dynamicType = whole('104 dynamic outside of China, 105 dynamic in China', '代理类型', dynamicTypes)
export const cycleTimes = whole('how many of the product’s own terms', '购买时长周期数', { min: 1 })
export const renew = (term: string) => toggle('renew by itself', term, { default: false, values: [1, 0] })
export const extBandWidth = whole('bandwidth on top, Mbps; costs', '额外增加带宽', { min: 0 })
export const useBridge = whole('1 no bridge, 2 bridge (costs); left out: as the app is set', '使用桥', {
  values: [1, 2],
})
export const page = whole('page', '页码', { default: 1, min: 1 })
export const pageSize = whole('entries on a page', '每页显示数量', { default: 10, min: 1, max: 100 })
export const mainUsername = text('main account, its name at ipipv; this or the app’s own name', '平台主账号')
export const authType = whole('1 not verified, 2 person, 3 company', '认证类型', { ...required, values: [1, 2, 3] })
export const status = whole('1 in order, 2 disabled', '状态', { ...required, values: [1, 2] })
const maxFlowLimit = whole('sets the account’s limit of traffic, MB, when above 0', '最大流量限制', { min: 0 })

/** Products are selected by number, or by these filters. */
export const filters = {
  countryCode: text('country, ISO 3166 alpha-3', '国家代码'),
  cityCode: text('city, 9 characters', '城市代码'),
  supplierCode: text('supplier', '供应商代码'),
  unit: whole('unit of the term: 1 day, 2 week, 3 month, 4 year, 10 unlimited', '时长单位', {
    values: [1, 2, 3, 4, 10],
  }),
  ispType: whole('0 unknown, 1 single, 2 dual, 3 native, 4 datacenter', 'isp类型', { values: [0, 1, 2, 3, 4] }),
  duration: whole('shortest term, in units', '时长', { min: 0 }),
}

/** A line of an order names its product, or its requirements. */
export const PRODUCT_OF_LINE = ['productNo', 'proxyType', ...Object.keys(filters)]

/** One line of an order: the product, the number of instances, the term. */
export const openMembers: Readonly<Record<string, Param>> = {
  productNo: text('product; with it the filters mean nothing', '商品编号'),
  proxyType: whole('kind of proxy', '代理类型', { values: [101, 102, 103, 104, 105, 201] }),
  ...filters,
  count: whole('how many instances', '购买数量', { default: 1, min: 1, max: 20 }),
  cycleTimes,
  renew: renew('是否续费'),
  extBandWidth,
  appUsername: text('main account, for dynamic traffic', '主账号', { together: 'flow' }),
  // The maximum is from the vendor's Go SDK; the document states none.
  flow: whole('dynamic traffic, MB', '动态流量', {
    min: 1,
    usualMax: 102_400,
    together: 'appUsername',
    isTraffic: true,
  }),
  useBridge,
  projectId: text('project; kept for later', '购买项目id'),
  cidrBlocks: {
    type: 'items',
    about: 'address blocks and how many of each',
    term: '支持网段及数量',
    members: {
      cidr: text('block, as in 192.168.0.0/24', '网段', { ...required, format: 'cidr' }),
      count: whole('how many', '该网段数量', { min: 1 }),
    },
  },
}

export const drawn: Readonly<Record<string, Param>> = {
  num: whole('how many addresses', '数量', { default: 1, min: 1, managed: true }),
  addressCode: text('continent, country, state or city code', '地址代码'),
  maxFlowLimit,
  productNo,
}
