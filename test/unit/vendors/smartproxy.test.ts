import { describe, expect, it } from 'vitest'
import type { Params } from '../../../src/vendors/contract/operation.ts'
import { smartproxy } from '../../../src/vendors/smartproxy.ts'
import { documentReplies, smartproxyFixtures } from '../../fixtures/vendors/smartproxy.ts'
import { describeVendor } from './describe-vendor.ts'
import { failureOf, never, type SettingsOf, scripted } from './scripted-http.ts'

describeVendor(smartproxy, smartproxyFixtures)

const { credentials } = smartproxyFixtures
const open = (product: string, rest: Partial<SettingsOf> = {}) =>
  scripted({ vendor: 'smartproxy', product, credentials, ...rest })
const success = (data: unknown) => ({ body: JSON.stringify({ code: 200, msg: '', data }) })

describe('smartproxy: where it is', () => {
  it.each([
    [undefined, 'https://api.smartproxy.org/openapi/ip/v3'],
    ['https://api.example.com', 'https://api.example.com/openapi/ip/v3'],
    ['https://api.example.com/', 'https://api.example.com/openapi/ip/v3'],
    ['https://api.example.com/end-point', 'https://api.example.com/end-point/ip/v3'],
    ['https://api.example.com/a/b/', 'https://api.example.com/a/b/ip/v3'],
  ])('baseUrl %s: %s', async (baseUrl, expected) => {
    const { source, http } = open('dynamic', baseUrl === undefined ? {} : { baseUrl })
    await failureOf(source.extract(1, { signal: never }))
    const url = http.requests[0]?.url ?? expect.fail('no request')
    expect(`${url.origin}${url.pathname}`).toBe(expected)
  })

  it('all calls of an account share one a second', () => {
    const { source } = open('dynamic')
    const limits = Object.keys(source.operations).map((name) => source.limitOf(name))
    for (const limit of limits) expect(limit).toMatchObject({ calls: 1, perMs: 1_000, key: limits[0]?.key })
  })
})

describe('smartproxy: static addresses', () => {
  const item = (last: number) => ({ ip: `198.51.100.${last}`, port: 80 })
  const paths = ({ requests }: ReturnType<typeof open>['http']) =>
    requests.map(({ url }) => `${url.pathname} ${url.searchParams.get('page')}`)

  it('are a list: bought elsewhere, taken whole', () => {
    expect(open('static').source).toMatchObject({ isList: true, byChannel: false })
  })

  const valid = { request: { status: 1 } }

  it.each([
    { status: 404, body: 'not found' },
    { status: 301, body: '' },
    { status: 403, body: '' },
    { body: '<html><title>404 Not Found</title></html>' },
    { body: '{"code":404,"msg":"no such api"}' },
    { body: '{}' },
  ])('where the documented path is absent, the prefixed one is asked: %o', async (absent) => {
    const { source, http } = open('static', valid)
    http.script = [absent, success({ list: [item(1)], total_page: 1 })]
    expect((await source.extract(1, { signal: never })).sold).toMatchObject([{ host: '198.51.100.1' }])
    expect(paths(http)).toEqual(['/ip/get-static-ip 1', '/openapi/ip/get-static-ip 1'])
  })

  it('the documented path has no prefix, also where baseUrl has one', async () => {
    const { source, http } = open('static', { ...valid, baseUrl: 'https://api.example.com/openapi' })
    http.script = [{ status: 404, body: '' }, success({ list: [item(1)], total_page: 1 })]
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(1)
    expect(paths(http)).toEqual(['/ip/get-static-ip 1', '/openapi/ip/get-static-ip 1'])
  })

  it('page after page, up to the one that the reply calls the last', async () => {
    const { source, http } = open('static', valid)
    http.script = [1, 2].map((n) => success({ list: [item(n)], total_page: 2 }))
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(2)
    expect(paths(http)).toEqual(['/ip/get-static-ip 1', '/ip/get-static-ip 2'])
  })

  it.each([
    ['brings nothing new', success({ list: [item(2)] })],
    ['is empty', success({ list: [] })],
  ])('page after page, until one %s', async (_what, last) => {
    const { source, http } = open('static', valid)
    http.script = [success({ list: [item(1)] }), success({ list: [item(2)] }), last]
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(2)
    expect(http.requests).toHaveLength(3)
  })

  it('a list that never ends is left after fifty pages', async () => {
    const { source, http } = open('static', valid)
    http.script = Array.from({ length: 60 }, (_none, n) => success({ list: [item(n + 1)] }))
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(50)
  })

  it('those that expire soon are asked for too, and cannot spoil the others', async () => {
    const { source, http } = open('static')
    http.script = [success({ list: [item(1)], total_page: 1 }), success({ list: [item(2)], total_page: 1 })]
    expect((await source.extract(1, { signal: never })).sold).toMatchObject([
      { host: '198.51.100.1' },
      { host: '198.51.100.2' },
    ])
    expect(http.requests.map(({ url }) => url.searchParams.get('status'))).toEqual(['1', '3'])
    http.script = [success({ list: [item(1)], total_page: 1 }), { status: 500, body: '' }]
    const { sold, rejected } = await source.extract(1, { signal: never })
    expect([sold.length, rejected]).toEqual([1, [expect.stringContaining('could not be listed')]])
  })

  it('a reseller may answer with the code 0', async () => {
    const { source, http } = open('static', valid)
    http.script = [{ body: JSON.stringify({ code: 0, data: { list: [item(1)], total_page: 1 } }) }]
    expect((await source.extract(1, { signal: never })).sold).toMatchObject([{ host: '198.51.100.1' }])
  })

  it('an end months ahead counts from now, one that is past is no address', async () => {
    const { source, http, clock } = open('static')
    // 2026-01-01 00:00:00 in China, and the clock an hour before and after.
    const end = 1_767_196_800_000
    clock.stepWall(end - 3_600_000 - clock.wall())
    http.reply = success({ list: [{ ...item(1), expired_at: '2026-01-01 00:00:00' }], total_page: 1 })
    expect((await source.extract(1, { signal: never })).sold).toMatchObject([{ life: { kind: 'for', ms: 3_600_000 } }])
    clock.stepWall(7_200_000)
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({ vendorCode: 'unusable' })
  })
})

