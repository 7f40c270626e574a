/** Calls besides the extraction, tokens, lives and lists of unusual shape, against a vendor that answers what it is told to. */
import { describe, expect, it } from 'vitest'
import { VendorError } from '../../../../src/vendors/contract/error.ts'
import { parseOwn } from '../../../../src/vendors/generic/settings.ts'
import { failureOf, plain, printed, type Scripted, scripted } from '../scripted-http.ts'

const never = new AbortController().signal
const ADDRESS: Scripted = { body: '198.51.100.7:80' }

function open(entry: object, ...script: readonly Scripted[]) {
  const own = parseOwn({ url: 'http://api.vendor.example/take', format: 'text', ...entry })
  const opened = scripted({ vendor: 'generic', product: 'list', own }, ADDRESS)
  opened.http.script = script
  const bearer = () => opened.http.requests.map(({ url, headers }) => [url.pathname, headers?.['authorization']])
  return { ...opened, bearer }
}

/** After the first extraction a login is used until this time, and made anew after it. @param reply of the next login */
async function expectRenewal({ source, http, clock }: ReturnType<typeof open>, afterMs: number, reply: Scripted) {
  clock.advance(afterMs - 1)
  await source.extract(1, { signal: never })
  expect(http.requests).toHaveLength(3)
  clock.advance(1)
  http.script = [reply]
  await source.extract(1, { signal: never })
  expect(http.requests).toHaveLength(5)
}

const json = (value: unknown): Scripted => ({ body: JSON.stringify(value) })

const cookie = (...lines: string[]) => ({ body: 'ok', headers: { 'set-cookie': lines } })

