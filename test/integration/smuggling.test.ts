/**
 * Requests that two servers could read differently. Whatever the client sends, the gateway must see the same requests as
 * the upstream behind it, be that strict or careless; and none of them the one that was hidden.
 */
import { describe, expect, it } from 'vitest'
import { dial } from '../support/client.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { LaxUpstream } from '../support/lax-http.ts'
import { ConnectionLost, send } from '../support/socket-io.ts'

const HIDDEN = 'GET http://hidden.test/ HTTP/1.1\r\nHost: hidden.test\r\n\r\n'
const CHUNKED = `0\r\n\r\n${HIDDEN}`

/** A POST with these header lines, and what follows the empty line. */
const post = (headers: string, body = CHUNKED, version = 'HTTP/1.1') =>
  `POST http://site.test/echo ${version}\r\nHost: site.test\r\n${headers}\r\n\r\n${body}`
const get = (line: string, headers = 'Host: site.test') => `${line}\r\n${headers}\r\n\r\n`
const CL = 'Content-Length: 4'
const TE = 'Transfer-Encoding: chunked'
const lengthOf = (body: string) => `Content-Length: ${body.length}`

/** What must be refused, and the connection closed. */
const refused: Record<string, string> = {
  'CL and TE': post(`${CL}\r\n${TE}`),
  'TE and CL': post(`${TE}\r\n${CL}`),
  'CL 0 and TE': post(`Content-Length: 0\r\n${TE}`),
  'TE twice': post(`${TE}\r\n${TE}`),
  'TE twice, differing': post(`${TE}\r\nTransfer-Encoding: identity`),
  'TE identity': post(`Transfer-Encoding: identity\r\n${lengthOf(CHUNKED)}`),
  'TE xchunked': post(`Transfer-Encoding: xchunked\r\n${lengthOf(CHUNKED)}`),
  'TE list': post('Transfer-Encoding: gzip, chunked'),
  'TE list, reversed': post('Transfer-Encoding: chunked, gzip'),
  'TE with a comma': post('Transfer-Encoding: chunked,'),
  'TE in quotes': post('Transfer-Encoding: "chunked"'),
  'TE with a parameter': post('Transfer-Encoding: chunked;x=y'),
  'TE with a vertical tab': post('Transfer-Encoding:\x0bchunked'),
  'TE with a space before the colon': post(`Transfer-Encoding : chunked\r\n${lengthOf(CHUNKED)}`),
  'TE with a NUL': post('Transfer-Encoding: chunked\x00'),
  'TE folded': post(`Transfer-Encoding:\r\n chunked\r\n${lengthOf(CHUNKED)}`),
  'TE empty': post(`Transfer-Encoding:\r\n${lengthOf(CHUNKED)}`),
  'TE behind a bare LF': post(`X: y\nTransfer-Encoding: chunked\r\n${lengthOf(CHUNKED)}`),
  'TE behind a bare CR': post(`X: y\rTransfer-Encoding: chunked\r\n${lengthOf(CHUNKED)}`),
  'TE in HTTP/1.0': post(TE, CHUNKED, 'HTTP/1.0'),
  'CL twice, differing': post(`${CL}\r\nContent-Length: 5`),
  'CL twice, equal': post(`${CL}\r\n${CL}`, `test${HIDDEN}`),
  'CL list': post('Content-Length: 4, 4', `test${HIDDEN}`),
  'CL with a plus': post('Content-Length: +4', `test${HIDDEN}`),
  'CL negative': post('Content-Length: -4', HIDDEN),
  'CL hexadecimal': post('Content-Length: 0x4', `test${HIDDEN}`),
  'CL with a space inside': post('Content-Length: 4 4', `test${HIDDEN}`),
  'CL with a tail': post('Content-Length: 4;', `test${HIDDEN}`),
  'CL empty': post('Content-Length:', HIDDEN),
  'CL too large for anybody': post('Content-Length: 99999999999999999999999', `test${HIDDEN}`),
  'CL with a space before the colon': post('Content-Length : 4', `test${HIDDEN}`),
  'a folded header': post(`X: y\r\n folded\r\n${CL}`, `test${HIDDEN}`),
  'a space before the first header': `POST http://site.test/ HTTP/1.1\r\n ${CL}\r\nHost: site.test\r\n\r\ntest`,
  'a header without a colon': post(`Nothing\r\n${CL}`, `test${HIDDEN}`),
  'a header without a name': post(`: value\r\n${CL}`, `test${HIDDEN}`),
  'a NUL in a header': post(`X: a\x00b\r\n${CL}`, `test${HIDDEN}`),
  'two Hosts': get('GET http://site.test/ HTTP/1.1', 'Host: site.test\r\nHost: hidden.test'),
  'no Host': get('GET http://site.test/ HTTP/1.1', 'X: y'),
  'a space in the URL': get('GET http://site.test/a b HTTP/1.1'),
  'a tab for a space': get('GET\thttp://site.test/\tHTTP/1.1'),
  'HTTP/1.2': get('GET http://site.test/ HTTP/1.2'),
  'HTTP/0.9': 'GET http://site.test/\r\n\r\n',
  'lines that end in LF': 'GET http://site.test/ HTTP/1.1\nHost: site.test\n\n',
  'a user in the URL': get('GET http://site.test@hidden.test/ HTTP/1.1'),
  'a backslash in the URL': get('GET http://site.test\\@hidden.test/ HTTP/1.1'),
}