describe('smartproxy: the other calls', () => {
  it.each(Object.entries(documentReplies))('%s: the document’s example is read', async (operation, body) => {
    const { source, http } = open('dynamic')
    http.reply = { body }
    const needed: Params = { country_code: 'US', state: 'TX', accounts: 'user01' }
    const known = Object.keys(source.operations[operation]?.params ?? {})
    const params = Object.fromEntries(Object.entries(needed).filter(([name]) => known.includes(name)))
    expect(await source.call(operation, params, { signal: never })).toEqual(JSON.parse(body).data)
  })

  it('a POST carries the key and typed values as JSON', async () => {
    const { source, http } = open('dynamic')
    http.reply = success(null)
    await source.call('whitelist-account/change-limit', { account: 'user', limit: '5' }, { signal: never })
    const { method, url, body } = http.requests[0] ?? expect.fail('no request')
    expect([method, url.href]).toEqual(['POST', 'https://api.smartproxy.org/openapi/whitelist-account/change-limit'])
    expect(JSON.parse(body ?? '')).toEqual({ app_key: credentials['app_key'], account: 'user', limit: 5 })
  })

  it.each([
    [
      'whitelist-account/change-limit',
      { account: 'user', limit: 102_401 },
      /^limit must be an integer from 0 to 102400/,
    ],
    ['whitelist-account/change-remark', { account: 'user', remark: 'x'.repeat(65) }, /^remark /],
    ['whitelist-account/delete', {}, /^accounts is missing/],
    ['ip/dynamic-citys/search', { country_code: 'US' }, /^state is missing/],
    ['ip/get-static-ip', { product_type: 9 }, /^product_type must be one of 14, 25/],
    ['user-product/list', { size: 0 }, /^size must be an integer from 1/],
  ])('%s refuses %o', async (operation, params, message) => {
    const { source, http } = open('dynamic')
    expect((await failureOf(source.call(operation, params, { signal: never }))).message).toMatch(message)
    expect(http.requests).toEqual([])
  })

  it('what deletes says so', () => {
    const { operations } = open('dynamic').source
    const deleting = Object.entries(operations).filter(([, { effect }]) => effect === 'deletes')
    expect(deleting.map(([name]) => name)).toEqual(['whitelist-account/delete'])
  })
})
