/**
 * Clients that hang up at every point of a handshake: everything for them stops at once, and nobody is blamed. A plain request
 * that an upstream has been lent for goes on behind a FIN (ADR 0011): see client-half-close.test.ts.
 */
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { dial, readReply } from '../support/client.ts'
import { eventually, type Gateway, type GatewayOptions, startGateway } from '../support/gateway.ts'
import { send, turn } from '../support/socket-io.ts'
import type { Behaviour, PlainKind } from '../support/upstream-behaviour.ts'

const CONNECT = 'CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\n\r\n'
const SOCKS5 = '\x05\x01\x00\x05\x01\x00\x03\x09echo.test\x00\x07'
const SOCKS4A = '\x04\x01\x00\x07\x00\x00\x00\x01\x00echo.test\x00'
const GET = 'GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n'
const POST = 'POST http://site.test/echo HTTP/1.1\r\nHost: site.test\r\nContent-Length: 100\r\n\r\nhalf of it'
const WS =
  'GET http://site.test/ws HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'

const goodbyes: [string, (socket: Socket) => void][] = [
  ['FIN', (socket) => socket.end()],
  ['close', (socket) => socket.destroy()],
  ['RST', (socket) => socket.resetAndDestroy()],
]

/** Far longer than a test: what ends earlier was cancelled. */
const PATIENT = { dial: { timeout: '20s', deadline: '60s' }, wait: { timeout: '20s' } }

const start = (options: GatewayOptions = {}): Promise<Gateway> =>
  startGateway({ upstreams: 1, config: PATIENT, ...options })

/** Nothing is under way any more, and nobody is blamed. */
async function expectForgotten({ app, world, leases }: Gateway): Promise<void> {
  const left = () => [
    app.data.connections,
    leases(),
    app.data.leaseQueue.waitingCount,
    ...world.upstreams.map((u) => u.openSockets),
  ]
  await eventually(left).toEqual([0, 0, 0, ...world.upstreams.map(() => 0)])
  for (const member of app.pool.members()) {
    expect([member.state, member.consecutiveFailures]).toEqual(['ready', 0])
    // What was asked of an upstream and not answered counts as a use.
    const asked = world.upstreams.reduce((sum, { connections }) => sum + connections, 0)
    expect(member.uses).toBeLessThanOrEqual(asked)
  }
  expect([app.traffic.openedCount, [...app.traffic.errors.keys()], app.traffic.triesFailed.broken]).toEqual([0, [], 0])
}

describe('in the middle of its own request', () => {
  const whole = { connect: CONNECT, socks5: SOCKS5, socks4a: SOCKS4A, get: GET }
  it.each(Object.entries(whole))('%s, after any octet', async (_name, request) => {
    const gateway = await start()
    for (let size = 0; size < request.length; size += request.length > 30 ? 9 : 1) {
      for (const [, goodbye] of goodbyes) {
        const { socket } = await dial(gateway.port)
        if (size > 0) await send(socket, request.slice(0, size))
        await turn()
        goodbye(socket)
      }
    }
    await expectForgotten(gateway)
    expect(gateway.world.upstreams[0]?.connections).toBe(0)
  })
})

const requests = {
  connect: CONNECT,
  'connect with early data': `${CONNECT}early`,
  socks5: SOCKS5,
  socks4a: SOCKS4A,
  get: GET,
  post: POST,
  websocket: WS,
}

const stages = {
  http: ['silent', { kind: 'silent-after', bytes: 25 }],
  https: ['silent', { kind: 'silent-after', bytes: 25 }],
  socks5: ['silent', { kind: 'silent-after', bytes: 2 }, { kind: 'silent-after', bytes: 8 }],
} satisfies Record<string, (Behaviour | PlainKind)[]>

describe.each(Object.entries(requests))('after a whole request (%s)', (_name, request) => {
  it('that waits for an upstream', async () => {
    const providers = () => [{ name: 'none', vendor: 'static', file: 'none.txt' }]
    const gateway = await start({ upstreams: 0, providers, files: { 'none.txt': '' } })
    for (const [how, goodbye] of goodbyes) {
      const { socket } = await dial(gateway.port)
      await send(socket, request)
      await eventually(() => gateway.app.data.leaseQueue.waitingCount).toBe(1)
      goodbye(socket)
      await eventually(() => gateway.app.data.leaseQueue.waitingCount, how).toBe(0)
    }
    await expectForgotten(gateway)
    expect(gateway.app.traffic.clientsGone).toBe(3)
  })

  const ways = request === GET ? goodbyes.filter(([how]) => how === 'RST') : goodbyes
  it.each(Object.keys(stages) as (keyof typeof stages)[])('that an %s upstream leaves unanswered', async (scheme) => {
    const gateway = await start({ scheme })
    const [upstream] = gateway.world.upstreams
    let clients = 0
    for (const behaviour of stages[scheme]) {
      await upstream?.behave(behaviour)
      for (const [how, goodbye] of ways) {
        const { socket } = await dial(gateway.port)
        await send(socket, request)
        clients++
        await eventually(() => [upstream?.connections, gateway.leases()]).toEqual([clients, 1])
        await turn(3)
        goodbye(socket)
        await eventually(() => [upstream?.openSockets, gateway.leases()], how).toEqual([0, 0])
      }
    }
    await expectForgotten(gateway)
    expect(gateway.app.traffic.clientsGone).toBe(clients)
  })
})

describe('behind a request that is not answered yet', () => {
  const slow = 'http://site.test/slow?before=300'
  const first = {
    GET: `GET ${slow} HTTP/1.1\r\nHost: site.test\r\n\r\n`,
    POST: `POST ${slow} HTTP/1.1\r\nHost: site.test\r\nContent-Length: 1\r\n\r\nx`,
  }
  const pairs = Object.entries(first).flatMap(([name, octets]) => [
    [`CONNECT behind ${name}`, octets + CONNECT],
    [`a WebSocket behind ${name}`, octets + WS],
  ])
  it.each(pairs)('%s', async (_name, octets = '') => {
    const gateway = await start()
    const { socket } = await dial(gateway.port)
    await send(socket, octets)
    await eventually(() => gateway.world.site.requests.length).toBe(1)
    socket.resetAndDestroy()
    await expectForgotten(gateway)
    expect(gateway.world.upstreams[0]?.tunnelsOpened).toBe(0)
  })

  it.each(pairs)('%s, behind a FIN: the answer comes, and no tunnel', async (_name, octets = '') => {
    const gateway = await start()
    const { socket, reader } = await dial(gateway.port)
    await send(socket, octets)
    socket.end()
    expect((await readReply({ socket, reader })).body.toString()).toBe('piece 1\n')
    await reader.readToClose()
    await eventually(() => [gateway.app.data.connections, gateway.leases()]).toEqual([0, 0])
    expect(gateway.world.upstreams[0]?.tunnelsOpened).toBe(0)
  })
})
