/** What one client may cost: connections, time for a handshake, octets of a header. */
import { describe, expect, it } from 'vitest'
import { connectVia, dial, plain, readReply, socks4a, socks5 } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { readResponseHead } from '../support/http-wire.ts'
import { ConnectionLost, delay, expectEcho, send } from '../support/socket-io.ts'

describe('the connection cap', () => {
  const start = () => startGateway({ upstreams: 1, config: { limits: { connections: 3 } } })

  it('refuses further clients in their own protocol, and lets them in when there is room again', async () => {
    const { port, app } = await start()
    const held = []
    for (let n = 0; n < 3; n++) held.push(await connectVia(port, 'echo.test:7'))
    const refusal = { status: 503, code: 'GW_TOO_MANY_CONNECTIONS', retryAfter: 1 }
    expect(refusalOf(await connectVia(port, 'echo.test:7'))).toEqual(refusal)
    expect(refusalOf(await plain(port, 'http://site.test/'))).toEqual(refusal)
    expect((await socks5(port, 'echo.test:7')).rep).toBe(1)
    expect((await socks4a(port, 'echo.test:7')).code).toBe(0x5b)
    // Those that were refused stay until they have read why.
    await eventually(() => app.data.connections).toBe(3)
    for (const tunnel of held) await expectEcho(tunnel, 'undisturbed')
    held[0]?.socket.destroy()
    await eventually(() => app.data.connections).toBe(2)
    await expectEcho(await connectVia(port, 'echo.test:7'), 'there is room')
  })

  it('is not reached by clients that say nothing: they lock nobody out, nor clients of their own address', async () => {
    const users = [{ name: 'crawler', password: 'long-enough-password' }]
    const config = { listen: [{ port: 0, users }], limits: { connections: 60, handshake: '60s' } }
    const { port, app } = await startGateway({ upstreams: 1, config, secrets: ['long-enough-password'] })
    for (let n = 0; n < 60; n++) await dial(port)
    await eventually(() => app.data.connections).toBe(60)
    const login = { username: 'crawler', password: 'long-enough-password' }
    const tunnel = await connectVia(port, 'echo.test:7', { login })
    expect([tunnel.status, (await plain(port, 'http://site.test/', { login })).status]).toEqual([200, 200])
    // More of them displace each other, and nobody who has logged in.
    for (let n = 0; n < 100; n++) await dial(port)
    await eventually(() => app.data.connections).toBe(2 + 128)
    await expectEcho(tunnel, 'undisturbed')
  })

  it('survives a flood: refused quickly, and then serves again', async () => {
    const { port, app } = await start()
    const held = await connectVia(port, 'echo.test:7')
    const flood = await Promise.all(Array.from({ length: 400 }, () => dial(port).catch(lost)))
    const statuses = await Promise.all(
      flood.map(async (client) => {
        if (client === undefined) return 0
        client.socket.write('CONNECT echo.test:7 HTTP/1.1\r\nHost: x\r\n\r\n')
        const head = await readResponseHead(client.reader).catch(lost)
        return head?.status ?? 0
      }),
    )
    for (const client of flood) client?.socket.destroy()
    // Most hear why; what comes faster than that can be said is reset.
    expect([...new Set(statuses)].filter((status) => ![0, 200, 503].includes(status))).toEqual([])
    expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(100)
    expect(statuses.filter((status) => status === 200)).toHaveLength(2)
    await eventually(() => app.data.connections).toBe(1)
    await expectEcho(held, 'undisturbed')
    await expectEcho(await connectVia(port, 'echo.test:7'), 'and new')
  })
})

function lost(error: unknown): undefined {
  if (!(error instanceof ConnectionLost)) throw error
}

