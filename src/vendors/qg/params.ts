/** Parameters of qg.net's current API. */
import type { Param } from '../contract/operation.ts'

/** Seen in public clients and a reseller's document; qg's own states no maximum. */
export const MAX_PER_CALL = 100

export const account: Readonly<Record<string, Param>> = {
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
export const num: Param = {
  type: 'integer',
  default: 1,
  managed: true,
  min: 1,
  usualMax: MAX_PER_CALL,
  about: 'how many addresses',
  term: '提取个数',
}
export const isp: Param = {
  type: 'integer',
  default: 0,
  values: [0, 1, 2, 3],
  about: 'carrier: 0 any, 1 电信, 2 移动, 3 联通',
  term: '按运营商提取',
}
export const area = (about: string): Param => ({ type: 'csv', about, term: '按地区提取' })
const areaEx = (about: string): Param => ({ type: 'csv', about, term: '排除某些地区提取' })
export const distinct: Param = {
  type: 'boolean',
  default: false,
  about: 'true: no address that is in use already',
  term: '去重提取',
}
export const keepAlive: Param = {
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
