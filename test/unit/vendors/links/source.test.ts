/** A pasted link as a source: what goes on the wire, how replies are read, and that nothing of the link gets out. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../../src/secret.ts'
import type { SourceSettings } from '../../../../src/vendors/contract/source.ts'
import { failureOf, formsOf, never, plain, printed, type Scripted, scripted } from '../scripted-http.ts'

const TRADE_NO = '1000000000000001'
const SIGN = '8f35c3e56bf640cb2597ea2492ca62db'
const signed = `http://v2.api.juliangip.com/dynamic/getips?trade_no=${TRADE_NO}&num=10&strange=as%2Bit%20is&result_type=text&sign=${SIGN}`
const qg = 'https://share.proxy.qg.net/get?key=KEY-OF-QG&num=5&isp=1&format=txt&mine=x'
const unknown = 'https://me:pass%2Fword@api.other.example.com/take/WORD-IN-THE-PATH?num=3&value=VALUE-OF-OTHER'

function open(link: string, reply: Scripted, more: Partial<SourceSettings> & { readonly key?: string } = {}) {
  const { key, ...rest } = more
  const credentials = key === undefined ? {} : { key }
  return scripted({ vendor: 'link', product: '', url: new Secret(link), ...rest, credentials }, reply)
}

describe('a signed link without its key', () => {
  it('is sent as it is, whatever count is wanted, and tells its batch size', async () => {
    const { source, http } = open(signed, { body: '198.51.100.7:8080\r\n198.51.100.8:8080' })
    const { sold } = await source.extract(3, { signal: never })
    expect(http.requests.map(({ method, url }) => [method, url.href])).toEqual([['GET', signed]])
    expect(sold.map(plain)).toEqual([
      { host: '198.51.100.7', port: 8080, protocol: 'http', life: { kind: 'unknown' } },
      { host: '198.51.100.8', port: 8080, protocol: 'http', life: { kind: 'unknown' } },
    ])
    expect(source).toMatchObject({
      vendor: 'juliangip',
      product: 'dynamic',
      batchSize: 10,
      maxPerCall: 10,
      byChannel: false,
    })
    expect(source.whitelist).toBeUndefined()
  })

  it('is read by the vendor’s grammar, as the link asked for it', async () => {
    const link = signed.replace('result_type=text', 'result_type=text&split=4&city_code=1&pt=2')
    const { sold } = await open(link, { body: '198.51.100.7:8080,320300|198.51.100.8:8080,320300' }).source.extract(1, {
      signal: never,
    })
    expect(sold.map(({ protocol, area }) => [protocol, area])).toEqual([
      ['socks5', '320300'],
      ['socks5', '320300'],
    ])
  })

  it('counts its calls together with those of the same order’s own entry', () => {
    const own = scripted({
      vendor: 'juliangip',
      product: 'dynamic',
      credentials: { trade_no: TRADE_NO, key: 'k' },
    }).source
    expect(open(signed, { body: '' }).source.limitOf('getips')).toEqual(own.limitOf('getips'))
  })

  it('says in words that its signature is wrong', async () => {
    const body = `ERROR(401):签名校验失败 ${SIGN} ${TRADE_NO}`
    const error = await failureOf(open(signed, { body }).source.extract(1, { signal: never }))
    expect(error).toMatchObject({
      class: 'auth',
      vendorCode: '401',
      hint: 'signature wrong: does this key belong to this trade_no?',
    })
    for (const form of [SIGN, TRADE_NO].flatMap(formsOf)) expect(printed(error)).not.toContain(form)
  })
})

describe('a signed link with its key', () => {
  it('is signed anew over all its parameters, in the count that is wanted and with the life', async () => {
    const { source, http } = open(signed, { body: '198.51.100.7:8080,60' }, { key: 'k0'.repeat(16) })
    const { sold } = await source.extract(3, { signal: never })
    const sent = Object.fromEntries(http.requests[0]?.url.searchParams ?? [])
    const text = `ip_remain=1&num=3&result_type=text&strange=as+it is&trade_no=${TRADE_NO}&key=${'k0'.repeat(16)}`
    expect(sent).toEqual({
      ip_remain: '1',
      num: '3',
      result_type: 'text',
      strange: 'as+it is',
      trade_no: TRADE_NO,
      sign: createHash('md5').update(text).digest('hex'),
    })
    expect(sold[0]?.life).toEqual({ kind: 'for', ms: 60_000 })
    expect(source.batchSize).toBeUndefined()
  })
})

describe('a link with its account', () => {
  const reply = {
    body: '{"code":"SUCCESS","data":[{"proxy_ip":"203.0.113.9","server":"198.51.100.7:8080","deadline":"2026-01-02 11:04:05"}]}',
  }

  it('is the vendor’s own call: the link’s parameters, our count, JSON', async () => {
    const { source, http } = open(qg, reply)
    const { sold } = await source.extract(2, { signal: never })
    expect(http.requests[0]?.url.href).toBe('https://share.proxy.qg.net/get?mine=x&isp=1&num=2&key=KEY-OF-QG')
    expect(sold[0]).toMatchObject({ host: '198.51.100.7', exit: '203.0.113.9', life: { kind: 'until' } })
    expect(source).toMatchObject({ vendor: 'qg', product: 'share-channel', byChannel: true, maxPerCall: 100 })
    expect(source.batchSize).toBeUndefined()
  })

  it('goes elsewhere with baseUrl', async () => {
    const { source, http } = open(
      'https://www.reseller.example.com/web_v1/ip/get-ip-v3?app_key=A1&pt=9',
      { body: '{"code":200,"data":{"list":["198.51.100.7:8080"]}}' },
      { baseUrl: 'http://127.0.0.1:9000/v9' },
    )
    await source.extract(1, { signal: never })
    expect(http.requests[0]?.url.href).toBe(
      'http://127.0.0.1:9000/v9/web_v1/ip/get-ip-v3?pt=9&format=json&num=1&app_key=A1',
    )
  })
})

describe('a link of nobody’s table', () => {
  it('is called as it is, with its login in a header, and its reply is sniffed', async () => {
    const { source, http } = open(unknown, { body: '198.51.100.7:8080,60|198.51.100.8:8080,30' })
    expect(source.batchSize).toBe(3)
    const { sold } = await source.extract(1, { signal: never })
    expect(http.requests[0]).toMatchObject({
      url: { href: 'https://api.other.example.com/take/WORD-IN-THE-PATH?num=3&value=VALUE-OF-OTHER' },
      headers: { authorization: `Basic ${Buffer.from('me:pass/word').toString('base64')}` },
    })
    expect(sold.map(({ host, life }) => [host, life])).toEqual([
      ['198.51.100.7', { kind: 'for', ms: 60_000 }],
      ['198.51.100.8', { kind: 'for', ms: 30_000 }],
    ])
    expect([source.vendor, source.product, source.batchSize]).toEqual(['link', 'link', 2])
  })

  it('brings SOCKS addresses where the link says so', async () => {
    const { source } = open('https://api.other.example.com/get?protocol=socks5', { body: '198.51.100.7:8080' })
    expect((await source.extract(1, { signal: never })).sold[0]?.protocol).toBe('socks5')
  })

  it('shows the vendor’s own words, and nothing of the link', async () => {
    const secrets = ['WORD-IN-THE-PATH', 'VALUE-OF-OTHER', 'pass/word', unknown]
    const body = JSON.stringify({ code: 9, msg: `nothing like that ${secrets.join(' ')}` })
    const error = await failureOf(open(unknown, { body }).source.extract(1, { signal: never }))
    expect(error).toMatchObject({
      class: 'server',
      vendorCode: '9',
      message: expect.stringMatching(/^nothing like that \[redacted\]/),
    })
    for (const form of secrets.flatMap(formsOf)) expect(printed(error)).not.toContain(form)
  })

  it('speaks its vendor’s codes where the host is known', async () => {
    const { source } = open('https://share.proxy.qg.net/other?key=KEY-OF-QG', {
      status: 400,
      body: '{"code":"KEY_BLOCK"}',
    })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'auth',
      vendorCode: 'KEY_BLOCK',
      hint: 'ask qg.net why the key is blocked',
    })
  })

  it('hands out no private addresses', async () => {
    const { source } = open(unknown, { body: '10.0.0.1:80 198.51.100.7:8080' })
    const { sold, rejected } = await source.extract(1, { signal: never })
    expect([sold.map(({ host }) => host), rejected]).toEqual([['198.51.100.7'], [expect.stringContaining('10.0.0.1')]])
  })
})

it('a link that cannot be used opens nothing', () => {
  expect(() => open('http://v2.api.juliangip.com/dynamic/getips?num=1', { body: '' })).toThrow(
    'the link has no trade_no',
  )
  expect(() => scripted({ vendor: 'link', product: '' })).toThrow('needs a url')
})

it('the calls and lost orders of a link are counted under the key of earlier versions, in whose state they stand', () => {
  const link = 'http://x.example/api?protocol=http&format=json&token=token&key=abcdefgh12&num=5'
  const { source } = open(link, { body: '' })
  expect([source.account.slice(0, 12), source.limitOf(source.extractOperation).key.slice(0, 6)]).toEqual([
    '6b54c2354150',
    '1f18cb',
  ])
})
