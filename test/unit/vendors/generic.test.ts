import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Delivery } from '../../../src/vendors/contract/delivery.ts'
import { type ErrorClass, VendorError } from '../../../src/vendors/contract/error.ts'
import { parseOwn } from '../../../src/vendors/generic/settings.ts'
import { generic } from '../../../src/vendors/generic.ts'
import { ownKeysOf } from '../../../src/vendors/registry.ts'
import { entry, genericFixtures } from '../../fixtures/vendors/generic.ts'
import { describeVendor } from './describe-vendor.ts'
import { failureOf, formsOf, never, plain, printed, type Scripted, scripted } from './scripted-http.ts'

describeVendor(generic, genericFixtures)

const open = (own: object, reply?: Scripted, more: object = {}) =>
  scripted({ vendor: 'generic', product: 'list', own: parseOwn(own), ...more }, reply)

/** What an entry makes of a body, addresses in short. */
async function sold(own: object, body: string) {
  const delivery = await open({ url: 'http://api.example.com/', ...own }, { body }).source.extract(1, { signal: never })
  return delivery.sold.map(plain)
}

const unknown = { kind: 'unknown' } as const
const one = { host: '198.51.100.7', port: 80, protocol: 'http', life: unknown, ref: '198.51.100.7:80' } as const
const two = { ...one, port: 81, ref: '198.51.100.7:81' } as const

/** What one extraction puts on the wire. */
async function sent(own: object, count = 3) {
  const { source, http } = open({ format: 'text', maxPerCall: 500, ...own })
  await failureOf(source.extract(count, { signal: never }))
  const { method, url, headers, body } = http.requests[0] ?? expect.fail('no request')
  return { method, url: url.href, headers, body }
}

