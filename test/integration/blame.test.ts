/** One bad upstream among good ones: the client notices nothing, and the right one is blamed. The limits on trying. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectVia, plain, socks5 } from '../support/client.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { delay, expectEcho, send } from '../support/socket-io.ts'
import type { FakeUpstream } from '../support/upstream.ts'
import type { Behaviour, PlainKind } from '../support/upstream-behaviour.ts'

const HTTP_FAULTS: (Behaviour | PlainKind)[] = [
  'refuse',
  'silent',
  'close-at-once',
  'reset-at-once',
  'garbage',
  { kind: 'silent-after', bytes: 20 },
  { kind: 'status', status: 407 },
  { kind: 'status', status: 502 },
]
const SOCKS_FAULTS: (Behaviour | PlainKind)[] = [
  'refuse',
  'silent',
  'close-at-once',
  'garbage',
  'auth-failure',
  { kind: 'rep', rep: 1 },
]

/** `dial.timeout` of the gateways here. */
const DIAL_MS = 4_000

function upstreams({ world }: Gateway): [bad: FakeUpstream, good: FakeUpstream] {
  const [bad, good] = world.upstreams
  if (bad === undefined || good === undefined) throw new Error('two upstreams are needed')
  return [bad, good]
}

const health = (gateway: Gateway) =>
  upstreams(gateway).map((upstream) => [gateway.record(upstream).state, gateway.record(upstream).consecutiveFailures])

describe.each([
  { scheme: 'http', faults: HTTP_FAULTS },
  { scheme: 'https', faults: HTTP_FAULTS },
  { scheme: 'socks5', faults: SOCKS_FAULTS },
] as const)('one bad $scheme upstream and a good one', ({ scheme, faults }) => {
  it.each(faults.map((fault) => [JSON.stringify(fault), fault] as const))('%s', async (_what, fault) => {
    const isSilence = JSON.stringify(fault).includes('silent')
    // Time passes only where silence is to last too long: the good one is never late, and the rest does not end.
    const clock = new FakeClock()
    const gateway = await startGateway({ scheme, upstreams: 2, clock })
    const [bad] = upstreams(gateway)
    await bad.behave(fault)
    for (const word of ['one', 'two', 'three', 'four']) {
      const opening = connectVia(gateway.port, 'echo.test:7')
      if (isSilence && word === 'one') {
        await eventually(() => bad.connections).toBe(1)
        clock.advance(DIAL_MS)
      }
      await expectEcho(await opening, word)
      expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
    }
    expect(health(gateway)).toEqual([
      ['resting', 1],
      ['ready', 0],
    ])
    expect(gateway.app.traffic.errors.size).toBe(0)
  })
})

describe('refusals', () => {
  it('of one target by one upstream are its own fault once another opens that target', async () => {
    const gateway = await startGateway({ upstreams: 2 })
    const [first, second] = upstreams(gateway)
    first.behaveFor('echo.test', { kind: 'status', status: 403 })
    expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
    expect(health(gateway)).toEqual([
      ['resting', 1],
      ['ready', 0],
    ])
    expect([first.requests.length, second.requests.length]).toEqual([1, 1])
  })

  it('of one target by two upstreams alike are the target’s: two tries, nobody rests, also later', async () => {
    const gateway = await startGateway({ upstreams: 3 })
    for (const upstream of gateway.world.upstreams) upstream.behaveFor('bad.test', { kind: 'status', status: 502 })
    expect(refusalOf(await connectVia(gateway.port, 'bad.test:7'))).toEqual({ status: 502, code: 'GW_TARGET_REFUSED' })
    expect(gateway.world.upstreams.flatMap(({ requests }) => requests)).toHaveLength(2)
    for (let n = 0; n < 5; n++) expect((await socks5(gateway.port, 'bad.test:7')).rep).toBe(5)
    expect(gateway.world.upstreams.map((upstream) => gateway.record(upstream).state)).toEqual([
      'ready',
      'ready',
      'ready',
    ])
    expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
  })

  it('of two targets by one upstream are its own', async () => {
    const gateway = await startGateway({ upstreams: 2, config: { dial: { tries: 1 } } })
    const [first] = upstreams(gateway)
    await first.behave({ kind: 'status', status: 502 })
    const statuses = []
    for (const target of ['one.test:7', 'echo.test:7', 'two.test:7'])
      statuses.push((await connectVia(gateway.port, target)).status)
    expect(statuses).toEqual([502, 200, 502])
    expect(gateway.record(first)).toMatchObject({ state: 'resting', consecutiveFailures: 1 })
  })
})

