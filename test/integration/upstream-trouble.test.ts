/** Everything that an upstream can do wrong before a tunnel is open: what each kind of client hears, and after how many tries. */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { connectVia, plain, socks4a, socks5 } from '../support/client.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { SocketReader, send } from '../support/socket-io.ts'
import type { Behaviour, PlainKind } from '../support/upstream-behaviour.ts'

const UNREACHABLE = { status: 502, code: 'GW_UPSTREAM_UNREACHABLE', rep: 1 }
const SILENT = { status: 504, code: 'GW_UPSTREAM_SILENT', rep: 1 }
const CLOSED = { status: 502, code: 'GW_UPSTREAM_CLOSED', rep: 1 }
const GARBAGE = { status: 502, code: 'GW_UPSTREAM_GARBAGE', rep: 1 }
const LOGIN = { status: 502, code: 'GW_UPSTREAM_LOGIN', rep: 1 }
const TARGET = { status: 502, code: 'GW_TARGET_REFUSED', rep: 5 }

type Case = readonly [behaviour: Behaviour | PlainKind, expected: typeof TARGET]

/** @param isAsked whether the target is named in the first octets that the upstream gets: HTTP without TLS */
const everywhere = (isAsked: boolean): Case[] => [
  ['refuse', UNREACHABLE],
  ['silent', isAsked ? SILENT : UNREACHABLE],
  ['close-at-once', isAsked ? CLOSED : UNREACHABLE],
  // A reset can arrive before the connection counts as made: then an HTTP upstream was not asked.
  ...(isAsked ? [] : [['reset-at-once', UNREACHABLE] as const]),
  ['garbage', GARBAGE],
]
const onlyHttp: Case[] = [
  [{ kind: 'silent-after', bytes: 1 }, SILENT],
  [{ kind: 'silent-after', bytes: 30 }, SILENT],
  [{ kind: 'status', status: 101, body: '' }, GARBAGE],
  ...[407, 454].map((status): Case => [{ kind: 'status', status }, LOGIN]),
  ...[400, 403, 404, 500, 502, 503, 504].map((status): Case => [{ kind: 'status', status }, TARGET]),
]
const onlySocks: Case[] = [
  ...[1, 3].map((bytes): Case => [{ kind: 'silent-after', bytes }, UNREACHABLE]),
  ...[11, 13].map((bytes): Case => [{ kind: 'silent-after', bytes }, SILENT]),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((rep): Case => [{ kind: 'rep', rep }, TARGET]),
  [{ kind: 'rep', rep: 0x7f }, TARGET],
  ['no-method', LOGIN],
  ['auth-failure', LOGIN],
  ['bad-version', GARBAGE],
]

/** `dial.timeout` of the cases of silence, and time for each try to get as far as that, on a clock that a test moves. */
const SILENCE_MS = 3_000

/**
 * The time of a try runs out as soon as its upstream has fallen silent, however slow the machine is; until then its clock
 * is slower than the machine’s, and runs so that upstreams that rest come back.
 * @param steps how much passes at the first silence, at the second...; else SILENCE_MS
 */
async function whileSilent<T>(
  clock: FakeClock,
  { world }: Gateway,
  answer: Promise<T>,
  steps: readonly number[] = [],
): Promise<T> {
  const silences = () => world.upstreams.reduce((sum, upstream) => sum + upstream.silences, 0)
  const before = silences()
  let [seen, isOver] = [0, false]
  const over = () => {
    isOver = true
  }
  answer.then(over, over)
  for (; !isOver; await sleep(1)) clock.advance(silences() - before === seen ? 1 : (steps[seen++] ?? SILENCE_MS))
  return answer
}

function isSilence([behaviour]: Case): boolean {
  return JSON.stringify(behaviour).includes('silent')
}

/** So that upstreams that fail again and again stay lendable. */
const FORGIVING = { rest: '1ms', maxRest: '1ms', evictAfter: 1_000 }

