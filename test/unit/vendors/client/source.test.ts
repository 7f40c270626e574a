import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Secret } from '../../../../src/secret.ts'
import { openTableSource } from '../../../../src/vendors/client/source.ts'
import { VendorError } from '../../../../src/vendors/contract/error.ts'
import type { Operation } from '../../../../src/vendors/contract/operation.ts'
import { credential } from '../../../../src/vendors/contract/settings.ts'
import type { SourceSettings } from '../../../../src/vendors/contract/source.ts'
import type { Vendor } from '../../../../src/vendors/contract/vendor.ts'
import { parseJson } from '../../../../src/vendors/parse/json.ts'
import { membersOf } from '../../../../src/vendors/parse/reply.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { failureOf, never, printed, type Scripted, ScriptedHttp, settingsOf } from '../scripted-http.ts'

const words = { about: 'about', term: 'term' }
const num = { type: 'integer', min: 1, max: 10, managed: true, ...words } as const
const token = { type: 'string', required: true, secret: true, managed: true, ...words } as const

function operation(rest: Partial<Operation>): Operation {
  return {
    about: 'about',
    document: 'none',
    method: 'GET',
    path: '/list',
    params: { token, num, place: { type: 'csv', ...words } },
    limit: ({ channels }) => ({ calls: channels * 5, perMs: 1_000 }),
    effect: 'buys',
    ...rest,
  }
}

/** A vendor that exists nowhere, with one call of each kind. */
const acme: Vendor = {
  name: 'acme',
  baseUrl: 'https://api.acme.example',
  credentials: z.strictObject({ token: credential('the account') }),
  countedBy: ['token'],
  operations: {
    get: operation({}),
    held: operation({ effect: 'reads', limitGroup: 'get' }),
    post: operation({ method: 'POST', path: '/post' }),
    json: operation({ method: 'POST', encoding: 'json', path: '/json' }),
    elsewhere: operation({ baseUrl: 'https://other.acme.example/v2', path: '/list' }),
  },
  products: Object.fromEntries(
    ['get', 'post', 'json', 'elsewhere'].map((name) => [
      name,
      {
        about: 'addresses',
        extract: name,
        maxPerCall: 10,
        order: (count, request) => ({ ...request, num: count }),
        deliver: (data) => ({
          sold: (data as string[]).map((host) => ({ host, port: 80, protocol: 'http', life: { kind: 'unknown' } })),
          rejected: [],
          balance: 3,
        }),
        ...(name === 'get' ? { query: 'held', channels: true } : {}),
      } satisfies Vendor['products'][string],
    ]),
  ),
  authorize: (_operation, params, { token: secret }) => ({ ...params, token: secret?.reveal() ?? '' }),
  decode: (_operation, reply) => {
    const { no, list } = membersOf(parseJson(reply.text)) ?? {}
    if (no !== undefined)
      throw new VendorError('quota_exhausted', String(no), String(no), {
        hint: 'buy more',
        wait: 'minute',
        cause: new Error(String(no)),
      })
    return list
  },
}

function open(product: string, rest: Partial<SourceSettings> = {}, reply: Scripted = { body: '{"list":["1.1.1.1"]}' }) {
  const clock = new FakeClock()
  const http = new ScriptedHttp(clock, reply)
  const settings = { ...settingsOf({ vendor: 'acme', product, credentials: { token: 'T+0/ken' } }), ...rest }
  return { source: openTableSource(acme, settings, { clock, http }), http, clock }
}

