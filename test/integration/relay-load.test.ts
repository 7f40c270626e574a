/** Tunnels under load: volume both ways, readers that stall, many at once. */
import { describe, expect, it } from 'vitest'
import { connectVia, dial, socks5 } from '../support/client.ts'
import { eventually, startGateway } from '../support/gateway.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { expectEcho, send } from '../support/socket-io.ts'
import { neverReads } from '../support/tcp.ts'
import { drink, MIB, pump, stock } from '../support/volume.ts'

/** Much more than the kernel keeps for the three connections of a tunnel. */
const FLOOD_MIB = 64
describe.each(['http', 'https', 'socks5'] as const)('through %s upstreams', (scheme) => {
  it('carries 16 MiB each way at once through each of two tunnels, every octet in its place', async () => {
    const { port } = await startGateway({ scheme, upstreams: 2 })
    const opened = [await connectVia(port, 'echo.test:7'), await socks5(port, 'echo.test:7')]
    const results = await Promise.all(
      opened.map(async ({ socket, reader }) => {
        const [sent, received] = await Promise.all([pump(socket, 16 * MIB), drink(reader, 16 * MIB)])
        return sent === received
      }),
    )
    expect(results).toEqual([true, true])
  })

  it('holds a sender back for a reader that stalls, in both directions, and loses nothing', async () => {
    let flooded = 0
    const flood = new LoopbackServer(async (socket) => {
      for (; flooded < FLOOD_MIB; flooded++) await send(socket, stock.subarray(0, MIB))
      socket.end()
    })
    const deaf = neverReads()
    const { port, world } = await startGateway({ scheme, upstreams: 1 })
    await world.serve('flood.test', flood)
    await world.serve('deaf.test', deaf)
    const stalled = await connectVia(port, 'flood.test:1')
    stalled.socket.pause()
    const loud = await connectVia(port, 'deaf.test:1')
    for (let n = 0; n < FLOOD_MIB; n++) loud.socket.write(stock.subarray(0, MIB))
    await whenStill(() => flooded + loud.socket.writableLength)
    // What has left the senders fills the kernel's buffers on the way, and no queue of the gateway's.
    expect(flooded).toBeLessThan(FLOOD_MIB / 2)
    expect(loud.socket.writableLength).toBeGreaterThan((FLOOD_MIB / 2) * MIB)
    // Its target never takes what is queued, so nobody would hear of the client's end: the target goes too.
    loud.socket.destroy()
    await deaf.close()
    await drink(stalled.reader, FLOOD_MIB * MIB)
    expect(await stalled.reader.readAll()).toHaveLength(0)
  })
})

/** Resolves when a figure has not changed for many turns. */
async function whenStill(figure: () => number): Promise<void> {
  for (let before = Number.NaN, same = 0; same < 100; before = figure()) {
    await new Promise((resolve) => setImmediate(resolve))
    same = figure() === before ? same + 1 : 0
  }
}

it('keeps 500 idle tunnels, and then carries traffic on all of them', async () => {
  const { port, app, world } = await startGateway({ upstreams: 3 })
  const opened = []
  for (let batch = 0; batch < 10; batch++) {
    opened.push(...(await Promise.all(Array.from({ length: 50 }, () => connectVia(port, 'echo.test:7')))))
  }
  expect([opened.filter(({ status }) => status === 200).length, app.data.tunnels]).toEqual([500, 500])
  for (const { tunnelsOpen } of world.upstreams) expect(tunnelsOpen).toBeGreaterThan(160)
  await Promise.all(opened.map((tunnel, n) => expectEcho(tunnel, `hello number ${n}`)))
  await Promise.all(opened.map((tunnel, n) => expectEcho(tunnel, `again number ${n}`)))
  for (const { socket } of opened) socket.destroy()
  await eventually(() => [app.data.tunnels, app.data.connections]).toEqual([0, 0])
  expect((await dial(port)).socket.readyState).toBe('open')
})
