/** `turnpike try` and `test-source --try`: a second opinion about an address, by libraries that are not Turnpike's. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { tryAddress } from '../../src/supply/operator/try.ts'
import { runCommand, type Said } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'
import { headerValues } from '../support/http-wire.ts'
import { startWorld, type World, type WorldOptions } from '../support/world.ts'

const TOKEN = 'token-of-these-tests-4711'

async function open(options: WorldOptions = {}): Promise<World> {
  const world = await startWorld({ upstreams: 1, ...options })
  onTestFinished(() => world.close())
  return world
}

/** The address stands on standard input, as its login wants. */
const tryOut = (world: World, address: string, url: string, ...more: string[]): Promise<Said> => {
  const secrets = [TOKEN, ...world.secrets().map(({ password }) => password)]
  return runCommand(['try', '-', url, ...more], { input: `${address}\n`, secrets })
}

describe.each([
  ['http', 'undici'],
  ['socks5', 'socks'],
] as const)('an address of a %s proxy', (scheme, library) => {
  it('carries a plain request, and a tunnel', async () => {
    const world = await open()
    const [address = ''] = world.lines(scheme)
    const { code, out } = await tryOut(world, address, 'http://site.test/status/418')
    expect([code, out.includes(`HTTP status 418 through`), out.includes(`by ${library}`)]).toEqual([0, true, true])
    expect(world.site.requests.map(({ method }) => method)).toEqual(['GET'])
    // The tunnel is open when the target's certificate, which nobody knows here, is refused.
    const secure = await tryOut(world, address, 'https://secure.test/', '--json')
    expect([secure.code, JSON.parse(secure.out)]).toMatchObject([
      1,
      { tried: { protocol: scheme, library, status: null, failure: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } } },
    ])
  })

  it('whose login is wrong, or that is closed, is at fault', async () => {
    const world = await open()
    const [address = ''] = world.lines(scheme)
    const wrong = await tryOut(world, address.replace('secret-of-upstream', 'another'), 'http://site.test/')
    expect([wrong.code, wrong.out.includes('fails'), wrong.out.includes('Turnpike had no part in it')]).toEqual([
      1,
      true,
      true,
    ])
    await world.upstreams[0]?.behave('refuse')
    const closed = await tryOut(world, address, 'http://site.test/')
    expect([closed.code, closed.out.includes('ECONNREFUSED')]).toEqual([1, true])
    expect(world.site.requests).toEqual([])
  })
})

it('header fields of an address are sent as UTF-8, as Turnpike sends them', async () => {
  const world = await open({ login: false })
  const [upstream] = world.upstreams
  const { host = '', port = 0, requests = [] } = upstream ?? {}
  const address = { protocol: 'http', host, port, fields: { 'X-Place': '杭州' } } as const
  const { status } = await tryAddress(address, new URL('http://site.test/status/418'))
  const sent = requests.map(({ headers }) => headerValues(headers, 'x-place').join(' and '))
  expect([status, sent]).toEqual([418, [Buffer.from('杭州').toString('latin1')]])
})

it.each(['http://site.test/', 'https://secure.test/'])(
  'the login that an HTTP proxy refuses for %s is its answer, with status 407',
  async (url) => {
    const world = await open()
    const address = (world.lines('http')[0] ?? '').replace('secret-of-upstream', 'another')
    const { code, out } = await tryOut(world, address, url, '--json')
    expect([code, JSON.parse(out)]).toMatchObject([1, { tried: { status: 407, failure: null } }])
  },
)

it('a proxy with TLS at an IP address is sent no server name, of which Node would warn', async () => {
  const warnings: Error[] = []
  const listener = (warning: Error) => void warnings.push(warning)
  process.on('warning', listener)
  onTestFinished(() => void process.off('warning', listener))
  const world = await open({ tls: true })
  for (const url of ['http://site.test/', 'https://secure.test/'])
    expect((await tryOut(world, world.lines('https')[0] ?? '', url)).out).toContain('SELF_SIGNED_CERT')
  expect(warnings).toEqual([])
})

it('a URL that is no web address, or holds a login, is refused before anything is called', async () => {
  const world = await open()
  for (const url of ['ftp://site.test/', 'http://me:secret@site.test/', 'site.test']) {
    const { code, err } = await tryOut(world, world.lines()[0] ?? '', url)
    expect([code, err]).toEqual([2, 'turnpike: the URL to try begins with http:// or https:// and holds no login\n'])
  }
  expect(world.upstreams[0]?.connections).toBe(0)
})

describe('what is neither an address nor the name of a provider', () => {
  it.each([
    ['try', 'http://site.test/', 'no address', 'neither a proxy address (HOST:PORT) nor the name of a provider'],
    ['try', 'http://site.test/', '127.0.1.3', 'is no proxy address (HOST:PORT), and there is no ./gateway.yaml with'],
    ['test-source', '--dry-run', 'not a link', 'neither a link (http:// or https://) nor the name of a provider'],
    ['test-source', '--dry-run', 'nonsense', 'is no link (http:// or https://), and there is no ./gateway.yaml with'],
  ])('turnpike %s - %s: %s', async (command, more, input, words) => {
    const empty = mkdtempSync(join(tmpdir(), 'turnpike-try-'))
    const before = process.cwd()
    process.chdir(empty)
    onTestFinished(() => {
      process.chdir(before)
      rmSync(empty, { recursive: true })
    })
    const { code, err } = await runCommand([command, '-', more], { input: `${input}\n`, secrets: [] })
    expect([code, err]).toEqual([2, expect.stringContaining(words)])
  })
})

describe('the name of a provider', () => {
  it.each([
    ['http', 'undici'],
    ['https', 'undici'],
    ['socks5', 'socks'],
  ] as const)(
    '%s: the running gateway carries the request, with the TLS that is configured',
    async (scheme, library) => {
      const gateway = await startGateway({ upstreams: 1, scheme, config: { admin: { port: 0, token: TOKEN } } })
      const folder = mkdtempSync(join(tmpdir(), 'turnpike-try-'))
      onTestFinished(() => rmSync(folder, { recursive: true }))
      const file = join(folder, 'gateway.yaml')
      const entry = { name: 'own', vendor: 'static', list: ['192.0.2.1:1'] }
      writeFileSync(
        file,
        stringify({ admin: { port: gateway.app.admin?.port, token: TOKEN }, state: 'off', providers: [entry] }),
      )
      const options = { input: '', secrets: [TOKEN, ...gateway.world.secrets().map(({ password }) => password)] }
      const url = 'http://site.test/echo'
      const named = await runCommand(['try', 'own', url, '--json', '-c', file], options)
      expect([named.code, JSON.parse(named.out).report.tried]).toMatchObject([
        0,
        { library, protocol: scheme, status: 200, failure: null },
      ])
      const { code, out } = await runCommand(['test-source', 'own', '--try', url, '-c', file], options)
      expect([code, out.includes('works     HTTP status 200 through')]).toEqual([0, true])
      expect(gateway.world.site.requests).toHaveLength(2)
    },
  )
})