describe('what is sent', () => {
  it('GET: everything in the query', async () => {
    const { source, http } = open('get', { request: { place: '北京,上海' } })
    await source.extract(2, { signal: never })
    expect(http.requests).toMatchObject([{ method: 'GET', timeoutMs: 5_000, maxBodyBytes: 1_048_576 }])
    expect(http.requests[0]?.url.href).toBe(
      'https://api.acme.example/list?place=%E5%8C%97%E4%BA%AC%2C%E4%B8%8A%E6%B5%B7&num=2&token=T%2B0%2Fken',
    )
    expect(http.requests[0]).not.toHaveProperty('body')
  })

  it('POST: everything in the body, as a form', async () => {
    const { source, http } = open('post', { request: { place: 'a b' } })
    await source.extract(1, { signal: never })
    expect(http.requests).toMatchObject([
      {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'place=a+b&num=1&token=T%2B0%2Fken',
      },
    ])
    expect(http.requests[0]?.url.href).toBe('https://api.acme.example/post')
  })

  it('POST: or as JSON', async () => {
    const { source, http } = open('json', { request: { place: 'a b' } })
    await source.extract(1, { signal: never })
    expect(http.requests).toMatchObject([{ headers: { 'content-type': 'application/json' } }])
    expect(JSON.parse(http.requests[0]?.body ?? '')).toEqual({ place: 'a b', num: 1, token: 'T+0/ken' })
  })

  it.each([
    ['get', undefined, 'https://api.acme.example/list'],
    ['elsewhere', undefined, 'https://other.acme.example/v2/list'],
    ['get', 'http://127.0.0.1:9000', 'http://127.0.0.1:9000/list'],
    ['elsewhere', 'http://127.0.0.1:9000', 'http://127.0.0.1:9000/list'],
    ['elsewhere', 'http://relay.example/a/b/', 'http://relay.example/a/b/list'],
    ['elsewhere', 'https://[::1]:9000/a', 'https://[::1]:9000/a/list'],
  ])('%s with baseUrl %s goes to %s', async (product, baseUrl, expected) => {
    const { source, http } = open(product, baseUrl === undefined ? {} : { baseUrl })
    await source.extract(1, { signal: never })
    const { origin, pathname } = http.requests[0]?.url ?? expect.fail('no request')
    expect(`${origin}${pathname}`).toBe(expected)
  })

  it.each([
    'relay.example',
    'ftp://relay.example',
    'http://me:pw@relay.example',
    'http://relay.example/?key=T',
    'http://relay.example/#x',
    '',
  ])('baseUrl %j is refused, without repeating it', async (baseUrl) => {
    const error = await failureOf(open('get', { baseUrl }).source.extract(1, { signal: never }))
    expect(error).toMatchObject({ class: 'bad_request', vendorCode: 'baseUrl' })
    expect(error.message).not.toContain('relay')
  })
})

describe('what is not sent', () => {
  it('a parameter that the table refuses: at the start', () => {
    expect(() => open('get', { request: { num: 3 } })).toThrow('num is set by the gateway itself')
    expect(() => open('get', { request: { token: 'x' } })).toThrow('token is set by the gateway itself')
    expect(() => open('get', { request: { colour: 'x' } })).toThrow(
      /^colour is not a parameter of this call, which takes place$/,
    )
  })

  it('a count that the table refuses', async () => {
    const { source, http } = open('get')
    for (const count of [0, 11, 1.5]) {
      const error = await failureOf(source.extract(count, { signal: never }))
      expect(error).toMatchObject({
        class: 'bad_request',
        vendorCode: 'parameter',
        message: `num must be an integer from 1 to 10, not ${count}`,
      })
    }
    expect(http.requests).toHaveLength(0)
  })

  it.each(['nothing', 'toString', '__proto__'])('an unknown product: %s', (product) => {
    expect(() => open(product)).toThrow(`acme has no product ${product}: get, post, json, elsewhere`)
  })

  it('an unknown operation', async () => {
    const { source } = open('get')
    for (const name of ['nothing', 'toString']) {
      expect(await failureOf(source.call(name, {}, { signal: never }))).toMatchObject({
        class: 'bad_request',
        vendorCode: 'operation',
      })
      expect(() => source.limitOf(name)).toThrow(VendorError)
    }
  })

  it('a query where the product has none', async () => {
    expect(await failureOf(open('post').source.query({ signal: never }))).toMatchObject({
      class: 'bad_request',
      vendorCode: 'operation',
    })
  })
})

