import { describe, expect, it } from 'vitest'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import { qgLegacy } from '../../../src/vendors/qg-legacy.ts'
import { documentLines, qgLegacyFixtures } from '../../fixtures/vendors/qg-legacy.ts'
import { describeVendor } from './describe-vendor.ts'
import { failureOf, never, plain, type Scripted, type SettingsOf, scripted } from './scripted-http.ts'

describeVendor(qgLegacy, qgLegacyFixtures)

const open = (product: string, reply?: Scripted, rest: Partial<SettingsOf> = {}) =>
  scripted({ vendor: 'qg-legacy', product, credentials: qgLegacyFixtures.credentials, ...rest }, reply)
const WORKED = { body: '{"Code": 0}' }

describe('qg-legacy: limits of a minute', () => {
  it.each([
    ['allocate', 60],
    ['replace', 60],
    ['query', 60],
    ['extract', 45],
    // channels * 5 calls and channels * 2 addresses: one address a call
    ['release', 20],
    ['whitelist/add', 20],
    ['whitelist/del', 20],
    ['whitelist/query', 60],
    ['info/quota', 60],
    ['resources', 60],
    ['monopolies', 60],
  ])('%s with 10 channels: %d', (operation, calls) => {
    const { source } = open('dedicated', undefined, { channels: 10 })
    expect(source.limitOf(operation)).toMatchObject({ calls, perMs: 60_000 })
  })

  it('of a plan by amount are its own, and no channels hold it back', () => {
    const { source } = open('dedicated-by-amount')
    expect([source.limitOf('allocate').calls, source.byChannel, source.channelsNow]).toEqual([60, false, undefined])
  })

  it('are those of one channel while nobody knows better', () => {
    expect(open('dedicated').source.limitOf('allocate').calls).toBe(15)
  })
})

describe('qg-legacy: giving back', () => {
  it('releases one address by its IP', async () => {
    const { source, http } = open('dedicated', WORKED)
    await source.release?.('117.26.40.113', { signal: never })
    expect(http.requests.map(({ url }) => `${url.pathname}${url.search}`)).toEqual([
      `/release?${new URLSearchParams({ IP: '117.26.40.113', Key: qgLegacyFixtures.credentials['Key'] ?? '' })}`,
    ])
  })

  it('a release that the vendor refuses is no release', async () => {
    const { source } = open('dedicated', { body: '{"Code": -105}' })
    const release = source.release?.('117.26.40.113', { signal: never }) ?? expect.fail('no release')
    expect(await failureOf(release)).toMatchObject({ class: 'rate_limited', vendorCode: '-105', wait: 60_000 })
  })

  it('replaces one address by another, with the filters of the provider', async () => {
    const { source, http } = open('dedicated', qgLegacyFixtures.full, { request: { AreaId: 350500 } })
    const { sold } = (await source.replace?.('1.1.1.1', { signal: never })) ?? expect.fail('no replace')
    expect(sold.map(plain)).toEqual(qgLegacyFixtures.full.sold)
    expect(http.requests[0]?.url.pathname).toBe('/replace')
    expect(http.requests[0]?.url.searchParams.get('IP')).toBe('1.1.1.1')
    expect(http.requests[0]?.url.searchParams.get('AreaId')).toBe('350500')
  })

  it('shared addresses and lines cannot be given back', () => {
    for (const product of ['shared', 'monopoly']) {
      expect(open(product).source.release).toBeUndefined()
      expect(open(product).source.replace).toBeUndefined()
    }
  })
})

describe('qg-legacy: lines', () => {
  it('the document’s own example, where loopback is allowed', async () => {
    const { source } = open('monopoly', documentLines, { allowPrivate: true })
    expect((await source.extract(1, { signal: never })).sold.map(plain)).toEqual(documentLines.sold)
    expect(source.isList).toBe(true)
  })

  it('following tells what is online now, what is not, and what is no longer ours', async () => {
    const lines = [
      { uuid: 'a', state: '在线', ip: '123.54.55.99:1' },
      { uuid: 'b', state: '重拨中' },
    ]
    const { source, http } = open('monopoly', { body: JSON.stringify({ data: lines }) })
    const followed = (await source.follow?.ask(['a', 'b', 'c'], { signal: never })) ?? expect.fail('no follow')
    expect(http.requests[0]?.url.searchParams.get('UUIDs')).toBe('a,b,c')
    expect(followed.sold).toMatchObject([{ host: '123.54.55.99', ref: 'a' }])
    expect(followed.pending).toEqual([{ ref: 'b' }])
    expect(followed.gone).toEqual(['c'])
  })

  it('an empty list is no error when it is followed: all of it is gone', async () => {
    const { source } = open('monopoly', { body: '{"data": []}' })
    expect((await source.follow?.ask(['a'], { signal: never }))?.gone).toEqual(['a'])
  })
})

