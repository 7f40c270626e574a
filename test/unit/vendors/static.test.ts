import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { Secret } from '../../../src/secret.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import type { SourceSettings } from '../../../src/vendors/contract/source.ts'
import { junk, lists } from '../../fixtures/vendors/static.ts'
import { failureOf, never, plain, printed, type Scripted, scripted } from './scripted-http.ts'

const folder = mkdtempSync(join(tmpdir(), 'turnpike-list-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function fileOf(text: string): string {
  const path = join(folder, `list-${++files}`)
  writeFileSync(path, text)
  return path
}

const open = (rest: Partial<Omit<SourceSettings, 'credentials'>>, reply?: Scripted) =>
  scripted({ vendor: 'static', product: 'list', ...rest }, reply)

const URL_WITH_KEY = 'https://lists.example.com/mine?key=T0ken%2Fof-mine'
const fromUrl = (body: string, rest: Partial<SourceSettings> = {}) =>
  open({ url: new Secret(URL_WITH_KEY), ...rest }, { body })

describe('static: a file or a URL', () => {
  it.each(lists)('%s', async (_title, text, sold) => {
    for (const { source } of [open({ file: fileOf(text) }), fromUrl(text)]) {
      expect((await source.extract(10, { signal: never })).sold.map(plain)).toEqual(sold)
    }
  })

  it.each(junk)('%j holds nothing', async (text) => {
    for (const { source } of [open({ file: fileOf(text) }), fromUrl(text)]) {
      const error = await failureOf(source.extract(1, { signal: never }))
      expect(['server', 'no_resource']).toContain(error.class)
    }
  })

  it('a file is read anew each time', async () => {
    const file = fileOf('198.51.100.7:8080')
    const { source } = open({ file })
    await source.extract(1, { signal: never })
    writeFileSync(file, '198.51.100.8:8080')
    expect((await source.extract(1, { signal: never })).sold).toMatchObject([{ host: '198.51.100.8' }])
    rmSync(file)
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'server',
      vendorCode: 'file',
      message: 'the file of addresses cannot be read (ENOENT)',
      hint: expect.stringContaining(file),
    })
  })

  it('a URL is called as it is, a login in it sent as such', async () => {
    const { source, http } = open(
      { url: new Secret('http://me:p%40ss@lists.example.com/mine?key=K') },
      { body: '1.1.1.1:80' },
    )
    await source.extract(1, { signal: never })
    expect(http.requests[0]?.url.href).toContain('lists.example.com/mine?key=K')
    expect(http.requests[0]?.headers).toEqual({ authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}` })
  })

  it('a URL that answers with an error is judged by its status', async () => {
    const { source, http } = fromUrl('1.1.1.1:80')
    for (const [status, errorClass] of [
      [404, 'server'],
      [403, 'auth'],
      [429, 'rate_limited'],
      [500, 'server'],
    ] as const) {
      http.reply = { status, body: '1.1.1.1:80' }
      expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
        class: errorClass,
        vendorCode: 'http',
      })
    }
  })
})

describe('static: a list in gateway.yaml', () => {
  it('takes what the user wrote, secrets and one-word hosts included', async () => {
    const { source } = open({ list: [new Secret('socks5://me:pw@198.51.100.7:1080'), ' proxy:3128 '] })
    expect((await source.extract(5, { signal: never })).sold.map(plain)).toEqual([
      {
        host: '198.51.100.7',
        port: 1080,
        protocol: 'socks5',
        username: 'me',
        password: 'pw',
        life: { kind: 'endless' },
      },
      { host: 'proxy', port: 3128, protocol: 'http', life: { kind: 'endless' } },
    ])
  })

  it('tells a slip by its place, for it may hold a password', () => {
    const mistake = () => open({ list: ['198.51.100.7:8080', new Secret('me:S3cret@nowhere')] })
    expect(mistake).toThrow(VendorError)
    expect(mistake).toThrow(/^entry 2 of list is not an address$/)
  })

  it.each([{}, { list: ['1.1.1.1:80'], file: 'x' }, { file: 'x', url: new Secret('http://x.example') }])(
    'needs one of the three: %o',
    (rest) => {
      expect(() => open(rest)).toThrow(/needs one of list, file and url/)
    },
  )

  it('has no product but list', () => {
    expect(open({ list: ['1.1.1.1:80'] }).source).toMatchObject({
      vendor: 'static',
      product: 'list',
      byChannel: false,
      queryOperation: undefined,
    })
  })
})

describe('static: whose word it is', () => {
  const ours = '127.0.0.1:8080'

  it('a private address is taken from the user, not from a web server', async () => {
    expect((await open({ list: [ours] }).source.extract(1, { signal: never })).sold).toHaveLength(1)
    expect((await open({ file: fileOf(ours) }).source.extract(1, { signal: never })).sold).toHaveLength(1)
    expect((await failureOf(fromUrl(ours).source.extract(1, { signal: never }))).message).toContain('allowPrivate')
    expect((await fromUrl(ours, { allowPrivate: true }).source.extract(1, { signal: never })).sold).toHaveLength(1)
  })

  it('the provider’s login and ttl are for what brings none', async () => {
    const upstream = { username: 'all', password: new Secret('of-them'), tls: true }
    const { source } = open({ list: ['1.1.1.1:80', '1.1.1.2:80:own:pw'], upstream, ttlMs: 60_000 })
    expect((await source.extract(2, { signal: never })).sold.map(plain)).toMatchObject([
      { protocol: 'https', username: 'all', password: 'of-them', life: { kind: 'for', ms: 60_000 } },
      { protocol: 'https', username: 'own', password: 'pw' },
    ])
  })

  it('no key and no login is in an error', async () => {
    const texts = ['me:S3cret/word@nowhere', `{"msg":"${URL_WITH_KEY}"}`, `<a href="${URL_WITH_KEY}">`]
    for (const text of texts) {
      const said = printed(await failureOf(fromUrl(text).source.extract(1, { signal: never })))
      for (const secret of ['S3cret', 'T0ken', 'lists.example.com']) expect(said).not.toContain(secret)
    }
  })

  it('any text ends in addresses or a VendorError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), async (body) => {
        const outcome = await fromUrl(body)
          .source.extract(3, { signal: never })
          .catch((error: unknown) => error)
        if (!(outcome instanceof VendorError)) expect(outcome).toHaveProperty('sold')
      }),
    )
  })

  it('nested JSON is not followed without end', async () => {
    const text = `${'['.repeat(100_000)}"1.1.1.1:80"${']'.repeat(100_000)}`
    expect(await failureOf(fromUrl(text).source.extract(1, { signal: never }))).toMatchObject({ class: 'no_resource' })
  })
})

describe('static: in turn', () => {
  const four = ['1.1.1.1:80', '1.1.1.2:80', '1.1.1.3:80', '1.1.1.4:80']

  it('hands out the next ones, and begins anew behind the last', async () => {
    const { source } = open({ list: four })
    const take = async (count: number) =>
      (await source.extract(count, { signal: never })).sold.map(({ host }) => host.at(-1)).join('')
    expect([await take(3), await take(3), await take(1), await take(9)]).toEqual(['123', '412', '3', '4123'])
  })

  it('duplicates count once', async () => {
    const { source } = open({ list: ['1.1.1.1:80', '1.1.1.1:80'] })
    expect(await source.extract(5, { signal: never })).toMatchObject({
      sold: [{ host: '1.1.1.1' }],
      rejected: [expect.stringContaining('twice')],
    })
  })

  it('is called once a second at most, each provider by itself', () => {
    const { source } = open({ list: four })
    expect(source.limitOf('read')).toMatchObject({ calls: 1, perMs: 1_000, key: 'static under-test' })
  })

  it('can be looked at without logins, and does nothing else', async () => {
    const { source } = open({ list: ['1.1.1.1:80:me:pw'] })
    expect(await source.call('read', {}, { signal: never })).toEqual([{ host: '1.1.1.1', port: 80, protocol: 'http' }])
    expect(await failureOf(source.call('write', {}, { signal: never }))).toMatchObject({ class: 'bad_request' })
    expect(await failureOf(source.query({ signal: never }))).toMatchObject({ class: 'bad_request' })
  })
})
