import { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { Upstream } from '../../../src/pool/upstream.ts'
import { UpstreamConnection } from '../../../src/upstream/connection.ts'
import { Preconnect } from '../../../src/upstream/preconnect.ts'
import { ReadBuffers } from '../../../src/upstream/read-buffers.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const owner = { opened: () => {}, failed: () => {}, failInternally: () => {} }

/** More places than connections may be open in advance. */
const ANY = Number.POSITIVE_INFINITY

function setUp(perUpstream: number) {
  const clock = new FakeClock()
  const host = { buffers: new ReadBuffers(), maxReplyBytes: 100, linesFor: () => '' }
  const connections: UpstreamConnection[] = []
  const preconnect = new Preconnect(clock, perUpstream, 512, (upstream, hears, now) => {
    const connection = new UpstreamConnection(host, upstream, hears, now)
    connection.socket = new Socket()
    connections.push(connection)
    return connection
  })
  return { clock, connections, preconnect }
}

function upstreamOf(id: string): Upstream {
  const facts = { provider: 'p', protocol: 'http', host: '192.0.2.1', port: 1, boughtAt: 0 } as const
  return new Upstream({ id, ...facts, deadline: Number.POSITIVE_INFINITY })
}

it('keeps nothing of an upstream for which no connection could be added', () => {
  const { preconnect } = setUp(256)
  const upstreams = ['a', 'b', 'c', 'd'].map(upstreamOf)
  for (const upstream of upstreams) preconnect.refill(upstream, 0, ANY)
  // 512 in all: the last two get none.
  expect(preconnect.upstreams).toBe(2)
  for (const upstream of upstreams) preconnect.drop(upstream)
  expect(preconnect.upstreams).toBe(0)
})

it('gives the oldest, forgets what failed, and closes what was not used for 10 s', () => {
  const { clock, connections, preconnect } = setUp(2)
  const upstream = upstreamOf('a')
  preconnect.refill(upstream, clock.now(), ANY)
  expect(preconnect.take(upstream, owner, clock.now())).toBe(connections[0])
  connections[1]?.broke('closed')
  expect([preconnect.take(upstream, owner, clock.now()), preconnect.upstreams]).toEqual([undefined, 0])
  preconnect.refill(upstream, clock.now(), ANY)
  clock.advance(10_000)
  expect([connections.length, connections.every(({ socket }) => socket.destroyed), preconnect.upstreams]).toEqual([
    4,
    false,
    0,
  ])
  expect(connections.slice(2).every(({ socket }) => socket.destroyed)).toBe(true)
})

it('gives nothing that has been idle for too long, however late the timer is after the machine has slept', () => {
  const { clock, connections, preconnect } = setUp(2)
  const upstream = upstreamOf('a')
  preconnect.refill(upstream, clock.now(), ANY)
  clock.suspend(3_600_000)
  expect([preconnect.take(upstream, owner, clock.now()), preconnect.upstreams]).toEqual([undefined, 0])
  expect(connections.map(({ socket }) => socket.destroyed)).toEqual([true, true])
})

it('opens no more than the upstream may serve clients, and closes the newest when it may serve fewer', () => {
  const { clock, connections, preconnect } = setUp(4)
  const upstream = upstreamOf('a')
  const closed = () => connections.map(({ socket }) => socket.destroyed)
  preconnect.refill(upstream, clock.now(), 3)
  preconnect.refill(upstream, clock.now(), 3)
  expect(closed()).toEqual([false, false, false])
  preconnect.refill(upstream, clock.now(), 2)
  expect(closed()).toEqual([false, false, true])
  preconnect.trim(upstream, 0)
  expect([closed(), preconnect.upstreams]).toEqual([[true, true, true], 0])
  preconnect.refill(upstream, clock.now(), 0)
  expect(connections).toHaveLength(3)
})
