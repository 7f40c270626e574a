import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { VendorReply, VendorRequest } from '../../../src/vendors/client/http.ts'
import { decrypt, encrypt } from '../../../src/vendors/ipipv/envelope.ts'
import { ipipv } from '../../../src/vendors/ipipv.ts'
import { parseEndpoint, readEndpoint } from '../../../src/vendors/parse/address.ts'
import { openSource } from '../../../src/vendors/registry.ts'
import { ipipvCredentials, ipipvFixtures, needs, success, unseal } from '../../fixtures/vendors/ipipv.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { describeVendor } from './describe-vendor.ts'
import { failureOf, never, plain, type SettingsOf, scripted, settingsOf } from './scripted-http.ts'

describeVendor(ipipv, ipipvFixtures)

const KEY16 = 'qwertyuiop123456'

describe('the cipher', () => {
  it.each([
    [KEY16, '5cfJMwX0w65sEQVBxu9zHw=='],
    ['qwertyuiop123456asdfghjk', 'gzwsunohuhAvu75NKQhEHQ=='],
    [`${KEY16}${KEY16}`, 'lkdcbClw0WYTwR23EJxVvA=='],
  ])('the document’s message under %s', (secret, sealed) => {
    expect(encrypt('TestMessage', secret)).toBe(sealed)
    expect(decrypt(sealed, secret)).toBe('TestMessage')
  })

  it('the parameters of a draw', () => {
    const params =
      '{"appUsername":"sub1","addressCode":"USA","sessTime":"5","num":2,"proxyType":104,"productNo":"out_dynamic_1"}'
    expect(encrypt(params, `${KEY16}${KEY16}`)).toBe(
      'bLOOK7Wav//w8c1ntdIbFuOzjGMd6pYxrxaDJck411hx2UMnOwOSMytW8wGfyqXiIGXJKTZ/ZgbIQNqnC7xUUrp/DL91Kd6MdIGatBDsHRaZpcso0T36cmmPeKZoPU9UUpwXGlZwNJbaFzQ1X0xSpA==',
    )
  })

  it('another secret is a wrong login, and so is one of no proper length', () => {
    expect(() => decrypt('5cfJMwX0w65sEQVBxu9zHw==', 'qwertyuiop123457')).toThrow(/cannot be decrypted/)
    expect(() => encrypt('x', 'short')).toThrow(/16, 24 or 32 bytes/)
  })
})

/** A vendor that answers each call by its path, and says what it was sent. */
function answering(
  settings: Partial<SettingsOf>,
  answer: (request: VendorRequest, n: number) => Partial<VendorReply> | Error,
) {
  const clock = new FakeClock()
  const requests: VendorRequest[] = []
  const http = {
    call: async (request: VendorRequest): Promise<VendorReply> => {
      requests.push(request)
      const reply = answer(request, requests.length)
      if (reply instanceof Error) throw reply
      return { status: 200, headers: {}, text: '', sentAt: clock.now(), vendorWallMs: undefined, ...reply }
    },
    close: () => Promise.resolve(),
  }
  const product = settings.product ?? 'dynamic-password'
  const source = openSource(
    settingsOf({
      vendor: 'ipipv',
      product,
      credentials: ipipvCredentials,
      ...needs[product as keyof typeof needs],
      ...settings,
    }),
    { clock, http },
  )
  const envelopes = () => requests.map(({ body = '{}' }) => JSON.parse(body) as Record<string, string>)
  return { source, clock, requests, envelopes }
}

const drawnOne = success({ list: [{ list: ['u:p@203.0.113.9:1000'] }] })

