/** Lists of what an account rents already, after the public documents of vendors that sell static proxies. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseOwn } from '../../../../src/vendors/generic/settings.ts'
import { ownKeysOf } from '../../../../src/vendors/registry.ts'
import { failureOf, never, plain, type Scripted, scripted } from '../scripted-http.ts'

const json = (value: unknown): Scripted => ({ body: JSON.stringify(value) })

function open(entry: object, ...script: readonly Scripted[]) {
  const opened = scripted({ vendor: 'generic', product: 'list', own: parseOwn({ format: 'json', ...entry }) })
  opened.http.script = script
  const asked = () => opened.http.requests.map(({ url }) => `${url.pathname}${url.search}`)
  return { ...opened, asked }
}

describe('page after page, with a token in a header', () => {
  const entry = {
    url: 'https://proxy.vendor.example/api/v2/proxy/list/?mode=direct&page={page}&page_size={num}',
    maxPerCall: 2,
    owned: true,
    headers: { Authorization: 'Token {token}' },
    credentials: { token: 'INVENTED-TOKEN' },
    items: 'results',
    only: { field: 'valid', is: true },
    fields: { host: 'proxy_address', port: 'port', username: 'username', password: 'password', ref: 'id' },
    errors: [{ status: 404, class: 'no_resource' }],
  }
  const one = (last: number, valid = true) => ({
    ...{ id: `d-${last}`, username: 'u', password: 'p', proxy_address: `198.51.100.${last}`, port: 8168 },
    valid,
  })
  const page = (...results: object[]) => json({ count: 9, next: null, previous: null, results })

  it('all of it is used, what is not valid is left out, and a short page is the last', async () => {
    const { source, asked } = open(entry, page(one(1), one(2, false)), page(one(3, false), one(4, false)), page(one(5)))
    expect(source.isList).toBe(true)
    const { sold, rejected } = await source.extract(1, { signal: never })
    expect(sold.map(({ host, life }) => [host, life.kind])).toEqual([
      ['198.51.100.1', 'endless'],
      ['198.51.100.5', 'endless'],
    ])
    expect(rejected).toEqual([])
    expect(asked()).toEqual([1, 2, 3].map((n) => `/api/v2/proxy/list/?mode=direct&page=${n}&page_size=2`))
  })

  it('a page that is not there ends the list; one that fails fails it all', async () => {
    const full = page(one(1), one(2))
    const ended = open(entry, full, { status: 404, body: '{"detail":"Invalid page."}' })
    expect((await ended.source.extract(1, { signal: never })).sold).toHaveLength(2)
    const failed = open(entry, full, { status: 502, body: '' })
    expect(await failureOf(failed.source.extract(1, { signal: never }))).toMatchObject({
      class: 'server',
      vendorCode: 'http',
    })
  })

  it('a vendor that knows no pages is asked no third time', async () => {
    const { source, http } = open(entry, page(one(1), one(2)), page(one(1), one(2)))
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(2)
    expect(http.requests).toHaveLength(2)
  })

  it('buys nothing', () => {
    const { source } = open(entry)
    expect(source.operations['extract']?.effect).toBe('reads')
    expect(source.batchSize).toBeUndefined()
  })
})

it('one reply, the key in the path, an end with its day first', async () => {
  const entry = {
    url: 'https://vendor.example/personal/api/v1/{key}/proxy/list/ipv4',
    owned: true,
    credentials: { key: 'INVENTED' },
    success: { field: 'status', is: 'success', message: 'errors[0].message', code: 'errors[0].code' },
    items: 'data.items',
    only: { field: 'status_type', is: ['ACTIVE'] },
    fields: {
      ...{ host: 'ip', port: 'port_http', username: 'login', password: 'password', country: 'country' },
      deadline: { field: 'date_end', zone: 'UTC' },
    },
    errors: [{ code: 503, class: 'auth' }],
  }
  const item = { id: '1', ip: '198.51.100.9', port_http: 50100, login: 'me', password: 'pw', country: 'Germany' }
  const items = [
    { ...item, date_end: '14.11.2027', status_type: 'ACTIVE' },
    { ...item, ip: '198.51.100.10', date_end: '14.11.2027', status_type: 'EXPIRED' },
  ]
  const { source, clock } = open(entry, json({ status: 'success', data: { items }, errors: [] }))
  const { sold } = await source.extract(1, { signal: never })
  expect(sold).toMatchObject([
    {
      host: '198.51.100.9',
      port: 50100,
      life: { kind: 'for', ms: Date.UTC(2027, 10, 14) - clock.wall(), isTerm: true },
    },
  ])
  const refused = open(entry, json({ status: 'error', data: null, errors: [{ message: 'Wrong key', code: 503 }] }))
  expect(await failureOf(refused.source.extract(1, { signal: never }))).toMatchObject({
    class: 'auth',
    vendorCode: '503',
  })
})

it('an offset instead of a page', async () => {
  const url = 'https://vendor.example/ips?offset={offset}&limit={num}'
  const entry = { url, maxPerCall: 2, owned: true, items: 'ips' }
  const { source, asked } = open(
    { ...entry, fields: { address: 'a' } },
    ...[['198.51.100.1:1', '198.51.100.2:1'], ['198.51.100.3:1']].map((ips) => json({ ips: ips.map((a) => ({ a })) })),
  )
  expect((await source.extract(1, { signal: never })).sold).toHaveLength(3)
  expect(asked()).toEqual(['/ips?offset=0&limit=2', '/ips?offset=2&limit=2'])
})

it('an offset counts what came, where the vendor gives less than was asked for', async () => {
  const url = 'https://vendor.example/ips?offset={offset}&limit={num}'
  const pages = [['198.51.100.1:1', '198.51.100.2:1'], ['198.51.100.3:1']].map((list) => json(list))
  const { source, asked } = open({ url, maxPerCall: 100, owned: true, fields: { address: '$' } }, ...pages)
  expect((await source.extract(1, { signal: never })).sold).toHaveLength(3)
  expect(asked()).toEqual(['/ips?offset=0&limit=100', '/ips?offset=2&limit=100'])
})

it('a vendor that repeats its last page is asked no further', async () => {
  const page = (...ports: number[]) => json(ports.map((port) => `198.51.100.1:${port}`))
  const entry = { url: 'https://vendor.example/ips?page={page}', maxPerCall: 2, owned: true, fields: { address: '$' } }
  const { source, http } = open(entry, page(1, 2), page(3, 4), page(3, 4))
  expect((await source.extract(1, { signal: never })).sold).toHaveLength(4)
  expect(http.requests).toHaveLength(3)
})

it('pages that are counted from 0', async () => {
  const entry = { url: 'https://vendor.example/ips?page={page}', maxPerCall: 2, owned: true, pages: { first: 0 } }
  const pages = [['198.51.100.1:1', '198.51.100.2:1'], ['198.51.100.3:1']].map((list) => json(list))
  const { source, asked } = open({ ...entry, fields: { address: '$' } }, ...pages)
  expect((await source.extract(1, { signal: never })).sold).toHaveLength(3)
  expect(asked()).toEqual(['/ips?page=0', '/ips?page=1'])
})

describe('pages with names', () => {
  const entry = {
    url: 'https://vendor.example/ips',
    query: { after: '{cursor}' },
    owned: true,
    pages: { next: 'meta.next' },
    items: 'ips',
    fields: { address: '$' },
  }
  const page = (last: number, next: unknown) => json({ ips: [`198.51.100.${last}:1`], meta: { next } })

  it.each([null, ''])('are read until one names no other (%j)', async (end) => {
    const { source, asked } = open(entry, page(1, 'a&b'), json({ ips: [], meta: { next: 7 } }), page(3, end))
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(2)
    expect(asked()).toEqual(['/ips', '/ips?after=a%26b', '/ips?after=7'])
  })

  it('begin with the first one in a call by hand', async () => {
    const { source, asked } = open(entry, page(1, 'a'), page(2, null))
    await source.call('extract', {}, { signal: never })
    await source.call('extract', { cursor: 'a' }, { signal: never })
    expect(asked()).toEqual(['/ips', '/ips?after=a'])
    const numbered = open({
      url: 'https://vendor.example/ips?page={page}&from={offset}',
      owned: true,
      pages: { first: 0 },
    })
    await numbered.source.call('extract', {}, { signal: never }).catch(() => undefined)
    expect(numbered.asked()).toEqual(['/ips?page=0&from=0'])
  })

  it('end with one of which the vendor says that it has nothing', async () => {
    const errors = {
      success: { field: 'code', is: null, code: 'code' },
      errors: [{ code: 'END', class: 'no_resource' }],
    }
    const { source } = open({ ...entry, ...errors }, page(1, 'a'), json({ code: 'END' }))
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(1)
  })

  it('that name each other in a circle are read once', async () => {
    const { source, asked } = open(entry, page(1, 'a'), page(2, 'b'), page(3, 'a'))
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(3)
    expect(asked()).toHaveLength(3)
  })
})

it('a page of groups ends the list by its number of groups', async () => {
  const order = (...hosts: number[]) => ({ port: 80, proxies: hosts.map((host) => ({ ip: `198.51.100.${host}` })) })
  const entry = {
    url: 'https://vendor.example/orders?page={page}&per_page={num}',
    maxPerCall: 2,
    owned: true,
    items: 'data.*.proxies',
    fields: { host: 'ip', port: '$reply.data.*.port' },
  }
  const pages = [[order(1, 2, 3), order(4)], [order(5), order(6)], [order(7)]].map((data) => json({ data }))
  const { source, asked } = open(entry, ...pages)
  expect((await source.extract(1, { signal: never })).sold).toHaveLength(7)
  expect(asked()).toHaveLength(3)
})

it('webshare’s example: pages with a token, and its own words for what is wrong', async () => {
  const text = readFileSync(new URL('../../../../config/examples/generic-webshare.yaml', import.meta.url), 'utf8')
  const { providers } = parse(text.replace('${WEBSHARE_KEY}', 'INVENTED-KEY')) as {
    providers: Record<string, unknown>[]
  }
  const keys = Object.keys(ownKeysOf('generic', 'list'))
  const entry = Object.fromEntries(Object.entries(providers[0] ?? {}).filter(([key]) => keys.includes(key)))
  const proxy = { id: 'd-10', username: 'me', password: 'pw', proxy_address: '198.51.100.7', port: 8168, valid: true }
  const reply = json({
    count: 1,
    next: null,
    previous: null,
    results: [{ ...proxy, country_code: 'US', city_name: 'Boston' }],
  })
  const { source, http, asked } = open(entry, reply, { status: 404, body: '{"detail":"Invalid page."}' })
  expect((await source.extract(1, { signal: never })).sold.map(plain)).toMatchObject([
    { host: '198.51.100.7', port: 8_168, username: 'me', password: 'pw', country: 'US', city: 'Boston', ref: 'd-10' },
  ])
  expect(asked()).toEqual([1, 2].map((page) => `/api/v2/proxy/list/?mode=direct&page=${page}&page_size=100`))
  expect(http.requests[0]?.headers).toMatchObject({ authorization: 'Token INVENTED-KEY' })
  http.script = [{ status: 403, body: '{"detail":"The plan is over."}' }]
  expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
    class: 'auth',
    message: 'The plan is over.',
  })
  http.script = [{ status: 402, body: '{"detail":"Pay first."}' }]
  expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
    class: 'server',
    message: 'Pay first.',
  })
})
