import { describe, expect, it } from 'vitest'
import { qg } from '../../../src/vendors/qg.ts'
import { qgFixtures } from '../../fixtures/vendors/qg.ts'
import { describeVendor } from './describe-vendor.ts'
import { failureOf, never, scripted } from './scripted-http.ts'

describeVendor(qg, qgFixtures)

const open = (product: string, channels?: number) =>
  scripted({
    vendor: 'qg',
    product,
    credentials: qgFixtures.credentials,
    ...(channels === undefined ? {} : { channels }),
  })

describe('qg: limits', () => {
  it.each([
    ['share-channel', 10, 60],
    ['share-channel', 1, 15],
    ['share-channel', undefined, 15],
    ['share-pool', 10, 45],
    ['share-elastic', undefined, 60],
    ['share-uniform', undefined, 60],
    ['share-volume', undefined, 60],
    ['exclusive', 20, 110],
    ['overseas-channel', 5, 35],
    ['overseas-volume', undefined, 60],
  ])('%s with %s channels: %s calls a minute', (product, channels, calls) => {
    const { source } = open(product, channels)
    expect(source.limitOf(source.extractOperation)).toMatchObject({ calls, perMs: 60_000 })
    expect(source.channels).toBe(channels)
  })

  it('counts the same path of the same key together, whatever the product; others apart', () => {
    const key = (product: string, operation: string) => open(product).source.limitOf(operation).key
    expect(key('share-channel', 'share-channel/get')).toBe(key('share-volume', 'share-volume/get'))
    expect(key('share-channel', 'share-channel/query')).toBe(key('share-pool', 'share-channel/query'))
    expect(key('share-channel', 'share-channel/get')).not.toBe(key('share-pool', 'share-channel/pool'))
    expect(key('share-channel', 'share-channel/get')).not.toBe(key('exclusive', 'exclusive/get'))
  })
})

describe('qg: the account', () => {
  it('sends the API password along where there is one', async () => {
    const credentials = { ...qgFixtures.credentials, pwd: 'invented-password' }
    const { source, http } = scripted({ vendor: 'qg', product: 'share-channel', credentials }, { body: 'junk' })
    await failureOf(source.extract(1, { signal: never }))
    expect(http.requests[0]?.url.searchParams.get('pwd')).toBe('invented-password')
  })

  it('is counted by its key alone', () => {
    const withPwd = scripted({
      vendor: 'qg',
      product: 'share-channel',
      credentials: { ...qgFixtures.credentials, pwd: 'x' },
    })
    const { key } = withPwd.source.limitOf('share-channel/get')
    expect(key).toBe(open('share-channel').source.limitOf('share-channel/get').key)
  })

  it('quotes the request id: qg.net asks for it', async () => {
    const { source } = scripted(
      { vendor: 'qg', product: 'share-channel', credentials: qgFixtures.credentials },
      qgFixtures.auth,
    )
    expect((await failureOf(source.extract(1, { signal: never }))).message).toBe(
      'Key不存在或已过期。 (request_id 83158ebe-be6c-40f7-a158-688741083edc)',
    )
  })
})

describe('qg: batches within batches', () => {
  it('a reply nested thousands deep is not followed', async () => {
    const data = `${'{"tasks":{"a":'.repeat(20_000)}1${'}}'.repeat(20_000)}`
    const body = `{"code":"SUCCESS","data":${data}}`
    const { source } = scripted(
      { vendor: 'qg', product: 'share-channel', credentials: qgFixtures.credentials },
      { body },
    )
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({ class: 'no_resource' })
  })
})

describe('qg: parameters by product', () => {
  const refusal = (product: string, request: Record<string, string | number>) => () =>
    scripted({ vendor: 'qg', product, credentials: qgFixtures.credentials, request })

  it.each([
    ['exclusive', { area_ex: '440100' }],
    ['overseas-channel', { isp: 1 }],
    ['overseas-volume', { distinct: 'true' }],
    ['share-channel', { keep_alive: 5 }],
    ['share-channel', { isp: 4 }],
  ])('%s does not take %o', (product, request) => {
    expect(refusal(product, request)).toThrow(new RegExp(`^${Object.keys(request)[0]} `))
  })

  it.each([
    ['exclusive', { keep_alive: 5 }],
    ['overseas-channel', { area: 'US,EU' }],
    ['share-channel', { area_ex: '440100', isp: '3' }],
  ])('%s takes %o', (product, request) => {
    expect(refusal(product, request)).not.toThrow()
  })
})

