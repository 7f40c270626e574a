/** Bans of tunnels: the target closes at once after the client's first octets, through one address and not through others. */

import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { connectVia } from '../support/client.ts'
import { eventually, type Gateway, type GatewayOptions, startGateway } from '../support/gateway.ts'
import type { FakeUpstream } from '../support/upstream.ts'

const LONG_ANSWER = Buffer.alloc(1_000, 'x')

/** A target that closes in answer to the first octets from some peers, and answers others. */
async function start(closesFor: (gateway: Gateway, peer: string) => boolean, options: GatewayOptions = {}) {
  const sockets = new Set<Socket>()
  let gateway: Gateway | undefined
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => {
      if (gateway !== undefined && closesFor(gateway, socket.remoteAddress ?? '')) socket.end()
      else socket.write(LONG_ANSWER)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const bans = [{ host: 'shop.test', closedWithin: '5s', bytesUnder: 200, rest: '10m' }]
  gateway = await startGateway({
    upstreams: 2,
    ...options,
    config: { bans, ...options.config },
    closing: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  })
  gateway.world.names['shop.test'] = ['127.0.0.1', port]
  return gateway
}

/** One tunnel whose client speaks first and reads until there is an answer or the end. */
async function visit(gateway: Gateway): Promise<void> {
  const { status, socket, reader } = await connectVia(gateway.port, 'shop.test:443')
  expect(status).toBe(200)
  socket.write('hello')
  await reader.read(1).catch(() => {})
  socket.destroy()
  await eventually(() => gateway.leases()).toBe(0)
}

const opened = ({ world }: Gateway) => world.upstreams.map(({ tunnelsOpened }) => tunnelsOpened)
const rests = (gateway: Gateway, upstream: FakeUpstream | undefined) =>
  upstream !== undefined && gateway.record(upstream).restsFor('shop.test', Number.NEGATIVE_INFINITY)

it('rests an address for the host after three in a row, where another address works', async () => {
  const gateway = await start(({ world }, peer) => peer === world.upstreams[0]?.host)
  for (let n = 0; n < 6; n++) await visit(gateway)
  expect(opened(gateway)).toEqual([3, 3])
  expect([rests(gateway, gateway.world.upstreams[0]), rests(gateway, gateway.world.upstreams[1])]).toEqual([
    true,
    false,
  ])
  for (let n = 0; n < 3; n++) await visit(gateway)
  expect(opened(gateway)).toEqual([3, 6])
})

it('goes on counting when the configuration is read again', async () => {
  const gateway = await start(({ world }, peer) => peer === world.upstreams[0]?.host)
  for (let n = 0; n < 6; n++) {
    await visit(gateway)
    await gateway.app.reload('test')
  }
  expect([opened(gateway), rests(gateway, gateway.world.upstreams[0])]).toEqual([[3, 3], true])
})

it('blames no address for a target that closes for all', async () => {
  const gateway = await start(() => true)
  for (let n = 0; n < 10; n++) await visit(gateway)
  expect(opened(gateway)).toEqual([5, 5])
  expect(gateway.world.upstreams.some((upstream) => rests(gateway, upstream))).toBe(false)
})

it('begins to count anew when the address has served', async () => {
  let visits = 0
  const gateway = await start(({ world }, peer) => peer === world.upstreams[0]?.host && ++visits % 3 !== 0)
  for (let n = 0; n < 16; n++) await visit(gateway)
  expect(opened(gateway)).toEqual([8, 8])
})
