/** Status codes of ipipv. */
import { given } from '../../given.ts'
import type { ErrorRule } from '../contract/operation.ts'

const rule = (errorClass: ErrorRule['class'], term: string, hint?: string, wait?: number): ErrorRule => ({
  class: errorClass,
  term,
  ...given({ hint, wait }),
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

export type Code = keyof typeof everyCode
/** Every call may return these. */
export const COMMON: readonly Code[] = ['500', '10001']
export const CREATING: readonly Code[] = ['10002', '10003', '10004', '10071', '10072']
export const DRAWING: readonly Code[] = ['10091', '10092']