describe('a handshake that takes too long', () => {
  const start = () => startGateway({ upstreams: 1, config: { limits: { handshake: '200ms' } } })

  /** Sends octet after octet, more slowly than may be, until the connection is over. */
  async function drip({ port }: Gateway, octets: string, pauseMs = 30): Promise<Buffer> {
    const client = await dial(port)
    const over = client.reader.readToClose()
    let isOver = false
    void over.then(() => {
      isOver = true
    })
    for (let n = 0; !isOver; n++) {
      await send(client.socket, octets[n] ?? 'x').catch(lost)
      await delay(pauseMs, client.socket)
    }
    return (await over).bytes
  }

  it('is told, by HTTP with 408, to CONNECT as to plain requests', async () => {
    const gateway = await start()
    for (const head of ['CONNECT echo.test:7 HTTP/1.1\r\nX: ', 'GET http://site.test/ HTTP/1.1\r\nX: ']) {
      const answer = (await drip(gateway, head)).toString()
      expect(answer).toMatch(/^HTTP\/1\.1 408 /)
      expect(answer).toContain('details="GW_HANDSHAKE_TIMEOUT"')
    }
    expect(gateway.app.traffic.errors.get('GW_HANDSHAKE_TIMEOUT')).toBe(2)
  })

  it('is told by SOCKS, or ended without a word where nothing was said', async () => {
    const gateway = await start()
    expect((await drip(gateway, '\x05')).toString('hex')).toBe('05ff')
    expect((await drip(gateway, '\x04\x01\x00\x07\x00\x00\x00\x01')).toString('hex').slice(0, 4)).toBe('005b')
    const mute = await dial(gateway.port)
    expect((await mute.reader.readToClose()).bytes).toHaveLength(0)
    const half = await dial(gateway.port)
    await send(half.socket, '\x05\x01\x00')
    expect((await half.reader.readToClose()).bytes.toString('hex')).toMatch(/^0500(0501.*)?$/)
    await eventually(() => gateway.app.data.connections).toBe(0)
  })

  it('is counted anew for a second request on the connection', async () => {
    const { port } = await start()
    const over = await dial(port)
    expect((await plain(port, 'http://site.test/', { over })).status).toBe(200)
    await delay(300, over.socket)
    expect((await plain(port, 'http://site.test/', { over })).status).toBe(200)
    await send(over.socket, 'GET http://site.test/ HTT')
    expect(refusalOf(await readReply(over))).toEqual({ status: 408, code: 'GW_HANDSHAKE_TIMEOUT' })
  })

  it('does not end a tunnel or a wait for an upstream', async () => {
    const { port, world } = await start()
    await world.upstreams[0]?.behave({ kind: 'slow-reply', ms: 350 })
    const tunnel = await connectVia(port, 'echo.test:7')
    await delay(300, tunnel.socket)
    await expectEcho(tunnel, 'still here')
    expect((await plain(port, 'http://site.test/')).status).toBe(200)
  })
})

describe('a header', () => {
  const start = () => startGateway({ upstreams: 1, config: { limits: { headerBytes: '4KiB' } } })
  const filler = (size: number) => [['X-Filler', 'x'.repeat(size)]] as const

  it('may be as long as configured', async () => {
    const { port } = await start()
    expect((await connectVia(port, 'echo.test:7', { headers: filler(3_900) })).status).toBe(200)
    expect((await plain(port, 'http://site.test/', { headers: filler(3_900) })).status).toBe(200)
  })

  it('that is longer is 431, however it comes', async () => {
    const { port, app } = await start()
    const refusal = { status: 431, code: 'GW_HEADER_TOO_LARGE' }
    for (const split of [undefined, 700]) {
      const options = { headers: filler(5_000), ...(split === undefined ? {} : { split }) }
      expect(refusalOf(await connectVia(port, 'echo.test:7', options))).toEqual(refusal)
      expect(refusalOf(await plain(port, 'http://site.test/', options))).toEqual(refusal)
    }
    expect(app.traffic.errors.get('GW_HEADER_TOO_LARGE')).toBe(4)
  })

  it('without an end is refused as soon as it is too long', async () => {
    const { port } = await start()
    for (const start of [
      'CONNECT echo.test:7 HTTP/1.1\r\nX: ',
      'GET http://site.test/ HTTP/1.1\r\nX: ',
      'CONNECT ',
      'GET ',
    ]) {
      const { socket, reader } = await dial(port)
      socket.write(start + 'x'.repeat(100_000))
      expect([start, (await readReply({ socket, reader })).status]).toEqual([start, 431])
    }
  })

  it('of megabytes costs no more than its limit', async () => {
    const { port, app } = await start()
    const { socket, reader } = await dial(port)
    const block = Buffer.alloc(1_048_576, 'x')
    for (let n = 0; n < 32; n++) socket.write(n === 0 ? 'CONNECT ' : block)
    expect((await readReply({ socket, reader })).status).toBe(431)
    socket.destroy()
    await eventually(() => app.data.connections).toBe(0)
  })
})

it('a SOCKS request that never ends is refused', async () => {
  const { port } = await startGateway({ upstreams: 1 })
  const { socket, reader } = await dial(port)
  socket.write(Buffer.concat([Buffer.from([4, 1, 0, 7, 0, 0, 0, 1]), Buffer.alloc(50_000, 'u')]))
  expect((await reader.readToClose()).bytes.subarray(0, 2).toString('hex')).toBe('005b')
})
