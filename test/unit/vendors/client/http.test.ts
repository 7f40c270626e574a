import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { Agent } from 'undici'
import { afterEach, describe, expect, it } from 'vitest'
import {
  openVendorHttp,
  type VendorHttp,
  type VendorReply,
  type VendorRequest,
} from '../../../../src/vendors/client/http.ts'
import { judge } from '../../../../src/vendors/client/judge.ts'
import { VendorError } from '../../../../src/vendors/contract/error.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { LoopbackServer } from '../../../support/loopback-server.ts'
import { startTls } from '../../../support/tls.ts'
import { failureOf, formsOf, never, printed } from '../scripted-http.ts'

const SECRET = 'key+of/the=account'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function openHttp(clock = new FakeClock()): VendorHttp {
  const http = openVendorHttp({ clock })
  closers.push(() => http.close())
  return http
}

/** A vendor that answers by `listener`. @returns the port */
async function serve(listener: RequestListener): Promise<{ server: Server; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer(listener).on('connection', (socket) => sockets.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { server, port: (server.address() as AddressInfo).port, sockets }
}

/** A vendor that writes these bytes as soon as anything arrives, then ends the connection. */
async function writes(bytes: string | Buffer, end: 'fin' | 'reset' = 'fin'): Promise<number> {
  const server = await new LoopbackServer((socket) => {
    socket.once('data', () => {
      socket.write(bytes, () => (end === 'fin' ? socket.end() : socket.resetAndDestroy()))
    })
  }).listen()
  closers.push(() => server.close())
  return server.port
}

function request(port: number, rest: Partial<VendorRequest> = {}): VendorRequest {
  const url = new URL(`http://127.0.0.1:${port}/get?key=${encodeURIComponent(SECRET)}`)
  return { method: 'GET', url, timeoutMs: 5_000, maxBodyBytes: 1_048_576, ...rest }
}

async function expectServerError(call: Promise<unknown>, vendorCode: string, message: RegExp): Promise<void> {
  const error = await failureOf(call)
  expect(error).toMatchObject({ class: 'server', vendorCode })
  expect(error.message).toMatch(message)
  for (const form of [...formsOf(SECRET), '127.0.0.1', 'localhost']) expect(printed(error)).not.toContain(form)
}

describe('a call that arrives', () => {
  it('sends query and headers, and reads the body as UTF-8 without byte order mark', async () => {
    const seen: unknown[] = []
    const { port } = await serve((incoming, response) => {
      seen.push(
        incoming.method,
        incoming.url,
        incoming.headers.host,
        incoming.headers['user-agent'],
        incoming.headers['accept-encoding'],
        incoming.headers['x-own'],
      )
      response.setHeader('date', 'Sat, 25 Feb 2023 07:38:36 GMT')
      response.end('\ufeff{"area":"河南省"}')
    })
    const reply = await openHttp().call(request(port, { headers: { 'x-own': 'yes' } }), never)
    const fields = ['turnpike', 'identity', 'yes']
    expect(seen).toEqual(['GET', '/get?key=key%2Bof%2Fthe%3Daccount', `127.0.0.1:${port}`, ...fields])
    expect(reply).toMatchObject({ status: 200, text: '{"area":"河南省"}', vendorWallMs: 1_677_310_716_000 })
  })

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('reads a body that the server compressed with %s, unasked, up to the cap', async (coding, compress) => {
    const { port } = await serve((_incoming, response) => {
      response.writeHead(200, { 'content-encoding': coding }).end(compress('x'.repeat(2_000)))
    })
    expect((await openHttp().call(request(port, { maxBodyBytes: 2_000 }), never)).text).toBe('x'.repeat(2_000))
    const capped = openHttp().call(request(port, { maxBodyBytes: 1_999 }), never)
    await expectServerError(capped, 'body', /larger than 1999 bytes/)
  })

  it('a compressed body that is cut off is not read as whole', async () => {
    const whole = gzipSync('x'.repeat(2_000))
    const { port } = await serve((_incoming, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(whole.subarray(0, -9))
    })
    await expectServerError(openHttp().call(request(port), never), 'body', /broke off after \d+ bytes \(Z_BUF_ERROR\)/)
  })

  it('text with the label of a coding is read as it is', async () => {
    const { port } = await serve((_incoming, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('192.0.2.1:80 河南省')
    })
    expect((await openHttp().call(request(port), never)).text).toBe('192.0.2.1:80 河南省')
  })

  it('a character cut in two by the network is whole', async () => {
    const body = Buffer.from('江苏徐州')
    const { port } = await serve((_incoming, response) => {
      response.write(body.subarray(0, 4))
      setImmediate(() => response.end(body.subarray(4)))
    })
    expect((await openHttp().call(request(port), never)).text).toBe('江苏徐州')
  })

  it.each([
    ['what its label says', 'text/plain; charset=GBK', [0xcd, 0xc1, 0x20, 0xd4, 0xb4]],
    ['without a label GB18030, when it is not UTF-8', 'text/html', [0xcd, 0xc1, 0x20, 0xd4, 0xb4]],
    ['also under a label that does not exist', 'text/html; charset=x-none', [0xcd, 0xc1, 0x20, 0xd4, 0xb4]],
    ['UTF-8 under the usual wrong label', 'text/html; charset=ISO-8859-1', [...Buffer.from('土 源')]],
  ])('reads a body as %s', async (_title, type, bytes) => {
    const { port } = await serve((_incoming, response) => {
      response.setHeader('content-type', type)
      response.end(Buffer.from(bytes))
    })
    expect((await openHttp().call(request(port), never)).text).toBe('土 源')
  })

  it('posts a body', async () => {
    const { port } = await serve((incoming, response) => incoming.pipe(response))
    expect((await openHttp().call(request(port, { method: 'POST', body: 'num=1' }), never)).text).toBe('num=1')
  })

  it('counts the time from before the request left', async () => {
    const clock = new FakeClock({ now: 7_000 })
    const { port } = await serve((_incoming, response) => {
      clock.advance(900)
      response.end()
    })
    expect((await openHttp(clock).call(request(port), never)).sentAt).toBe(7_000)
  })

  it('without a Date that can be read the vendor’s time is unknown', async () => {
    const port = await writes('HTTP/1.1 200 OK\r\nDate: yesterday\r\nContent-Length: 2\r\n\r\nok')
    expect((await openHttp().call(request(port), never)).vendorWallMs).toBeUndefined()
  })
})

describe('connections', () => {
  it('calls one after the other share a connection, and close() ends it', async () => {
    const { port, sockets } = await serve((_incoming, response) => response.end('ok'))
    const http = openHttp()
    for (let n = 0; n < 5; n++) {
      await http.call(request(port), never)
      await new Promise(setImmediate)
    }
    expect(sockets).toHaveLength(1)
    const closed = new Promise((resolve) => sockets[0]?.once('close', resolve))
    await http.close()
    await closed
  })

  it('a dispatcher handed in stays open for its owner', async () => {
    const { port } = await serve((_incoming, response) => response.end('ok'))
    const dispatcher = new Agent()
    closers.push(() => dispatcher.close())
    await openVendorHttp({ clock: new FakeClock(), dispatcher }).close()
    const again = openVendorHttp({ clock: new FakeClock(), dispatcher })
    expect(await again.call(request(port), never)).toMatchObject({ text: 'ok' })
  })

  it('no timer is left', async () => {
    const clock = new FakeClock()
    const { port } = await serve((_incoming, response) => response.end('ok'))
    await openHttp(clock).call(request(port), never)
    await failureOf(openHttp(clock).call(request(await writes('junk')), never))
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a call that fails', () => {
  it('nobody listens', async () => {
    const { port, server } = await serve(() => {})
    await new Promise((resolve) => server.close(resolve))
    await expectServerError(openHttp().call(request(port), never), 'connect', /cannot be reached \(ECONNREFUSED\)/)
  })

  it('the name does not exist', async () => {
    const url = new URL(`http://vendor.invalid/get?key=${SECRET}`)
    await expectServerError(
      openHttp().call(request(1, { url }), never),
      'connect',
      /cannot be reached \((ENOTFOUND|EAI_AGAIN)\)/,
    )
  })

  it.each([
    ['hangs up', '', 'fin'],
    ['resets', '', 'reset'],
    ['speaks something else', 'SSH-2.0-OpenSSH_9.6\r\n', 'fin'],
    ['breaks off in the head', 'HTTP/1.1 200 OK\r\nContent-', 'fin'],
  ] as const)('the vendor %s', async (_what, bytes, end) => {
    await expectServerError(
      openHttp().call(request(await writes(bytes, end)), never),
      'network',
      /cannot be reached \((UND_ERR_SOCKET|ECONNRESET|HTTPParserError)\)/,
    )
  })
})

describe('certificates', () => {
  it('are verified even where NODE_TLS_REJECT_UNAUTHORIZED=0 says otherwise', async () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    closers.push(async () => void delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'])
    const server = await new LoopbackServer(async (socket) => void (await startTls(socket))).listen()
    closers.push(() => server.close())
    const url = new URL(`https://127.0.0.1:${server.port}/get?key=${SECRET}`)
    await expectServerError(
      openHttp().call(request(1, { url }), never),
      'connect',
      /cannot be reached \(DEPTH_ZERO_SELF_SIGNED_CERT\)/,
    )
  })
})

describe('a URL that a reply named', () => {
  it.each(['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]'])(
    '%s is not connected to, and the way there is not told',
    async (host) => {
      const { port, sockets } = await serve((_incoming, response) => response.end('ok'))
      const url = new URL(`http://${host}:${port}/list?key=${SECRET}`)
      await expectServerError(openHttp().call(request(port, { url, isForeign: true }), never), 'link', /is refused/)
      expect(sockets).toHaveLength(0)
    },
  )
})

describe('a reply that does not come whole, or elsewhere', () => {
  it.each([
    ['Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"code":"SUCC', 'fin'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{"code":"SUCC\r\n', 'fin'],
    ['a reset', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"code":"SUCC', 'reset'],
  ] as const)('a body truncated by %s is not read as whole', async (_by, bytes, end) => {
    await expectServerError(
      openHttp().call(request(await writes(bytes, end)), never),
      'body',
      /broke off after \d+ bytes/,
    )
  })

  it.each([301, 302, 303, 307, 308, 304])('a redirect (%d) is refused and not followed', async (status) => {
    const paths: string[] = []
    const { port } = await serve((incoming, response) => {
      paths.push(incoming.url ?? '')
      response.writeHead(status, { location: `/elsewhere?key=${SECRET}` }).end()
    })
    await expectServerError(
      openHttp().call(request(port), never),
      'redirect',
      new RegExp(`redirect \\(HTTP ${status}\\), which is refused`),
    )
    expect(paths).toHaveLength(1)
  })

  it.each([
    ['announced', { 'content-length': '2000' }],
    ['not announced', {}],
  ])('a body over the cap is cut off, %s or not', async (_title, headers) => {
    const { port, sockets } = await serve((_incoming, response) => {
      response.writeHead(200, headers).end('x'.repeat(2_000))
    })
    await expectServerError(
      openHttp().call(request(port, { maxBodyBytes: 1_999 }), never),
      'body',
      /larger than 1999 bytes/,
    )
    expect((await openHttp().call(request(port, { maxBodyBytes: 2_000 }), never)).text).toHaveLength(2_000)
    expect(sockets).toHaveLength(2)
  })

  it('a body without end is not read to its end', async () => {
    let isOpen = true
    const { port } = await serve((_incoming, response) => {
      response.on('close', () => {
        isOpen = false
      })
      const more = () => {
        if (isOpen) response.write('x'.repeat(65_536), () => setImmediate(more))
      }
      more()
    })
    await expectServerError(openHttp().call(request(port), never), 'body', /larger than 1048576 bytes/)
    await expect.poll(() => isOpen).toBe(false)
  })
})

describe('a call that takes too long', () => {
  it('silence ends at the deadline, on the clock', async () => {
    const clock = new FakeClock()
    let arrived = () => {}
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const { port, sockets } = await serve(() => arrived())
    const call = failureOf(openHttp(clock).call(request(port, { timeoutMs: 30_000 }), never))
    await arrival
    clock.advance(29_999)
    expect(clock.pendingTimers).toBe(1)
    clock.advance(1)
    expect(await call).toMatchObject({
      class: 'server',
      vendorCode: 'timeout',
      message: 'the vendor did not answer within 30000 ms',
    })
    await expect.poll(() => sockets[0]?.destroyed).toBe(true)
  })

  it('a reply that was there before its deadline is read: the process may have stood still', async () => {
    const clock = new FakeClock()
    const { port } = await serve((_incoming, response) => {
      // The reply is in the socket of the caller, which has had no turn to read it.
      response.end('[]', () => setImmediate(() => clock.advance(60_000)))
    })
    expect(await openHttp(clock).call(request(port), never)).toMatchObject({ status: 200, text: '[]' })
  })

  it('so does a body that stops coming', async () => {
    const clock = new FakeClock()
    let arrived = () => {}
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const { port } = await serve((_incoming, response) => {
      response.write('{"code":')
      arrived()
    })
    const call = failureOf(openHttp(clock).call(request(port), never))
    await arrival
    clock.advance(5_000)
    expect(await call).toMatchObject({ class: 'server', vendorCode: 'timeout' })
  })

  it('a caller who stops waiting gets the own reason back, and the connection is dropped', async () => {
    const clock = new FakeClock()
    const caller = new AbortController()
    const reason = new Error('the gateway stops')
    const { port, sockets } = await serve(() => caller.abort(reason))
    await expect(openHttp(clock).call(request(port), caller.signal)).rejects.toBe(reason)
    await expect.poll(() => sockets[0]?.destroyed).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })

  it('a caller who stopped before is not called for', async () => {
    let calls = 0
    const { port } = await serve((_incoming, response) => {
      calls += 1
      response.end()
    })
    await expect(openHttp().call(request(port), AbortSignal.abort('no'))).rejects.toBe('no')
    expect(calls).toBe(0)
  })
})

const reply = (status: number, headers: VendorReply['headers'] = {}, vendorWallMs?: number): VendorReply => ({
  status,
  headers,
  text: '',
  sentAt: 0,
  vendorWallMs,
})
const known = (): never => {
  throw new VendorError('quota_exhausted', 'EXTRACT_LIMIT_EXCEEDED', 'known')
}
const junk = (): never => {
  throw new VendorError('server', 'body', 'junk')
}
const fine = () => 'data'
const judged = (
  status: number,
  decode: () => unknown,
  headers?: VendorReply['headers'],
  vendorWallMs?: number,
): unknown => {
  try {
    return judge(reply(status, headers, vendorWallMs), 1_677_310_716_000, decode)
  } catch (error) {
    return error
  }
}

describe('the judgement over a whole reply', () => {
  it.each([200, 201, 400])('HTTP %d: the body decides', (status) => {
    expect(judged(status, fine)).toBe('data')
    expect(judged(status, known)).toMatchObject({ class: 'quota_exhausted' })
    expect(judged(status, junk)).toMatchObject({ class: 'server', vendorCode: 'body' })
  })

  it.each([
    [500, 'server'],
    [502, 'server'],
    [404, 'server'],
    [401, 'auth'],
    [403, 'auth'],
  ])('HTTP %d: %s, unless the vendor says more', (status, errorClass) => {
    expect(judged(status, junk)).toMatchObject({
      class: errorClass,
      vendorCode: 'http',
      message: expect.stringContaining(`HTTP ${status}`),
    })
    expect(judged(status, fine)).toMatchObject({ class: errorClass, vendorCode: 'http' })
    expect(judged(status, known)).toMatchObject({ class: 'quota_exhausted' })
  })

  it.each([
    [{}, undefined],
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': ' 120 ' }, 120_000],
    [{ 'retry-after': 'Sat, 25 Feb 2023 07:38:46 GMT' }, 10_000],
    [{ 'retry-after': 'Sat, 25 Feb 2023 07:38:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
  ])('HTTP 429 with %o: wait %s ms', (headers, wait) => {
    expect(judged(429, fine, headers)).toMatchObject({ class: 'rate_limited', vendorCode: 'http', wait })
  })

  it.each([429, 404, 502])('HTTP %d without a body is no sign that the vendor has no address', (status) => {
    // Of a pasted link: an empty body is read as "no address" there.
    const nothing = () => {
      throw new VendorError('no_resource', 'empty', 'the vendor answered with nothing')
    }
    const errorClass = status === 429 ? 'rate_limited' : 'server'
    expect(judged(status, nothing)).toMatchObject({ class: errorClass, vendorCode: 'http' })
  })

  it('a Retry-After date is read on the vendor’s own clock', () => {
    const headers = { 'retry-after': 'Sat, 25 Feb 2023 07:38:46 GMT' }
    expect(judged(429, fine, headers, 1_677_310_716_000 + 4_000)).toMatchObject({ wait: 6_000 })
  })

  it('a mistake of ours is not taken for the vendor’s', () => {
    const bug = new TypeError('ours')
    const broken = (): never => {
      throw bug
    }
    expect(judged(200, broken)).toBe(bug)
    expect(judged(500, broken)).toBe(bug)
  })
})
