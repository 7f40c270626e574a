/** Signatures that vendors' documents print with their inputs, written in the words of `sign`. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { parseOwn } from '../../../../src/vendors/generic/settings.ts'
import { type CallGate, openSource } from '../../../../src/vendors/registry.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { ScriptedHttp, scripted, settingsOf } from '../scripted-http.ts'

const never = new AbortController().signal

/** The one request of an entry, with the time of the clock. */
async function sent(entry: object, count = 2) {
  const own = parseOwn({ url: 'http://api.vendor.example/v1/take', format: 'text', ...entry })
  const { source, http, clock } = scripted({ vendor: 'generic', product: 'list', own }, { body: '198.51.100.7:80' })
  await source.extract(count, { signal: never })
  const [request] = http.requests
  if (request === undefined) return expect.fail('no request')
  return { request, params: Object.fromEntries(request.url.searchParams), wall: clock.wall() }
}

describe('sign', () => {
  it('md5 of sorted parameters and a key: what juliangip’s public page on signatures shows', async () => {
    const { params } = await sent(
      {
        credentials: { key: '99064631962e4e838dac1143092f6112' },
        sign: { of: '{sorted}&key={key}', hash: 'md5' },
        query: {
          trade_no: '1178311789392776',
          num: '{num}',
          city_name: '1',
          ip_remain: '1',
          result_type: 'json',
          sign: '{sign}',
        },
      },
      10,
    )
    expect(params['sign']).toBe('8f35c3e56bf640cb2597ea2492ca62db')
  })

  it('the time of day in a format, and a UUID', async () => {
    const { request, wall } = await sent({
      url: 'http://api.vendor.example/{datetime:yyyy-MM-dd}/take?t={datetime:yyMMddHHmmss}',
      zone: 'UTC',
      query: { num: '{num}' },
      headers: { 'X-Nonce': '{uuid}' },
    })
    const iso = new Date(wall).toISOString()
    expect(request.url.pathname).toBe(`/${iso.slice(0, 10)}/take`)
    expect(request.url.searchParams.get('t')).toBe(iso.slice(2, 19).replace(/\D/g, ''))
    expect(request.headers?.['x-nonce']).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  })

  it('a chain of keys as bytes: the signing key that AWS’ page on Signature Version 4 prints', async () => {
    const step = (name: string, key: string, of: string, more: object = { keyEncoding: 'hex' }) => ({
      ...{ name, of, key, hash: 'hmac-sha256' },
      ...more,
    })
    const { params } = await sent({
      credentials: { secret: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
      sign: [
        step('day', 'AWS4{secret}', '20150830', {}),
        step('region', '{day}', 'us-east-1'),
        step('service', '{region}', 'iam'),
        step('sign', '{service}', 'aws4_request'),
      ],
      query: { n: '{num}', sign: '{sign}' },
    })
    expect(params['sign']).toBe('c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9')
  })

  it('a login in front of the host: its values are encoded, and sent as Basic', async () => {
    const { request } = await sent({
      credentials: { user: 'me@x', password: 'p:w/1#2%' },
      url: 'https://{user}:{password}@api.vendor.example/take?n={num}',
    })
    expect(request.url.href).toBe('https://api.vendor.example/take?n=2')
    expect(request.headers?.['authorization']).toBe(`Basic ${Buffer.from('me@x:p:w/1#2%').toString('base64')}`)
  })

  it('a key in base64 stands for its bytes; one that is none is refused', async () => {
    const bytes = Buffer.from([0, 255, 128, 7, 9, 200])
    const entry = { sign: { of: 'text', hash: 'hmac-sha1', key: '{k}', keyEncoding: 'base64' } }
    const query = { n: '{num}', s: '{sign}' }
    const { params } = await sent({ ...entry, query, credentials: { k: bytes.toString('base64') } })
    expect(params['s']).toBe(createHmac('sha1', bytes).update('text').digest('hex'))
    await expect(sent({ ...entry, query, credentials: { k: 'not base64!' } })).rejects.toMatchObject({
      class: 'bad_request',
    })
  })

  it.each<[string, object, string, string]>([
    ['XML', { body: '<take key="{key}">{num}</take>' }, 'application/xml', '<take key="a&#38;&#34;b c">1</take>'],
    ['JSON', { body: '{"key":"{key}"}' }, 'application/json', '{"key":"a&\\"b c"}'],
    ['a form', { body: 'key={key}' }, 'application/x-www-form-urlencoded', 'key=a%26%22b%20c'],
    ['plain text', { body: 'key {key}', headers: { 'content-type': 'text/plain' } }, 'text/plain', 'key a&"b c'],
  ])('values are escaped as the body needs it: %s', async (_title, entry, type, body) => {
    const { request } = await sent({ method: 'PUT', credentials: { key: 'a&"b c' }, ...entry }, 1)
    expect([request.method, request.headers?.['content-type'], request.body]).toEqual(['PUT', type, body])
  })

  it('hmac over method, path and the parameters, in base64', async () => {
    const { params, wall } = await sent({
      credentials: { id: 'the-id', key: 'the-key' },
      sign: { of: '{method}{path}?{sorted}', hash: 'hmac-sha1', key: '{key}', encoding: 'base64' },
      query: { z: 'last', secret_id: '{id}', timestamp: '{timestamp}', signature: '{sign}', num: '{num}' },
    })
    const text = `GET/v1/take?num=2&secret_id=the-id&timestamp=${Math.floor(wall / 1_000)}&z=last`
    expect(params['signature']).toBe(createHmac('sha1', 'the-key').update(text).digest('base64'))
  })

  it.each<[string, object, string]>([
    ['sha256 in capitals', { of: 'abc', hash: 'sha256', case: 'upper' }, /* FIPS 180-2 B.1 */ 'BA7816BF'],
    ['sha1 in base64', { of: 'abc', hash: 'sha1', encoding: 'base64' }, /* FIPS 180-2 A.1 */ 'qZk+NkcG'],
    ['the middle of an md5', { of: 'abc', hash: 'md5', slice: [8, 24] }, /* RFC 1321 A.5 */ '3cd24fb0d6963f7d'],
    ['no digest at all', { of: '{method} {num}', hash: 'none', encoding: 'text' }, 'GET 2'],
    ['base64 of a text', { of: 'user:pass', hash: 'none', encoding: 'base64' }, 'dXNlcjpwYXNz'],
  ])('%s', async (_title, sign, expected) => {
    const { params } = await sent({ sign, query: { num: '{num}', sign: '{sign}' } })
    expect(params['sign']).toMatch(new RegExp(`^${expected.replace(/\+/g, '\\+')}`))
  })

  it('parameters as written, joined otherwise, some left out, empty ones too, encoded', async () => {
    const text = async (sorted: object) => {
      const sign = { of: '{sorted}', hash: 'none', encoding: 'text', sorted }
      const query = { b: '1 2', a: '{num}', empty: '', c: '北', sign: '{sign}' }
      return (await sent({ sign, query })).params['sign']
    }
    expect(await text({})).toBe('a=2&b=1 2&c=北')
    expect(await text({ order: 'written', except: ['c'] })).toBe('b=1 2&a=2')
    expect(await text({ empty: 'keep', join: '', pair: '{name}{value}' })).toBe('a2b1 2c北empty')
    expect(await text({ encode: true })).toBe('a=2&b=1%202&c=%E5%8C%97')
  })

  it('a step uses the step in front of it; a signature goes into a header and leaves the body alone', async () => {
    const { request } = await sent({
      method: 'POST',
      credentials: { secret: 'k' },
      sign: [
        { name: 'inner', of: '{body}', hash: 'md5' },
        { of: '{path}|{inner}|{secret}', hash: 'none', encoding: 'text' },
      ],
      json: { n: '{num}', at: '{timestamp}', note: 'say "{num}"', deep: [{ x: '{num}' }] },
      headers: { 'X-Sign': '{sign}' },
    })
    expect(JSON.parse(request.body ?? '')).toEqual({
      n: 2,
      at: expect.any(Number) as number,
      note: 'say "2"',
      deep: [{ x: 2 }],
    })
    expect(request.headers?.['x-sign']).toMatch(/^\/v1\/take\|[0-9a-f]{32}\|k$/)
    expect(request.headers?.['content-type']).toBe('application/json')
  })

  it('parameters of a form and of the link are signed together', async () => {
    const { request } = await sent({
      url: 'http://api.vendor.example/take?b=2',
      method: 'POST',
      form: { a: '{num}', sign: '{sign}' },
      sign: { of: '{sorted}', hash: 'none', encoding: 'text' },
    })
    expect(request.body).toBe('a=2&sign=a%3D2%26b%3D2')
  })

  it('a signature over the encoded text of the encoded parameters, as clouds sign their calls', async () => {
    const { params, wall } = await sent({
      credentials: { id: 'the id', key: 'the-key' },
      sign: [
        { name: 'canonical', of: '{sorted}', sorted: { encode: true }, hash: 'none', encoding: 'url' },
        { of: '{method}&%2F&{canonical}', hash: 'hmac-sha1', key: '{key}&', encoding: 'base64' },
      ],
      query: { Timestamp: '{iso}', AccessKeyId: '{id}', Signature: '{sign}', Num: '{num}' },
    })
    const iso = new Date(wall).toISOString().replace(/\.\d+/, '')
    expect(params['Timestamp']).toBe(iso)
    const canonical = `AccessKeyId=the%20id&Num=2&Timestamp=${encodeURIComponent(iso)}`
    const text = `GET&%2F&${encodeURIComponent(canonical)}`
    expect(params['Signature']).toBe(createHmac('sha1', 'the-key&').update(text).digest('base64'))
  })

  it('times and nonces are those of the moment', async () => {
    const query = { s: '{timestamp}', ms: '{timestamp_ms}', d: '{date}', t: '{datetime}', n: '{nonce}', num: '{num}' }
    const { params, wall } = await sent({ query, zone: 'UTC' })
    const iso = new Date(wall).toISOString()
    expect(params).toMatchObject({
      s: String(Math.floor(wall / 1_000)),
      ms: String(wall),
      d: iso.slice(0, 10).replaceAll('-', ''),
      t: `${iso.slice(0, 10)} ${iso.slice(11, 19)}`,
    })
    expect(params['n']).toMatch(/^[0-9a-f]{16}$/)
    expect((await sent({ query })).params['n']).not.toBe(params['n'])
    const east = await sent({ query, zone: '+08:00' })
    expect(Date.parse(`${east.params['t']?.replace(' ', 'T')}+08:00`)).toBe(Math.floor(east.wall / 1_000) * 1_000)
  })

  it('are those at which the call leaves its gate, not those at which it began to wait', async () => {
    const clock = new FakeClock()
    const http = new ScriptedHttp(clock, { body: '198.51.100.7:80' })
    const own = parseOwn({ url: 'http://api.vendor.example/', format: 'text', query: { t: '{timestamp}' } })
    const gate: CallGate = (_limit, _order, send) => {
      clock.advance(30_000)
      return send()
    }
    const source = openSource(settingsOf({ vendor: 'generic', product: 'list', own }), { clock, http, gate })
    await source.extract(1, { signal: never })
    expect(http.requests[0]?.url.searchParams.get('t')).toBe(String(Math.floor(clock.wall() / 1_000)))
  })
})
