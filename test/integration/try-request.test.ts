/** `Try a request` against a port that behaves badly: what the page hears, and that nothing else is touched. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { tryRequest } from '../../src/admin/try-request.ts'
import { SystemClock } from '../../src/clock.ts'

const order = { url: 'https://a.test/', method: 'GET', listener: 0 } as const
const { signal } = new AbortController()

/** A port that does this with each connection, after the request's head. */
async function startPort(serve: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => serve(socket))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clock = new SystemClock()
  onTestFinished(() => {
    clock.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return (stop = signal) => tryRequest({ host: '127.0.0.1', port, isTls: false, users: [] }, order, clock, stop)
}

it('a target that says nothing in TLS, and resets when the page has cancelled', async () => {
  const cancel = new AbortController()
  let tunnel: Socket | undefined
  const ask = await startPort((socket) => {
    tunnel = socket
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    // The hello of TLS has come.
    socket.once('data', () => cancel.abort(new Error('cancelled')))
  })
  await expect(ask(cancel.signal)).rejects.toThrow('aborted')
  tunnel?.resetAndDestroy()
  // An error without a listener would be an uncaught exception: the run fails by it.
  await new Promise((resolve) => setTimeout(resolve, 50))
})

it('a refusal whose text comes later, or only in part', async () => {
  const head =
    'HTTP/1.1 503 GW_POOL_EMPTY\r\nProxy-Status: turnpike; details="GW_POOL_EMPTY"\r\nContent-Length: 8\r\n\r\n'
  const whole = await startPort((socket) => {
    socket.write(head)
    setImmediate(() => socket.write('the '))
    setTimeout(() => socket.write('word'), 20)
  })
  expect(await whole()).toMatchObject({ status: 503, code: 'GW_POOL_EMPTY', error: 'the word', bodyBytes: 8 })
  const part = await startPort((socket) => socket.end(`${head}the`))
  expect(await part()).toMatchObject({ status: 503, error: 'the', bodyBytes: 3 })
})

it('a refusal whose text never ends: the page can cancel', async () => {
  const cancel = new AbortController()
  const ask = await startPort((socket) => {
    socket.write('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 8\r\n\r\nthe')
    setTimeout(() => cancel.abort(new Error('cancelled')), 20)
  })
  await expect(ask(cancel.signal)).rejects.toThrow('aborted')
})

it('octets of the target that come with the answer of the port: they are read', async () => {
  const ask = await startPort((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\nthis is no TLS'))
  expect((await ask()).error).toContain('wrong version number')
})
