/** The end of answers to plain requests: one that was cut off must not look whole, and the last of a connection must be. */
import { describe, expect, it } from 'vitest'
import { dial, plain } from '../support/client.ts'
import { eventually, type Gateway, startGateway } from '../support/gateway.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { ConnectionLost, delay, SocketReader, send } from '../support/socket-io.ts'
import { reset } from '../support/tls.ts'

const UNTIL_CLOSE = 'HTTP/1.1 200 OK\r\n\r\nthe first half'
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ne\r\nthe first half\r\n'

/** One upstream, which answers each request so, and leaves. */
async function answering(octets: string, how: 'FIN' | 'RST'): Promise<Gateway> {
  const server = await new LoopbackServer(async (socket) => {
    const reader = new SocketReader(socket, { timeoutMs: null })
    await reader.readUntil('\r\n\r\n')
    await send(socket, octets)
    // What was written must arrive before a reset takes it back.
    await delay(10, socket)
    if (how === 'FIN') socket.end()
    else reset(socket)
    reader.discard()
  }).listen()
  const gateway = await startGateway({ upstreams: 0, filled: 1, provider: { list: [`http://${server.authority}`] } })
  await gateway.world.serve('half.test', server)
  return gateway
}

describe('an HTTP/1.0 client', () => {
  it.each([
    ['chunks that end too early', CHUNKED, 'FIN'],
    ['chunks that break', CHUNKED, 'RST'],
    ['a broken chunk', `${CHUNKED}zz\r\n`, 'FIN'],
    ['a body without a length that breaks', UNTIL_CLOSE, 'RST'],
  ] as const)('sees a reset behind %s', async (_what, octets, how) => {
    const { port } = await answering(octets, how)
    const { socket, reader } = await dial(port)
    await send(socket, 'GET http://site.test/ HTTP/1.0\r\n\r\n')
    expect(await reader.readToClose()).toMatchObject({ how: 'ECONNRESET' })
  })

  it.each([
    ['chunks', `${CHUNKED}0\r\n\r\n`],
    ['a body without a length', UNTIL_CLOSE],
  ] as const)('sees the end of %s', async (_what, octets) => {
    const { port } = await answering(octets, 'FIN')
    const { socket, reader } = await dial(port)
    await send(socket, 'GET http://site.test/ HTTP/1.0\r\n\r\n')
    const { bytes, how } = await reader.readToClose()
    expect([bytes.toString().split('\r\n\r\n')[1], how]).toEqual(['the first half', 'end'])
  })
})

describe.each(['GET', 'POST'])('an HTTP/1.1 client that sends %s', (method) => {
  it.each([
    ['RST', false],
    ['FIN', true],
  ] as const)('sees whether a body without a length is whole: %s', async (how, complete) => {
    const { port } = await answering(UNTIL_CLOSE, how)
    const reply = await plain(port, 'http://site.test/', { method })
    expect([reply.status, reply.body.toString(), reply.complete]).toEqual([200, 'the first half', complete])
  })
})

describe('the last answer on a connection is whole, although the client still sends, behind', () => {
  const URL = 'http://site.test/bytes/3000000'
  const HOST = 'Host: site.test\r\n'
  it.each([
    ['a GET with Connection: close', `GET ${URL} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`],
    ['a POST with Connection: close', `POST ${URL} HTTP/1.1\r\n${HOST}Connection: close\r\nContent-Length: 1\r\n\r\nx`],
    ['HTTP/1.0', `GET ${URL} HTTP/1.0\r\n\r\n`],
    ['an upgrade that is not made', `GET ${URL} HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`],
  ])('%s', async (_what, request) => {
    const { port, app } = await startGateway({ upstreams: 1 })
    const { socket, reader } = await dial(port)
    await send(socket, request)
    await reader.readUntil('\r\n\r\n')
    for (let n = 0; n < 20; n++) {
      await delay(5, socket)
      await send(socket, '\r\n').catch(ignoreLoss)
    }
    const { bytes, how } = await reader.readToClose()
    expect([bytes.length, how]).toEqual([3_000_000, 'end'])
    socket.end()
    await eventually(() => app.data.connections).toBe(0)
  })
})

function ignoreLoss(error: unknown): void {
  if (!(error instanceof ConnectionLost)) throw error
}
