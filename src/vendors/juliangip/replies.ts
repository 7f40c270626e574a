/** Replies of juliangip: text, JSON and XML, and what its errors mean. */
import type { VendorError } from '../contract/error.ts'
import type { Params, ParamValue, RawReply } from '../contract/operation.ts'
import { parseJson } from '../parse/json.ts'
import {
  errorInText,
  malformed,
  membersOf,
  type RulesByWords,
  refusal,
  ruleInWords,
  ruleOf,
  startsLikeMarkup,
  textOf,
} from '../parse/reply.ts'
import { readXml } from '../parse/xml.ts'
import { operations } from './calls.ts'

/** Only code 401 is documented. Other codes are classified by their message, by what public clients met and by guess. */
const words: RulesByWords = [
  [/频繁|too (fast|many|frequent)/i, { class: 'rate_limited', term: '请求过于频繁', wait: 1_000 }],
  [
    /白名单|授权IP|white ?list|allow ?list/i,
    {
      class: 'whitelist',
      term: '白名单',
      hint: 'add the egress address of this machine to the order at juliangip, or set request: { auto_white: 1 }',
    },
  ],
  [/过期|到期|expired/i, { class: 'expired_plan', term: '订单已过期', hint: 'renew the order at juliangip' }],
  [
    /余额|用完|数量不足|剩余|balance|insufficient|used up/i,
    {
      class: 'quota_exhausted',
      term: '余额不足',
      hint: 'the order has no addresses left: top up at juliangip',
      wait: 600_000,
    },
  ],
  [
    /无可用|暂无|库存|no (available )?(ip|prox)/i,
    { class: 'no_resource', term: '暂无可用IP', hint: 'fewer filters (area, isp, filter) find more' },
  ],
  [
    /参数|不能为空|格式|param|invalid|missing/i,
    { class: 'bad_request', term: '参数错误', hint: 'compare request: with the table of docs/vendors/juliangip.md' },
  ],
  [
    /签名|密钥|(?<![a-z])sign|(?<![a-z])key(?![a-z])/i,
    { class: 'auth', term: '签名校验失败', hint: 'signature wrong: does this key belong to this trade_no?' },
  ],
]

const WORKED = '200'

function failure(operation: string, code: string, message: string): VendorError {
  const said = ruleInWords(message, words)
  // 401 is used for every refusal; the message shows when it is the whitelist.
  const rule = said?.class === 'whitelist' ? said : (ruleOf(code, operations[operation]?.errors) ?? said)
  return refusal(rule, code, message)
}

/** @returns the envelope's `data`; for a text reply what a JSON reply would contain, as far as the text has it */
export function decode(operation: string, reply: RawReply, sent: Params): unknown {
  const { result_type: format = operation === 'getips' ? 'text' : 'json', split } = sent
  const text = reply.text.trim()
  const refused = errorInText(text)
  if (refused !== undefined) throw failure(operation, refused.code, refused.words)
  if (format === 'text' && !/^[{<]/.test(text)) return { proxy_list: splitText(text, split) }
  const envelope = format === 'xml' && startsLikeMarkup(text) ? parseXml(text) : membersOf(parseJson(text))
  const { code, msg, data } = envelope ?? {}
  const said = textOf(code)
  if (said === undefined) throw malformed('the reply has no code', text)
  if (said !== WORKED) throw failure(operation, said, textOf(msg) ?? '')
  return data
}

/** Line breaks always separate: a reply that ignores `split` is still read. */
export function splitText(text: string, split: ParamValue = 1): string[] {
  const separators: Readonly<Record<string, RegExp>> = { '3': /\s+/, '4': /[|\r\n]+/ }
  return text.split(separators[String(split)] ?? /[\r\n]+/).filter((item) => item !== '')
}

function parseXml(text: string): Readonly<Record<string, unknown>> | undefined {
  const document = readXml(text, { lists: ['proxy'] })
  if (document === undefined) throw malformed('the reply is broken XML', text)
  const envelope = membersOf(membersOf(document)?.['result'])
  const data = membersOf(envelope?.['data'])
  if (envelope === undefined || data === undefined) return envelope
  const { proxy = [] } = membersOf(data['proxy_list']) ?? {}
  return { ...envelope, data: { ...data, proxy_list: proxy } }
}
