/** Error codes of qg.net's current API. */
import type { WaitEdge } from '../contract/error.ts'
import type { ErrorRule } from '../contract/operation.ts'
import { MINUTE_MS } from './limits.ts'

export const everywhere: Readonly<Record<string, ErrorRule>> = {
  INTERNAL_ERROR: { class: 'server', term: '系统内部异常。' },
  INVALID_PARAMETER: {
    class: 'bad_request',
    term: '参数错误(包含参数格式、类型等错误)。',
    hint: 'compare request: with the table of docs/vendors/qg.md',
  },
  INVALID_KEY: {
    class: 'auth',
    term: 'Key不存在或已过期。',
    hint: 'copy the key again from the product page at qg.net, and see whether it has expired',
  },
  UNAVAILABLE_KEY: {
    class: 'expired_plan',
    term: 'Key不可用,已过期或被封禁',
    hint: 'renew the product at qg.net, or ask there why the key is banned',
  },
  ACCESS_DENY: {
    class: 'auth',
    term: 'Key没有此接口的权限。',
    hint: 'this key was bought for another product: correct product: in gateway.yaml',
  },
  API_AUTH_DENY: {
    class: 'auth',
    term: 'Api授权不通过,请检查Api鉴权配置',
    hint: 'the account protects its API: set credentials.pwd, or put the egress address of this machine on the API whitelist at qg.net',
  },
  KEY_BLOCK: { class: 'auth', term: 'Key被封禁。', hint: 'ask qg.net why the key is blocked' },
  // The document does not say where its minute begins: a whole minute from now is always enough.
  REQUEST_LIMIT_EXCEEDED: {
    class: 'rate_limited',
    term: '请求频率超出限制。',
    hint: 'another host uses this key too? Set limit: { share: ... }',
    wait: MINUTE_MS,
  },
}
export const extracting: Readonly<Record<string, ErrorRule>> = {
  ...everywhere,
  NO_RESOURCE_FOUND: {
    class: 'no_resource',
    term: '资源不足。',
    hint: 'fewer filters (area, isp, distinct) find more',
  },
  FAILED_OPERATION: { class: 'server', term: '提取失败。' },
}
export const balance: Readonly<Record<string, ErrorRule>> = {
  BALANCE_INSUFFICIENT: {
    class: 'quota_exhausted',
    term: 'Key余额不足。',
    hint: 'top up at qg.net',
    wait: 10 * MINUTE_MS,
  },
}
export const channels: Readonly<Record<string, ErrorRule>> = {
  NO_AVAILABLE_CHANNEL: {
    class: 'quota_exhausted',
    term: '没有可用的空闲通道。',
    hint: 'every channel is occupied until an address expires',
    wait: 'earliest-deadline',
  },
}

/** The same code needs different waits in different products. */
export function extractLimit(wait: WaitEdge, hint: string): Readonly<Record<string, ErrorRule>> {
  return { EXTRACT_LIMIT_EXCEEDED: { class: 'quota_exhausted', term: '超出提取配额。', hint, wait } }
}
export const channelLimit = extractLimit(
  'earliest-deadline',
  'every channel is occupied until an address expires; is channels: right?',
)
export const volumeLimit = extractLimit(
  MINUTE_MS,
  'the document does not say which quota: see the product page at qg.net',
)

/** Codes that are in no section, seen in public clients; also the other codes, for a call whose section leaves one out. */
export const elsewhere: Readonly<Record<string, ErrorRule>> = {
  ...extracting,
  ...balance,
  ...channels,
  ...volumeLimit,
  DELETE_LIMIT_EXCEEDED: { class: 'rate_limited', term: '删除频率超出限制', wait: MINUTE_MS },
  IP_WHITELIST_LIMIT_EXCEEDED: {
    class: 'whitelist',
    term: '白名单数量超出限制',
    hint: 'the whitelist at qg.net is full: take an address off',
  },
  STATIC_DELETE_TIME_LIMIT: {
    class: 'bad_request',
    term: '24小时内不能释放',
    hint: 'addresses of this product can be released after 24 hours',
  },
  MONOPOLY_DELETE_TIME_LIMIT: {
    class: 'bad_request',
    term: '12小时内不能释放',
    hint: 'addresses of this product can be released after 12 hours',
  },
  MONOPOLY_CHANGEIP_TIME_LIMIT: {
    class: 'bad_request',
    term: '10秒内不能更换',
    hint: 'an address can be changed every 10 seconds',
  },
}
