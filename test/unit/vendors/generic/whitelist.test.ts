/** A whitelist that is read and then replaced as a whole. */
import { describe, expect, it } from 'vitest'
import type { VendorHttp } from '../../../../src/vendors/client/http.ts'
import { KeyedMutex } from '../../../../src/vendors/client/keyed-mutex.ts'
import { parseOwn } from '../../../../src/vendors/generic/settings.ts'
import { openSource } from '../../../../src/vendors/registry.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { failureOf, never, type Scripted, scripted, settingsOf } from '../scripted-http.ts'

it('is replaced by one provider at a time: the second one keeps what the first has added', async () => {
  let held = '9.9.9.9'
  const clock = new FakeClock()
  const http: VendorHttp = {
    call: async ({ url }) => {
      const text = held
      held = url.searchParams.get('ips') ?? held
      await Promise.resolve()
      return { status: 200, headers: {}, text, sentAt: clock.now(), vendorWallMs: undefined }
    },
    close: () => Promise.resolve(),
  }
  const { inTurn } = new KeyedMutex()
  const [mine, yours] = ['mine', 'yours'].map((filter) => {
    const url = 'http://api.vendor.example'
    const own = parseOwn({
      url: `${url}/take?key=INVENTED&filter=${filter}`,
      format: 'text',
      operations: {
        whitelistList: { url: `${url}/list?key=INVENTED`, separator: ',' },
        whitelistAdd: { url: `${url}/set?key=INVENTED`, query: { ips: '{ips}' } },
      },
    })
    return openSource(settingsOf({ vendor: 'generic', product: 'list', own }), { clock, http, inTurn })
  })
  await Promise.all([mine?.whitelist?.add('8.8.8.8', never), yours?.whitelist?.add('8.8.4.4', never)])
  expect(held).toBe('9.9.9.9,8.8.8.8,8.8.4.4')
  await Promise.all([mine?.whitelist?.remove?.('8.8.8.8', never), yours?.whitelist?.remove?.('9.9.9.9', never)])
  expect(held).toBe('8.8.4.4')
})

describe('a list of logins and addresses', () => {
  const auths = [
    { id: 'a1', login: 'abcdef1' },
    { id: 'a2', ip: '9.9.9.9' },
  ]
  const url = 'http://api.vendor.example'
  const open = (whitelistAdd: object, ...script: Scripted[]) => {
    const operations = {
      whitelistList: { url: `${url}/list`, items: 'data', fields: { ip: 'ip', id: 'id' } },
      whitelistAdd: { url: `${url}/add`, ...whitelistAdd },
      whitelistRemove: { url: `${url}/delete`, query: { id: '{id}' } },
    }
    const own = parseOwn({ url, format: 'json', operations })
    const { source, http } = scripted({ vendor: 'generic', product: 'list', own }, { body: '{}' })
    http.script = script
    const asked = () => http.requests.map(({ url: { pathname, search } }) => `${pathname}${search}`)
    return { ...(source.whitelist ?? expect.fail('no whitelist')), asked }
  }
  const list: Scripted = { body: JSON.stringify({ data: auths }) }

  it('an address is added and removed beside the logins', async () => {
    const { add, remove, asked } = open({ query: { ip: '{ip}' } }, list, { body: '{}' }, list)
    await add('8.8.8.8', never)
    await remove?.('9.9.9.9', never)
    expect(asked()).toEqual(['/list', '/add?ip=8.8.8.8', '/list', '/delete?id=a2'])
  })

  it('is not replaced as a whole: the logins would be lost', async () => {
    const { add, asked } = open({ query: { ips: '{ips}' } }, list)
    expect((await failureOf(add('8.8.8.8', never))).message).toContain('no address')
    expect(asked()).toEqual(['/list'])
  })

  it('may have no address yet; words are none', async () => {
    const [login] = auths
    const { add, asked } = open({ query: { ip: '{ip}' } }, { body: JSON.stringify({ data: [login] }) })
    await add('8.8.8.8', never)
    expect(asked()).toEqual(['/list', '/add?ip=8.8.8.8'])
    const closed = open({ query: { ip: '{ip}' } }, { body: JSON.stringify({ data: ['closed'] }) })
    expect((await failureOf(closed.add('8.8.8.8', never))).message).toContain('no address')
  })
})

