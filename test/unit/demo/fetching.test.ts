import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { fetchForReal } from '../../../src/demo/fetching.ts'
import { openConnectGuard } from '../../../src/network/connect-guard.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LoopbackServer } from '../../support/loopback-server.ts'
import { turn } from '../../support/socket-io.ts'

/** The targets of these tests are on loopback. */
const LOCAL = { guard: openConnectGuard(new FakeClock()), allowPrivate: true }

const target = new LoopbackServer((socket) => {
  socket.resume().on('end', () => socket.destroy())
})
beforeEach(() => target.listen())
afterEach(() => target.close())

function connectFrom(client: Socket) {
  const request = { method: 'CONNECT', headers: {}, socket: client } as unknown as IncomingMessage
  return { hostname: '127.0.0.1', port: target.port, isHttp: false, request }
}

describe('dialling a target for real', () => {
  it('gives up after its time, and leaves no socket and no timer', async () => {
    const clock = new FakeClock()
    const attempt = fetchForReal(connectFrom(new Socket()), clock, LOCAL)
    clock.advance(6_000) // before the loop turns, so the connection cannot have been made
    await expect(attempt).rejects.toMatchObject({ statusCode: 504 })
    expect(clock.pendingTimers).toBe(0)
    await turn()
    expect(target.openSockets).toBe(0)
  })

  it('stops when the client leaves', async () => {
    const clock = new FakeClock()
    const client = new Socket()
    const attempt = fetchForReal(connectFrom(client), clock, LOCAL)
    client.emit('close')
    await expect(attempt).rejects.toMatchObject({ statusCode: 502 })
    expect([clock.pendingTimers, client.listenerCount('close')]).toEqual([0, 0])
  })

  it('does not keep a target whose client left between the dialling and the hand-over', async () => {
    const client = new Socket()
    await fetchForReal(connectFrom(client), new FakeClock(), LOCAL)
    expect(client.listenerCount('close')).toBe(1)
    client.emit('close')
    await expect.poll(() => target.connections - target.openSockets).toBe(1)
  })

  it('forgets a connection’s listener with its target: one client may send many requests', async () => {
    const client = new Socket()
    await fetchForReal({ ...connectFrom(client), isHttp: true }, new FakeClock(), LOCAL)
    target.resetConnections()
    await expect.poll(() => client.listenerCount('close')).toBe(0)
  })
})

/** A client's side of a tunnel that takes one chunk whenever it is told to. */
function slowClient() {
  const taken: string[] = []
  let takeMore = () => {}
  const stream = new Duplex({
    read: () => {},
    write: (chunk, _encoding, done) => {
      taken.push(String(chunk))
      takeMore = done
    },
  })
  return { stream, taken, takeMore: () => takeMore() }
}

describe('a tunnel to a real target', () => {
  async function open(serve: (socket: Socket) => void) {
    const server = new LoopbackServer(serve)
    onTestFinished(() => server.close())
    await server.listen()
    const opened = await fetchForReal({ ...connectFrom(new Socket()), port: server.port }, new FakeClock(), LOCAL)
    const client = slowClient()
    return { server, client, handOver: () => opened.customConnectServer?.emit('connection', client.stream) }
  }

  it('drops nothing that a slow client has not taken when the target is done', async () => {
    const { server, client, handOver } = await open((socket) => {
      socket.resume().end('goodbye')
    })
    handOver()
    client.stream.push(null)
    await expect.poll(() => server.openSockets).toBe(0)
    await turn()
    expect([client.taken, client.stream.destroyed]).toEqual([['goodbye'], false])
    client.takeMore()
    await expect.poll(() => client.stream.writableFinished).toBe(true)
  })

  it('ends for the client when the target broke before the hand-over', async () => {
    const { server, client, handOver } = await open(() => {})
    server.resetConnections()
    await turn()
    await turn()
    handOver()
    await expect.poll(() => client.stream.destroyed).toBe(true)
  })

  it('ends for the target when the client goes, even one that had only stopped sending', async () => {
    const { server, client, handOver } = await open((socket) => {
      const feed = () => {
        while (socket.write('more'.repeat(10_000)));
      }
      socket.on('drain', feed)
      feed()
    })
    handOver()
    client.stream.push(null)
    await expect.poll(() => client.taken.length).toBe(1)
    client.stream.destroy()
    await expect.poll(() => server.openSockets).toBe(0)
  })
})
