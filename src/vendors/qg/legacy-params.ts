/** Parameters of qg.net's older host. */

import type { Param } from '../contract/operation.ts'
import { fromCredentials, list, required, text, whole } from '../contract/params.ts'
import { keepAlive } from './params.ts'

/** From a reseller's copy; the document states no maximum. */
export const MAX_PER_CALL = 100

const DataFormat = text(
  'format of the reply: json, which is what comes without it, txt or xml; a text tells no deadline',
  '返回格式',
  { default: 'json', values: ['json', 'txt', 'xml'] },
)
export const account: Readonly<Record<string, Param>> = {
  Key: text('the product bought', '标识身份的密钥Key', { ...required, ...fromCredentials }),
  Pwd: text('API password, where the account has one (error -14)', 'Pwd', fromCredentials),
  DataFormat,
}
export const Num = whole('how many addresses', '数量', { default: 1, managed: true, min: 1, usualMax: MAX_PER_CALL })
export const KeepAlive: Param = { ...keepAlive, term: '生存周期(单位分钟)' }
export const AreaId = whole('only this area, by its number', '区域编号', { min: 1 })
export const Isp = whole('only this carrier: 1 电信, 2 移动, 3 联通, 4 BGP; any when left out', '运营商', {
  values: [1, 2, 3, 4],
})
export const detail = whole('1 adds province and city to each address', '是否查看详情', { default: 0, values: [0, 1] })
const Distinct = whole('1: no address that is in use already; in public clients, not in the document', '去重提取', {
  default: 0,
  values: [0, 1],
})
const Pool = whole('1 normal, 2 enterprise pool; in public clients, not in the document', '资源池', { values: [1, 2] })
export const IP = list('addresses of nodes, without ports; * for all', '节点IP', { format: 'ip-or-all' })
export const TaskID = list('batches; * for all', '任务ID')
export const whitelisted = list('addresses of this machine', '节点IP', { ...required, format: 'ip' })

export const choice = { AreaId, Isp, detail, Distinct, Pool }
