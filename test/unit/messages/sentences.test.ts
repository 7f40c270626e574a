/** Every sentence of the code that a user can see, in Chinese: none is forgotten when a new one is written. */
import { expect, it } from 'vitest'
import { chineseSentence } from '../../../src/messages/recognise.ts'
import { sentencesOf } from '../../support/sentences.ts'

/** Not shown to a user in his language. */
const ELSEWHERE: readonly (readonly [files: RegExp, reason: string])[] = [
  [/^(messages|admin\/web)\//, 'the catalogue itself; the page has its own texts in both languages'],
  [/^(demo|store|cluster)\//, 'log messages, which are always English, and replies of the demo vendor'],
  [/^admin\/api\/schemas\//, 'answers about wrong parameters of the API, read by programs'],
  [
    /^(proxy\/(session-commands|address-requests|address-leases)|admin\/api\/leases)\./,
    'answers to programs of clients',
  ],
]
/** Made of parts, each of which is translated by itself. */
const COMPOSED = new Set([
  '{}write {}',
  '{} {}',
  '{} {}{}. {}. Nothing was sent: confirm it',
  'unknown option "{}"; {}',
  'unknown option after the account name; {}',
  'provider "{}" cannot bring addresses now{}',
  'a web page came where addresses were expected{}',
  'no address became free within {}{}',
  'the upstream of this session had no room for another connection within {}',
])

const sentences = sentencesOf((file) => !ELSEWHERE.some(([files]) => files.test(file))).filter(
  ({ text }) => text.trim().includes(' ') && !COMPOSED.has(text),
)

/** Names of keys, values and forms to be written stay; words of an English sentence do not. */
const isWhole = (sentence: string) =>
  /\p{Script=Han}/u.test(sentence) && !/\b(?:the|is|are|was|has|must|write|needs|of|which)\b/.test(sentence)

it('finds the sentences in the sources', () => {
  expect(sentences.length).toBeGreaterThan(300)
  expect(sentences.map(({ text }) => text)).toContain('the gateway is stopping')
})

it.each(sentences.map(({ place, text }) => [place, text]))('%s: %s', (_, text) => {
  // The forms of the catalogue take any value; a number is one that no sentence contains by chance.
  const translated = chineseSentence(text.replaceAll('{}', '7'))
  expect(isWhole(translated.replaceAll(/"[^"]*"|field 和 is|field and is/g, '')) ? '' : translated).toBe('')
})

it('translates the parts of a sentence that is made of some', () => {
  expect(
    [
      'extract: the vendor answered with HTTP 503',
      '余额不足 (top up at ipipv)',
      '账号错误 (check the key)',
      'provider "a" cannot bring addresses now: the vendor answered with nothing',
      '3 different addresses in a row failed (login): the login at the upstreams is wrong: check username, password and headers',
      'no address became free within 6 s',
      'no live address fits; country of live addresses: CN, JP; longest life at purchase: 90s',
      'no live address fits; city of live addresses: a, b and 2 more',
      'provider "a" has no address and can buy none: the reply is empty; next attempt in 600 s',
      'unknown option "x"; known ones: session, life',
      'the option "life" takes whole minutes, as in 10',
    ].map(chineseSentence),
  ).toEqual([
    'extract：供应商返回 HTTP 503',
    '余额不足（请在 ipipv 充值）',
    '账号错误 (check the key)',
    '供应商 "a" 目前不能提供地址：供应商的应答为空',
    '连续 3 个不同地址失败（login）：上游的登录信息错误：请检查 username、password 和 headers',
    '6 秒内没有空闲的地址',
    '没有符合条件的存活地址；存活地址的 country：CN, JP；购买时的最长寿命：90s',
    '没有符合条件的存活地址；存活地址的 city：a, b，另有 2 个',
    '供应商 "a" 没有地址，也不能购买：应答为空；600 秒后再次尝试',
    '未知选项 "x"；可用：session, life',
    '选项 "life" 应为整数分钟，例如 10',
  ])
})
