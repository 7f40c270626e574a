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
    await failureOf(source.extract(1, never))
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
    expect((await failureOf(source.extract(1, never))).message).toBe(
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
    expect(await failureOf(source.extract(1, never))).toMatchObject({ class: 'no_resource' })
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
