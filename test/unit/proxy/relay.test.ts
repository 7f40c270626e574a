import { once } from 'node:events'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { expect, it } from 'vitest'
import { Relay, type RelayEnd } from '../../../src/proxy/relay.ts'
import { TimeoutQueue } from '../../../src/structures/timeout-queue.ts'
import type { UpstreamConnection } from '../../../src/upstream/connection.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** A socket whose peer has ended and reads nothing: what is written stays. */
async function endedAndDeaf(): Promise<Socket> {
  const socket = Object.assign(new Duplex({ read() {}, write() {}, allowHalfOpen: true }), { destroySoon() {} })
  socket.push(null)
  socket.resume()
  await once(socket, 'end')
  return socket as unknown as Socket
}

function connectionOf(socket: Socket): UpstreamConnection {
  return { socket, releaseBuffer: () => {}, retireBuffer: () => {} } as unknown as UpstreamConnection
}

it('a client that does not read the end of a tunnel is let go after the idle time', async () => {
  const clock = new FakeClock({ now: 0 })
  const list = new TimeoutQueue(clock, 1_000)
  const [client, upstream] = [await endedAndDeaf(), await endedAndDeaf()]
  const ends: RelayEnd[] = []
  const owner = { relayEnded: (_: Relay, end: RelayEnd) => void ends.push(end), relayQuiet: () => {} }
  const relay = new Relay(client, connectionOf(upstream), { list, steps: 2 }, owner)
  relay.received(Buffer.from('the end'))
  upstream.destroy()
  relay.upstreamEnded()
  relay.upstreamClosed()
  expect([ends, client.writableEnded, client.destroyed]).toEqual([['done'], true, false])
  clock.advance(3_000)
  expect([ends, client.destroyed]).toEqual([['done'], true])
  relay.clientClosed()
  expect(list.size).toBe(0)
})

it('an ended tunnel waits for nothing when its last octets have left', async () => {
  const list = new TimeoutQueue(new FakeClock({ now: 0 }), 1_000)
  const [client, upstream] = [await endedAndDeaf(), await endedAndDeaf()]
  const owner = { relayEnded: () => {}, relayQuiet: () => {} }
  const relay = new Relay(client, connectionOf(upstream), { list, steps: 2 }, owner)
  relay.received(Buffer.from('the end'))
  upstream.destroy()
  relay.upstreamClosed()
  expect(list.size).toBe(1)
  client.destroy()
  relay.clientClosed()
  expect(list.size).toBe(0)
})

it('a tunnel that has become quiet asks the kernel, once, to watch both peers', () => {
  const clock = new FakeClock({ now: 0 })
  const list = new TimeoutQueue(clock, 1_000)
  const asked: unknown[] = []
  const socket = (name: string) =>
    ({
      writableLength: 0,
      write: () => true,
      setKeepAlive: (...args: unknown[]) => asked.push([name, ...args]),
    }) as unknown as Socket
  const connection = {
    socket: socket('upstream'),
    releaseBuffer: () => {},
    retireBuffer: () => {},
  } as unknown as UpstreamConnection
  const owner = { relayEnded: () => {}, relayQuiet: () => {} }
  const relay = new Relay(socket('client'), connection, { list, steps: 10 }, owner)
  relay.toUpstream(Buffer.from('something moves'))
  clock.advance(1_000)
  expect(asked).toEqual([])
  clock.advance(5_000)
  expect(asked).toEqual([
    ['client', true, 60_000],
    ['upstream', true, 60_000],
  ])
})