describe('login', () => {
  const login = { url: 'http://api.vendor.example/login', format: 'json', token: 'token' }
  const entry = {
    login,
    headers: { Authorization: 'Bearer {token}' },
    errors: [{ status: 401, class: 'auth', login: true }],
  }

  it.each<[string, object, Scripted, number]>([
    ['a fixed life, less its tenth', { life: '10m' }, json({ token: 'T' }), 540_000],
    ['seconds in the reply', { ttl: { field: 'left' } }, json({ token: 'T', left: 100 }), 90_000],
    ['at most five minutes before the end', { life: '10h' }, json({ token: 'T' }), 36_000_000 - 300_000],
    ['as long before as the entry says', { life: '10m', renewBefore: '7m' }, json({ token: 'T' }), 180_000],
    ['a text that is the token', { life: '10m', format: 'text', token: undefined }, { body: ' T\r\n' }, 540_000],
  ])('is renewed: %s', async (_title, more, reply, renewedAfterMs) => {
    const opened = open({ ...entry, login: { ...login, ...more } }, reply)
    const { source, bearer } = opened
    await source.extract(1, { signal: never })
    expect(bearer()).toEqual([
      ['/login', undefined],
      ['/take', 'Bearer T'],
    ])
    await expectRenewal(opened, renewedAfterMs, reply)
  })

  it('until a time of the vendor’s clock', async () => {
    const { source, http, clock } = open(
      { ...entry, login: { ...login, deadline: { field: 'end', zone: 'UTC' } } },
      { ...json({ token: 'T', end: 1_800_000_100 }), vendorWallMs: 1_800_000_000_000 },
    )
    await source.extract(1, { signal: never })
    clock.advance(89_000)
    await source.extract(1, { signal: never })
    expect(http.requests).toHaveLength(3)
    clock.advance(2_000)
    http.script = [json({ token: 'U', end: 1_900_000_000 })]
    await source.extract(1, { signal: never })
    expect(http.requests).toHaveLength(5)
  })

  it('without a life it is good until an error says otherwise; then the call is made once more, and only once', async () => {
    const { source, http, clock, bearer } = open(entry, json({ token: 'T' }))
    await source.extract(1, { signal: never })
    clock.advance(86_400_000)
    http.script = [{ status: 401, body: 'no' }, json({ token: 'U' })]
    await source.extract(1, { signal: never })
    expect(bearer().slice(2)).toEqual([
      ['/take', 'Bearer T'],
      ['/login', undefined],
      ['/take', 'Bearer U'],
    ])
    http.script = [{ status: 401, body: 'no' }, json({ token: 'V' }), { status: 401, body: 'no' }]
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({ class: 'auth', operation: 'extract' })
    expect(http.requests).toHaveLength(8)
  })

  it('a renewal that fails leaves the token in use until its end', async () => {
    const { source, http, clock, bearer } = open({ ...entry, login: { ...login, life: '10m' } }, json({ token: 'T' }))
    await source.extract(1, { signal: never })
    clock.advance(545_000)
    http.script = [{ status: 500, body: 'down' }]
    await source.extract(1, { signal: never })
    expect(bearer().at(-1)).toEqual(['/take', 'Bearer T'])
    clock.advance(60_000)
    http.script = [{ status: 500, body: 'down' }]
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'server',
      operation: 'login',
      sale: 'refused',
    })
  })

  it.each([
    ['none', {}],
    ['one with a line break', { token: 'a\nb' }],
    ['an object', { token: {} }],
  ])('a reply whose token is %s is no login', async (_title, reply) => {
    const error = await failureOf(open(entry, json(reply)).source.extract(1, { signal: never }))
    expect(error).toMatchObject({ class: 'server', vendorCode: 'body', operation: 'login' })
  })

  const day = 'Wed, 21-Oct-2026 07:28:00 GMT'
  const vendorWallMs = Date.UTC(2026, 9, 21, 7, 26, 20)
  it.each<[string, object, Scripted, number]>([
    [
      'a header field, in any letter case, with its seconds in another',
      { token: '$header.X-Auth-Token', ttl: { field: '$header.x-expires-in' } },
      { body: '', headers: { 'x-auth-token': 'T', 'x-expires-in': '100' } },
      90_000,
    ],
    [
      'a cookie, with its Max-Age',
      { token: '$cookie.sid' },
      cookie('a=b', 'sid=T; Path=/; Max-Age=100; HttpOnly'),
      90_000,
    ],
    ['a cookie, with its day', { token: '$cookie.sid' }, { ...cookie(`sid=T; expires=${day}`), vendorWallMs }, 90_000],
    ['a cookie of one browser session', { token: '$cookie.sid', life: '10m' }, cookie('sid=T'), 540_000],
  ])('brings a token in %s', async (_title, more, reply, renewedAfterMs) => {
    const headers = { Cookie: 'lang=en; sid={token}' }
    const opened = open({ ...entry, headers, login: { url: login.url, format: 'text', ...more } }, reply)
    const { source, http } = opened
    await source.extract(1, { signal: never })
    expect(http.requests.at(-1)?.headers).toMatchObject({ cookie: 'lang=en; sid=T' })
    await expectRenewal(opened, renewedAfterMs, reply)
  })

  it('a reply without that header or cookie is no login', async () => {
    for (const token of ['$header.x-token', '$cookie.sid', '$cookie.toString']) {
      const { source } = open(
        { ...entry, login: { url: login.url, format: 'json', token } },
        { ...cookie('sid='), ...json({}) },
      )
      expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
        operation: 'login',
        class: 'server',
      })
    }
  })

  it.each<[string, object, Scripted]>([
    ['a cookie', { format: 'text', token: '$cookie.sid' }, cookie('sid=SECRET-1')],
    ['a text', { format: 'text' }, { body: 'SECRET-1' }],
    ['a member of any name', { format: 'json', token: 'data.t' }, json({ data: { t: 'SECRET-1', left: 60 } })],
  ])('a token that an operator fetches by hand is not shown: %s', async (_title, more, reply) => {
    const { source } = open({ login: { url: login.url, ...more } }, reply)
    const data = await source.call('login', {}, { signal: never })
    expect(printed(source.byHand?.show('login', {}, data))).not.toContain('SECRET-1')
  })

  it('the token is masked where the vendor repeats it', async () => {
    const { source } = open(entry, json({ token: 'SECRET-token-1' }), {
      status: 400,
      body: 'ERROR(7): bad SECRET-token-1',
    })
    expect(printed(await failureOf(source.extract(1, { signal: never })))).not.toContain('SECRET-token-1')
  })
})

