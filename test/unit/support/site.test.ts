import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { closeClients, dial, type PlainOptions, plain, readReply } from '../../support/client.ts'
import { header } from '../../support/http-wire.ts'
import { firstDifference, pattern } from '../../support/pattern.ts'
import { WebSite } from '../../support/site.ts'
import { PAGE_RESOURCES, sha256 } from '../../support/site-routes.ts'
import { openWebSocket } from '../../support/websocket.ts'

let site: WebSite

beforeEach(async () => {
  site = await new WebSite().listen()
})

afterEach(async () => {
  await closeClients()
  await site.close()
})

const get = (path: string, options: PlainOptions = {}) => plain(site.port, `http://site.test${path}`, options)

describe('pages', () => {
  it('names the peer', async () => {
    expect((await get('/')).body.toString()).toBe('peer 127.0.0.1\n')
  })

  it('echoes any method with a checksum', async () => {
    const body = pattern(100_000)
    for (const method of ['POST', 'PATCH', 'REPORT']) {
      const reply = await get('/echo', { method, body })
      expect(reply.body.equals(body)).toBe(true)
      expect(header(reply.headers, 'x-body-sha256')).toBe(sha256(body))
    }
    const digest = JSON.parse((await get('/digest', { method: 'PUT', body: ['ab', 'c'] })).body.toString())
    expect(digest).toMatchObject({ bytes: 3, sha256: sha256(Buffer.from('abc')) })
  })

  it('serves bytes, chunks with trailers, slow pieces and a body that ends with the connection', async () => {
    const bytes = await get('/bytes/200000')
    expect([bytes.body.length, firstDifference(bytes.body)]).toEqual([200_000, -1])
    const chunked = await get('/chunked')
    expect(chunked.trailers).toEqual([['X-Body-SHA256', sha256(chunked.body)]])
    expect((await get('/slow?before=1&pieces=2&gap=1')).body.toString()).toBe('piece 1\npiece 2\n')
    expect((await get('/until-close')).body.toString()).toBe('the end tells\n')
  })

  it('tells the headers as they came', async () => {
    const { body } = await get('/headers', { headers: [['x-b', '1'], ['X-A', '2'], ['x-b', '3']] }) // biome-ignore format: pairs
    expect(JSON.parse(body.toString())).toEqual([['Host', 'site.test'], ['x-b', '1'], ['X-A', '2'], ['x-b', '3']]) // biome-ignore format: pairs
  })

  it('has a page with forty resources', async () => {
    const page = (await get('/page')).body.toString()
    expect(page.match(/src="\/resource\/\d+\.js"/g)).toHaveLength(PAGE_RESOURCES)
    expect((await get('/resource/40.js')).status).toBe(200)
    expect((await get('/nothing')).status).toBe(404)
  })
})

describe('pattern', () => {
  it('tells a block that is missing, repeated or out of place', () => {
    for (const wrong of [1, 256, 65_536]) expect(firstDifference(pattern(16, wrong))).not.toBe(-1)
    expect(firstDifference(pattern(16, 70_000), 70_000)).toBe(-1)
  })
})

describe('replies without a body', () => {
  it('HEAD, 204 and 304 leave the connection in step', async () => {
    const head = await get('/bytes/5000', { method: 'HEAD' })
    expect([header(head.headers, 'content-length'), head.body.length]).toEqual(['5000', 0])
    const empty = await get('/status/204', { over: head })
    expect([empty.status, header(empty.headers, 'content-length')]).toEqual([204, undefined])
    const unchanged = await get('/status/304', { over: empty })
    expect([unchanged.status, header(unchanged.headers, 'content-length')]).toEqual([304, '14'])
    expect((await get('/', { over: unchanged })).status).toBe(200)
    expect(site.connections).toHaveLength(1)
  })

  it('ends connections before the body is complete, or before any reply', async () => {
    expect(await get('/close-early')).toMatchObject({ status: 200, complete: false, body: pattern(100) })
    const { socket, reader } = await dial(site.port)
    socket.write('GET /close-early?reset HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await reader.readToClose()).toMatchObject({ how: 'ECONNRESET' })
    await expect(get('/close-at-once')).rejects.toMatchObject({ code: 'END' })
  })

  it('says 100 Continue before it reads, or refuses without reading', async () => {
    const { socket, reader } = await dial(site.port)
    socket.write('POST /expect HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n')
    expect((await reader.readUntil('\r\n\r\n')).toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write('ok')
    expect((await readReply({ socket, reader })).body.toString()).toBe('ok')
    const refused = await get('/expect?refuse', { method: 'POST', body: 'x', headers: [['Expect', '100-continue']] })
    expect([refused.status, refused.interim]).toEqual([417, []])
  })
})

describe('WebSocket', () => {
  it('echoes short and long texts, and says goodbye', async () => {
    const { reader } = await dial(site.port)
    const socket = await openWebSocket(reader, '/ws', 'site.test')
    for (const text of ['hi', 'x'.repeat(70_000)]) {
      await socket.say(text)
      expect(await socket.hear()).toBe(text)
    }
    await socket.close()
  })

  it('masks as the example of RFC 6455 section 5.7', async () => {
    const { reader, socket } = await dial(site.port)
    await openWebSocket(reader, '/ws', 'site.test')
    socket.write(Buffer.from('818537fa213d7f9f4d5158', 'hex'))
    expect((await reader.readExactly(7)).toString('hex')).toBe('810548656c6c6f')
    expect((await get('/ws')).status).toBe(426)
  })
})

describe('what a strict parser saw', () => {
  it('keeps every request and every byte', async () => {
    const first = await get('/', { method: 'POST', body: 'abc' }) // a page that does not care for the body
    await get('/?q', { over: first })
    const [connection] = site.connections
    expect(connection?.requests.map(({ method, target, bodyBytes }) => [method, target, bodyBytes])).toEqual([
      ['POST', 'http://site.test/', 3],
      ['GET', 'http://site.test/?q', 0],
    ])
    expect(connection?.bytes().toString()).toMatch(/^POST .*\r\n\r\nabcGET .*\r\n\r\n$/s)
  })

  it.each([
    ['both lengths', 'Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['two lengths', 'Host: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde'],
    ['a list of lengths', 'Host: a\r\nContent-Length: 5, 5\r\n\r\nabcde'],
    ['a signed length', 'Host: a\r\nContent-Length: +5\r\n\r\nabcde'],
    ['another coding', 'Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['a chunk extension', 'Host: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\n\r\n'],
    ['a chunk that is too long', 'Host: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n'],
    ['a space before the colon', 'Host: a\r\nContent-Length : 5\r\n\r\nabcde'],
    ['a folded line', 'Host: a\r\nX: 1\r\n 2\r\n\r\n'],
    ['a bare LF', 'Host: a\nX: 1\r\n\r\n'],
    ['a bare CR', 'Host: a\r\nX: 1\r2\r\n\r\n'],
    ['a NUL', 'Host: a\r\nX: 1\x002\r\n\r\n'],
    ['two hosts', 'Host: a\r\nHost: b\r\n\r\n'],
    ['no host', 'X: 1\r\n\r\n'],
  ])('refuses %s', async (_, rest) => {
    const { socket, reader } = await dial(site.port)
    socket.write(`POST /echo HTTP/1.1\r\n${rest}`)
    expect((await readReply({ socket, reader })).status).toBe(400)
    expect(site.violations).toHaveLength(1)
  })
})
