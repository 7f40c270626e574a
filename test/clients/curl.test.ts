import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makeCertificate } from '../support/certificate.ts'
import { pattern } from '../support/pattern.ts'
import { sha256 } from '../support/site-routes.ts'
import { caFile, temporaryFolder } from './support/files.ts'
import { startGateway } from './support/gateway-process.ts'
import { run, succeed } from './support/program.ts'

const MEBIBYTE = 1024 * 1024
const login = { username: 'crawler', password: 'p@ss:w/rd 100%' }
const users = [{ name: login.username, password: login.password }]

/** Every way in that curl has; all leave the look-up of names to the gateway. */
const ways = [
  { way: 'HTTP', scheme: 'http', more: [] },
  { way: 'HTTP tunnel', scheme: 'http', more: ['--proxytunnel'] },
  { way: 'SOCKS5', scheme: 'socks5h', more: [] },
  { way: 'SOCKS4a', scheme: 'socks4a', more: [] },
] as const

const curl = (...args: string[]) => succeed('curl', ['--silent', '--show-error', '--fail', ...args])

describe.each(ways)('curl over $way', ({ scheme, more }) => {
  it.each(['http', 'socks5'] as const)(
    'leaves through %s upstreams in turn, and they look up the name',
    async (through) => {
      const { url, world } = await startGateway({ scheme: through })
      const read = async (...urls: string[]) => (await curl('-x', url(scheme), ...more, ...urls)).out
      const peers = new Set<string>()
      for (let n = 0; n < 3; n++) peers.add(await read('http://site.test/'))
      expect(peers).toEqual(new Set(world.upstreams.map(({ host }) => `peer ${host}\n`)))
      const targets = world.upstreams.flatMap(({ requests }) => requests.map(({ target }) => target))
      expect(targets.every((target) => target.includes('site.test'))).toBe(true)
      const overOneConnection = await read(...Array<string>(5).fill('http://site.test/'))
      expect(new Set(overOneConnection.trim().split('\n')).size).toBe(1)
      expect(peers).toContain(await read('--cacert', caFile(), 'https://secure.test/'))
    },
  )

  it('gets every byte of a large download, and sends every byte of a large upload', async () => {
    const { url } = await startGateway({ upstreams: 1 })
    const whole = pattern(20 * MEBIBYTE)
    const down = await curl('-x', url(scheme), ...more, `http://site.test/bytes/${whole.length}`)
    expect([down.bytes.length, sha256(down.bytes)]).toEqual([whole.length, sha256(whole)])
    const file = join(temporaryFolder(), 'upload')
    writeFileSync(file, whole)
    const counted = await curl('-x', url(scheme), ...more, '--data-binary', `@${file}`, 'http://site.test/digest')
    expect(JSON.parse(counted.out)).toEqual({ bytes: whole.length, sha256: sha256(whole), trailers: [] })
    const chunked = await succeed(
      'curl',
      ['-sSf', '-x', url(scheme), ...more, '--upload-file', '-', 'http://site.test/digest'],
      { input: whole },
    )
    expect(JSON.parse(chunked.out)).toMatchObject({ bytes: whole.length, sha256: sha256(whole) })
  })
})

describe.each(ways.filter(({ scheme }) => scheme !== 'socks4a'))('curl over $way with a login', ({ scheme, more }) => {
  it('is let in by the URL and by --proxy-user, and keeps its upstream in a session', async () => {
    const { url } = await startGateway({ listen: { users }, secrets: [login] })
    const peerOf = async (...proxy: string[]) => (await curl(...proxy, ...more, 'http://site.test/')).out
    const peersOf = async (username: string) => {
      const proxy = url(scheme, { ...login, username })
      return new Set([await peerOf('-x', proxy), await peerOf('-x', proxy), await peerOf('-x', proxy)]).size
    }
    expect(await peerOf('-x', url(scheme), '-U', `crawler:${login.password}`)).toMatch(/^peer /)
    expect(await peersOf('crawler')).toBe(3)
    expect(await peersOf('crawler-session-a1')).toBe(1)
    expect(await peersOf('crawler-session-b-2-life-90s')).toBe(1)
    expect(await peersOf('crawler-strategy-round-robin')).toBe(3)
  })
})

it('is told why it was not let in', async () => {
  const { url, world } = await startGateway({ upstreams: 1, listen: { users }, secrets: [login] })
  const wrong = { ...login, password: 'something else' }
  const refused = async (...args: string[]) => {
    const { code, out } = await run('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code} %{http_connect}', ...args])
    return [code, out]
  }
  for (const proxy of [url(), url('http', wrong)]) {
    expect(await refused('-x', proxy, 'http://site.test/')).toEqual([0, '407 000'])
    expect(await refused('-x', proxy, '--proxytunnel', 'http://site.test/')).toEqual([56, '000 407'])
  }
  // 97: "proxy handshake error".
  for (const proxy of [url('socks5h'), url('socks5h', wrong), url('socks4a')])
    expect(await refused('-x', proxy, 'http://site.test/')).toEqual([97, '000 000'])
  const misspelt = url('http', { ...login, username: 'crawler-sesion-a' })
  expect(await refused('-x', misspelt, 'http://site.test/')).toEqual([0, '400 000'])
  expect(world.site.connections).toEqual([])
})

it('is told why its target was not reached', async () => {
  const { url } = await startGateway({ upstreams: 2 })
  const { out } = await run('curl', ['-sS', '-i', '-x', url(), '--proxytunnel', 'http://no-such-name.test/'])
  expect(out).toMatch(/^HTTP\/1\.1 502 /)
  expect(out).toMatch(/^Proxy-Status: turnpike; /m)
})

it('speaks HTTP/1.0 too, and names the upstream that a tunnel leaves through', async () => {
  const { url, world } = await startGateway({ upstreams: 1 })
  const old = await curl('-0', '-x', url(), 'http://site.test/')
  expect(old.out).toBe(`peer ${world.upstreams[0]?.host}\n`)
  const { out } = await curl('-x', url(), '--proxytunnel', '-i', 'http://site.test/')
  expect(out).toMatch(/^X-Turnpike-Upstream: \w+\r$/m)
})

it('curl speaks TLS to a port with a certificate, and HTTP and a tunnel go inside it', async () => {
  const folder = temporaryFolder()
  const { cert, key } = makeCertificate('a proxy')
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const tls = { cert: file('proxy.pem', cert), key: file('proxy.key', key) }
  const { url, world } = await startGateway({ upstreams: 1, listen: { tls, users }, secrets: [login] })
  const proxy = ['-x', url('https', login), '--proxy-cacert', tls.cert]
  const host = world.upstreams[0]?.host
  expect((await curl(...proxy, 'http://site.test/')).out).toBe(`peer ${host}\n`)
  expect((await curl(...proxy, '--cacert', caFile(), 'https://secure.test/')).out).toBe(`peer ${host}\n`)
  const whole = pattern(5 * MEBIBYTE)
  const down = await curl(...proxy, '--proxytunnel', `http://site.test/bytes/${whole.length}`)
  expect(sha256(down.bytes)).toBe(sha256(whole))
  // CURLE_PEER_FAILED_VERIFICATION
  expect((await run('curl', ['-sS', '-x', url('https', login), 'http://site.test/'])).code).toBe(60)
})