describe('operations', () => {
  const url = 'http://api.vendor.example/other'

  it('release names the address by ref, or by its parts', async () => {
    const release = { url, query: { ref: '{ref}', host: '{host}', port: '{port}' } }
    const { source, http } = open({ operations: { release } }, { body: 'ok' })
    await source.release?.('198.51.100.7:80', { signal: never })
    expect(Object.fromEntries(http.requests[0]?.url.searchParams ?? [])).toEqual({
      ref: '198.51.100.7:80',
      host: '198.51.100.7',
      port: '80',
    })
  })

  it('ref is what the reply tells', async () => {
    const fields = { address: 1, ref: 2 }
    const { source } = open({ fields, operations: { release: { url } } }, { body: '198.51.100.7:80,task-9' })
    expect((await source.extract(1, { signal: never })).sold[0]?.ref).toBe('task-9')
  })

  it('without an operation there is no such call', () => {
    const { source } = open({})
    expect([source.release, source.whitelist, source.queryOperation]).toEqual([undefined, undefined, undefined])
  })

  it('whitelistEcho tells our address', async () => {
    const operations = { whitelistAdd: { url }, whitelistEcho: { url, format: 'json', value: 'ip' } }
    const { source } = open({ operations }, json({ ip: '8.8.8.8' }))
    expect(await source.whitelist?.echo?.(never)).toBe('8.8.8.8')
  })

  describe('a whitelist that is read first', () => {
    const list = { url: 'http://api.vendor.example/list', format: 'json', items: 'data.ips' }
    const ok = { body: 'ok' }
    const held = (...ips: unknown[]) => json({ data: { ips } })
    const whitelist = (operations: object, ...script: Scripted[]) => {
      const { source, http } = open({ operations }, ...script)
      const asked = () =>
        http.requests.map(({ url: { pathname, search }, body }) => `${pathname}${search}${body ?? ''}`)
      return { ...(source.whitelist ?? expect.fail('no whitelist')), asked }
    }

    it('is replaced as a whole: nothing else on it is lost', async () => {
      const whitelistAdd = { url, method: 'POST', form: { iplist: '{ips}' } }
      const { add, remove, asked } = whitelist(
        { whitelistAdd, whitelistList: list },
        ...[held('8.8.4.4', '9.9.9.0/24'), ok, held('8.8.4.4', '9.9.9.0/24', '8.8.8.8'), ok],
      )
      await add('8.8.8.8', never)
      await remove?.('8.8.4.4', never)
      expect(asked()).toEqual([
        '/list',
        '/otheriplist=8.8.4.4%2C9.9.9.0%2F24%2C8.8.8.8',
        '/list',
        '/otheriplist=9.9.9.0%2F24%2C8.8.8.8',
      ])
    })

    it('as a list in JSON', async () => {
      const whitelistAdd = { url, method: 'PUT', json: { list: '{ips}' } }
      const { add, asked } = whitelist({ whitelistAdd, whitelistList: list }, held(), ok)
      await add('8.8.8.8', never)
      expect(asked()).toEqual(['/list', '/other{"list":["8.8.8.8"]}'])
    })

    it('an address that is on it is not added again, one that is not is not removed', async () => {
      const one = { url, query: { ip: '{ip}' } }
      const operations = { whitelistAdd: one, whitelistRemove: one, whitelistList: list }
      const { add, remove, asked } = whitelist(operations, held('8.8.8.8'), held('8.8.8.8'))
      await add('8.8.8.8', never)
      await remove?.('8.8.4.4', never)
      expect(asked()).toEqual(['/list', '/list'])
    })

    it('removes by the name that the list has for the address', async () => {
      const whitelistList = { ...list, items: 'results', fields: { ip: 'ip_address', id: 'id' } }
      const whitelistRemove = { method: 'DELETE', url: 'http://api.vendor.example/{id}/' }
      const { remove, asked } = whitelist(
        { whitelistAdd: { url, query: { ip: '{ip}' } }, whitelistRemove, whitelistList },
        ...[
          json({
            results: [
              { id: 1, ip_address: '8.8.8.8' },
              { id: 2, ip_address: '8.8.4.4' },
            ],
          }),
          { status: 204, body: '' },
        ],
        json({ results: [{ ip_address: '8.8.4.4' }] }),
      )
      await remove?.('8.8.4.4', never)
      expect(asked()).toEqual(['/list', '/2/'])
      await expect(remove?.('8.8.4.4', never)).rejects.toMatchObject({ message: expect.stringContaining('no name') })
    })

    it.each<[string, Scripted]>([
      ['an entry that is no address', held('8.8.4.4', { ip: '9.9.9.9' })],
      ['words', held('8.8.4.4', 'disabled')],
      ['no list', json({ data: {} })],
      ['an empty reply', { body: '' }],
    ])('that was not read is not replaced: %s', async (_title, reply) => {
      const { add, asked } = whitelist({ whitelistAdd: { url, query: { w: '{ips}' } }, whitelistList: list }, reply)
      await expect(add('8.8.8.8', never)).rejects.toBeInstanceOf(VendorError)
      expect(asked()).toEqual(['/list'])
    })

    it('a text with commas, an empty one included', async () => {
      const whitelistList = { url: list.url, separator: ',' }
      const operations = { whitelistAdd: { url, query: { w: '{ips}' } }, whitelistList }
      const { add, asked } = whitelist(
        operations,
        ...['8.8.4.4, 9.9.9.9\n', 'ok', '', 'ok', 'go away'].map((body) => ({ body })),
      )
      await add('8.8.8.8', never)
      await add('8.8.8.8', never)
      await expect(add('8.8.8.8', never)).rejects.toBeInstanceOf(VendorError)
      expect(asked()).toEqual(['/list', '/other?w=8.8.4.4%2C9.9.9.9%2C8.8.8.8', '/list', '/other?w=8.8.8.8', '/list'])
    })
  })

  it.each([
    ['one address', false, '?n=1'],
    ['a page of an owned list', true, '?n=50'],
  ])('a call by hand without a number asks for %s', async (_title, owned, search) => {
    const url = 'http://api.vendor.example/take?n={num}'
    const { source, http } = open({ url, owned, maxPerCall: 50 }, ADDRESS)
    await source.call?.('extract', {}, { signal: never })
    expect(http.requests.map(({ url: { search: sent } }) => sent)).toEqual([search])
  })

  it('query reads as the extraction does, but for what it says itself', async () => {
    const query = { url, format: 'json', items: 'held', fields: { address: 'a' } }
    const { source } = open({ operations: { query } }, json({ held: [{ a: '198.51.100.9:81' }] }))
    expect((await source.query({ signal: never })).sold.map(({ host, port }) => [host, port])).toEqual([
      ['198.51.100.9', 81],
    ])
  })

  it.each<[object, object]>([
    [
      { code: 117, msg: 'add the requested IP [8.8.8.8]' },
      { class: 'whitelist', vendorCode: '117', message: 'add the requested IP [8.8.8.8]' },
    ],
    [
      { success: false, message: 'come back later' },
      { class: 'rate_limited', message: 'come back later' },
    ],
    [
      { code: 999, msg: 'sorry' },
      { class: 'server', vendorCode: '999', message: 'sorry' },
    ],
    [{ error: 'sorry' }, { class: 'server', message: 'sorry' }],
    [{ code: 0, msg: 'ok', data: ['198.51.100.7:80'] }, { vendorCode: 'body' }],
  ])('an error in JSON where a text is expected, without a word about its members: %j', async (reply, expected) => {
    const errors = [
      { code: 117, class: 'whitelist' },
      { contains: 'later', class: 'rate_limited' },
    ]
    const { source } = open({ errors }, json(reply))
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject(expected)
  })

  it('where the configuration names the place of the message, the rest of such a reply is no message', async () => {
    const errors = [{ contains: 'later', class: 'rate_limited' }]
    const { source } = open({ errors, success: { code: 'c', message: 'm' } }, json({ c: 5, m: 'no', tip: 'later' }))
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({ class: 'server', vendorCode: '5' })
  })

  it('a text without its word of success is an error, by the table where that knows it', async () => {
    const whitelistAdd = { url, success: { contains: ['success', 'IpRep'] } }
    const errors = [{ contains: 'too many', class: 'rate_limited' }]
    const add = (body: string) =>
      open({ operations: { whitelistAdd }, errors }, { body }).source.whitelist?.add('8.8.8.8', never)
    await expect(add('Err:IpRep')).resolves.toBeUndefined()
    await expect(add('too many addresses')).rejects.toMatchObject({ class: 'rate_limited' })
    await expect(add('what?')).rejects.toBeInstanceOf(VendorError)
  })

  it('success is told as at the top, also where a call repeats the format', async () => {
    const success = { field: 'code', is: 0, message: 'msg' }
    const operations = { release: { url, format: 'json' }, balance: { url, format: 'text' } }
    const { source, http } = open({ format: 'json', success, operations }, json({ code: 7, msg: 'no such address' }))
    expect(await failureOf(source.release?.('L-1', { signal: never }) ?? expect.fail())).toMatchObject({
      vendorCode: '7',
      message: 'no such address',
    })
    http.script = [{ body: '12' }]
    expect(await source.accountNow?.(never)).toEqual({ balance: 12 })
  })

  it('null under is: success is where nothing stands', async () => {
    const entry = { format: 'json', items: 'list', fields: { address: 'a' }, operations: { release: { url } } }
    const success = { field: 'error', is: [null, 'none'], message: 'error.text', code: 'error.code' }
    const errors = [{ code: 9, class: 'no_resource' }]
    const { source, http } = open({ ...entry, success, errors })
    const list = [{ a: '198.51.100.7:80' }]
    http.script = [
      json({ error: null, list }),
      json({ list }),
      json({ error: 'none', list }),
      json({ error: '', list }),
    ]
    for (let i = 0; i < 4; i++) expect((await source.extract(1, { signal: never })).sold).toHaveLength(1)
    http.script = [
      json({ error: { code: 9, text: 'all gone' } }),
      json({ error: 'bad address' }),
      json({ error: null }),
    ]
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'no_resource',
      vendorCode: '9',
    })
    await expect(source.release?.('L-1', { signal: never })).rejects.toMatchObject({ vendorCode: 'bad address' })
    await expect(source.release?.('L-1', { signal: never })).resolves.toBeUndefined()
  })

  it('an error without a place for success is known by the table, also where only words or codes are told', async () => {
    const entry = {
      login: { url, format: 'json', token: 'token' },
      format: 'json',
      success: { code: 'fault.code', message: 'fault.reason' },
      errors: [{ code: 'GONE', class: 'auth', login: true }],
      operations: { release: { url, method: 'DELETE', query: { token: '{token}' } } },
    }
    const gone = json({ fault: { code: 'GONE', reason: 'log in again' } })
    const { source, http } = open(entry, json({ token: 'T' }), gone, json({ token: 'U' }), { status: 204, body: '' })
    await source.release?.('L-1', { signal: never })
    expect(http.requests.map((request) => request.url.searchParams.get('token'))).toEqual([null, 'T', null, 'U'])
    const unknown = json({ fault: { code: 'NO_LEASE', reason: 'no such lease' } })
    http.script = [{ ...unknown, status: 404 }]
    expect(await failureOf(source.release?.('L-1', { signal: never }) ?? expect.fail())).toMatchObject({
      vendorCode: 'NO_LEASE',
      message: 'no such lease',
    })
  })

  it('an empty reply is an answer where nothing else tells success', async () => {
    const { source, http } = open({ format: 'json', operations: { release: { url } } }, { body: '' })
    await source.release?.('L-1', { signal: never })
    http.script = [{ status: 500, body: '' }]
    expect(await failureOf(source.release?.('L-1', { signal: never }) ?? expect.fail())).toMatchObject({
      class: 'server',
    })
  })

  it.each([
    ['#BAL 1,234.50 EUR', 1_234],
    ['余额：12条', 12],
    ['987.5', 987],
  ])('a balance is the number in %s', async (body, balance) => {
    const { source } = open({ operations: { balance: { url } } }, { body })
    expect(await source.accountNow?.(never)).toEqual({ balance })
  })

  it.each(['-5', '1.234,5', 'none', '3 of 7'])('a balance is not known from %s', async (body) => {
    const { source } = open({ operations: { balance: { url } } }, { body })
    expect(await source.accountNow?.(never)).toEqual({})
  })

  it('a reply without the value is an error: the place is wrong', async () => {
    const { source } = open({ operations: { balance: { url, format: 'json', value: 'data.left' } } }, json({ left: 1 }))
    expect(await failureOf(source.accountNow?.(never) ?? expect.fail())).toMatchObject({
      message: expect.stringContaining('the reply has nothing where value says'),
    })
  })

  it('a parameter as short as 1 does not mask the digits of everything', async () => {
    const { source } = open({ query: { type: 1 } }, { body: 'ERROR(111): wait 10 s' })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      vendorCode: '111',
      message: 'wait 10 s',
    })
  })

  it('limits are each call’s own, unless a group joins them', () => {
    const limit = { calls: 3, per: '1m', group: 'slow' }
    const operations = { release: { url, limit }, whitelistAdd: { url, limit }, balance: { url } }
    const { source } = open({ operations, limit: { calls: 9 } })
    expect(source.limitOf('release')).toMatchObject({ calls: 3, perMs: 60_000 })
    expect(source.limitOf('release').key).toBe(source.limitOf('whitelistAdd').key)
    expect(source.limitOf('balance').key).not.toBe(source.limitOf('extract').key)
  })

  it('entries with the same credentials share their limits, whatever they filter', () => {
    const key = (query: object, credentials: object, host = 'a') =>
      open({ url: `http://${host}.example/take`, query, credentials }).source.limitOf('extract').key
    expect(key({ area: 'a' }, { k: '1' })).toBe(key({ area: 'b' }, { k: '1' }))
    expect(key({}, { k: '1' })).not.toBe(key({}, { k: '2' }))
    expect(key({}, { k: '1' })).not.toBe(key({}, { k: '1' }, 'b'))
  })

  it('the balance is asked by itself, as often as the entry says, and an order stays one call', async () => {
    const { source, http } = open({ operations: { balance: { url, every: '5m' } } })
    http.script = [{ body: '985.50' }, ADDRESS]
    expect(await source.accountNow?.(never)).toEqual({ balance: 985 })
    expect([source.accountEveryMs, source.takesSeveralCalls]).toEqual([300_000, false])
    expect((await source.extract(1, { signal: never })).sold).toHaveLength(1)
    expect(http.requests.map(({ url: { pathname } }) => pathname)).toEqual(['/other', '/take'])
  })
})