describe('qg: exclusive', () => {
  const ip = { proxy_ip: '123.54.55.24', server: '123.54.55.25:59419', deadline: '2023-02-25 15:38:36' }

  it.each([
    ['a list', [ip]],
    ['batches', { tasks: { '0LIKQ3S1_task': { ips: [ip] } } }],
  ])('an address whose order got no reply can be read back, as %s', async (_, data) => {
    const { source, http } = open('exclusive', 2)
    http.reply = { body: JSON.stringify({ code: 'SUCCESS', data }) }
    const { sold } = await source.query({ signal: never })
    expect(sold).toMatchObject([{ host: '123.54.55.25', port: 59_419, exit: '123.54.55.24' }])
    expect(http.requests.map(({ url }) => url.host + url.pathname)).toEqual(['exclusive.proxy.qg.net/query'])
  })
})

describe('qg: exclusive-locked', () => {
  const lines = (...states: readonly object[]) => ({ body: JSON.stringify({ data: states }) })

  it('a line that was bought gets its address later, and another one after a redial', async () => {
    const { source, http } = open('exclusive-locked', 2)
    http.reply = { body: '{"code":"SUCCESS","data":[{"uuid":"a","state":"等待中(34)"}]}' }
    expect(await source.extract(1, { signal: never })).toMatchObject({
      sold: [],
      pending: [{ ref: 'a', waitMs: 34_000 }],
    })
    for (const ip of ['123.54.55.24:10800', '123.54.55.25:10801']) {
      http.reply = lines({ uuid: 'a', state: '在线', ip })
      const followed = (await source.follow?.ask(['a'], { signal: never })) ?? expect.fail('no follow')
      expect(followed).toMatchObject({ sold: [{ ref: 'a', host: ip.split(':')[0] }], pending: [], gone: [] })
    }
    expect(http.requests[1]?.url.href).toBe(
      `https://proxy.qg.net/monopolies?${new URLSearchParams({ UUIDs: 'a', Key: qgFixtures.credentials['key'] ?? '' })}`,
    )
  })

  it('with every channel occupied, the lines that the key holds are taken over', async () => {
    const { source, http } = open('exclusive-locked', 2)
    http.script = [
      { status: 400, body: qgFixtures.refuse('NO_AVAILABLE_CHANNEL', '') },
      lines({ uuid: 'a', state: '在线', ip: '123.54.55.24:10800' }, { uuid: 'b', state: '离线' }),
    ]
    expect(await source.extract(1, { signal: never })).toMatchObject({ sold: [{ ref: 'a' }], pending: [{ ref: 'b' }] })
    expect(http.requests.map(({ url }) => url.host)).toEqual(['monopoly.proxy.qg.net', 'proxy.qg.net'])
  })

  it('occupied channels and no lines: the first answer stands', async () => {
    const { source, http } = open('exclusive-locked', 2)
    http.script = [{ status: 400, body: qgFixtures.refuse('NO_AVAILABLE_CHANNEL', '') }, lines()]
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'quota_exhausted',
      vendorCode: 'NO_AVAILABLE_CHANNEL',
      wait: 'earliest-deadline',
    })
  })

  it('any other refusal asks for nothing more', async () => {
    const { source, http } = open('exclusive-locked', 2)
    http.reply = { status: 400, body: qgFixtures.refuse('NO_RESOURCE_FOUND', '') }
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({ class: 'no_resource' })
    expect(http.requests).toHaveLength(1)
  })
})

describe('qg: what the older API tells of a key', () => {
  it('the channels, where they are not configured', async () => {
    const { source, http } = open('share-channel')
    http.reply = { body: '{ "Code": 0, "Total": 10, "Available": 3, "Used": 7 }' }
    expect(await source.channelsNow?.(never)).toEqual({ total: 10, free: 3 })
    expect(source.limitOf('share-channel/get').calls).toBe(60)
  })

  it('or the current API, where the older one does not know the key', async () => {
    const { source, http } = open('share-channel')
    http.script = [{ body: '{"Code": -15}' }, { body: '{"code":"SUCCESS","data":{"total":4,"idle":0}}' }]
    expect(await source.channelsNow?.(never)).toEqual({ total: 4, free: 0 })
    expect(http.requests.map(({ url }) => url.pathname)).toEqual(['/info/quota', '/channels'])
  })

  it('only for products sold by channel', () => {
    expect(open('share-volume').source.channelsNow).toBeUndefined()
    expect(open('exclusive').source.channelsNow).toBeDefined()
  })

  it('the whitelist: by adding', async () => {
    const { source, http } = open('share-channel')
    http.reply = { body: '{"Code": 0, "Num": 1}' }
    await source.whitelist?.add('203.0.113.7', never)
    expect(http.requests[0]?.url.href).toBe(
      `https://proxy.qg.net/whitelist/add?${new URLSearchParams({ IP: '203.0.113.7', Key: qgFixtures.credentials['key'] ?? '' })}`,
    )
  })
})
