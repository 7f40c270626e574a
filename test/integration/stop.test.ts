/** Stopping: nobody new is let in, what is under way may end, and then everything does. */
import { describe, expect, it } from 'vitest'
import { connectVia, dial, plain, readReply, socks4a, socks5 } from '../support/client.ts'
import { eventually, refusalOf, startGateway } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'
import { expectEcho, send } from '../support/socket-io.ts'
import { openWebSocket } from '../support/websocket.ts'

const start = (drain: string, config = {}) => startGateway({ upstreams: 1, config: { stop: { drain }, ...config } })
const STOPPING = { status: 503, code: 'GW_STOPPING', retryAfter: 1 }

describe('stop', () => {
  it('accepts no client, lets tunnels go on, and ends with the last of them', async () => {
    const { port, app } = await start('20s')
    const tunnel = await connectVia(port, 'echo.test:7')
    const socket = await dial(port)
    const ws = await openWebSocket(socket.reader, 'http://site.test/ws', 'site.test')
    const stopped = app.stop()
    await expect(dial(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await expectEcho(tunnel, 'going on')
    await ws.say('going on too')
    expect(await ws.hear()).toBe('going on too')
    tunnel.socket.destroy()
    await ws.close()
    await stopped
    expect([app.data.connections, app.data.tunnels]).toEqual([0, 0])
  })

  it('ends what is still open when the time is over', async () => {
    const { port, app } = await start('150ms')
    const tunnel = await connectVia(port, 'echo.test:7')
    const startedAt = performance.now()
    await app.stop()
    expect(performance.now() - startedAt).toBeGreaterThan(140)
    await tunnel.reader.readToClose()
  })

  it('is immediate when nothing is under way, and may be asked for twice', async () => {
    const { port, app } = await start('20s')
    const kept = await dial(port)
    expect((await plain(port, 'http://site.test/', { over: kept })).status).toBe(200)
    const mute = await dial(port)
    await Promise.all([app.stop(), app.stop()])
    await app.abort()
    expect((await kept.reader.readToClose()).bytes).toHaveLength(0)
    expect((await mute.reader.readToClose()).bytes).toHaveLength(0)
  })
})

describe('stop, for those who', () => {
  it('answers those who are connected but come too late', async () => {
    const { port, app } = await start('20s')
    const holder = await connectVia(port, 'echo.test:7')
    const clients = []
    for (let n = 0; n < 4; n++) clients.push(await dial(port))
    await eventually(() => app.data.connections).toBe(5)
    const stopped = app.stop()
    const [connect, get, five, four] = clients as [Client, Client, Client, Client]
    await send(connect.socket, 'CONNECT echo.test:7 HTTP/1.1\r\nHost: x\r\n\r\n')
    await send(get.socket, 'GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n')
    await send(five.socket, '\x05\x01\x00')
    await send(four.socket, Buffer.from('\x04\x01\x00\x07\x00\x00\x00\x01\x00echo.test\x00', 'latin1'))
    expect(refusalOf(await readReply(connect))).toEqual(STOPPING)
    expect(refusalOf(await readReply(get))).toEqual(STOPPING)
    expect((await five.reader.readToClose()).bytes.toString('hex')).toBe('05ff')
    expect((await four.reader.readToClose()).bytes.toString('hex')).toMatch(/^005b/)
    holder.socket.destroy()
    await stopped
  })

  it('denies those who wait for an upstream', async () => {
    const { port, app } = await start('20s', { pool: { perUpstream: { connections: 1 } }, wait: { timeout: '20s' } })
    const holder = await connectVia(port, 'echo.test:7')
    const waiting = Promise.all([
      connectVia(port, 'echo.test:7'),
      plain(port, 'http://site.test/'),
      socks5(port, 'echo.test:7'),
      socks4a(port, 'echo.test:7'),
    ])
    await eventually(() => app.data.leaseQueue.waitingCount).toBe(4)
    const stopped = app.stop()
    const [connected, page, five, four] = await waiting
    expect([refusalOf(connected), refusalOf(page), five.rep, four.code]).toEqual([STOPPING, STOPPING, 1, 0x5b])
    holder.socket.destroy()
    await stopped
  })
})

describe('what is under way when it stops', () => {
  it('may end well: a dial', async () => {
    const { port, app, world } = await start('20s')
    await world.upstreams[0]?.behave({ kind: 'slow-reply', ms: 150 })
    const opening = connectVia(port, 'echo.test:7')
    await eventually(() => world.upstreams[0]?.connections).toBe(1)
    const stopped = app.stop()
    const tunnel = await opening
    expect(tunnel.status).toBe(200)
    await expectEcho(tunnel, 'opened while stopping')
    tunnel.socket.destroy()
    await stopped
  })

  it('may end well: a plain request', async () => {
    const { port, app, world } = await start('20s')
    const loading = plain(port, 'http://site.test/slow?before=100&pieces=2&gap=50')
    await eventually(() => world.site.requests.length).toBe(1)
    const stopped = app.stop()
    const page = await loading
    const answer = [page.status, page.body.toString(), header(page.headers, 'connection')]
    expect(answer).toEqual([200, 'piece 1\npiece 2\n', 'close'])
    await stopped
  })
})

type Client = Awaited<ReturnType<typeof dial>>

it('abort ends everything at once, at whatever stage', async () => {
  const { port, app, world } = await start('20s', { wait: { timeout: '20s' } })
  const tunnel = await connectVia(port, 'echo.test:7')
  await world.upstreams[0]?.behave('silent')
  const silent = [connectVia(port, 'echo.test:7'), socks5(port, 'echo.test:7'), plain(port, 'http://site.test/')]
  const half = await dial(port)
  await send(half.socket, 'CONNECT ec')
  await eventually(() => world.upstreams[0]?.connections).toBe(4)
  const ends = Promise.allSettled([...silent, half.reader.readToClose(), tunnel.reader.readToClose()])
  await app.abort()
  await ends
  await eventually(() => [app.data.connections, app.data.tunnels]).toEqual([0, 0])
})