describe('lists of unusual shape', () => {
  const read = async (entry: object, body: unknown) =>
    (await open({ format: 'json', ...entry }, json(body)).source.extract(1, { signal: never })).sold.map(plain)

  it('addresses that are the names of members', async () => {
    const fields = { address: '$key', ttl: { field: '$' } }
    const sold = await read({ items: 'data', fields }, { data: { '198.51.100.7:80': 173, '198.51.100.8:81': '60' } })
    expect(sold.map(({ host, port, life }) => [host, port, life])).toEqual([
      ['198.51.100.7', 80, { kind: 'for', ms: 173_000 }],
      ['198.51.100.8', 81, { kind: 'for', ms: 60_000 }],
    ])
  })

  it('facts of the group in which an item stands, by its name or by members of it', async () => {
    const groups = [
      { area: 'Zhejiang', nodes: [{ a: '198.51.100.7:80' }, { a: '198.51.100.8:80' }] },
      { area: 'Jiangsu', nodes: [{ a: '198.51.100.9:80' }] },
    ]
    const fields = { address: 'a', area: '$reply.groups.*.area' }
    const sold = await read({ items: 'groups.*.nodes', fields }, { groups })
    expect(sold.map(({ area }) => area)).toEqual(['Zhejiang', 'Zhejiang', 'Jiangsu'])
    const named = await read(
      { items: 'data.*', fields: { address: '$', country: '$key' } },
      { data: { US: ['198.51.100.7:80', '198.51.100.8:80'], DE: ['198.51.100.9:80'] } },
    )
    expect(named.map(({ country }) => country)).toEqual(['US', 'US', 'DE'])
    const ports = { host: '$reply.list.*.ip', port: '$' }
    const list = [
      { ip: '198.51.100.7', ports: [80, 81] },
      { ip: '198.51.100.8', ports: [82] },
    ]
    expect(
      (await read({ items: 'list.*.ports', fields: ports }, { list })).map(({ host, port }) => [host, port]),
    ).toEqual([
      ['198.51.100.7', 80],
      ['198.51.100.7', 81],
      ['198.51.100.8', 82],
    ])
  })

  it('an address that cannot be one is named by its shape, wherever its parts stand', async () => {
    const entry = { format: 'json', items: 'ports', fields: { host: '$reply.domain', port: '$' } }
    const { source } = open(entry, json({ domain: 'localhost', ports: ['99999'] }))
    expect((await failureOf(source.extract(1, { signal: never }))).message).toMatch(/not an address: "a:9"$/)
  })

  it('JSON inside of a text', async () => {
    const sold = await read(
      { items: 'data.list', fields: { address: 'a' } },
      { data: '{"list":"[{\\"a\\":\\"198.51.100.7:80\\"}]"}' },
    )
    expect(sold).toMatchObject([{ host: '198.51.100.7', port: 80 }])
  })

  it('a text with a line in front that tells the success, and a remark behind', async () => {
    const { source } = open({ success: { contains: '#OK' } }, { body: '#OK 1\n198.51.100.7:80\n#END' })
    expect(await source.extract(1, { signal: never })).toMatchObject({ sold: [{ port: 80 }], rejected: [] })
    const every = open({ success: { contains: ':' } }, { body: '198.51.100.7:80' })
    expect((await every.source.extract(1, { signal: never })).sold).toHaveLength(1)
  })

  it('an error without a body is known by its status', async () => {
    const { source } = open({ errors: [{ status: 404, class: 'no_resource' }] }, { status: 404, body: '' })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({ class: 'no_resource' })
  })

  it('a line without an address is the vendor’s message: its words, the address in them, and nothing was bought', async () => {
    const errors = [{ contains: 'not allowed', class: 'whitelist' }]
    const say = (body: string) => failureOf(open({ errors }, { body }).source.extract(1, { signal: never }))
    expect(await say('#ERR 31 your address 198.51.100.9 is not allowed')).toMatchObject({
      class: 'whitelist',
      message: '#ERR 31 your address 198.51.100.9 is not allowed',
    })
    expect(await say('#ERR 99 the sky has fallen')).toMatchObject({
      class: 'server',
      message: '#ERR 99 the sky has fallen',
      sale: 'refused',
      hint: 'no entry under errors fits, so it counts as a fault of the vendor',
    })
    for (const words of ['Err:no more today, come back at 08:00', 'error:余额', '今日已用完，08:00 恢复'])
      expect((await say(words)).message).toBe(words)
    for (const secret of ['user:pass', 'user:pass@nowhere', 'see http://a.example/k', '198.51.100.7:x', 'u:p\nu:q']) {
      const hidden = await say(secret)
      expect([printed(hidden).includes(secret), hidden.sale]).toEqual([false, 'unknown'])
    }
  })

  it('what is told once for all items', async () => {
    const fields = {
      address: 'a',
      username: '$reply.login.user',
      password: '$reply.login.pass',
      ttl: { field: '$reply.left', unit: 'm' },
    }
    const body = { login: { user: 'u', pass: 'p' }, left: 2, list: [{ a: '198.51.100.7:80' }] }
    expect(await read({ items: 'list', fields }, body)).toMatchObject([
      { username: 'u', password: 'p', life: { kind: 'for', ms: 120_000 } },
    ])
  })

  it.each<[string, object, unknown, object]>([
    ['a unit behind the figure', { ttl: { field: 't', unit: 's' } }, { t: '3分钟' }, { kind: 'for', ms: 180_000 }],
    ['a word behind it', { ttl: { field: 't', unit: 'ms' } }, { t: '2.5 Hours' }, { kind: 'for', ms: 9_000_000 }],
    [
      'a difference of floats',
      { ttl: { field: 't', unit: 's' } },
      { t: 39.99499999999907 },
      { kind: 'for', ms: 39_994 },
    ],
    ['a life that has ended', { ttl: { field: 't', unit: 's' } }, { t: -0.2 }, { kind: 'for', ms: -200 }],
    ['a unit that nobody knows', { ttl: { field: 't' } }, { t: '3 moons' }, { kind: 'unknown' }],
    [
      'minutes since a time in a zone',
      { ttl: { field: 't', unit: 'm' }, start: { field: 's', zone: '+08:00' } },
      { t: 2, s: '2022-01-01 18:00:00' },
      { kind: 'until', wallMs: Date.UTC(2022, 0, 1, 10, 2) },
    ],
    [
      'a time in a format of its own',
      { deadline: { field: 't', zone: 'Asia/Kolkata', format: 'dd/MM/yyyy hh:mm a' } },
      { t: '25/02/2026 09:08 PM' },
      { kind: 'until', wallMs: Date.UTC(2026, 1, 25, 15, 38) },
    ],
    [
      'a start that is not told',
      { ttl: { field: 't', unit: 'm' }, start: { field: 's', zone: '+08:00' } },
      { t: 2, s: null },
      { kind: 'for', ms: 120_000 },
    ],
  ])('a life as %s', async (_title, life, facts, expected) => {
    const sold = await read({ fields: { address: 'a', ...life } }, [{ a: '198.51.100.7:80', ...(facts as object) }])
    expect(sold[0]?.life).toEqual(expected)
  })
})

it('words of a link that every vendor uses are not masked in its messages; keys are', async () => {
  const { source } = open(
    {
      url: 'http://api.vendor.example/residential/INVENTED-key/get?protocol=http&format=json',
      headers: { Authorization: 'Token INVENTED-token', Accept: 'application/json' },
      operations: { whitelistAdd: { url: 'http://api.vendor.example/whitelist?ip={ip}' } },
      format: 'json',
      success: { message: 'message' },
      items: 'data',
      fields: { address: 'ip' },
    },
    {
      ...json({ message: 'Token INVENTED-token: no whitelist for /residential/INVENTED-key (http)' }),
      status: 403,
    },
  )
  const { message, vendorCode } = await failureOf(source.extract(1, { signal: never }))
  expect([vendorCode, message]).toEqual(['http-403', '[redacted]: no whitelist for /residential/[redacted] (http)'])
})
