/** Error codes of qg.net's older host. */
import type { ErrorRule } from '../contract/operation.ts'
import { MINUTE_MS } from './limits.ts'

/** The overview's table: any call may return them. */
export const everywhere: Readonly<Record<string, ErrorRule>> = {
  '-1': { class: 'server', term: '未知错误' },
  '-10': {
    class: 'bad_request',
    term: '参数不合法',
    hint: 'compare request: with the table of docs/vendors/qg-legacy.md',
  },
  // The minute begins with the first call, which may be another host's: a whole one from now is always enough.
  '-11': {
    class: 'rate_limited',
    term: '请求过于频繁',
    hint: 'another host uses this key too? Set limit: { share: ... }',
    wait: MINUTE_MS,
  },
  '-12': { class: 'auth', term: 'Authkey被封禁', hint: 'ask qg.net why the key is banned' },
  '-13': {
    class: 'whitelist',
    term: '当前客户端IP不在授权名单中',
    hint: 'put the egress address of this machine on the whitelist at qg.net',
  },
  '-14': { class: 'auth', term: 'Pwd不合法', hint: 'the account protects its API: correct credentials.Pwd' },
  '-15': {
    class: 'auth',
    term: 'Authkey对应的业务无此权限',
    hint: 'this key was bought for another product: correct product: in gateway.yaml',
  },
  '-100': { class: 'expired_plan', term: '计划不存在或已过期', hint: 'renew the plan at qg.net' },
  '-103': { class: 'no_resource', term: '资源不足', hint: 'fewer filters (AreaId, Isp, Distinct) find more' },
  '-104': { class: 'server', term: '申请资源失败' },
  '-105': {
    class: 'rate_limited',
    term: '释放的IP数超过允许释放的IP数',
    hint: 'a minute allows channels * 2 addresses to be given back',
    wait: MINUTE_MS,
  },
}

/** Seen outside of the document. */
export const channels: Readonly<Record<string, ErrorRule>> = {
  '-101': {
    class: 'bad_request',
    term: '提取数量超过通道数',
    hint: 'more addresses were asked for than the plan has channels: correct channels: in gateway.yaml',
  },
  '-102': {
    class: 'quota_exhausted',
    term: '没有可用的空闲通道',
    hint: 'every channel is occupied until an address expires or is released',
    wait: 'earliest-deadline',
  },
}
export const listed: Readonly<Record<string, ErrorRule>> = {
  '-202': { class: 'whitelist', term: '白名单数量已满', hint: 'the whitelist at qg.net is full: take an address off' },
  '-206': {
    class: 'whitelist',
    term: 'IP已绑定其他Key',
    hint: 'this address is on the whitelist of another key at qg.net',
  },
}
export const legacyErrors: Readonly<Record<string, ErrorRule>> = { ...everywhere, ...channels, ...listed }

export function only(...codes: string[]): Readonly<Record<string, ErrorRule>> {
  return Object.fromEntries(Object.entries(everywhere).filter(([code]) => codes.includes(code)))
}
