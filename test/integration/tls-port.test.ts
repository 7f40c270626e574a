/** Ports where clients speak TLS: every protocol inside it, handshakes that come to nothing, certificates that are replaced. */
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { expect, it, onTestFinished } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { internalErrors } from '../../src/internal-errors.ts'
import { makeCertificate } from '../support/certificate.ts'
import { connectVia, dial } from '../support/client.ts'
import { eventually, type Gateway, startGateway } from '../support/gateway.ts'
import { readResponseHead } from '../support/http-wire.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { startReloadable } from '../support/reloads.ts'
import { delay, expectEcho, SocketReader, send } from '../support/socket-io.ts'
import { splice } from '../support/splice.ts'
import { reset } from '../support/tls.ts'

const first = makeCertificate('first')
const second = makeCertificate('second')
const files = { 'first.pem': first.cert, 'first.key': first.key }
const tls = { cert: 'first.pem', key: 'first.key' }

const start = (config: object = {}) =>
  startGateway({ upstreams: 1, files, config: { listen: [{ port: 0, tls, allow: ['127.0.0.1'] }], ...config } })

/** A client's connection to the port, that trusts these certificates. */
async function open(
  { port }: Gateway,
  ca: readonly string[] = [first.cert],
): Promise<{ socket: TLSSocket; reader: SocketReader }> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: [...ca],
    ALPNProtocols: ['h2', 'http/1.1'],
  })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  return { socket, reader: new SocketReader(socket) }
}

const nameOf = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN

async function tunnel(gateway: Gateway, ca?: readonly string[]) {
  const client = await open(gateway, ca)
  await send(client.socket, 'CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\n\r\n')
  expect((await readResponseHead(client.reader)).status).toBe(200)
  await expectEcho(client, 'inside TLS')
  return client
}

it('CONNECT, SOCKS5 and plain HTTP go inside TLS', async () => {
  const gateway = await start()
  const connected = await tunnel(gateway)
  expect([connected.socket.alpnProtocol, nameOf(connected.socket)]).toEqual(['http/1.1', 'first'])
  await expectEcho(connected, 'x'.repeat(300_000))
  connected.socket.end()
  expect((await connected.reader.readAll()).length).toBe(0)

  const socks = await open(gateway)
  await send(socks.socket, Buffer.from('\x05\x01\x00', 'latin1'))
  expect(await socks.reader.readExactly(2)).toEqual(Buffer.from([5, 0]))
  await send(socks.socket, Buffer.from('\x05\x01\x00\x03\x09echo.test\x00\x07', 'latin1'))
  expect((await socks.reader.readExactly(10))[1]).toBe(0)
  await expectEcho(socks, 'SOCKS inside TLS')

  const plain = await open(gateway)
  for (let n = 0; n < 2; n++) {
    await send(plain.socket, 'GET http://site.test/status/204 HTTP/1.1\r\nHost: site.test\r\n\r\n')
    expect((await readResponseHead(plain.reader)).status).toBe(204)
  }
})

it('who speaks no TLS, or nothing at all, is let go in the time of a handshake', async () => {
  const gateway = await start({ limits: { handshake: '300ms' } })
  const wrong = await dial(gateway.port)
  await send(wrong.socket, 'CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\n\r\n')
  const silent = await dial(gateway.port)
  const halfway = await dial(gateway.port)
  await send(halfway.socket, Buffer.from([22, 3, 1, 2, 0, 1]))
  const mute = await open(gateway)
  const gone = await dial(gateway.port)
  gone.socket.destroy()
  for (const { reader } of [wrong, silent, halfway, mute]) await reader.readAll().catch(() => {})
  await eventually(() => gateway.app.data.connections).toBe(0)
  await tunnel(gateway)
  expect(gateway.world.upstreams[0]?.requests).toHaveLength(1)
})

