import { afterEach, describe, expect, it } from 'vitest'
import { closeClients, socks4, socks4a, socks5 } from '../../support/client.ts'
import { LoopbackServer } from '../../support/loopback-server.ts'
import { SocketReader } from '../../support/socket-io.ts'

/** Nothing in the test world serves SOCKS4: the bytes are compared with the protocol's document. */
const asked: string[] = []
const server = new LoopbackServer(async (socket) => {
  const reader = new SocketReader(socket)
  const request = [await reader.readExactly(8), await reader.readUntil('\0')]
  if (request[0]?.readUInt32BE(4) === 1) request.push(await reader.readUntil('\0'))
  asked.push(Buffer.concat(request).toString('hex'))
  socket.end(Buffer.from([0, 0x5a, 0, 0, 0, 0, 0, 0, 0x68, 0x69]))
})

afterEach(async () => {
  await closeClients()
  await server.close()
  asked.length = 0
})

describe('SOCKS clients', () => {
  it('ask by address, and by name with 4a, and keep what follows the reply', async () => {
    await server.listen()
    const byAddress = await socks4(server.port, '1.2.3.4:258', { userId: 'me' })
    const byName = await socks4a(server.port, 'a.test:80', { split: 1 })
    expect(asked).toEqual(['0401010201020304' + '6d6500', '0401005000000001' + '00' + '612e7465737400'])
    expect([byAddress.code, byName.code]).toEqual([0x5a, 0x5a])
    expect((await byName.reader.readAll()).toString()).toBe('hi')
  })

  it('say all of SOCKS5 at once on demand', async () => {
    const said: string[] = []
    const listening = await new LoopbackServer(async (socket) => {
      said.push((await new SocketReader(socket).readExactly(23)).toString('hex'))
      socket.end()
    }).listen()
    await socks5(listening.port, 'a.test:80', { login: { username: 'me', password: 'pw' }, pipelined: true })
    expect(said).toEqual(['050102' + '01026d65027077' + '05010003' + '06612e74657374' + '0050'])
    await listening.close()
  })

  it('resolve without a code when the server says nothing', async () => {
    const mute = await new LoopbackServer((socket) => void socket.end()).listen()
    expect((await socks4(mute.port, '1.2.3.4:80')).code).toBeUndefined()
    await mute.close()
  })
})
