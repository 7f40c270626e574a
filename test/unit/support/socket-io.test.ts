import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { closeClients, dial, sendSplit } from '../../support/client.ts'
import { LoopbackServer } from '../../support/loopback-server.ts'
import { HangError, SocketReader, turn } from '../../support/socket-io.ts'
import { echoServer } from '../../support/tcp.ts'

let server: LoopbackServer

async function serve(serving: LoopbackServer | ((socket: Socket) => void)) {
  server = await (serving instanceof LoopbackServer ? serving : new LoopbackServer(serving)).listen()
  return dial(server.port, 200)
}

afterEach(async () => {
  await closeClients()
  await server.close()
})

describe('SocketReader', () => {
  it('gives what was asked for and keeps the rest', async () => {
    const { reader } = await serve((socket) => void socket.end('head\r\n\r\nbody and more'))
    expect((await reader.readUntil('\r\n\r\n')).toString()).toBe('head\r\n\r\n')
    expect((await reader.readExactly(4)).toString()).toBe('body')
    reader.putBack(Buffer.from('any'))
    expect((await reader.read(2))?.toString()).toBe('an')
    expect((await reader.readAll()).toString()).toBe('y and more')
    expect([await reader.read(), reader.atEnd]).toEqual([null, true])
  })

  it('says what it waited for when nothing comes, and when the peer ends too early', async () => {
    const { socket, reader } = await serve(echoServer())
    socket.write('abc')
    await expect(reader.readExactly(4)).rejects.toThrow('no 4 bytes within 200 ms; had "abc"')
    await expect(reader.readUntil('\n')).rejects.toThrow(HangError)
    socket.end()
    await expect(reader.readExactly(4)).rejects.toMatchObject({ code: 'END' })
    expect((await reader.readAll()).toString()).toBe('abc')
  })

  it('tells a reset from an end, and keeps what came before it', async () => {
    const { socket, reader } = await serve(
      (peer) => void peer.write('last words', () => peer.once('data', () => peer.resetAndDestroy())),
    )
    await reader.read(1)
    socket.write('!')
    expect(await reader.readToClose()).toEqual({ bytes: Buffer.from('ast words'), how: 'ECONNRESET' })
    await expect(reader.read()).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('stops the peer when nobody reads, and loses nothing at release', async () => {
    const { socket, reader } = await serve((peer) => void peer.end(Buffer.alloc(3_000_000, 'x')))
    await expect.poll(() => socket.isPaused()).toBe(true)
    expect(reader.unread.length).toBeLessThan(1_000_000)
    const released = reader.release()
    await turn()
    const rest = await new SocketReader(socket).readAll()
    expect(released.length + rest.length).toBe(3_000_000)
  })
})

describe('sendSplit', () => {
  it('lets the other side read the pieces apart', async () => {
    const sizes: number[] = []
    const { socket, reader } = await serve(
      (peer) => void peer.on('data', (piece) => sizes.push(piece.length)).on('end', () => peer.end()),
    )
    await sendSplit(socket, Buffer.from('abcdefgh'), [1, 2, 3])
    socket.end()
    await reader.readAll()
    expect(sizes).toEqual([1, 2, 3, 2])
  })
})

describe('LoopbackServer', () => {
  it('refuses while it does not listen, and takes the same port again', async () => {
    await serve(echoServer())
    const { port } = server
    await server.stopListening()
    await expect(dial(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await server.listen()
    expect(server.port).toBe(port)
    await dial(port)
    expect([server.connections, server.authority]).toEqual([2, `127.0.0.1:${port}`])
  })

  it('resets a connection whose FIN is just going out: Node alone would refuse, and keep the handle for ever', async () => {
    const { socket, reader } = await serve(
      (peer) => void peer.once('data', () => peer.end('x', () => {}) && server.resetConnections()),
    )
    socket.write('go')
    await reader.readToClose()
    await expect.poll(() => server.openSockets).toBe(0)
  })

  it('leaves no socket behind', async () => {
    await serve(echoServer())
    connect(server.port).on('error', () => {})
    await expect.poll(() => server.openSockets).toBe(2)
    await server.close()
    expect(server.openSockets).toBe(0)
  })
})