/** Bodies that are refused in the middle: the request was on its way, its end must not become another request. */
const brokenBodies: Record<string, string> = {
  'a chunk size with 0x': '0x4\r\ntest\r\n0\r\n\r\n',
  'a negative chunk size': '-4\r\ntest\r\n0\r\n\r\n',
  'a chunk size with a plus': '+4\r\ntest\r\n0\r\n\r\n',
  'a chunk size too large for anybody': 'fffffffffffffffff4\r\ntest\r\n0\r\n\r\n',
  'a chunk size that ends in LF': `4\ntest\r\n${CHUNKED}`,
  'a chunk that ends in LF': `4\r\ntest\n${CHUNKED}`,
  'a chunk without an end': `4\r\ntest${CHUNKED}`,
  'a chunk longer than it says': `2\r\ntest\r\n${CHUNKED}`,
  'a chunk size with a space in front': ` 4\r\ntest\r\n${CHUNKED}`,
  'a chunk extension with LF': `4;a\nb\r\ntest\r\n${CHUNKED}`,
  'an empty chunk size': `\r\ntest\r\n${CHUNKED}`,
  'trailers that look like framing': `4\r\ntest\r\n0\r\n${CL}\r\nTransfer-Encoding: x\r\n\r\n`,
  'trailers that end in LF': `0\r\nX: y\n\n${HIDDEN}`,
}

/** What is odd, but has one meaning: forwarded so that nobody can doubt it. */
const forwarded: Record<string, [request: string, body: string]> = {
  'TE in capitals': [post('TRANSFER-ENCODING: CHUNKED', '4\r\ntest\r\n0\r\n\r\n'), 'test'],
  'a chunk extension': [post(TE, '4;name=value\r\ntest\r\n0\r\n\r\n'), 'test'],
  'chunk sizes with zeros': [post(TE, '0004\r\ntest\r\n000\r\n\r\n'), 'test'],
  'CL with zeros': [post('Content-Length: 0004', 'test'), 'test'],
  trailers: [post(TE, '4\r\ntest\r\n0\r\nX-Sum: 1\r\nHost: hidden.test\r\n\r\n'), 'test'],
  'a body that looks like a request': [post(lengthOf(HIDDEN), HIDDEN), HIDDEN],
  'chunks that look like requests': [post(TE, `${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`), HIDDEN],
  'a GET with a body': [
    get('GET http://site.test/echo HTTP/1.1', `Host: site.test\r\n${lengthOf(HIDDEN)}`) + HIDDEN,
    HIDDEN,
  ],
  'a Connection that names the framing': [
    post(`Connection: Transfer-Encoding, Content-Length\r\n${CL}`, 'test'),
    'test',
  ],
  'a Connection that names the chunks': [
    post(`Connection: Transfer-Encoding\r\n${TE}`, '4\r\ntest\r\n0\r\n\r\n'),
    'test',
  ],
  'another Host': [`${get('POST http://site.test/echo HTTP/1.1', `Host: hidden.test\r\n${CL}`)}test`, 'test'],
  'empty lines in front': [`\r\n\r\n${post(CL, 'test')}`, 'test'],
  'CL in HTTP/1.0': [post(CL, 'test', 'HTTP/1.0'), 'test'],
}

const BEHIND = get('GET http://site.test/behind HTTP/1.1', 'Host: site.test\r\nConnection: close')