describe('the call', () => {
  it('fills the count in wherever it stands', async () => {
    const own = {
      url: 'https://api.example.com/{num}/take?n={num}',
      method: 'POST',
      headers: { 'X-Count': 'n={num}' },
      body: '{"count":{num}}',
    }
    expect(await sent(own, 12)).toEqual({
      method: 'POST',
      url: 'https://api.example.com/12/take?n=12',
      headers: { 'x-count': 'n=12', 'content-type': 'application/json' },
      body: '{"count":12}',
    })
  })

  it.each([
    ['a=1&b=2', {}, 'application/x-www-form-urlencoded'],
    [' [1]', {}, 'application/json'],
    ['<x/>', { 'Content-Type': 'application/xml' }, 'application/xml'],
  ])('says what the body %j is', async (body, headers, type) => {
    const { headers: all } = await sent({ url: 'http://a.example/', method: 'POST', body, headers })
    expect(all).toEqual({ 'content-type': type })
  })

  it('makes a login in the link a Basic one, and takes it out of the link', async () => {
    expect(await sent({ url: 'http://me:p%40ss@a.example/x' })).toMatchObject({
      url: 'http://a.example/x',
      headers: { authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}` },
    })
  })

  it('asks for no more than it may, and in batches where the link says how many', () => {
    const of = (own: object) => {
      const { maxPerCall, batchSize } = open({ format: 'text', ...own }).source
      return [maxPerCall, batchSize]
    }
    expect(of({ url: 'http://a.example/?n={num}' })).toEqual([10, undefined])
    expect(of({ url: 'http://a.example/?n={num}', maxPerCall: 200 })).toEqual([200, undefined])
    expect(of({ url: 'http://a.example/', headers: { n: '{num}' } })).toEqual([10, undefined])
    expect(of({ url: 'http://a.example/?n=20', maxPerCall: 20 })).toEqual([20, 20])
    expect(of({ url: 'http://a.example/' })).toEqual([1, 1])
  })

  it('is limited as the entry says, less the share, and each call by itself', () => {
    const limit = (own: object) => open({ format: 'text', ...own }).source.limitOf('extract')
    const a = limit({ url: 'http://a.example/?key=a', limit: { calls: 10, per: '1m', share: 0.25 } })
    expect(a).toMatchObject({ calls: 2, perMs: 60_000 })
    const b = limit({ url: 'http://a.example/?key=b' })
    expect(b).toMatchObject({ calls: 1, perMs: 1_000 })
    expect(new Set([a.key, b.key, limit({ url: 'http://a.example/?key=b', headers: { k: 'c' } }).key]).size).toBe(3)
    expect(limit({ url: 'http://a.example/?key=b' }).key).toBe(b.key)
    expect(a.key).toMatch(/^[0-9a-f]{32}$/)
  })
})

describe('texts', () => {
  it.each([
    ['lines', {}, '198.51.100.7:80\r\n198.51.100.7:81\r\n'],
    ['a byte order mark', {}, '\ufeff198.51.100.7:80\n198.51.100.7:81'],
    ['bars', { separator: '|' }, '198.51.100.7:80|198.51.100.7:81'],
    ['spaces', { separator: 'space' }, '198.51.100.7:80 198.51.100.7:81'],
    ['tabs', { separator: 'tab' }, '198.51.100.7:80\t198.51.100.7:81'],
    ['breaks of HTML', { separator: '<br>' }, '198.51.100.7:80<br/>198.51.100.7:81<br>'],
    [
      'columns with a host apart',
      { fieldSeparator: 'tab', fields: { host: 2, port: 3 } },
      'x\t198.51.100.7\t80\ny\t198.51.100.7\t81',
    ],
    ['junk between', {}, '# two\n198.51.100.7:80\nhello\n198.51.100.7:81'],
  ])('%s', async (_title, own, body) => expect(await sold({ format: 'text', ...own }, body)).toEqual([one, two]))

  it('columns with a life, a login and a place', async () => {
    const fields = { address: 1, ttl: { field: 2, unit: 'm' }, username: 3, password: 4, city: 5 }
    expect(await sold({ format: 'text', fields, fieldSeparator: ';' }, '198.51.100.7:80;3;u;p;商丘')).toEqual([
      { ...one, life: { kind: 'for', ms: 180_000 }, username: 'u', password: 'p', city: '商丘' },
    ])
  })

  it('an address brings its own login and scheme', async () => {
    expect(await sold({ format: 'text' }, 'socks5://u:p@198.51.100.7:80')).toEqual([
      { ...one, protocol: 'socks5', username: 'u', password: 'p' },
    ])
  })

  const errors = [
    { code: -120, class: 'rate_limited', wait: '1s' },
    { code: 1006, class: 'auth' },
    { contains: '余额', class: 'quota_exhausted' },
    { status: 404, class: 'expired_plan' },
  ]
  it.each<[string, Scripted, ErrorClass, string]>([
    ['ERROR(code): words', { body: 'ERROR(-120): slow down' }, 'rate_limited', '-120'],
    ['an unknown one', { body: 'ERROR(-9) nothing' }, 'server', '-9'],
    ['words alone', { body: '您的余额不足' }, 'quota_exhausted', 'http-200'],
    ['a code in JSON', { body: '{"code":1006,"msg":"no"}' }, 'auth', '1006'],
    ['words in JSON', { body: '{"code":7,"msg":"余额不足"}' }, 'quota_exhausted', '7'],
    ['an unknown code in JSON', { body: '{"code":7,"msg":"?"}' }, 'server', '7'],
    ['a success in JSON', { body: '{"code":200,"msg":"?"}' }, 'server', 'body'],
    ['a status', { status: 404, body: 'x' }, 'expired_plan', 'http-404'],
    ['a web page', { body: '<html>hello</html>' }, 'server', 'body'],
    ['unknown words', { body: 'hello' }, 'server', 'http-200'],
    ['nothing', { body: ' \r\n' }, 'no_resource', 'empty'],
  ])('an error as %s', async (_title, reply, errorClass, vendorCode) => {
    const own = {
      url: 'http://a.example/',
      format: 'text',
      success: { field: 'code', is: 200, message: 'msg' },
      errors,
    }
    expect(await failureOf(open(own, reply).source.extract(1, { signal: never }))).toMatchObject({
      class: errorClass,
      vendorCode,
    })
  })
})

describe('JSON', () => {
  const fields = { host: 'ip', port: 'port' }
  const objects = [
    { ip: '198.51.100.7', port: 80 },
    { ip: '198.51.100.7', port: '81' },
  ]
  it.each([
    ['the reply is the list', { fields }, objects],
    ['a list of lists', { items: 'data.*', fields }, { data: [[objects[0]], [objects[1]]] }],
    [
      'lists under names',
      { items: 'tasks.*.ips', fields },
      { tasks: { a: { ips: [objects[0]] }, b: { ips: [objects[1]] } } },
    ],
    ['texts', { items: 'l' }, { l: ['198.51.100.7:80', '198.51.100.7:81'] }],
    ['texts with columns', { items: 'l', fields: { address: 2 } }, { l: ['a,198.51.100.7:80', 'b,198.51.100.7:81'] }],
    [
      'lists side by side',
      { items: 'ips', fields: { host: '$', port: '$reply.ports.*' } },
      { ips: ['198.51.100.7', '198.51.100.7'], ports: [80, '81'] },
    ],
    ['one long text', { items: 'l' }, { l: '198.51.100.7:80\r\n198.51.100.7:81' }],
    [
      'rows',
      { items: 'l', fields: { host: 1, port: 2 } },
      {
        l: [
          ['198.51.100.7', 80],
          ['198.51.100.7', 81],
        ],
      },
    ],
  ])('%s', async (_title, own, body) =>
    expect(await sold({ format: 'json', ...own }, JSON.stringify(body))).toEqual([one, two]),
  )

  it('slips of vendors pass', async () => {
    expect(await sold({ format: 'json', items: 'l' }, '{"l":["198.51.100.7:80",],}')).toEqual([one])
  })
})

describe('JSON: what went wrong', () => {
  const fields = { host: 'ip', port: 'port' }

  it('a success is what the list says, where nothing else does', async () => {
    const own = {
      url: 'http://a.example/',
      format: 'json',
      items: 'data',
      errors: [{ contains: 'frozen', class: 'auth' }],
    }
    const failure = (body: string) => failureOf(open(own, { body }).source.extract(1, { signal: never }))
    expect(await failure('{"message":"account frozen"}')).toMatchObject({ class: 'auth', vendorCode: 'http-200' })
    expect(await failure('{"message":"hello"}')).toMatchObject({ class: 'server', vendorCode: 'body' })
    expect(await failure('{"data":[]}')).toMatchObject({ class: 'no_resource' })
    expect(await failure('{"data":[],"message":"frozen"}')).toMatchObject({ class: 'auth' })
  })

  it('a code may stand elsewhere than the outcome', async () => {
    const success = { field: 'ok', is: true, code: 'error.code', message: 'error.text' }
    const own = {
      url: 'http://a.example/',
      format: 'json',
      items: 'l',
      success,
      errors: [{ code: 'E7', class: 'whitelist' }],
    }
    const failed = open(own, { body: '{"ok":false,"error":{"code":"E7","text":"who are you"}}' })
    expect(await failureOf(failed.source.extract(1, { signal: never }))).toMatchObject({
      class: 'whitelist',
      vendorCode: 'E7',
      message: 'who are you',
    })
    expect(await sold(own, '{"ok":true,"l":["198.51.100.7:80"]}')).toEqual([one])
  })

  it('says what is wrong with fields when no item fits', async () => {
    const failure = (own: object, body: unknown) =>
      failureOf(
        open({ url: 'http://a.example/', format: 'json', ...own }, { body: JSON.stringify(body) }).source.extract(1, {
          signal: never,
        }),
      )
    expect((await failure({}, [{ ip: '198.51.100.7', port: 80 }])).message).toMatch(/fields must name its members/)
    expect((await failure({ fields }, ['198.51.100.7:80'])).message).toMatch(/fields must number its columns/)
    expect((await failure({ fields }, [{ IP: 'x' }])).message).toMatch(/no address where fields says/)
  })
})

describe('XML', () => {
  const xml = (inner: string) => `<?xml version="1.0"?><result><code>0</code><msg>fine</msg>${inner}</result>`
  const success = { field: 'result.code', is: 0, message: 'result.msg' }
  const CUT = xml('<list><p>198.51.100.7:80</p><p>198.51.100.7:8081</p></list>').replace(/81<.*$/, '')
  it.each([
    ['texts', {}, '<list><p>198.51.100.7:80</p><p>198.51.100.7:81</p></list>'],
    [
      'elements',
      { fields: { host: 'ip', port: 'port' } },
      '<list><p><ip>198.51.100.7</ip><port>80</port></p><p><ip>198.51.100.7</ip><port>81</port></p></list>',
    ],
    [
      'attributes',
      { fields: { host: '#text', port: '@port' } },
      '<list><p port="80">198.51.100.7</p><p port="81">198.51.100.7</p></list>',
    ],
  ])('of %s', async (_title, own, inner) =>
    expect(await sold({ format: 'xml', items: 'result.list.p', success, ...own }, xml(inner))).toEqual([one, two]),
  )

  it('one element is a list of one, an empty one is empty', async () => {
    const own = { format: 'xml', items: 'result.list.p', success }
    expect(await sold(own, xml('<list><p>198.51.100.7:80</p></list>'))).toEqual([one])
    const { source } = open({ url: 'http://a.example/', ...own, items: 'result.list' }, { body: xml('<list></list>') })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({ class: 'no_resource' })
  })

  it.each([
    ['an error', '<result><code>7</code><msg>a &amp; b</msg></result>', 'server', '7', 'a & b'],
    ['cut short within an address', CUT, 'server', 'body', 'broken XML'],
    ['no XML', '{"code":0}', 'server', 'body', 'no XML'],
    ['entities of its own', '<!DOCTYPE x [<!ENTITY a "aaaa">]><result><code>&a;</code></result>', 'server', '', ''],
  ])('%s', async (_title, body, errorClass, code, words) => {
    const own = { url: 'http://a.example/', format: 'xml', items: 'result.list', success }
    const error = await failureOf(open(own, { body }).source.extract(1, { signal: never }))
    expect(error).toMatchObject({ class: errorClass, vendorCode: expect.stringContaining(code) })
    expect(error.message).toContain(words)
    expect(error.vendorCode).not.toContain('aaaa')
  })
})

describe('secrets of the call', () => {
  const QUERY = 'INVENTED+query/1=='
  const own = {
    url: `https://someone:${encodeURIComponent('INVENTED@url/2')}@api.example.com/INVENTED-path-3/take?key=${encodeURIComponent(QUERY)}&raw=INVENTED+raw/4&n={num}`,
    method: 'POST',
    headers: { Authorization: 'Bearer INVENTED.token/5', Cookie: 'sid=INVENTED-sid-6; x=y' },
    body: '{"account":{"secret":"INVENTED\\"body/7"},"n":{num}}',
    format: 'json',
    success: { field: 'code', is: 0, message: 'msg' },
  }
  const secrets = [
    QUERY,
    'INVENTED@url/2',
    'INVENTED-path-3',
    'INVENTED+raw/4',
    'INVENTED.token/5',
    'INVENTED-sid-6',
    'INVENTED"body/7',
  ]

  it.each(secrets)('%s is masked in any form', async (secret) => {
    for (const form of formsOf(secret)) {
      for (const body of [
        JSON.stringify({ code: 7, msg: `the key ${form} is unknown` }),
        JSON.stringify({ code: form, msg: 'x' }),
        form,
        JSON.stringify([form]),
      ]) {
        const text = printed(await failureOf(open(own, { body }).source.extract(1, { signal: never })))
        expect(text).not.toContain(form)
      }
    }
  })

  it('the form alike, word by word', async () => {
    const form = { ...own, body: 'user=somebody&secret=INVENTED%2Fform%2F8' }
    for (const word of ['somebody', 'INVENTED/form/8', 'INVENTED%2Fform%2F8']) {
      const body = JSON.stringify({ code: 7, msg: `no ${word}` })
      expect((await failureOf(open(form, { body }).source.extract(1, { signal: never }))).message).toBe('no [redacted]')
    }
  })

  it('nothing of an entry shows when it is printed', () => {
    const text = printed(parseOwn(own))
    for (const secret of secrets.flatMap(formsOf)) expect(text).not.toContain(secret)
  })
})

describe('bodies from strangers, in every format', () => {
  const kinds = [
    { format: 'text', separator: '<br>', fields: { address: 1, ttl: { field: 2 } } },
    {
      format: 'text',
      separator: '|',
      fieldSeparator: ' ',
      fields: { host: 1, port: 2, deadline: { field: 3, zone: 'UTC' } },
    },
    { format: 'xml', items: 'r.*', fields: { host: 'a', port: '@b' } },
    { format: 'xml', success: { field: 'r.code', is: 1 } },
    { format: 'json', items: '*.*' },
    { format: 'json', items: 'a[0]', fields: { host: 'b', port: 'c', deadline: { field: 'd', zone: '+08:00' } } },
  ]
  const sample = [
    '198.51.100.7:80,60<br>198.51.100.8:80,x|1.2.3.4 5 2026-01-01 00:00',
    '<r><x b="80"><a>198.51.100.7</a></x><y/><code>1</code></r>',
    '{"a":[{"b":"198.51.100.7","c":80,"d":1677310716}]}',
  ]
  const dented = fc
    .tuple(fc.constantFrom(...sample), fc.nat(60), fc.string())
    .map(([body, at, text]) => `${body.slice(0, at)}${text}${body.slice(at + text.length)}`)
  const body = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), dented, fc.constantFrom(...sample))

  it('end in addresses or a VendorError', { timeout: 30_000 }, async () => {
    let deliveries = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...kinds),
        body,
        fc.constantFrom(200, 400, 403, 500),
        async (own, text, status) => {
          const { source } = open({ url: 'http://a.example/', ...own }, { status, body: text })
          const outcome = await source.extract(1, { signal: never }).catch((error: unknown) => error)
          if (outcome instanceof VendorError) {
            expect(outcome.class).not.toBe('bad_request')
            return
          }
          deliveries++
          expect((outcome as Delivery).sold.length).toBeGreaterThan(0)
          expect(status).toBeLessThanOrEqual(400)
        },
      ),
      { numRuns: 1_000 },
    )
    expect(deliveries).toBeGreaterThan(10)
  })
})

describe('docs/vendors/generic.md', () => {
  const page = readFileSync(new URL('../../../docs/vendors/generic.md', import.meta.url), 'utf8')
  const code = Array.from(page.matchAll(/`([^`\n]+)`/g), ([, span]) => span).join('\n')

  it.each(namesIn(z.toJSONSchema(z.object(ownKeysOf('generic', 'list')), { io: 'input' })))('explains %s', (name) => {
    expect(code).toMatch(new RegExp(`\\b${name}\\b`))
  })
})

/** The names of all members, at every depth. */
function namesIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { properties = {} } = schema as { properties?: object }
  return [...new Set([...Object.keys(properties), ...Object.values(schema).flatMap(namesIn)])]
}

it('the fixtures’ entry is one that a file may hold', () => expect(() => parseOwn(entry)).not.toThrow())