describe('call names', () => {
  it('are new for each call that was answered', async () => {
    const { source, envelopes } = answering({}, () => ({ text: drawnOne }))
    await source.extract(1, { signal: never })
    await source.extract(1, { signal: never })
    const [first, second] = envelopes().map(({ reqId }) => reqId)
    expect(first).not.toBe(second)
  })

  it('stay for the same call without an answer, not for another one, and not for ever', async () => {
    const { source, envelopes } = answering({}, () => ({ text: '<html>', status: 502 }))
    for (const count of [1, 1, 2, 1, 1, 1, 1, 1, 1]) await failureOf(source.extract(count, { signal: never }))
    const names = envelopes().map(({ reqId }) => reqId)
    expect(names[1]).toBe(names[0])
    expect(names[2]).not.toBe(names[0])
    expect(names[6]).toBe(names[0])
    expect(names[7]).not.toBe(names[0])
  })

  it('are new after the vendor said no', async () => {
    const { source, envelopes } = answering({}, () => ({ text: ipipvFixtures.refuse('10072', '') }))
    await failureOf(source.extract(1, { signal: never }))
    await failureOf(source.extract(1, { signal: never }))
    expect(new Set(envelopes().map(({ reqId }) => reqId)).size).toBe(2)
  })
})

describe('the envelope', () => {
  it('has nothing in it where there are no parameters, and labels of the user’s own', async () => {
    const own = { version: '2.0', encrypt: 'aes' }
    const { source, envelopes } = answering({ own }, () => ({ text: success({ coin: '1' }) }))
    await source.call('info', {}, { signal: never })
    expect(envelopes()[0]).toMatchObject({ version: '2.0', encrypt: 'aes', params: '' })
  })

  it('a reply that is only a status has no data', async () => {
    const { source } = answering({}, () => ({ text: '{"reqId":"x","code":200,"msg":"ok"}' }))
    expect(await source.call('info', {}, { signal: never })).toBeUndefined()
  })

  it('holds numbers, lists and nested lines as JSON wants them', async () => {
    const { source, envelopes } = answering({}, () => ({ text: success([]) }))
    await source.call('product/query', { proxyType: '101,103', unit: '3' }, { signal: never })
    const params =
      '[{"productNo":"ipideash_598","count":20,"cycleTimes":1},{"productNo":"mb_gmhd5exp2","count":20,"cycleTimes":12}]'
    await source.call('instance/open', { appOrderNo: 'TEST20240726094927', params }, { signal: never })
    expect(envelopes().map(({ params: sealed = '' }) => unseal(sealed))).toEqual([
      { proxyType: [101, 103], unit: 3 },
      { appOrderNo: 'TEST20240726094927', params: JSON.parse(params) },
    ])
  })

  it('members of a line have the types of the document, however a person writes them; null lets ipipv choose', async () => {
    const { source, envelopes } = answering({}, () => ({ text: success([]) }))
    const line = {
      proxyType: '103',
      supplierCode: null,
      count: '2',
      renew: 1,
      cidrBlocks: [{ cidr: '192.168.0.0/24', count: '2' }],
    }
    await source.call('instance/open', { appOrderNo: 'x', params: JSON.stringify([line]) }, { signal: never })
    await source.call(
      'instance/renew',
      { appOrderNo: 'y'.repeat(40), instances: '[{"instanceNo":"c_1","duration":"1"}]' },
      { signal: never },
    )
    expect(envelopes().map(({ params: sealed = '' }) => unseal(sealed))).toEqual([
      {
        appOrderNo: 'x',
        params: [
          {
            proxyType: 103,
            supplierCode: null,
            count: 2,
            renew: true,
            cidrBlocks: [{ cidr: '192.168.0.0/24', count: 2 }],
          },
        ],
      },
      { appOrderNo: 'y'.repeat(40), instances: [{ instanceNo: 'c_1', duration: 1 }] },
    ])
  })

  it.each([
    ['order', { orderNo: 'C1' }, { orderNo: 'C1', pageSize: 10 }],
    [
      'proxy/dellpWhiteList',
      { appUsername: 'm', ip: '203.0.113.9', productNo: 'p' },
      { appUsername: 'm', ip: '203.0.113.9', productNo: 'p', proxyType: 104 },
    ],
  ])('%s: what the document demands and states a default for is sent all the same', async (name, params, sent) => {
    const { source, envelopes } = answering({}, () => ({ text: success({}) }))
    expect(await source.byHand?.plan(name, params)).toBe(0)
    await source.call(name, params, { signal: never })
    expect(unseal(envelopes()[0]?.['params'] ?? '')).toEqual(sent)
  })

  it.each([
    ['[{"productNo":"a","count":21}]', /params \[0\]\.count must be an integer from 1 to 20/],
    ['[{"product":"a"}]', /params \[0\]\.product is not one of productNo/],
    ['[]', /params must be a JSON array of 1 or more/],
    ['no JSON', /params must be a JSON array/],
  ])('refuses the order %s', async (params, words) => {
    const { source, requests } = answering({}, () => ({ text: success({}) }))
    const error = await failureOf(source.call('instance/open', { appOrderNo: 'x', params }, { signal: never }))
    expect(error).toMatchObject({ class: 'bad_request', message: expect.stringMatching(words) })
    expect(requests).toEqual([])
  })
})