describe('qg-legacy: the account', () => {
  it('sends the API password along where there is one', async () => {
    const credentials = { ...qgLegacyFixtures.credentials, Pwd: 'invented-password' }
    const { source, http } = open('dedicated', { body: 'junk' }, { credentials })
    await failureOf(source.extract(1, { signal: never }))
    expect(http.requests[0]?.url.searchParams.get('Pwd')).toBe('invented-password')
  })

  it('channels that are asked for set the limits; those that are configured stay', async () => {
    const quota = { body: '{ "Code": 0, "Total": 5, "Available": 3, "Used": 2 }' }
    const { source } = open('dedicated', quota)
    expect(source.channels).toBeUndefined()
    expect(await source.channelsNow?.(never)).toEqual({ total: 5, free: 3 })
    expect(source.channels).toBe(5)
    expect(source.limitOf('allocate').calls).toBe(35)
    const configured = open('dedicated', quota, { channels: 2 }).source
    await configured.channelsNow?.(never)
    expect(configured.channels).toBe(2)
    expect(open('monopoly').source.channelsNow).toBeUndefined()
  })
})

describe('qg-legacy: the whitelist', () => {
  const missing = (message: string) => new VendorError('whitelist', '-13', message)

  it('is written by adding, and nothing else', async () => {
    const { source, http } = open('dedicated', WORKED)
    await source.whitelist?.add('203.0.113.7', never)
    expect(http.requests.map(({ url }) => [url.pathname, url.searchParams.get('IP')])).toEqual([
      ['/whitelist/add', '203.0.113.7'],
    ])
  })

  it.each(['127.0.0.1', '10.1.2.3', 'example.com', '*', ''])('%j is nothing to add', async (ip) => {
    const { source, http } = open('dedicated', WORKED)
    expect(await failureOf(source.whitelist?.add(ip, never) ?? expect.fail('none'))).toMatchObject({
      class: 'bad_request',
    })
    expect(http.requests).toEqual([])
  })

  it.each([
    ['当前客户端IP(203.0.113.7)不在授权名单中', '203.0.113.7'],
    ['your ip: 203.0.113.7, add 203.0.113.7', '203.0.113.7'],
    ['client 2001:db9::7 is not known', '2001:db9::7'],
    ['请添加白名单,当前IP:203.0.113.7', '203.0.113.7'],
    ['code 117:203.0.113.7:not allowed', '203.0.113.7'],
    ['203.0.113.7:8080 is not allowed', undefined],
    ['当前客户端IP不在授权名单中', undefined],
    ['203.0.113.7 or 203.0.113.8', undefined],
    ['10.0.0.1', undefined],
    ['version 1.2.3.4.5', undefined],
    ['at 12:30:45', undefined],
  ])('our address in %j: %s', (words, address) => {
    expect(open('dedicated').source.whitelist?.addressFromError(missing(words))).toBe(address)
  })

  it('asks under which address it is seen, without a key', async () => {
    const { source, http } = open('dedicated', { body: '203.0.113.7\n' })
    expect(await source.whitelist?.echo?.(never)).toBe('203.0.113.7')
    expect(http.requests[0]?.url.href).toBe('https://d.qg.net/ip')
  })

  it('an echo that is no address is a fault of the vendor', async () => {
    const { source } = open('dedicated', { body: '<html>' })
    expect(await failureOf(source.whitelist?.echo?.(never) ?? expect.fail('none'))).toMatchObject({ class: 'server' })
  })

  it('helps when the address is missing, not when the list is full', () => {
    const { whitelist } = open('dedicated').source
    expect(whitelist?.isMissing(missing('x'))).toBe(true)
    for (const code of ['-202', '-206', '-12'])
      expect(whitelist?.isMissing(new VendorError('whitelist', code, 'x'))).toBe(false)
  })
})