/** Sends a request and an innocent one behind it. @returns the statuses that came back */
async function statusesOf({ port }: Gateway, request: string): Promise<number[]> {
  const { socket, reader } = await dial(port)
  await send(socket, request + BEHIND).catch(ignoreLoss)
  const { bytes } = await reader.readToClose()
  return [...bytes.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
}

function ignoreLoss(error: unknown): void {
  if (!(error instanceof ConnectionLost)) throw error
}

const plural = (all: Record<string, unknown>) => Object.keys(all).length

describe('a careless upstream', () => {
  async function start(): Promise<{ gateway: Gateway; lax: LaxUpstream }> {
    const lax = new LaxUpstream()
    await lax.server.listen()
    const gateway = await startGateway({
      upstreams: 0,
      filled: 1,
      provider: { list: [`http://${lax.server.authority}`] },
    })
    await gateway.world.serve('lax.test', lax.server)
    return { gateway, lax }
  }

  function targets(lax: LaxUpstream): string[] {
    const byLength = lax.requests('content-length')
    // Our own framing is unambiguous: a chunked message has no length, so only the other reading counts there.
    const byCoding = lax.requests('transfer-encoding')
    for (const { bytes } of lax.received) {
      const heads = bytes.toString('latin1')
      expect(/^content-length/im.test(heads) && /^transfer-encoding/im.test(heads) && byLength.length === 1).toBe(false)
    }
    return byCoding.map(({ target }) => target)
  }

  it(`sees nothing of ${plural(refused)} requests that have two meanings`, async () => {
    const { gateway, lax } = await start()
    for (const [what, request] of Object.entries(refused)) {
      const [first, ...more] = await statusesOf(gateway, request)
      expect.soft([what, first === undefined || (first >= 400 && first < 600), more]).toEqual([what, true, []])
      expect.soft(targets(lax), what).toEqual([])
      lax.received = []
    }
  })

  it(`never takes the rest of ${plural(brokenBodies)} broken bodies for a request`, async () => {
    const { gateway, lax } = await start()
    for (const [what, body] of Object.entries(brokenBodies)) {
      const [first, ...more] = await statusesOf(gateway, post(TE, body))
      expect.soft([what, first === undefined || first >= 400, more]).toEqual([what, true, []])
      for (const { bytes } of lax.received) expect.soft(bytes.toString('latin1'), what).not.toMatch(/hidden|behind/)
      lax.received = []
    }
  })

  it(`sees ${plural(forwarded)} odd requests as they were meant, and the one behind them`, async () => {
    const { gateway, lax } = await start()
    for (const [what, [request, body]] of Object.entries(forwarded)) {
      const statuses = await statusesOf(gateway, request)
      const isLast = request.includes('HTTP/1.0')
      expect.soft([what, statuses]).toEqual([what, isLast ? [200] : [200, 200]])
      const seen = lax.requests('transfer-encoding').map(({ target, body: octets }) => [target, decoded(octets)])
      const behind = isLast ? [] : [['http://site.test/behind', '']]
      expect.soft(seen, what).toEqual([['http://site.test/echo', body], ...behind])
      lax.received = []
    }
  })
})

describe('behind a request that asks for an upgrade', () => {
  const targets = async (request: string): Promise<string[]> => {
    const { port, world } = await startGateway({ upstreams: 1 })
    const { socket, reader } = await dial(port)
    // The octets of the second body come in a packet of their own.
    await send(socket, request + post(lengthOf(HIDDEN), ''))
    await reader.readUntil('\r\n\r\n')
    await send(socket, HIDDEN + BEHIND).catch(ignoreLoss)
    await reader.readToClose()
    return world.site.requests.map(({ target }) => target)
  }

  it.each([
    post(`Connection: Upgrade\r\nUpgrade: h2c\r\n${CL}`, 'test'),
    post(`Connection: Upgrade\r\nUpgrade: websocket\r\n${TE}`, '4\r\ntest\r\n0\r\n\r\n'),
    get('GET http://site.test/echo HTTP/1.1', 'Host: site.test\r\nConnection: Upgrade\r\nUpgrade: h2c'),
  ])('that is not forwarded the next requests are read as such', async (request) => {
    expect(await targets(request)).toEqual(['/echo', '/echo', '/behind'])
  })

  it('that was forwarded and not made nothing is anybody’s: it may be of the other protocol', async () => {
    const upgrade = 'Host: site.test\r\nConnection: Upgrade\r\nUpgrade: websocket'
    expect(await targets(get('GET http://site.test/echo HTTP/1.1', upgrade))).toEqual(['/echo'])
  })
})

/** A chunked body of ours without its framing. */
function decoded(octets: string): string {
  const chunks = /^[0-9a-f]+\r\n([\s\S]*)\r\n0\r\n\r\n$/.exec(octets)
  return chunks?.[1] ?? octets
}

describe('a strict upstream', () => {
  it('has nothing to complain about, and the site sees the same requests', async () => {
    const gateway = await startGateway({ upstreams: 1 })
    for (const [what, request] of Object.entries(refused)) {
      await statusesOf(gateway, request)
      expect.soft(gateway.world.site.requests, what).toEqual([])
    }
    for (const [what, [request]] of Object.entries(forwarded)) {
      const before = gateway.world.site.requests.length
      const statuses = await statusesOf(gateway, request)
      expect.soft([what, gateway.world.site.requests.length - before]).toEqual([what, statuses.length])
    }
    for (const body of Object.values(brokenBodies)) await statusesOf(gateway, post(TE, body))
    expect(
      gateway.world.site.requests.filter(({ headers }) => headers.some(([, value]) => value === 'hidden.test')),
    ).toEqual([])
    expect(gateway.world.site.violations).toEqual([])
    expect(gateway.app.traffic.errors.has('GW_UPSTREAM_GARBAGE')).toBe(false)
  })
})
