/** Target names that one parser accepts and another does not: each is answered, on every way in, and nothing throws. */
import { describe, expect, it } from 'vitest'
import { internalErrors } from '../../src/internal-errors.ts'
import { connectVia, dial, plain, readReply, socks4a, socks5 } from '../support/client.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { expectEcho, send } from '../support/socket-io.ts'

/** They end in a number and are no IPv4 address: refused before an upstream is lent. */
const NUMBERS = ['1.2.3.256', '08.1', 'a.b.1', '1.2.3.4.5', 'a.0x', '0x1g.08', '4294967296']
/** Names to DNS; the URL parser refuses some of them. */
const NAMES = ['xn--a.test', 'xn--.test', 'a..b', '_', 'a_b.test', `${'a'.repeat(64)}.test`, 'test.xn--', '1.2.3.x']

const upgrade = (host: string) =>
  `GET http://${host}/ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'

/** What a client gets; a number above 255 is an HTTP status. */
const WAYS: Record<string, (port: number, host: string) => Promise<number | undefined>> = {
  CONNECT: async (port, host) => (await connectVia(port, `${host}:7`)).status,
  SOCKS5: async (port, host) => (await socks5(port, `${host}:7`)).rep,
  SOCKS4a: async (port, host) => (await socks4a(port, `${host}:7`)).code,
  GET: (port, host) => request(port, `GET http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
  HEAD: (port, host) => request(port, `HEAD http://${host}/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 'HEAD'),
  POST: (port, host) => request(port, `POST http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1\r\n\r\nx`),
  DELETE: (port, host) => request(port, `DELETE http://${host}/ HTTP/1.1\r\nHost: ${host}\r\nX-A: b\r\n\r\n`),
  upgrade: (port, host) => request(port, upgrade(host)),
}

async function request(port: number, head: string, method?: string): Promise<number> {
  const connected = await dial(port)
  await send(connected.socket, head)
  return (await readReply(connected, method)).status
}

async function expectUnharmed({ port }: Gateway, before: number): Promise<void> {
  expect(internalErrors.count).toBe(before)
  await expectEcho(await connectVia(port, 'echo.test:7'), 'still here')
  expect((await plain(port, 'http://site.test/', { method: 'POST', body: 'x' })).status).toBe(200)
}

describe.each(['http', 'https', 'socks5'] as const)('through %s upstreams', (scheme) => {
  it('a name that ends in a number and is no address is refused as the client’s mistake', async () => {
    const before = internalErrors.count
    const gateway = await startGateway({ scheme, upstreams: 2 })
    for (const host of NUMBERS) {
      for (const [way, ask] of Object.entries(WAYS)) {
        const refused = { SOCKS5: 0x01, SOCKS4a: 0x5b }[way] ?? 400
        expect.soft([way, host, await ask(gateway.port, host)]).toEqual([way, host, refused])
      }
    }
    expect(gateway.world.upstreams.map(({ connections }) => connections)).toEqual([0, 0])
    await expectUnharmed(gateway, before)
  })

  it('a name that only the URL parser refuses reaches its target', async () => {
    const before = internalErrors.count
    const gateway = await startGateway({ scheme, upstreams: 2 })
    const { names, site } = gateway.world
    for (const host of NAMES) {
      names[host] = [site.host, site.port]
      for (const [way, ask] of Object.entries(WAYS)) {
        const opened = { SOCKS5: 0x00, SOCKS4a: 0x5a, upgrade: 101 }[way] ?? 200
        expect.soft([way, host, await ask(gateway.port, host)]).toEqual([way, host, opened])
      }
    }
    await expectUnharmed(gateway, before)
  })
})
