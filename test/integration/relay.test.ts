/** What happens in an open tunnel: ends, resets, silence. */
import { describe, expect, it } from 'vitest'
import { connectVia, socks5 } from '../support/client.ts'
import { eventually, type GatewayOptions, startGateway } from '../support/gateway.ts'
import type { LoopbackServer } from '../support/loopback-server.ts'
import { pattern } from '../support/pattern.ts'
import { expectEcho, send } from '../support/socket-io.ts'
import { answersAfterEnd, echoServer, endsFirst } from '../support/tcp.ts'

/** A gateway whose upstreams know `server` as target.test. */
async function withTarget(server: LoopbackServer, options: GatewayOptions = {}) {
  const gateway = await startGateway({ upstreams: 1, ...options })
  await gateway.world.serve('target.test', server)
  return gateway
}

describe.each(['http', 'https', 'socks5'] as const)('through %s upstreams', (scheme) => {
  it('passes on that the client has finished, and then what the target says', async () => {
    const { port, app } = await withTarget(answersAfterEnd(), { scheme })
    for (const open of [connectVia, socks5]) {
      const { socket, reader } = await open(port, 'target.test:1')
      await send(socket, pattern(100_000))
      socket.end('12345')
      expect((await reader.readAll()).toString()).toBe('got 100005 bytes\n')
    }
    await eventually(() => app.traffic.endedCounts.done).toBe(2)
    expect(app.traffic.upBytes).toBeGreaterThan(200_010)
  })

  it('passes on that the target has finished, and then what the client says', async () => {
    const { server, received } = endsFirst('bye')
    const { port } = await withTarget(server, { scheme })
    for (const open of [connectVia, socks5]) {
      const { socket, reader } = await open(port, 'target.test:1')
      expect((await reader.readAll()).toString()).toBe('bye')
      await send(socket, pattern(100_000))
      socket.end('done')
    }
    await eventually(() => received.map((bytes) => bytes.length)).toEqual([100_004, 100_004])
  })
})

describe.each(['http', 'https', 'socks5'] as const)('the end of a tunnel through %s upstreams', (scheme) => {
  it('passes a reset on in both directions, so that a cut transfer never looks finished', async () => {
    const server = echoServer()
    const { port, app } = await withTarget(server, { scheme })
    const first = await connectVia(port, 'target.test:1')
    await expectEcho(first, 'hello')
    server.resetConnections()
    expect(await first.reader.readToClose()).toMatchObject({ how: 'ECONNRESET' })
    await eventually(() => app.traffic.endedCounts['upstream-reset']).toBe(1)

    const second = await connectVia(port, 'target.test:1')
    await expectEcho(second, 'hello')
    second.socket.resetAndDestroy()
    await eventually(() => [server.openSockets, app.traffic.endedCounts['client-reset']]).toEqual([0, 1])
  })

  it('resets the client when the upstream resets in the middle, or at once', async () => {
    const { port, world } = await startGateway({ scheme, upstreams: 1 })
    for (const bytes of [0, 1_000]) {
      await world.upstreams[0]?.behave({ kind: 'reset-in-tunnel', bytes })
      const { socket, reader } = await connectVia(port, 'echo.test:7')
      socket.write(pattern(10_000))
      expect(await reader.readToClose()).toMatchObject({ how: 'ECONNRESET' })
    }
  })

  it('ends a tunnel in which nothing moves, and none in which anything does', async () => {
    const { port, app } = await startGateway({ scheme, upstreams: 1, config: { relay: { idle: '200ms' } } })
    const quiet = await connectVia(port, 'echo.test:7')
    const busy = await connectVia(port, 'echo.test:7')
    const over = quiet.reader.readToClose()
    let isOver = false
    void over.then(() => {
      isOver = true
    })
    const startedAt = performance.now()
    while (!isOver || performance.now() - startedAt < 600) await expectEcho(busy, 'tick')
    expect((await over).bytes).toHaveLength(0)
    expect(app.traffic.endedCounts.idle).toBe(1)
    await expectEcho(busy, 'still here')
  })
})

it('lets an upstream end its side while the client goes on', async () => {
  const server = answersAfterEnd()
  const { port, world } = await withTarget(server)
  await world.upstreams[0]?.behave('half-close')
  const { socket, reader } = await connectVia(port, 'target.test:1')
  expect(await reader.readToClose()).toMatchObject({ how: 'end' })
  await send(socket, 'I go on')
  socket.end()
  await eventually(() => world.upstreams[0]?.tunnelsOpen).toBe(0)
})
