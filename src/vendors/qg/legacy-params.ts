/** Parameters of qg.net's older host. */

import type { Param } from '../contract/operation.ts'
import { keepAlive } from './params.ts'

/** From a reseller's copy; the document states no maximum. */
export const MAX_PER_CALL = 100

const DataFormat: Param = {
  type: 'string',
  default: 'json',
  values: ['json', 'txt', 'xml'],
  about: 'format of the reply: json, which is what comes without it, txt or xml; a text tells no deadline',
  term: '返回格式',
}
export const account: Readonly<Record<string, Param>> = {
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
  DataFormat,
}
export const Num: Param = {
  type: 'integer',
  default: 1,
  managed: true,
  min: 1,
  usualMax: MAX_PER_CALL,
  about: 'how many addresses',
  term: '数量',
}
export const KeepAlive: Param = { ...keepAlive, term: '生存周期(单位分钟)' }
export const AreaId: Param = { type: 'integer', min: 1, about: 'only this area, by its number', term: '区域编号' }
export const Isp: Param = {
  type: 'integer',
  values: [1, 2, 3, 4],
  about: 'only this carrier: 1 电信, 2 移动, 3 联通, 4 BGP; any when left out',
  term: '运营商',
}
export const detail: Param = {
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
export const IP: Param = {
  type: 'csv',
  format: 'ip-or-all',
  about: 'addresses of nodes, without ports; * for all',
  term: '节点IP',
}
export const TaskID: Param = { type: 'csv', about: 'batches; * for all', term: '任务ID' }
export const whitelisted: Param = {
  type: 'csv',
  required: true,
  format: 'ip',
  about: 'addresses of ours',
  term: '节点IP',
}

export const choice = { AreaId, Isp, detail, Distinct, Pool }