describe('limits', () => {
  it('all calls of an app are counted together, two a second', () => {
    const { source } = scripted({ vendor: 'ipipv', product: 'dynamic-password', credentials: ipipvCredentials })
    const limits = Object.keys(source.operations).map((name) => source.limitOf(name))
    for (const limit of limits) expect(limit).toMatchObject({ calls: 2, perMs: 1_000, key: limits[0]?.key })
  })
})

describe('what a drawn text means', () => {
  it.each([
    ['203.0.113.9:1000:my.name:8080', undefined, 'my.name', '203.0.113.9'],
    ['my.name:8080:203.0.113.9:1000', undefined, 'my.name', '203.0.113.9'],
    ['a.example.com:1:b.example.com:2', 'b.example.com:2', 'a.example.com', 'b.example.com'],
    ['[2001:db8::1]:80:u:p', undefined, 'u', '2001:db8::1'],
    ['u:p:w:203.0.113.9:1000', undefined, 'u', '203.0.113.9'],
    ['u:p@w:203.0.113.9:1000', undefined, 'u', '203.0.113.9'],
  ])('%s', (text, gate, username, host) => {
    expect(readEndpoint(text, parseEndpoint(gate ?? ''))).toMatchObject({ endpoint: { username, host } })
  })

  it.each(['a.example.com:80:b.example.com:90', '203.0.113.8:80:203.0.113.9:90'])('%s: two things', (text) => {
    expect(readEndpoint(text)).toEqual({
      reason: expect.stringMatching(/^could be read as two different addresses: "/),
    })
  })

  it('never shows a letter of it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z]{6,12}$/), fc.stringMatching(/^[A-Z]{6,12}$/), (user, pass) => {
        for (const text of [`${user}:${pass}`, `a.b:80:${user}.x:90`, `${user}:${pass}:host:1`])
          expect(JSON.stringify(readEndpoint(text))).not.toContain(user)
      }),
    )
  })
})

