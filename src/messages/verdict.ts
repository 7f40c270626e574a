/** The state of the gateway in one sentence (`verdict.<code>`), and the remedy (`remedy.<code>`). */
import { durationInWords } from './duration.ts'
import { chineseSentence } from './recognise.ts'
import { fill, type Language, type Text, type TextParams } from './text.ts'

export const verdictTexts = {
  'verdict.not-listening': {
    en: 'The gateway accepts no connections: it is starting or stopping.',
    zh: '网关当前不接受连接：正在启动或停止。',
  },
  'remedy.not-listening': {
    en: 'Wait a moment; if it lasts, read the log.',
    zh: '请稍候；如果一直如此，请查看日志。',
  },
  'verdict.cluster-store-down': {
    en: 'The store of the cluster does not answer: addresses that are held are lent, and nothing is bought.',
    zh: '集群的存储没有应答：已持有的地址继续使用，但不再购买新地址。',
  },
  'remedy.cluster-store-down': {
    en: 'Repair Redis, or the network between this host and cluster.url.',
    zh: '修复 Redis，或本机与 cluster.url 之间的网络。',
  },
  'verdict.key-wrong': {
    en: '{provider}: the vendor refuses the key: {reason}.',
    zh: '{provider}：供应商拒绝了密钥：{reason}。',
  },
  'remedy.key-wrong': {
    en: 'Correct the credentials of {provider} in gateway.yaml or .env, then run turnpike reload; if they were corrected at the vendor, retry.',
    zh: '在 gateway.yaml 或 .env 中更正 {provider} 的 credentials，然后运行 turnpike reload；如果是在供应商处更正的，请重试。',
  },
  'verdict.plan-expired': {
    en: '{provider}: the plan at the vendor has ended: {reason}.',
    zh: '{provider}：供应商的套餐已到期：{reason}。',
  },
  'remedy.plan-expired': {
    en: 'Renew the plan at the vendor, then retry.',
    zh: '请在供应商处续费，然后重试。',
  },
  'verdict.whitelist-missing': {
    en: '{provider}: the address of this machine is not on the vendor’s whitelist: {reason}.',
    zh: '{provider}：本机地址不在供应商的白名单中：{reason}。',
  },
  'remedy.whitelist-missing': {
    en: 'Add the public address of this machine at the vendor, then retry.',
    zh: '请在供应商处添加本机的公网地址，然后重试。',
  },
  'verdict.request-wrong': {
    en: '{provider}: the vendor refuses the parameters: {reason}.',
    zh: '{provider}：供应商拒绝了请求参数：{reason}。',
  },
  'remedy.request-wrong': {
    en: 'Correct product and request of {provider} in gateway.yaml, then run turnpike reload.',
    zh: '更正 gateway.yaml 中 {provider} 的 product 和 request，然后运行 turnpike reload。',
  },
  'verdict.addresses-unusable': {
    en: '{provider}: the addresses that it sells do not work: {reason}.',
    zh: '{provider}：提取到的代理地址无法使用：{reason}。',
  },
  'remedy.addresses-unusable': {
    en: 'Check the login, the whitelist for using addresses, and outgoing connections; then retry.',
    zh: '请检查登录信息、使用代理的白名单以及本机的出站连接，然后重试。',
  },
  'verdict.replies-unusable': {
    en: '{provider}: no address that it sells can be used: {reason}.',
    zh: '{provider}：提取到的代理地址都不能使用：{reason}。',
  },
  'remedy.replies-unusable': {
    en: 'turnpike test-source {provider} shows the reply as it is read. Correct what is named there, then retry.',
    zh: 'turnpike test-source {provider} 会显示读取到的应答。请更正其中指出的问题，然后重试。',
  },
  'verdict.budget-reached': {
    en: '{provider}: the budget {which} of {limit} is used up; the next address may be bought in {time}.',
    zh: '{provider}：预算 {which}（{limit} 个地址）已用完；{time}后可以再买。',
  },
  'remedy.budget-reached': {
    en: 'Wait, or raise budget.{which} of {provider}.',
    zh: '请等待，或调高 {provider} 的 budget.{which}。',
  },
  'verdict.budget-too-small': {
    en: '{provider}: the budget {which} of {limit} is smaller than one order of the vendor, so nothing can be bought.',
    zh: '{provider}：预算 {which}（{limit} 个地址）小于供应商一次购买的数量，因此无法购买。',
  },
  'remedy.budget-too-small': {
    en: 'Raise budget.{which} of {provider} in gateway.yaml, then run turnpike reload.',
    zh: '请在 gateway.yaml 中调高 {provider} 的 budget.{which}，然后运行 turnpike reload。',
  },
  'verdict.budget-total-reached': {
    en: '{provider}: the budget in total of {limit} is used up.',
    zh: '{provider}：总预算（{limit} 个地址）已用完。',
  },
  'remedy.budget-total-reached': {
    en: 'Raise budget.total of {provider}: it does not come back by itself.',
    zh: '请调高 {provider} 的 budget.total：总预算不会自动恢复。',
  },
  'verdict.quota-used-up': {
    en: '{provider}: the quota at the vendor is used up: {reason}.',
    zh: '{provider}：供应商处的额度已用完：{reason}。',
  },
  'remedy.quota-used-up': {
    en: 'Wait until the vendor allows more, or buy more there; then retry.',
    zh: '请等待供应商恢复额度，或在供应商处加购，然后重试。',
  },
  'verdict.vendor-down': {
    en: '{provider}: the vendor cannot be reached or fails: {reason}.',
    zh: '{provider}：供应商无法访问或出错：{reason}。',
  },
  'remedy.vendor-down': {
    en: 'It is called again by itself. If it lasts, check the reason, the network and the vendor’s status page.',
    zh: '网关会自动重试。如果一直如此，请检查原因、网络和供应商的状态公告。',
  },
  'verdict.not-reloaded': {
    en: 'The changed configuration is not in force. {place}: {reason}.',
    zh: '修改后的配置没有生效。{place}：{reason}。',
  },
  'remedy.not-reloaded': {
    en: 'Correct it, then run turnpike reload; turnpike check lists every mistake. The former configuration stays in force.',
    zh: '请更正后运行 turnpike reload；turnpike check 列出所有错误。此前的配置继续有效。',
  },
  'verdict.sold-out': {
    en: '{provider}: the vendor has no fitting address at the moment: {reason}.',
    zh: '{provider}：供应商目前没有符合条件的地址：{reason}。',
  },
  'remedy.sold-out': {
    en: 'It is called again by itself. If it lasts, ask for fewer conditions (area, carrier) in request.',
    zh: '网关会自动重试。如果一直如此，请减少 request 中的条件（地区、运营商）。',
  },
  'verdict.calls-used-up': {
    en: '{provider}: the vendor allows no further call now: {reason}.',
    zh: '{provider}：供应商目前不允许继续调用：{reason}。',
  },
  'remedy.calls-used-up': {
    en: 'It is called again by itself. If it lasts, lower limit.share or raise the plan.',
    zh: '网关会自动重试。如果一直如此，请调低 limit.share 或升级套餐。',
  },
  'verdict.paused': {
    en: '{provider} is paused: nothing is bought.',
    zh: '{provider} 已暂停：不会购买地址。',
  },
  'remedy.paused': {
    en: 'Resume it on the dashboard when it may buy again.',
    zh: '需要继续购买时，请在仪表盘恢复它。',
  },
  'verdict.provider-waiting': {
    en: '{provider} waits: {reason}.',
    zh: '{provider} 正在等待：{reason}。',
  },
  'remedy.provider-waiting': {
    en: 'It goes on by itself.',
    zh: '网关会自动继续。',
  },
  'verdict.clients-wait': {
    en: 'Clients that wait for an address: {count}.',
    zh: '正在等待地址的客户端：{count}。',
  },
  'remedy.clients-wait': {
    en: 'They get the next addresses. If it lasts, raise pool.ceiling, the channels or the budget.',
    zh: '下一批地址会给它们。如果一直如此，请调高 pool.ceiling、通道数或预算。',
  },
  'verdict.balance-low': {
    en: '{provider}: {balance} left on the account at the vendor, less than lowStock.',
    zh: '{provider}：供应商账户余量为 {balance}，低于 lowStock。',
  },
  'remedy.balance-low': {
    en: 'Top up the account at the vendor.',
    zh: '请在供应商处充值。',
  },
  'verdict.plan-ends-soon': {
    en: '{provider}: the plan at the vendor ends at {at}.',
    zh: '{provider}：供应商套餐将于 {at} 到期。',
  },
  'remedy.plan-ends-soon': {
    en: 'Renew the plan at the vendor.',
    zh: '请在供应商处续费。',
  },
  'verdict.needs-restart': {
    en: 'Changed in the file, and not yet in force: {keys}.',
    zh: '文件中已修改但尚未生效：{keys}。',
  },
  'remedy.needs-restart': {
    en: 'Run turnpike start --takeover, or restart.',
    zh: '请运行 turnpike start --takeover，或重新启动。',
  },
  'verdict.no-demand': {
    en: 'No client asks at the moment, so nothing is bought. The first request starts it.',
    zh: '目前没有客户端请求，因此不购买地址。收到第一个请求后自动开始。',
  },
  'remedy.no-demand': {
    en: 'Nothing to do.',
    zh: '无需操作。',
  },
  'verdict.all-well': {
    en: 'All is well. Addresses ready: {ready}; open tunnels: {tunnels}.',
    zh: '一切正常。可用地址：{ready}；打开的隧道：{tunnels}。',
  },
  'remedy.all-well': {
    en: 'Nothing to do.',
    zh: '无需操作。',
  },
} as const satisfies Record<string, Text>

export type VerdictText = keyof typeof verdictTexts

/**
 * A sentence of the verdict. `seconds` also fills `{time}`, in words. No full stop is added after a reason that ends with a
 * punctuation mark.
 */
export function verdictSentence(key: VerdictText, language: Language, params: TextParams): string {
  const { reason, seconds } = params
  const words = {
    ...params,
    ...(language === 'zh' && typeof reason === 'string' ? { reason: chineseSentence(reason) } : {}),
    ...(typeof seconds === 'number' ? { time: durationInWords(seconds, language) } : {}),
  }
  return fill(verdictTexts[key][language], words).replace(/([.?!。？！])[.。]$/, '$1')
}
