/**
 * What one connection to an https upstream agreed serves the next one. All servers of the tests share their ticket keys: a
 * session that the gateway showed to another upstream would be resumed there.
 */
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectVia, plain } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { renewTlsServers } from '../support/tls.ts'

const TRUSTED = { upstream: { tls: { ca: 'ca.pem' } } }
const config = { health: { rest: '20ms', maxRest: '20ms', evictAfter: 100 } }
const start = (upstreams: number, provider: object = TRUSTED) =>
  startGateway({ scheme: 'https', upstreams, provider: { ...provider }, config })
const rested = ({ app }: Gateway) =>
  eventually(() => [...app.pool.members()].every(({ state, leases }) => state === 'ready' && leases === 0)).toBe(true)

const resumptions = ({ world }: Gateway) => world.upstreams.map(({ resumptions }) => resumptions)

/** One tunnel after the other. @returns their statuses */
async function tunnels({ port }: Gateway, count: number): Promise<number[]> {
  const statuses: number[] = []
  for (let n = 0; n < count; n++) {
    const tunnel = await connectVia(port, 'echo.test:7')
    if (tunnel.status === 200) await expectEcho(tunnel, 'through')
    statuses.push(tunnel.status)
    tunnel.socket.destroy()
  }
  return statuses
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', (maxVersion) => {
  it('the second tunnel through each upstream resumes its own session, and so does a plain request', async () => {
    renewTlsServers({ maxVersion })
    onTestFinished(() => renewTlsServers())
    const gateway = await start(2)
    expect(await tunnels(gateway, 6)).toEqual(Array(6).fill(200))
    expect(resumptions(gateway)).toEqual([
      [false, true, true],
      [false, true, true],
    ])
    expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
    const post = await plain(gateway.port, 'http://site.test/echo', { method: 'POST', body: 'x' })
    expect(post.body.toString()).toBe('x')
    expect(resumptions(gateway).map((each) => each.filter((isResumed) => !isResumed).length)).toEqual([1, 1])
  })

  it('an upstream that resumes nothing is spoken with all the same, and nothing is seen of it', async () => {
    renewTlsServers({ maxVersion })
    onTestFinished(() => renewTlsServers())
    const gateway = await start(1)
    expect(await tunnels(gateway, 1)).toEqual([200])
    renewTlsServers({ maxVersion })
    expect(await tunnels(gateway, 2)).toEqual([200, 200])
    expect(resumptions(gateway)).toEqual([[false, false, true]])
    expect(gateway.world.upstreams[0]?.connections).toBe(3)
    for (const member of gateway.app.pool.members())
      expect([member.state, member.consecutiveFailures]).toEqual(['ready', 0])
  })
})

it('a session with which an upstream did not come to an end is not offered again', async () => {
  const gateway = await start(1)
  expect(await tunnels(gateway, 2)).toEqual([200, 200])
  gateway.world.upstreams[0]?.behaveNext('close-at-once')
  await connectVia(gateway.port, 'echo.test:7')
  await rested(gateway)
  expect(await tunnels(gateway, 2)).toEqual([200, 200])
  expect(resumptions(gateway)).toEqual([[false, true, false, true]])
})

describe('a certificate that is not good', () => {
  it.each([
    ['of nobody known', {}],
    ['for another name', { ca: 'ca.pem', servername: 'other.example' }],
  ])('%s stays so, however often it is shown', async (_, tls) => {
    const gateway = await start(1, { upstream: { tls } })
    for (let n = 0; n < 2; n++) {
      await rested(gateway)
      const reply = await connectVia(gateway.port, 'echo.test:7')
      expect(refusalOf(reply)).toMatchObject({ status: 502, code: 'GW_UPSTREAM_GARBAGE' })
    }
  })

  it('is asked for each time where it need not be good', async () => {
    const gateway = await start(1, { upstream: { tls: { verify: false, servername: 'other.example' } } })
    expect(await tunnels(gateway, 2)).toEqual([200, 200])
    expect(resumptions(gateway)).toEqual([[false, false]])
  })

  it('is not made good by a session of another provider’s with the same address', async () => {
    const gateway = await startGateway({
      scheme: 'https',
      upstreams: 1,
      filled: 3,
      providers: (world) => {
        const list = { vendor: 'static', allowPrivate: true, list: world.lines('https') }
        return [
          { name: 'trusted', ...list, ...TRUSTED },
          { name: 'lax', ...list, upstream: { tls: { verify: false } } },
          { name: 'unknown', ...list },
        ]
      },
    })
    const through = async (provider: string) =>
      (await connectVia(gateway.port, 'echo.test:7', { headers: [['X-Turnpike-Provider', provider]] })).status
    const statuses = []
    for (const provider of ['trusted', 'lax', 'unknown', 'trusted', 'lax']) statuses.push(await through(provider))
    expect(statuses).toEqual([200, 200, 502, 200, 200])
    expect(resumptions(gateway)[0]?.filter((isResumed) => isResumed)).toHaveLength(1)
  })
})