describe('dynamic-api', () => {
  const api = (
    body: string,
    request: Record<string, string | number> = {},
    more: Partial<SettingsOf> = {},
    link = 'https://link.example.com/x?token=SECRETTOKEN',
  ) =>
    answering(
      { product: 'dynamic-api', request: { ...needs['dynamic-api'].request, ...request }, ...more },
      ({ url }) => {
        if (url.pathname.endsWith('/proxy/draw/api/v2')) return { text: success({ list: [{ proxyUrl: link }] }) }
        return url.pathname.endsWith('/proxy/info/v2')
          ? { text: success({ list: [{ productNo: 'out_dynamic_1', balance: '12.5' }] }) }
          : { text: body }
      },
    )
  const two = [
    { host: '203.0.113.8', port: 1, protocol: 'socks5', life: { kind: 'unknown' } },
    { host: '203.0.113.9', port: 2, protocol: 'socks5', life: { kind: 'unknown' } },
  ]

  it.each(['\r\n', '/br', '\r', '\n', '\t', '<br>', '<br/>'])('text with %j between', async (delimiter) => {
    const { source } = api(`203.0.113.8:1${delimiter}203.0.113.9:2`)
    expect((await source.extract(2, { signal: never })).sold).toEqual(two)
  })

  it.each([
    '["203.0.113.8:1","203.0.113.9:2"]',
    '{"code":200,"msg":"ok","data":[{"ip":"203.0.113.8","port":1},{"ip":"203.0.113.9","port":"2"}]}',
    '{"data":{"list":["203.0.113.8:1","203.0.113.9:2"]}}',
  ])('JSON %s', async (body) => {
    const { source } = api(body, { returnType: 'json' })
    expect((await source.extract(2, { signal: never })).sold).toEqual(two)
  })

  it('logins and the protocol that was asked for', async () => {
    const { source } = api('[{"ip":"203.0.113.8","port":1,"username":"u","password":"p"}]', { protocol: 'http' })
    expect((await source.extract(1, { signal: never })).sold.map(plain)).toEqual([
      { ...two[0], protocol: 'http', username: 'u', password: 'p' },
    ])
  })

  it('the traffic that is left', async () => {
    expect(await api('').source.accountNow?.(never)).toEqual({ balance: 12.5 })
  })

  it.each([
    ['{"code":10092,"msg":"x"}', 'bad_request'],
    ['请求过于频繁', 'rate_limited'],
    ['error: 流量已用完', 'quota_exhausted'],
    ['{"code":900,"msg":"余额不足"}', 'quota_exhausted'],
    ['{"code":500,"msg":"https://link.example.com/x?token=SECRETTOKEN has run out"}', 'server'],
    ['IP不在白名单: /x?token=SECRETTOKEN', 'whitelist'],
    ['{"code":401,"msg":"IP不在白名单"}', 'whitelist'],
    ['{"status":"fail","msg":"203.0.113.77不在白名单"}', 'whitelist'],
    ['<html><body>x</body></html>', 'server'],
    ['', 'no_resource'],
    ['[]', 'no_resource'],
    ['{"data":', 'server'],
  ])('an error in place of addresses: %s', async (body, errorClass) => {
    const error = await failureOf(api(body).source.extract(1, { signal: never }))
    expect(error.class).toBe(errorClass)
    expect(`${error.message}${error.stack}`).not.toContain('SECRETTOKEN')
  })

  it.each(['203.0.113.77 不在白名单中', 'error: please whitelist 203.0.113.77'])(
    'an error in text names the address that is missing: %s',
    async (body) => {
      const { source } = api(body)
      const error = await failureOf(source.extract(1, { signal: never }))
      expect(error.class).toBe('whitelist')
      expect(source.whitelist?.addressFromError(error)).toBe('203.0.113.77')
    },
  )

  it('what may be a login is not shown as an error', async () => {
    const error = await failureOf(api('someuser:SECRETPASS').source.extract(1, { signal: never }))
    expect(error.class).toBe('server')
    expect(error.message).not.toContain('SECRETPASS')
  })

  it.each([
    ['http://127.0.0.1/x', /private or reserved/],
    ['http://[::1]:80/x', /private or reserved/],
    ['http://localhost/x', /local name/],
    ['http://2130706433/x', /private or reserved/],
    ['file:///etc/passwd', /no http\(s\) link/],
    ['nothing', /no http\(s\) link/],
  ])('the link %s is not followed', async (link, words) => {
    const { source, requests } = api('203.0.113.8:1', {}, {}, link)
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'server',
      message: expect.stringMatching(words),
    })
    expect(requests).toHaveLength(1)
  })

  it('allowPrivate follows it', async () => {
    const { source } = api('127.0.0.1:1', {}, { allowPrivate: true }, 'http://127.0.0.1:9/x')
    expect((await source.extract(1, { signal: never })).sold).toMatchObject([{ host: '127.0.0.1' }])
  })
})

describe('the whitelist', () => {
  it('of the main account', async () => {
    const { source, envelopes, requests } = answering({ product: 'dynamic-api' }, () => ({
      text: success({ ipWhiteList: ['198.51.100.7'] }),
    }))
    await source.whitelist?.add('198.51.100.7', never)
    expect(requests[0]?.url.pathname).toBe('/api/open/app/proxy/addIpWhiteList/v2')
    expect(unseal(envelopes()[0]?.['params'] ?? '')).toEqual({
      appUsername: 'main1',
      ip: '198.51.100.7',
      proxyType: 104,
      productNo: 'out_dynamic_1',
    })
  })
})
