/** A client that closes its sending side behind whole requests gets its answers (RFC 9112 section 9.6, ADR 0011). */
import { expect, it } from 'vitest'
import { dial, readReply } from '../support/client.ts'
import { eventually, startGateway } from '../support/gateway.ts'
import { send, turn } from '../support/socket-io.ts'

const HOST = 'Host: site.test\r\n'
const SLOW = `GET http://site.test/slow?before=100 HTTP/1.1\r\n${HOST}\r\n`
const POST = `POST http://site.test/echo HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`

it.each(['http', 'https', 'socks5'] as const)('through %s upstreams: one, several, and a large one', async (scheme) => {
  const { port, app, leases } = await startGateway({ scheme, upstreams: 1 })
  const one = await dial(port)
  one.socket.end(SLOW)
  expect((await readReply(one)).body.toString()).toBe('piece 1\n')
  expect((await one.reader.readToClose()).how).toBe('end')
  const several = await dial(port)
  several.socket.end(SLOW + POST + SLOW)
  for (const body of ['piece 1\n', 'hello', 'piece 1\n']) expect((await readReply(several)).body.toString()).toBe(body)
  expect((await several.reader.readToClose()).how).toBe('end')
  const large = await dial(port)
  large.socket.end(`GET http://site.test/bytes/5000000 HTTP/1.1\r\n${HOST}\r\n`)
  expect(await readReply(large)).toMatchObject({ complete: true, body: expect.objectContaining({ length: 5_000_000 }) })
  await eventually(() => [app.data.connections, leases()]).toEqual([0, 0])
})

it('in the middle of a body it has left', async () => {
  const { port, app, leases } = await startGateway({ upstreams: 1 })
  const { socket, reader } = await dial(port)
  await send(socket, POST.slice(0, -2))
  await turn(3)
  socket.end()
  expect((await reader.readToClose()).bytes).toHaveLength(0)
  await eventually(() => [app.data.connections, leases()]).toEqual([0, 0])
  expect(app.traffic.clientsGone).toBe(1)
})

it('in the middle of a body behind another request: that one is answered, and the connection ends', async () => {
  const { port, app, leases } = await startGateway({ upstreams: 1 })
  const client = await dial(port)
  client.socket.end(SLOW + POST.slice(0, -2))
  expect((await readReply(client)).body.toString()).toBe('piece 1\n')
  expect((await client.reader.readToClose()).how).toBe('end')
  await eventually(() => [app.data.connections, leases()]).toEqual([0, 0])
})

it('behind a body that is not well-formed: the client hears so, as if it had left its side open', async () => {
  const { port, app } = await startGateway({ upstreams: 1 })
  const { socket, reader } = await dial(port)
  socket.end(`POST http://site.test/echo HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n-4\r\ntest\r\n`)
  const { bytes, how } = await reader.readToClose()
  expect([bytes.toString('latin1').slice(0, 31), how]).toEqual(['HTTP/1.1 400 GW_BAD_REQUEST the', 'end'])
  await eventually(() => app.data.connections).toBe(0)
})
