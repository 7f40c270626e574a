/** Answers to plain requests whose end is told by the end of the connection: cut off, they must not look whole. */
import { describe, expect, it } from 'vitest'
import { dial, plain } from '../support/client.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { delay, SocketReader, send } from '../support/socket-io.ts'
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
