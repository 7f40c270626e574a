/** Parameters of qg.net's current API. */
import type { Param } from '../contract/operation.ts'
import { fromCredentials, list, required, text, toggle, whole } from '../contract/params.ts'

/** Seen in public clients and a reseller's document; qg's own states no maximum. */
export const MAX_PER_CALL = 100

export const account: Readonly<Record<string, Param>> = {
  key: text('the product bought', '产品唯一标识', { ...required, ...fromCredentials }),
  pwd: text('API password, where the account has one; seen in public clients only', 'API密码', fromCredentials),
}
export const num = whole('how many addresses', '提取个数', {
  default: 1,
  managed: true,
  min: 1,
  usualMax: MAX_PER_CALL,
})
export const isp = whole('carrier: 0 any, 1 电信, 2 移动, 3 联通', '按运营商提取', { default: 0, values: [0, 1, 2, 3] })
export const area = (about: string) => list(about, '按地区提取')
const areaEx = (about: string) => list(about, '排除某些地区提取')
export const distinct = toggle('true: no address that is in use already', '去重提取', { default: false })
export const keepAlive = whole('how long the addresses are to live, minutes', '资源存活时长', { min: 1 })
const pool = whole('1 normal, 2 enterprise pool; seen in public clients only', '资源池', { values: [1, 2] })

export const shareParams: Readonly<Record<string, Param>> = {
  ...account,
  num,
  area: area('area codes, as in 350500,330700'),
  area_ex: areaEx('not these area codes, as in 440100,450000'),
  isp,
  distinct,
  pool,
}
export const overseasParams: Readonly<Record<string, Param>> = {
  ...account,
  num,
  area: area('country codes or codes of your own, as in US,EU or 990100,990200'),
  area_ex: areaEx('not these countries'),
}