describe('what comes back', () => {
  it('carries what time it was at the vendor when it refused', async () => {
    const { source } = open('get', {}, { body: '{"no":7}', vendorWallMs: 5_000 })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      vendorCode: '7',
      vendorWallMs: 5_000,
    })
  })

  it('carries when it was asked and what time it was at the vendor', async () => {
    const { source, clock } = open('get', {}, { body: '{"list":["1.1.1.1","10.0.0.1"]}', vendorWallMs: 5_000 })
    const delivery = await source.extract(2, { signal: never })
    expect(delivery).toMatchObject({
      sentAt: clock.now(),
      vendorWallMs: 5_000,
      balance: 3,
      sold: [{ host: '1.1.1.1' }],
    })
    expect(delivery.rejected).toHaveLength(1)
  })

  it('the vendor’s time is left out when the reply does not tell it', async () => {
    expect(await open('get').source.extract(1, { signal: never })).not.toHaveProperty('vendorWallMs')
  })

  it('an empty list is an answer to a query, but no success of an order', async () => {
    const { source } = open('get', {}, { body: '{"list":[]}' })
    expect((await source.query({ signal: never })).sold).toEqual([])
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'no_resource',
      vendorCode: 'empty',
    })
  })

  it('a list of which nothing can be used says why', async () => {
    const { source } = open('get', {}, { body: '{"list":["127.0.0.1","10.0.0.1"]}' })
    expect(await failureOf(source.extract(2, { signal: never }))).toMatchObject({
      class: 'server',
      vendorCode: 'unusable',
      message: expect.stringMatching(/^none of the addresses in the reply \(2\) can be used: .*allowPrivate/),
    })
    expect(
      (
        await open('get', { allowPrivate: true }, { body: '{"list":["127.0.0.1"]}' }).source.extract(1, {
          signal: never,
        })
      ).sold,
    ).toHaveLength(1)
  })

  it('a call by name gives the data as it is', async () => {
    const { source, http } = open('get', {}, { body: '{"list":{"any":"thing"}}' })
    expect(await source.call('post', { num: 3, place: 'x' }, { signal: never })).toEqual({ any: 'thing' })
    expect(http.requests[0]?.body).toBe('num=3&place=x&token=T%2B0%2Fken')
    expect(await failureOf(source.call('post', { token: 'mine' }, { signal: never }))).toMatchObject({
      message: 'token comes from the credentials',
    })
  })
})

describe('what goes wrong', () => {
  it('an error keeps class, hint and wait, and loses every secret, its cause included', async () => {
    const upstream = { username: 'u', password: new Secret('p@ss word') }
    const words = 'key T+0/ken, T%2B0%2Fken, VCswL2tlbg==, login p@ss word, p%40ss%20word, p%40ss+word\n\u0007'
    const error = await failureOf(
      open('get', { upstream }, { body: JSON.stringify({ no: words }) }).source.extract(1, { signal: never }),
    )
    expect(error).toMatchObject({ class: 'quota_exhausted', hint: 'buy more', wait: 'minute' })
    expect(error.cause).toBeUndefined()
    expect(error.message).toBe('key [redacted], [redacted], [redacted], login [redacted], [redacted], [redacted] ')
    for (const form of ['T+0/ken', 'T%2B0', 'VCswL2', 'p@ss', 'p%40ss']) expect(printed(error)).not.toContain(form)
  })

  it('what is said of an item that was left out is masked too', async () => {
    const credentials = { token: new Secret('t0ken') }
    const { source } = open('get', { credentials }, { body: '{"list":["1.1.1.1","t0ken.local"]}' })
    expect((await source.extract(2, { signal: never })).rejected).toEqual([
      expect.stringMatching(/^\[redacted\]\.local is a local name/),
    ])
  })

  it('an abort is not dressed up', async () => {
    const { source, http } = open('get')
    const reason = new Error('stop')
    http.call = () => Promise.reject(reason)
    await expect(source.extract(1, { signal: never })).rejects.toBe(reason)
  })
})

describe('limits', () => {
  it('follow the channels and the share of this gateway', () => {
    const calls = (rest: Partial<SourceSettings>) => open('get', rest).source.limitOf('get').calls
    expect(calls({ channels: 4 })).toBe(20)
    expect(calls({})).toBe(5)
    expect(calls({ channels: 4, limit: { share: 0.25 } })).toBe(5)
    expect(calls({ channels: 4, limit: { share: 0.999 } })).toBe(19)
    expect(calls({ limit: { share: 0.01 } })).toBe(1)
  })

  it('are kept by account and group, under a name that tells neither', () => {
    const key = (name: string, token = 'T+0/ken') =>
      open('get', { credentials: { token: new Secret(token) } }).source.limitOf(name).key
    expect(key('get')).toBe(key('held'))
    expect(key('get')).not.toBe(key('post'))
    expect(key('get')).not.toBe(key('get', 'another'))
    expect(key('get')).toMatch(/^[0-9a-f]{32}$/)
  })

  it('say what is sold by channel', () => {
    expect(open('get', { channels: 4 }).source).toMatchObject({
      byChannel: true,
      channels: 4,
      maxPerCall: 10,
      queryOperation: 'held',
    })
    expect(open('post', { channels: 4 }).source).toMatchObject({
      byChannel: false,
      channels: undefined,
      queryOperation: undefined,
    })
  })
})
