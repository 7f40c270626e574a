/** Classifies errors of vendors without a table by their messages: the usual ones, Chinese and English. */
import { type ErrorClass, VendorError } from '../contract/error.ts'
import { isSuccess } from '../parse/envelope.ts'

interface Meaning {
  readonly class: ErrorClass
  /** What to do next. */
  readonly hint: string
}

/** The first match decides: the most specific come first ("IP不足" is no balance, "白名单参数" no parameter). */
const meanings: readonly (readonly [RegExp, Meaning])[] = [
  [
    /频繁|过快|频率|too (fast|many|frequent|often)|rate.?limit|throttl|again in \d+ ?s/i,
    { class: 'rate_limited', hint: 'does another machine or program use this link too? Set limit: { share: ... }' },
  ],
  [
    /白名单|授权.{0,4}IP|IP.{0,6}授权|绑定.{0,2}IP|IP.{0,4}绑定|(white|allow)[ -]?list|\bip\b.{0,24}\bnot (authori[sz]ed|allowed|bound|registered|added)/i,
    { class: 'whitelist', hint: 'put the egress address of this machine on the whitelist on the vendor’s page' },
  ],
  [
    /过期|到期|失效|已结束|expired|has ended/i,
    { class: 'expired_plan', hint: 'renew the plan at the vendor, then make the link anew' },
  ],
  [
    /无可用|暂无|没有可用|没有找到|库存|资源不足|IP ?(数量)?不足|no (available |usable |more )?(proxy|proxies|ips?|resources?|address(es)?)\b|out of stock/i,
    { class: 'no_resource', hint: 'fewer filters in the link (place, carrier) find more' },
  ],
  [
    /余额|用完|不足|上限|额度|配额|次数|流量|balance|insufficient|quota|exceed|used up|traffic/i,
    { class: 'quota_exhausted', hint: 'the account has nothing left, for now or at all: see the vendor’s page' },
  ],
  [
    /签名|密钥|秘钥|密码|鉴权|认证|权限|未登录|不存在|封禁|禁用|(?<![a-z])(sign|key|appkey|apikey)(?![a-z])|signature|secret|token|unauthori[sz]ed|forbidden|permission|(?<![a-z])auth/i,
    { class: 'auth', hint: 'the link is refused: is it whole, and still the one of this account?' },
  ],
  [
    /参数|格式|不能为空|有误|param|missing|required|invalid|illegal|malformed/i,
    { class: 'bad_request', hint: 'make the link anew on the vendor’s page' },
  ],
]

export function meaningOf(words: string): Meaning | undefined {
  return meanings.find(([pattern]) => pattern.test(words))?.[1]
}

/**
 * The vendor sent an error, or nothing, in place of addresses.
 * @param code from the reply; undefined when there was none
 * @param words the vendor's own message: it decides
 */
export function refusalIn(code: string | undefined, words: string): VendorError {
  const meaning = meaningOf(words)
  const shown = words === '' ? `the vendor answered with code ${code}` : words
  if (meaning !== undefined) return new VendorError(meaning.class, code ?? 'text', shown, { hint: meaning.hint })
  if (code === undefined || !isSuccess(code))
    return new VendorError('server', code ?? 'text', shown, {
      hint: 'the vendor’s page or support can say what it means',
    })
  return new VendorError('no_resource', 'empty', 'the vendor answered with success and without an address', {
    hint: 'fewer filters in the link (place, carrier) find more',
  })
}
