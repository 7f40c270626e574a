import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeCertificate } from '../support/certificate.ts'
import { plain } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { startBrowserPage } from './support/browser-page.ts'
import { temporaryFolder } from './support/files.ts'
import { startGateway } from './support/gateway-process.ts'
import { attempts, startHostilePage } from './support/hostile-page.ts'
import { succeed } from './support/program.ts'

const RESOURCES = 40
/** A hang guard, for a browser that starts on a busy machine and tries one thing after another. */
const PAGE_MS = 120_000
/** Quiet and forgetful: no sandbox, because CI is root; nothing of its own on the network. */
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-dev-shm-usage'],
]

it.each(['http', 'socks5'])(
  'Chromium shows a page of forty scripts and a WebSocket over %s, all by one upstream',
  async (scheme) => {
    const { url, world } = await startGateway({ listen: { session: 'client' } })
    const page = await startBrowserPage(RESOURCES)
    world.names['page.test'] = page.address
    const { out } = await succeed('chromium', [
      ...FLAGS,
      `--user-data-dir=${temporaryFolder()}`,
      `--proxy-server=${url(scheme)}`,
      '--virtual-time-budget=30000',
      '--dump-dom',
      'http://page.test/',
    ])
    expect(/<body [^>]*>/.exec(out)?.[0]).toBe(`<body data-loaded="${RESOURCES}" data-echo="through the proxy">`)
    expect(page.peers.size).toBe(1)
    expect(new Set([...page.peers, ...world.site.connections.map(({ peer }) => peer)]).size).toBe(1)
    expect(world.site.requests.filter(({ target }) => target === '/ws').length).toBe(1)
    expect(world.site.connections.length).toBeGreaterThan(2) // or one upstream would be no wonder
    const refused = world.upstreams
      .flatMap(({ requests }) => requests)
      .filter(({ target }) => target.includes('tracker.test'))
    expect(refused.length).toBeGreaterThan(0)
    expect(world.site.violations).toEqual([])
  },
)

it('Chromium with the PAC file connects directly where a rule says so, and else through the gateway', async () => {
  const admin = { port: await freePort() }
  const config = { admin, routes: ['DOMAIN,direct.test,direct', 'DOMAIN,blocked.test,block', 'MATCH,provider own'] }
  const { world, log } = await startGateway({ config })
  const read = async (url: string) => {
    const { out } = await succeed('chromium', [
      ...FLAGS,
      `--user-data-dir=${temporaryFolder()}`,
      `--proxy-pac-url=http://127.0.0.1:${admin.port}/proxy.pac`,
      '--host-resolver-rules=MAP direct.test 127.0.0.1',
      '--dump-dom',
      url,
    ])
    return out
  }
  expect(await read(`http://direct.test:${world.site.port}/`)).toContain('peer 127.0.0.1')
  expect(log.text).not.toContain('direct.test')
  const peers = new Set(world.upstreams.map(({ host }) => host))
  expect(peers).toContain(/peer ([\d.]+)/.exec(await read('http://site.test/'))?.[1])
  expect(await read('http://blocked.test/')).toContain('GW_TARGET_BLOCKED')
})

it('Chromium uses a port with TLS', async () => {
  const folder = temporaryFolder()
  const { cert, key } = makeCertificate('a proxy')
  writeFileSync(join(folder, 'proxy.pem'), cert)
  writeFileSync(join(folder, 'proxy.key'), key)
  const tls = { cert: join(folder, 'proxy.pem'), key: join(folder, 'proxy.key') }
  const { url, world } = await startGateway({ upstreams: 1, listen: { tls } })
  const { out } = await succeed('chromium', [
    ...FLAGS,
    ...['--ignore-certificate-errors', `--user-data-dir=${temporaryFolder()}`, `--proxy-server=${url('https')}`],
    ...['--dump-dom', 'http://site.test/'],
  ])
  expect(out).toContain(`peer ${world.upstreams[0]?.host}`)
})

it.each(['http', 'socks5'])(
  'no page in Chromium over %s changes or reads the session of its browser',
  { timeout: PAGE_MS },
  async (scheme) => {
    const { port, url, world, log } = await startGateway({
      upstreams: attempts.length + 2,
      listen: { session: 'client' },
    })
    world.names['page.test'] = await startHostilePage()
    // With so many addresses no number of rotations leads back to the first.
    const session = async () => (await plain(port, 'http://turnpike.internal/session')).body.toString()
    await plain(port, 'http://site.test/')
    const before = await session()
    const { out } = await succeed(
      'chromium',
      [
        ...FLAGS,
        ...[`--user-data-dir=${temporaryFolder()}`, `--proxy-server=${url(scheme)}`],
        ...['--dump-dom', 'http://page.test/'],
      ],
      { timeoutMs: PAGE_MS },
    )
    const outcomes = JSON.parse(decodeURIComponent(/data-outcomes="([^"]*)"/.exec(out)?.[1] ?? '{}')) as object
    expect(Object.keys(outcomes)).toEqual(attempts)
    const successes = Object.entries(outcomes).filter(
      ([, outcome]) => !['failed', 'opaque', 'sent', 'silent'].includes(outcome),
    )
    expect(successes).toEqual([])
    expect([before, await session()]).toEqual([expect.stringContaining('"provider":"own"'), before])
    // They came as far as the gateway.
    const refusals = log.records().filter(({ code }) => code === 'GW_BAD_REQUEST' || code === 'GW_TARGET_NOT_ALLOWED')
    expect(refusals.length).toBeGreaterThan(attempts.length / 3)
  },
)

it('Chromium shows the session of its user, who names it in the address bar', async () => {
  const { url } = await startGateway({ listen: { session: 'client' } })
  const { out } = await succeed('chromium', [
    ...FLAGS,
    ...[`--user-data-dir=${temporaryFolder()}`, `--proxy-server=${url()}`],
    ...['--dump-dom', 'http://turnpike.internal/session'],
  ])
  expect(out).toContain('{"session":null,"address":')
})
