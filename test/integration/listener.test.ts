/** One port by itself: clients that connect before it serves, other settings, and what is left when it accepts no more. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { ClientHandler } from '../../src/downstream/client-port.ts'
import { Listener, type ListenerSettings } from '../../src/downstream/listener.ts'
import { LoginThrottle } from '../../src/downstream/login-throttle.ts'
import { Access } from '../../src/downstream/proxy-auth.ts'
import { makeCertificate } from '../support/certificate.ts'
import { closeClients, dial } from '../support/client.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { eventually } from '../support/gateway.ts'
import { readResponseHead } from '../support/http-wire.ts'
import { send } from '../support/socket-io.ts'

const settings: ListenerSettings = {
  ...{ host: '127.0.0.1', port: 0, tls: undefined },
  ...{ handshakeMs: 10_000, idleMs: 10_000, maxHeaderBytes: 16_384, maxEarlyBytes: 65_536 },
  ...{ isShared: false, optionHeaders: false, upstreamHeader: false },
}

async function listen(own: Partial<ListenerSettings> = {}) {
  const clock = new FakeClock()
  const access = new Access(undefined, undefined, new LoginThrottle(clock, () => {}))
  const handler = { accepted() {}, left() {}, observer: { handshakeRefused() {} } } as unknown as ClientHandler
  const listener = new Listener({ ...settings, ...own }, access, clock, handler)
  await listener.listen(undefined)
  onTestFinished(async () => {
    listener.close()
    await closeClients()
  })
  return { listener, clock, access }
}

/** The gateway's ends of connections from now on. */
function collectAccepted(): readonly Socket[] {
  const accepted: Socket[] = []
  const collect = (message: unknown) => void accepted.push((message as { readonly socket: Socket }).socket)
  subscribe('net.server.socket', collect)
  onTestFinished(() => void unsubscribe('net.server.socket', collect))
  return accepted
}

it('a client that resets its connection before the port serves is no connection', async () => {
  const accepted = collectAccepted()
  const { listener } = await listen()
  const gone = await dial(listener.address)
  await eventually(() => accepted.length).toBe(1)
  await dial(listener.address)
  await eventually(() => accepted.length).toBe(2)
  gone.socket.resetAndDestroy()
  await eventually(() => accepted[0]?.closed).toBe(true)
  listener.open()
  expect(listener.connections).toBe(1)
})

it('a request that is not whole keeps its time when the settings change', async () => {
  const accepted = collectAccepted()
  const { listener, clock, access } = await listen()
  listener.open()
  const client = await dial(listener.address)
  await send(client.socket, 'GET ')
  await eventually(() => accepted[0]?.bytesRead).toBe(4)
  listener.configure({ ...settings, handshakeMs: 60_000 }, access, undefined)
  await send(client.socket, 'http:')
  await eventually(() => accepted[0]?.bytesRead).toBe(9)
  clock.advance(settings.handshakeMs)
  expect((await readResponseHead(client.reader)).status).toBe(408)
})

it('the files of a certificate are not looked at any more when the port accepts no client', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const tls = { cert: join(folder, 'a.pem'), key: join(folder, 'a.key') }
  const { cert, key } = makeCertificate('a')
  writeFileSync(tls.cert, cert)
  writeFileSync(tls.key, key)
  const { listener, clock } = await listen({ tls })
  listener.open()
  expect(clock.pendingTimers).toBe(1)
  listener.stopAccepting()
  expect(clock.pendingTimers).toBe(0)
})