/** One gateway for all cases: starting one takes longer than a case. Only cases of silence need a short time-out. */
async function start(
  scheme: 'http' | 'https' | 'socks5',
  cases: readonly Case[],
  dial: { readonly timeout: string; readonly tries?: number; readonly deadline?: string },
  clock?: FakeClock,
): Promise<Gateway> {
  const config = { dial, health: FORGIVING }
  const gateway = await startGateway({ scheme, upstreams: 3, config, ...(clock === undefined ? {} : { clock }) })
  for (const [n] of cases.entries())
    gateway.world.names[`case-${n}.test`] = [gateway.world.echo.host, gateway.world.echo.port]
  return gateway
}

/** What CONNECT, SOCKS5 and SOCKS4a clients hear when all upstreams do the same wrong, and what it cost. */
async function hear({ port, world, app }: Gateway, target: string): Promise<object> {
  const connections = () => world.upstreams.reduce((sum, upstream) => sum + upstream.connections, 0)
  const before = connections()
  const refusal = refusalOf(await connectVia(port, target))
  const tries = connections() - before
  const socks = await socks5(port, target)
  const four = await socks4a(port, target)
  return { ...refusal, rep: socks.rep, code4: four.code, tries, opened: app.traffic.openedCount }
}

/** @param maxTries `dial.tries` */
function expected([behaviour, { status, code, rep }]: Case, maxTries: number): object {
  // A refused TCP connection reaches no upstream; the others show how often it was tried.
  const tries = behaviour === 'refuse' ? 0 : code === TARGET.code ? 2 : maxTries
  return { status, code, rep, code4: 0x5b, tries, opened: 0 }
}

// What is held against an upstream, as a request without an answer, comes last: it would change what follows.
describe.each([
  { scheme: 'http', cases: [...onlyHttp, ...everywhere(true)] },
  { scheme: 'https', cases: [...everywhere(false), ...onlyHttp] },
  { scheme: 'socks5', cases: [...everywhere(false), ...onlySocks] },
] as const)('all $scheme upstreams', ({ scheme, cases }) => {
  const [silent, loud] = [cases.filter(isSilence), cases.filter((one) => !isSilence(one))]
  it('say something wrong, or nothing and leave', async () => {
    const gateway = await start(scheme, loud, { timeout: '5s', tries: 3 })
    for (const [n, one] of loud.entries()) {
      for (const upstream of gateway.world.upstreams) await upstream.behave(one[0])
      expect(await hear(gateway, `case-${n}.test:7`), JSON.stringify(one[0])).toEqual(expected(one, 3))
    }
  })

  it('fall silent', async () => {
    const clock = new FakeClock()
    const gateway = await start(scheme, silent, { timeout: `${SILENCE_MS}ms`, tries: 3 }, clock)
    for (const [n, one] of silent.entries()) {
      for (const upstream of gateway.world.upstreams) await upstream.behave(one[0])
      const heard = whileSilent(clock, gateway, hear(gateway, `case-${n}.test:7`))
      expect(await heard, JSON.stringify(one[0])).toEqual(expected(one, 3))
    }
  })

  it('say something wrong to plain requests', async () => {
    const gateway = await start(scheme, [], { timeout: '5s' })
    const refused: Case = [{ kind: 'status', status: 407 }, scheme === 'socks5' ? TARGET : LOGIN]
    for (const one of [...everywhere(scheme === 'http'), refused]) {
      const [behaviour, { status, code }] = one
      if (isSilence(one)) continue
      for (const upstream of gateway.world.upstreams) await upstream.behave(behaviour)
      const reply = await plain(gateway.port, 'http://site.test/')
      expect(refusalOf(reply), JSON.stringify(behaviour)).toEqual({ status, code })
    }
  })

  it('say nothing to plain requests', async () => {
    const clock = new FakeClock()
    const gateway = await start(scheme, [], { timeout: `${SILENCE_MS}ms`, deadline: '30s' }, clock)
    for (const upstream of gateway.world.upstreams) await upstream.behave('silent')
    // Two that take a request and say nothing may be waiting for the target: it is given the whole deadline.
    const steps = scheme === 'http' ? [SILENCE_MS, 30_000] : []
    const reply = await whileSilent(clock, gateway, plain(gateway.port, 'http://site.test/'), steps)
    const { status, code } = scheme === 'http' ? { status: 504, code: 'GW_DEADLINE' } : UNREACHABLE
    expect(refusalOf(reply)).toEqual({ status, code })
  })
})

