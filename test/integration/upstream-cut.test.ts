/** Upstreams that end or reset their side at every point of a handshake, and one octet later. */
import { connect, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { connectVia, dial, plain, readReply } from '../support/client.ts'
import { type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { delay, SocketReader, send } from '../support/socket-io.ts'
import { reset } from '../support/tls.ts'
import { FakeUpstream } from '../support/upstream.ts'

type End = 'FIN' | 'RST'

/** What the next connection is told, how much of it, and what comes then. */
interface Script {
  octets: number
  end: End
}

function finish(socket: Socket, end: End): void {
  if (end === 'FIN') socket.end()
  else reset(socket)
}

/** Answers in steps, each after something was read, and leaves after `octets` in all. */
function cutting(steps: readonly Buffer[], script: Script): LoopbackServer {
  return new LoopbackServer(async (socket) => {
    const reader = new SocketReader(socket, { timeoutMs: null })
    let left = script.octets
    for (const step of steps) {
      if (left === 0) break
      if ((await reader.read()) === null) return void socket.destroy()
      await send(socket, step.subarray(0, left))
      left -= Math.min(left, step.length)
    }
    // What was written must arrive before a reset takes it back.
    if (script.end === 'RST' && script.octets > 0) await delay(5, socket)
    finish(socket, script.end)
    reader.discard()
  })
}

async function startWith(server: LoopbackServer, scheme: 'http' | 'https' | 'socks5', login = ''): Promise<Gateway> {
  await server.listen()
  const gateway = await startGateway({
    upstreams: 0,
    filled: 1,
    scheme,
    provider: { list: [`${scheme}://${login}${server.authority}`] },
    config: { dial: { tries: 1 }, health: { rest: '1ms', maxRest: '1ms', evictAfter: 1_000 } },
    secrets: ['upstream-password'],
  })
  await gateway.world.serve('upstream.test', server)
  return gateway
}

const CLOSED = 'GW_UPSTREAM_CLOSED'
const UNREACHABLE = 'GW_UPSTREAM_UNREACHABLE'

/** Every cut of both kinds is told as what it is. @param codes the possible codes of a cut after so many octets */
async function expectCuts(
  { port }: Gateway,
  script: Script,
  cuts: Iterable<number>,
  codes: (octets: number, end: End) => readonly string[],
): Promise<void> {
  for (const octets of cuts) {
    for (const end of ['FIN', 'RST'] as const) {
      Object.assign(script, { octets, end })
      const reply = await connectVia(port, 'echo.test:7')
      const what = `${end} after ${octets}`
      const { status, code } = refusalOf(reply)
      expect.soft([what, status, codes(octets, end)]).toEqual([what, 502, expect.arrayContaining([code])])
    }
  }
}

const range = (count: number) => Array.from({ length: count }, (_, n) => n)

describe('a handshake that is cut off', () => {
  it('with CONNECT', async () => {
    const answer = Buffer.from('HTTP/1.1 200 OK\r\nX: y\r\n\r\n')
    const script: Script = { octets: 0, end: 'FIN' }
    const gateway = await startWith(cutting([answer], script), 'http')
    // A reset can arrive before the connection counts as made.
    const codes = (octets: number, end: End) => (octets === 0 && end === 'RST' ? [CLOSED, UNREACHABLE] : [CLOSED])
    await expectCuts(gateway, script, range(answer.length), codes)
    Object.assign(script, { octets: answer.length, end: 'FIN' })
    const whole = await connectVia(gateway.port, 'echo.test:7')
    expect([whole.status, (await whole.reader.readAll()).length]).toEqual([200, 0])
  })

  it('with SOCKS5, with a login', async () => {
    const steps = ['0502', '0100', '05000001000000000000'].map((hex) => Buffer.from(hex, 'hex'))
    const script: Script = { octets: 0, end: 'FIN' }
    const gateway = await startWith(cutting(steps, script), 'socks5', 'user:upstream-password@')
    // The choice of a method and the answer to the login are 4 octets; the target is named after them.
    await expectCuts(gateway, script, range(14), (octets) => [octets < 4 ? UNREACHABLE : CLOSED])
    Object.assign(script, { octets: 14, end: 'FIN' })
    const whole = await connectVia(gateway.port, 'echo.test:7')
    expect([whole.status, (await whole.reader.readAll()).length]).toEqual([200, 0])
  })

  it('with TLS', async () => {
    const upstream = await new FakeUpstream({ tls: true }).listen()
    const script: Script = { octets: 0, end: 'FIN' }
    const before = new LoopbackServer((socket) => pipeSome(socket, upstream, script))
    const gateway = await startWith(before, 'https')
    await expectCuts(gateway, script, [0, 1, 5, 100, 300, 600, 900], () => [UNREACHABLE])
    await upstream.close()
  })
})

/** Passes everything on to the upstream, and `octets` of what it says back. */
function pipeSome(socket: Socket, upstream: FakeUpstream, script: Script): void {
  const { octets, end } = script
  const onward = connect(upstream.port, upstream.host)
  let left = octets
  const leave = () => {
    onward.destroy()
    socket.resume()
    setImmediate(() => finish(socket, end))
  }
  onward.on('error', () => {})
  socket.on('close', () => onward.destroy())
  if (left === 0) return void leave()
  socket.pipe(onward)
  onward.on('data', (bytes) => {
    socket.write(bytes.subarray(0, left))
    left -= Math.min(left, bytes.length)
    if (left === 0) leave()
  })
}

it('an answer to a plain request that is cut off before its end of header is told as such', async () => {
  const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
  const script: Script = { octets: 0, end: 'FIN' }
  const gateway = await startWith(cutting([answer], script), 'http')
  for (const octets of [0, 5, 12, 20, answer.length - 1]) {
    for (const end of ['FIN', 'RST'] as const) {
      Object.assign(script, { octets, end })
      const reply = await plain(gateway.port, 'http://site.test/')
      const what = `${end} after ${octets}`
      expect.soft([what, refusalOf(reply).status]).toEqual([what, 502])
    }
  }
})

it.each(['a plain request', 'a tunnel'])('an answer in front of a reset arrives while %s uploads', async (way) => {
  let sendMore = () => {}
  const upstream = new LoopbackServer(async (socket) => {
    const reader = new SocketReader(socket, { timeoutMs: null })
    if ((await reader.readUntil('\r\n\r\n')).includes('CONNECT')) {
      await send(socket, 'HTTP/1.1 200 OK\r\n\r\n')
      await reader.readUntil('\r\n\r\n')
    }
    // The gateway receives this first: it writes to a connection that is reset, and reads from it afterwards.
    sendMore()
    socket.write('HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\n\r\nstop')
    reset(socket)
  })
  const { port } = await startWith(upstream, 'http')
  const { socket, reader } = way === 'a tunnel' ? await connectVia(port, 'site.test:80') : await dial(port)
  sendMore = () => socket.write('more of it')
  await send(socket, 'POST http://site.test/ HTTP/1.1\r\nHost: site.test\r\nContent-Length: 1000000\r\n\r\n')
  const { status, body } = await readReply({ socket, reader })
  expect([status, body.toString()]).toEqual([413, 'stop'])
})
