/** Long: a GiB each way, thousands of tunnels, floods over the cap. By hand: `npm run torture`. */
import { expect, it } from 'vitest'
import { connectVia, dial } from '../support/client.ts'
import { eventually, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { drink, MIB, pump } from '../support/volume.ts'

const IDLE_TUNNELS = 2_000
const BATCH = 100
const CAP = 200

// Client, gateway, upstream and target share one thread here: each octet passes six sockets in it.
it.each([
  ['http', 1_024],
  ['https', 1_024],
  ['socks5', 1_024],
] as const)('carries a tunnel over %s, %d MiB each way at once', async (scheme, mebibytes) => {
  const { port } = await startGateway({ scheme, upstreams: 1 })
  const { socket, reader } = await connectVia(port, 'echo.test:7')
  const bytes = mebibytes * MIB
  const [sent, received] = await Promise.all([pump(socket, bytes), drink(reader, bytes)])
  expect(received).toBe(sent)
})

it(`keeps ${IDLE_TUNNELS} idle tunnels, and then carries traffic on all of them`, async () => {
  const { port, app } = await startGateway({ upstreams: 8 })
  const opened = []
  while (opened.length < IDLE_TUNNELS) {
    opened.push(...(await Promise.all(Array.from({ length: BATCH }, () => connectVia(port, 'echo.test:7')))))
  }
  expect(app.data.tunnels).toBe(IDLE_TUNNELS)
  await Promise.all(opened.map((tunnel, n) => expectEcho(tunnel, `hello number ${n}`)))
  for (const { socket } of opened) socket.destroy()
  await eventually(() => [app.data.tunnels, app.data.connections]).toEqual([0, 0])
})

it('refuses a flood over the connection cap, and serves again when it is over', async () => {
  const { port, app } = await startGateway({ upstreams: 2, config: { limits: { connections: CAP } } })
  for (let wave = 0; wave < 5; wave++) {
    const held = await Promise.all(Array.from({ length: CAP }, () => connectVia(port, 'echo.test:7')))
    const flood = await Promise.allSettled(Array.from({ length: 2 * CAP }, () => connectVia(port, 'echo.test:7')))
    const opened = flood.filter((reply) => reply.status === 'fulfilled' && reply.value.status === 200)
    expect([held.every(({ status }) => status === 200), opened.length]).toEqual([true, 0])
    for (const { socket } of held) socket.destroy()
    await eventually(() => app.data.connections).toBe(0)
  }
  await expectEcho(await connectVia(port, 'echo.test:7'), 'still there')
  expect((await dial(port)).socket.readyState).toBe('open')
})
