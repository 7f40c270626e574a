/** The demo vendor with `fetch: true`: targets are really reached, through the upstreams, from this machine. */
import { expect, it, onTestFinished } from 'vitest'
import { buy, dial, plain, start, tunnel } from '../support/demo-client.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { SocketReader } from '../support/socket-io.ts'

const bulk = Buffer.alloc(2_000_000, 'x')

/** A target that echoes the request's head, then sends much, then closes. */
async function startTarget() {
  const target = new LoopbackServer(async (socket) => {
    const head = await new SocketReader(socket).readUntil('\r\n\r\n')
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${head.length + bulk.length}\r\nConnection: close\r\n\r\n`)
    socket.write(head)
    socket.end(bulk)
  })
  onTestFinished(() => target.close())
  return target.listen()
}

it('goes to the target, says at start whose address is shown, and loses nothing', async () => {
  const { world, lines } = await start({ fetch: true, allowPrivate: true })
  expect(lines.join('\n')).toContain('they see its own address')
  const [item, target] = [await buy(world), await startTarget()]
  const { body } = await plain(await dial(item), item, `http://${target.authority}/a`)
  expect(body).toMatch(/^GET \/a HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nConnection: close\r\n\r\nx/)
  expect(body.length).toBeGreaterThan(bulk.length)
  const client = await dial(item)
  expect((await tunnel(client, item, target.authority)).status).toBe(200)
  client.socket.end('GET /b HTTP/1.1\r\n\r\n')
  const tunnelled = await client.reader.readAll()
  expect(tunnelled.toString()).toContain('\r\n\r\nGET /b HTTP/1.1\r\n\r\nx')
  expect(tunnelled.length).toBeGreaterThan(bulk.length)
})

it('still answers whoami.demo, and only there', async () => {
  const { world } = await start({ fetch: true, allowPrivate: true })
  const item = await buy(world)
  expect((await plain(await dial(item), item, 'http://whoami.demo/')).status).toBe(200)
  expect((await tunnel(await dial(item), item, 'whoami.demo:443')).status).toBe(403)
})

it('contacts no target on this machine or in its network, by address or by name, unless allowPrivate', async () => {
  const { world } = await start({ fetch: true })
  const [item, target] = [await buy(world), await startTarget()]
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]', '127.1', '0x7f.1', '2130706433']) {
    const reply = await plain(await dial(item), item, `http://${host}:${target.port}/`)
    expect([host, reply.status, reply.body]).toEqual([host, 403, expect.stringContaining('was not contacted')])
    expect((await tunnel(await dial(item), item, `${host}:${target.port}`)).status).toBe(403)
  }
  expect((await tunnel(await dial(item), item, '169.254.169.254:80')).status).toBe(403)
  expect(target.connections).toBe(0)
})

it('answers 502 when the target cannot be reached', async () => {
  const { world } = await start({ fetch: true, allowPrivate: true })
  const [item, target] = [await buy(world), await startTarget()]
  await target.close()
  expect((await tunnel(await dial(item), item, target.authority)).status).toBe(502)
  expect(await plain(await dial(item), item, `http://${target.authority}/`)).toMatchObject({
    status: 502,
    body: expect.stringContaining('cannot be reached'),
  })
})

// node would send the chunks' content bare, and the target would take it for the next request.
it('refuses a body that could be smuggled', async () => {
  const { world } = await start({ fetch: true, allowPrivate: true })
  const [item, target] = [await buy(world), await startTarget()]
  const smuggling = { headers: 'Transfer-Encoding: chunked\r\n', body: '3\r\nGET\r\n0\r\n\r\n' }
  expect((await plain(await dial(item), item, `http://${target.authority}/`, smuggling)).status).toBe(411)
  expect(target.connections).toBe(0)
})

it('goes on carrying what the client sends after the target has stopped sending', async () => {
  const { world } = await start({ fetch: true, allowPrivate: true })
  let heard = ''
  const target = new LoopbackServer(async (socket) => {
    socket.end('bye')
    heard = (await new SocketReader(socket).readAll()).toString()
  })
  onTestFinished(() => target.close())
  await target.listen()
  const item = await buy(world)
  const client = await dial(item)
  await tunnel(client, item, target.authority)
  expect((await client.reader.readAll()).toString()).toBe('bye')
  client.socket.end('late')
  await expect.poll(() => heard).toBe('late')
})

it('drops the way to the target at the deadline', async () => {
  const { world, clock } = await start({ fetch: true, allowPrivate: true, life: [60_000, 60_000] })
  const target = new LoopbackServer((socket) => {
    socket.resume().on('end', () => socket.destroy())
  })
  onTestFinished(() => target.close())
  await target.listen()
  const item = await buy(world)
  const client = await dial(item)
  await tunnel(client, item, target.authority)
  clock.advance(61_000)
  await client.reader.readToClose()
  await expect.poll(() => target.openSockets).toBe(0)
})