describe('a whitelist in pages', () => {
  const ips = (...addresses: string[]): Scripted => ({ body: JSON.stringify({ ips: addresses }) })
  const ok: Scripted = { body: '{}' }

  function open(whitelistList: object, ...script: Scripted[]) {
    const url = 'http://api.vendor.example'
    const list = { url: `${url}/list`, items: 'ips', ...whitelistList }
    const operations = { whitelistAdd: { url: `${url}/set`, query: { ips: '{ips}' } }, whitelistList: list }
    const own = parseOwn({ url, format: 'json', operations, errors: [{ status: 404, class: 'no_resource' }] })
    const { source, http } = scripted({ vendor: 'generic', product: 'list', own })
    http.script = script
    const asked = () => http.requests.map(({ url: { pathname, search } }) => decodeURIComponent(`${pathname}${search}`))
    return { ...(source.whitelist ?? expect.fail('no whitelist')), asked }
  }

  it.each<[string, Scripted]>([
    ['a short one', ips('192.0.2.3')],
    ['one that is not there', { status: 404, body: '{}' }],
    ['the one before it again', ips('9.9.9.9', '8.8.4.0/24')],
  ])('is read to the end, and nothing on a later page is lost: the last page is %s', async (_title, last) => {
    const page = { query: { page: '{page}', skip: '{offset}' } }
    const { add, asked } = open(page, ips('1.1.1.1', '2.2.2.2'), ips('9.9.9.9', '8.8.4.0/24'), last, ok)
    await add('8.8.8.8', never)
    const more = last.body.includes('192.0.2.3') ? '192.0.2.3,' : ''
    expect(asked()).toEqual([
      ...['/list?page=1&skip=0', '/list?page=2&skip=2', '/list?page=3&skip=4'],
      `/set?ips=1.1.1.1,2.2.2.2,9.9.9.9,8.8.4.0/24,${more}8.8.8.8`,
    ])
  })

  it('with names', async () => {
    const named = (next: string | null, ...addresses: string[]) => ({ body: JSON.stringify({ ips: addresses, next }) })
    const list = { query: { after: '{cursor}' }, pages: { next: 'next' } }
    const { add, remove, asked } = open(
      list,
      ...[named('b', '1.1.1.1'), named(null, '9.9.9.9'), ok, named('b', '1.1.1.1'), named('', '8.8.8.8'), ok],
    )
    await add('8.8.8.8', never)
    await remove?.('8.8.8.8', never)
    expect(asked()).toEqual([
      ...['/list', '/list?after=b', '/set?ips=1.1.1.1,9.9.9.9,8.8.8.8'],
      ...['/list', '/list?after=b', '/set?ips=1.1.1.1'],
    ])
  })

  it('without an end is not replaced', async () => {
    const pages = Array.from({ length: 100 }, (_, n) => ips(`198.51.100.${n}`))
    const { add, asked } = open({ query: { page: '{page}' }, pages: { first: 0 } }, ...pages, ok)
    expect((await failureOf(add('8.8.8.8', never))).message).toContain('pages')
    expect(asked()).toHaveLength(100)
    expect(asked()[99]).toBe('/list?page=99')
  })

  it('is not replaced when one of them failed', async () => {
    const { add, asked } = open({ query: { page: '{page}' } }, ips('1.1.1.1'), { status: 502, body: '' }, ok)
    expect((await failureOf(add('8.8.8.8', never))).class).toBe('server')
    expect(asked()).toHaveLength(2)
  })
})

describe('a whitelist whose changes are saved by a call', () => {
  const url = 'http://api.vendor.example'
  const operations = {
    whitelistList: { url: `${url}/ips`, items: 'data', fields: { ip: 'address', id: 'id' } },
    whitelistAdd: { method: 'POST', url: `${url}/ips`, json: { address: '{ip}' } },
    whitelistRemove: { method: 'DELETE', url: `${url}/ips/{id}` },
    whitelistSave: { method: 'POST', url: `${url}/ips/upload`, format: 'text' },
  }
  const list: Scripted = { body: JSON.stringify({ data: [{ id: 7, address: '9.9.9.9' }] }) }
  const saved: Scripted = { status: 202, body: '' }

  function open(...script: Scripted[]) {
    const own = parseOwn({ url, format: 'json', operations })
    const { source, http } = scripted({ vendor: 'generic', product: 'list', own })
    http.script = script
    const asked = () => http.requests.map(({ method, url: { pathname } }) => `${method} ${pathname}`)
    return { ...(source.whitelist ?? expect.fail('no whitelist')), asked }
  }

  it('they are saved after an addition and after a removal', async () => {
    const { add, remove, asked } = open(
      list,
      { status: 201, body: '{}' },
      saved,
      list,
      { status: 204, body: '' },
      saved,
      list,
    )
    await add('8.8.8.8', never)
    await remove?.('9.9.9.9', never)
    await remove?.('1.1.1.1', never)
    const [added, removed] = [
      ['GET /ips', 'POST /ips', 'POST /ips/upload'],
      ['GET /ips', 'DELETE /ips/7', 'POST /ips/upload'],
    ]
    expect(asked()).toEqual([...added, ...removed, 'GET /ips'])
  })

  it('what was added and not saved is saved by the next try', async () => {
    const { add, asked } = open(list, saved)
    await add('9.9.9.9', never)
    expect(asked()).toEqual(['GET /ips', 'POST /ips/upload'])
  })
})
