/** What vendors say and what we answer: in both languages, and with files that the user has. */
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { chineseTexts } from '../../../src/messages/translate.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import type { Vendor } from '../../../src/vendors/contract/vendor.ts'
import { demo } from '../../../src/vendors/demo.ts'
import { failure } from '../../../src/vendors/ipipv/envelope.ts'
import { ipipv } from '../../../src/vendors/ipipv.ts'
import { juliangip } from '../../../src/vendors/juliangip.ts'
import { meaningOf } from '../../../src/vendors/links/error-messages.ts'
import { isSuccess } from '../../../src/vendors/parse/envelope.ts'
import { qg } from '../../../src/vendors/qg.ts'
import { qgLegacy } from '../../../src/vendors/qg-legacy.ts'
import { smartproxy } from '../../../src/vendors/smartproxy.ts'
import { failureOf, never, scripted } from './scripted-http.ts'

const said = (code: number, msg: string) => {
  const credentials = { trade_no: '1178311789392776', key: 'k'.repeat(32) }
  const body = JSON.stringify({ code, msg, data: [] })
  return failureOf(
    scripted({ vendor: 'juliangip', product: 'dynamic', credentials }, { body }).source.extract(1, { signal: never }),
  )
}

describe('juliangip', () => {
  it.each([
    ['请求过于频繁', 'too many requests', 'rate_limited'],
    ['请添加白名单', 'add the IP to the whitelist', 'whitelist'],
    ['订单已过期', 'the order has expired', 'expired_plan'],
    ['余额不足', 'insufficient balance', 'quota_exhausted'],
    ['暂无可用IP', 'no available IP', 'no_resource'],
    ['参数错误', 'invalid parameter', 'bad_request'],
    ['签名错误', 'sign error', 'auth'],
  ])('%s and %s are %s', async (chinese, english, expected) => {
    expect(await said(999, chinese)).toMatchObject({ class: expected })
    expect(await said(999, english)).toMatchObject({ class: expected })
  })

  it.each(['IP 203.0.113.7 不在白名单', 'add 203.0.113.7 to the white list'])(
    '401 with %s is the whitelist',
    async (words) => {
      expect(await said(401, words)).toMatchObject({ class: 'whitelist', vendorCode: '401' })
    },
  )
})

describe('the other vendors, and links of vendors without a table', () => {
  const ofSmartproxy = (msg: string) =>
    failureOf(
      scripted(
        { vendor: 'smartproxy', product: 'dynamic', credentials: { app_key: 'k'.repeat(32) } },
        { body: JSON.stringify({ code: 999, msg, data: null }) },
      ).source.extract(1, { signal: never }),
    ).then((error) => error.class)
  const ofIpipv = (words: string) => Promise.resolve(failure('info', '999', words).class)
  const link = (words: string) => Promise.resolve(meaningOf(words)?.class)

  it.each([
    ['smartproxy', ofSmartproxy, '请求过于频繁', 'requests are too frequent', 'rate_limited'],
    ['smartproxy', ofSmartproxy, '请添加白名单', 'add IP in the allow list', 'whitelist'],
    ['smartproxy', ofSmartproxy, '套餐已过期', 'the package has expired', 'expired_plan'],
    ['smartproxy', ofSmartproxy, '流量不足', 'no traffic left', 'quota_exhausted'],
    ['ipipv', ofIpipv, '请求过于频繁', 'too many requests', 'rate_limited'],
    ['ipipv', ofIpipv, '不在白名单', 'not on the white list', 'whitelist'],
    ['ipipv', ofIpipv, '账户余额不足', 'insufficient balance', 'quota_exhausted'],
    ['a link', link, '提取过快', 'too many requests', 'rate_limited'],
    ['a link', link, '请先绑定IP', 'your IP is not authorized', 'whitelist'],
    ['a link', link, '套餐已到期', 'the plan has expired', 'expired_plan'],
    ['a link', link, '没有可用的代理', 'no available proxies', 'no_resource'],
    ['a link', link, '次数已用完', 'quota exceeded', 'quota_exhausted'],
    ['a link', link, '密钥错误', 'wrong key', 'auth'],
    ['a link', link, '参数有误', 'missing parameter', 'bad_request'],
  ])('%s %# is the same in both languages', async (_vendor, classOf, chinese, english, expected) => {
    expect([await classOf(chinese), await classOf(english)]).toEqual([expected, expected])
  })
})

describe('success', () => {
  const decoded = ({ operations, decode }: Vendor, body: object) => {
    const [name = ''] = Object.keys(operations)
    const sent = { format: 'json', result_type: 'json' }
    return decode(name, { status: 200, headers: {}, text: JSON.stringify(body) }, sent, {})
  }

  it.each([
    ['juliangip', juliangip, [200, '200'], { data: [] }, []],
    ['qg', qg, ['SUCCESS'], { data: [] }, []],
    ['smartproxy', smartproxy, [200, '200', 0, '0'], { data: [] }, []],
    ['ipipv', ipipv, [200, '200'], {}, undefined],
  ] as const)('of %s: a number and its text are the same code', (_name, vendor, codes, rest, data) => {
    for (const code of codes) expect(decoded(vendor, { code, msg: '请求成功', ...rest })).toEqual(data)
    expect(() => decoded(vendor, { code: 1, msg: 'success', ...rest })).toThrow(VendorError)
  })

  it('of the older host of qg.net, whose member is spelled with a capital', () => {
    for (const Code of [0, '0', 200]) expect(decoded(qgLegacy, { Code, Data: [] })).toEqual({ Code, Data: [] })
  })

  it.each(['0', '200', 'SUCCESS', 'ok', 'true', '成功', '请求成功', '操作成功'])('of a link: %s', (code) => {
    expect(isSuccess(code)).toBe(true)
  })
  it.each(['1', '不成功', '失败', 'failed', '2000', ''])('none of a link: %j', (code) => {
    expect(isSuccess(code)).toBe(false)
  })
})

describe('hints', () => {
  const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: readonly string[] }
  const vendors = [demo, ipipv, juliangip, qg, qgLegacy, smartproxy]
  const hints = vendors.flatMap(({ operations }) =>
    Object.values(operations).flatMap(({ errors = {} }) => Object.values(errors).flatMap(({ hint }) => hint ?? [])),
  )
  const named = [...new Set(hints.flatMap((hint) => hint.match(/[\w-]+(\/[\w-]+)+\.\w+/g) ?? []))]

  /** Those outside of the tables: words that tell an error, links, the transport. */
  const written = globSync('src/vendors/**/*.ts').flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/\bhint:\s*(['"])(.+?)\1,?\s/g)].map(([, , hint = '']) => hint),
  )

  it.each([...new Set([...hints, ...written])])('%s: in Chinese too', (hint) => {
    expect(Object.keys(chineseTexts)).toContain(hint)
  })

  it('name some files', () => expect(named.length).toBeGreaterThan(2))

  it.each(named)('%s is in the package', (path) => {
    expect(files).toContain(path.split('/')[0])
    expect(readFileSync(path, 'utf8')).not.toBe('')
  })
})
