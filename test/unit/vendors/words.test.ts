/** What vendors say and what we answer: in both languages, and with files that the user has. */
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { chineseTexts } from '../../../src/messages/translate.ts'
import { demo } from '../../../src/vendors/demo.ts'
import { ipipv } from '../../../src/vendors/ipipv.ts'
import { juliangip } from '../../../src/vendors/juliangip.ts'
import { qg } from '../../../src/vendors/qg.ts'
import { qgLegacy } from '../../../src/vendors/qg-legacy.ts'
import { smartproxy } from '../../../src/vendors/smartproxy.ts'
import { failureOf, never, scripted } from './scripted-http.ts'

const said = (code: number, msg: string) => {
  const credentials = { trade_no: '1178311789392776', key: 'k'.repeat(32) }
  const body = JSON.stringify({ code, msg, data: [] })
  return failureOf(
    scripted({ vendor: 'juliangip', product: 'dynamic', credentials }, { body }).source.extract(1, never),
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