describe('an upstream that fails', () => {
  it('rests, comes back, and is healed by a success', async () => {
    const clock = new FakeClock()
    const gateway = await startGateway({ upstreams: 2, config: { health: { rest: '1s' } }, clock })
    const [bad, other] = upstreams(gateway)
    bad.behaveNext('close-at-once')
    expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
    expect(health(gateway)).toEqual([
      ['resting', 1],
      ['ready', 0],
    ])
    for (let n = 0; n < 3; n++) await connectVia(gateway.port, 'echo.test:7')
    expect([bad.tunnelsOpened, other.tunnelsOpened]).toEqual([0, 4])
    clock.advance(1_000)
    expect(gateway.record(bad).state).toBe('ready')
    for (let n = 0; n < 2; n++) await connectVia(gateway.port, 'echo.test:7')
    expect([bad.tunnelsOpened, gateway.record(bad).consecutiveFailures]).toEqual([1, 0])
  })

  it('is given up after as many failures in a row as configured', async () => {
    const config = { health: { rest: '1ms', maxRest: '1ms', evictAfter: 2 } }
    const gateway = await startGateway({ upstreams: 2, config })
    const [bad] = upstreams(gateway)
    await bad.behave('garbage')
    for (let n = 0; gateway.record(bad).state !== 'gone' && n < 100; n++)
      expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
    expect([gateway.app.pool.size, gateway.record(bad).consecutiveFailures, bad.connections]).toEqual([1, 2, 2])
  })
})

describe('tries', () => {
  it('are as many as configured', async () => {
    const { port, world } = await startGateway({ upstreams: 5, config: { dial: { tries: 4 } } })
    for (const upstream of world.upstreams) await upstream.behave('close-at-once')
    expect(refusalOf(await connectVia(port, 'echo.test:7'))).toEqual({ status: 502, code: 'GW_UPSTREAM_CLOSED' })
    expect(world.upstreams.reduce((sum, { connections }) => sum + connections, 0)).toBe(4)
  })

  it('end together at one deadline, which blames nobody for the last one', async () => {
    const config = { dial: { timeout: '200ms', deadline: '300ms', tries: 9 } }
    const gateway = await startGateway({ upstreams: 4, config })
    for (const upstream of gateway.world.upstreams) await upstream.behave('silent')
    const startedAt = performance.now()
    const reply = await connectVia(gateway.port, 'echo.test:7')
    expect(refusalOf(reply)).toEqual({ status: 504, code: 'GW_DEADLINE' })
    expect(performance.now() - startedAt).toBeGreaterThan(290)
    const states = gateway.world.upstreams.map((upstream) => gateway.record(upstream).state)
    expect(states).toEqual(['ready', 'ready', 'ready', 'ready'])
    expect(header(reply.headers, 'connection')).toBe('close')
  })

  it('have one time-out over the whole handshake, however busy the upstream seems', async () => {
    const drip = new LoopbackServer(async (socket) => {
      await send(socket, 'HTTP/1.1 200 OK\r\nX: ')
      while (!socket.destroyed) {
        await send(socket, 'x')
        await delay(10, socket)
      }
    })
    await drip.listen()
    onTestFinished(() => drip.close())
    const list = [`http://${drip.authority}`]
    const { port } = await startGateway({
      upstreams: 0,
      filled: 1,
      provider: { list },
      config: { dial: { timeout: '150ms', tries: 1 } },
    })
    expect(refusalOf(await connectVia(port, 'echo.test:7'))).toEqual({ status: 504, code: 'GW_UPSTREAM_SILENT' })
  })
})