it('a new certificate is for new connections; a pair that cannot be used changes nothing', async () => {
  const clock = new SteppedClock()
  const gateway = await startGateway({
    ...{ upstreams: 1, files, clock, config: { listen: [{ port: 0, tls }] } },
    closing: async () => clock.close(),
  })
  const both = [first.cert, second.cert]
  const write = (name: string, text: string) => {
    writeFileSync(join(gateway.folder, `${name}.new`), text)
    renameSync(join(gateway.folder, `${name}.new`), join(gateway.folder, name))
  }
  const told = (part: string) => gateway.log.records().filter(({ msg }) => String(msg).includes(part))
  const old = await tunnel(gateway, both)

  write('first.pem', second.cert)
  clock.look()
  expect(told('cannot be used')).toMatchObject([{ reason: 'the key does not belong to the certificate' }])
  clock.look()
  expect(told('cannot be used')).toHaveLength(1)
  expect(nameOf((await tunnel(gateway, both)).socket)).toBe('first')

  write('first.key', second.key)
  clock.look()
  expect(told('the certificate has changed')).toHaveLength(1)
  expect(nameOf((await tunnel(gateway, both)).socket)).toBe('second')
  await expectEcho(old, 'still open')
  expect(gateway.log.text).not.toContain('PRIVATE KEY')
})

/** The real clock, on which a test says when files are looked at. */
class SteppedClock extends SystemClock {
  readonly #looks = new Set<() => void>()

  override after(ms: number, callback: () => void) {
    if (ms !== 5_000) return super.after(ms, callback)
    this.#looks.add(callback)
    return { clear: () => void this.#looks.delete(callback) } as ReturnType<SystemClock['after']>
  }

  look(): void {
    for (const look of [...this.#looks]) {
      this.#looks.delete(look)
      look()
    }
  }
}

it('a reload gives a port TLS and takes it away, and a pair that cannot be used changes nothing', async () => {
  const gateway = await startReloadable({ upstreams: 1, files: { ...files, 'second.key': second.key } })
  const kept = await connectVia(gateway.port, 'echo.test:7')
  const listen = (pair?: object) => ({ listen: [{ port: 0, ...(pair === undefined ? {} : { tls: pair }) }] })
  const bad = gateway.change(listen({ cert: 'first.pem', key: 'second.key' }))
  await expect(bad).rejects.toThrow('the key does not belong to the certificate')
  expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
  await gateway.change(listen(tls))
  const secured = await tunnel(gateway)
  await gateway.change(listen())
  expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
  await expectEcho(kept, 'undisturbed')
  await expectEcho(secured, 'undisturbed')
})

it('an answer that is cut off ends without close_notify, and nothing of the connection stays', async () => {
  const cut = new LoopbackServer(async (socket) => {
    await new SocketReader(socket, { timeoutMs: null }).readUntil('\r\n\r\n')
    await send(socket, 'HTTP/1.1 200 OK\r\n\r\npart')
    await delay(10, socket)
    reset(socket)
  })
  await cut.listen()
  const gateway = await startGateway({
    ...{ upstreams: 0, filled: 1, provider: { list: [`http://${cut.authority}`] } },
    ...{ files, config: { listen: [{ port: 0, tls, allow: ['127.0.0.1'] }] } },
  })
  await gateway.world.serve('upstream.test', cut)
  const { socket, reader } = await open(gateway)
  await send(socket, 'GET http://site.test/ HTTP/1.0\r\n\r\n')
  expect((await reader.readToClose()).bytes.toString()).toMatch(/part$/)
  await eventually(() => gateway.app.data.connections).toBe(0)
  expect(internalErrors.count).toBe(0)
})

it('a record that is invalid ends the tunnel, at the upstream too', async () => {
  const gateway = await start()
  const sides: Socket[] = []
  const path = await new LoopbackServer(async (socket) => {
    const side = connectTcp(gateway.port, '127.0.0.1')
    sides.push(side)
    await splice(socket, side)
  }).listen()
  onTestFinished(() => path.close())
  await tunnel({ ...gateway, port: path.port })
  expect(gateway.app.data.tunnels).toBe(1)
  // Application data of 32 octets whose authentication tag is wrong.
  sides[0]?.write(Buffer.concat([Buffer.from('1703030020', 'hex'), Buffer.alloc(32)]))
  await eventually(() => [gateway.app.data.tunnels, gateway.app.data.connections, gateway.leases()]).toEqual([0, 0, 0])
  expect(internalErrors.count).toBe(0)
})

it('a client of TLS 1.2 may not renegotiate without end', async () => {
  const { port } = await start()
  const socket = connect({ host: '127.0.0.1', port, ca: [first.cert], maxVersion: 'TLSv1.2' })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  let times = 0
  const renegotiate = () => {
    times++
    if (times < 20) socket.renegotiate({}, () => setImmediate(renegotiate))
  }
  const closed = once(socket, 'close')
  renegotiate()
  await closed
  expect(times).toBeLessThan(10)
})
