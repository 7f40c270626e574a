/** Before another process goes on with the ports: those who are connected are served, and nobody new is accepted. */
import { expect, it, onTestFinished } from 'vitest'
import { closeGently } from '../../src/app/stop.ts'
import { SystemClock } from '../../src/clock.ts'
import { copySockets } from '../../src/takeover/sockets.ts'
import { connectVia, dial, plain, readReply } from '../support/client.ts'
import { eventually, startGateway } from '../support/gateway.ts'
import { header } from '../support/http-wire.ts'
import { expectEcho, send } from '../support/socket-io.ts'

function ownClock(): SystemClock {
  const clock = new SystemClock()
  onTestFinished(() => clock.close())
  return clock
}

it('serves whose request is not whole, and who waits for an upstream; nobody new is accepted', async () => {
  const config = { pool: { perUpstream: { connections: 1 } }, wait: { timeout: '20s' } }
  const { port, app } = await startGateway({ upstreams: 1, config })
  const holder = await connectVia(port, 'echo.test:7')
  const waiting = connectVia(port, 'echo.test:7')
  const slow = await dial(port)
  await send(slow.socket, 'CONNECT echo.test:7 HTTP/1.1\r\n')
  await eventually(() => [app.data.leaseQueue.waitingCount, app.data.settingUp]).toEqual([1, 2])
  let isClosed = false
  const closed = closeGently(app.data, ownClock()).then(() => {
    isClosed = true
  })
  await expect(dial(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await send(slow.socket, 'Host: x\r\n\r\n')
  holder.socket.destroy()
  const served = await waiting
  expect([served.status, isClosed]).toEqual([200, false])
  served.socket.destroy()
  expect((await readReply(slow, 'CONNECT')).status).toBe(200)
  await closed
  await expectEcho(slow, 'its tunnel runs on')
})

it('drops who has said nothing, and ends kept connections with their request', async () => {
  const { port, app } = await startGateway({ upstreams: 1 })
  const mute = await dial(port)
  const kept = await dial(port)
  const busy = await dial(port)
  expect((await plain(port, 'http://site.test/', { over: kept })).status).toBe(200)
  await send(busy.socket, 'GET http://site.test/ HTTP/1.1\r\n')
  await eventually(() => app.data.connections).toBe(3)
  const closed = closeGently(app.data, ownClock())
  expect((await kept.reader.readToClose()).bytes).toHaveLength(0)
  await send(busy.socket, 'Host: site.test\r\n\r\n')
  const answer = await readReply(busy)
  expect([answer.status, header(answer.headers, 'connection')]).toEqual([200, 'close'])
  await closed
  expect((await mute.reader.readToClose()).bytes).toHaveLength(0)
})

it('serves who has connected while no process accepted, when the other process does not come', async () => {
  const { port, app } = await startGateway({ upstreams: 1 })
  const copies = await copySockets(app.data.openPorts)
  await closeGently(app.data, ownClock())
  const queued = await dial(port)
  await send(queued.socket, 'CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\n\r\n')
  await app.data.reopenPorts(copies)
  expect((await readReply(queued, 'CONNECT')).status).toBe(200)
  expect((await connectVia(port, 'echo.test:7')).status).toBe(200)
  const kept = await dial(port)
  const answer = await plain(port, 'http://site.test/', { over: kept })
  expect(header(answer.headers, 'connection')).toBe('keep-alive')
})