describe.each([
  ['without a login', ''],
  ['with a login', 'u:p@'],
])('socks5 upstreams %s that reply with what is no reply', (_how, login) => {
  it.each([
    ['of version 4', '04000001010203040050'],
    ['of SOCKS4', '005a000000000000ffff'],
    ['in HTTP', Buffer.from('HTTP/1.1 200 OK\r\n\r\n').toString('hex')],
    ['with an address type that does not exist', '05000002010203040050'],
    ['with no address type', '05000000010203040050'],
  ])('%s are garbage', async (_what, reply) => {
    const server = await new LoopbackServer((socket) => replyInSocks(socket, Buffer.from(reply, 'hex'))).listen()
    const gateway = await startGateway({
      upstreams: 0,
      filled: 1,
      provider: { list: [`socks5://${login}${server.authority}`] },
      config: { dial: { tries: 1 } },
    })
    await gateway.world.serve('strange.test', server)
    expect(refusalOf(await connectVia(gateway.port, '192.0.2.1:7'))).toEqual({ status: 502, code: GARBAGE.code })
  })
})

/** Goes as far as the request for an IPv4 address, and says this. */
async function replyInSocks(socket: Socket, reply: Buffer): Promise<void> {
  const reader = new SocketReader(socket, { timeoutMs: null })
  const [, count = 0] = await reader.readExactly(2)
  const isLogin = (await reader.readExactly(count)).includes(2)
  await send(socket, Buffer.from([5, isLogin ? 2 : 0]))
  if (isLogin) {
    // Version, length, name, length, password.
    await reader.readExactly(5)
    await send(socket, Buffer.from([1, 0]))
  }
  await reader.readExactly(10)
  await send(socket, reply)
}

describe('https upstreams', () => {
  it('that do not speak TLS are garbage', async () => {
    const { port } = await startGateway({ upstreams: 3, scheme: 'https', tls: false })
    expect(refusalOf(await connectVia(port, 'echo.test:7'))).toEqual({ status: 502, code: GARBAGE.code })
  })

  it.each([true, false])(
    'with a certificate of nobody known are garbage, unless verify is off (verify: %s)',
    async (verify) => {
      const { port } = await startGateway({
        upstreams: 3,
        provider: { upstream: { tls: { verify } } },
        scheme: 'https',
      })
      const reply = await connectVia(port, 'echo.test:7')
      if (verify) expect(refusalOf(reply)).toEqual({ status: 502, code: GARBAGE.code })
      else expect(reply.status).toBe(200)
    },
  )
})

it('tells a wrong login at an upstream, and never its own challenge', async () => {
  const { port, world } = await startGateway({
    upstreams: 3,
    filled: 3,
    providers: ({ upstreams }) => {
      const list = upstreams.map(({ authority }) => `http://somebody:wrong-password@${authority}`)
      return [{ name: 'own', vendor: 'static', list }]
    },
    config: { wait: { timeout: '200ms' } },
    secrets: ['wrong-password'],
  })
  const reply = await connectVia(port, 'echo.test:7')
  expect(refusalOf(reply)).toEqual({ status: 502, code: LOGIN.code })
  expect(reply.headers.map(([name]) => name)).not.toContain('Proxy-Authenticate')
  const direct = await plain(port, 'http://site.test/')
  expect(direct.status).not.toBe(407)
  expect(world.upstreams.map(({ tunnelsOpened }) => tunnelsOpened)).toEqual([0, 0, 0])
})

it('trusts each provider’s certificates for that provider alone', async () => {
  const { port } = await startGateway({
    scheme: 'https',
    upstreams: 1,
    filled: 2,
    providers: (world) => {
      const list = { vendor: 'static', allowPrivate: true, list: world.lines('https') }
      return [
        { name: 'trusted', ...list, upstream: { tls: { ca: 'ca.pem' } } },
        { name: 'unknown', ...list },
      ]
    },
  })
  const through = async (provider: string) =>
    (await connectVia(port, 'echo.test:7', { headers: [['X-Turnpike-Provider', provider]] })).status
  expect([await through('trusted'), await through('unknown'), await through('trusted')]).toEqual([200, 502, 200])
})
