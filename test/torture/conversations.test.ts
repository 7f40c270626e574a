/**
 * Conversations of raw clients through the whole gateway, beside readers that share no code with it: Node's strict parser says
 * what the client has sent; a strict upstream says what it was sent, and careless ones must read the same in it. CONVERSATIONS: how
 * many; 20,000.
 */
import { METHODS } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Answers, converse, readAnswers } from '../support/conversation.ts'
import { EchoProxy, statementOf } from '../support/echo-proxy.ts'
import { startGateway } from '../support/gateway.ts'
import { perhapsChanged, requests, response } from '../support/http-corpus.ts'
import {
  hasSpaceBeforeColon,
  hasTabBehindCoding,
  nodeReadsRequests,
  nodeReadsResponse,
} from '../support/http-differential.ts'
import { misreadingOf } from '../support/lax-http.ts'
import { LoopbackServer } from '../support/loopback-server.ts'
import { brokenBodies, forwarded, post, refused, TE } from '../support/smuggling-corpus.ts'
import { SocketReader, turn } from '../support/socket-io.ts'
import { cutAt } from '../support/splits.ts'

const CONVERSATIONS = Number(process.env['CONVERSATIONS'] ?? 20_000)
/** So many clients at the same time, each with an upstream that no other has. */
const LANES = 4

/** One way through the gateway. */
interface Lane<U> {
  readonly port: number
  readonly upstream: U
}

async function startLanes<U extends { readonly server: LoopbackServer }>(newUpstream: () => U): Promise<Lane<U>[]> {
  const upstreams = Array.from({ length: LANES }, newUpstream)
  for (const { server } of upstreams) await server.listen()
  const { app, world } = await startGateway({
    upstreams: 0,
    filled: LANES,
    providers: () =>
      upstreams.map(({ server }, n) => {
        return { name: `lane-${n}`, vendor: 'static', allowPrivate: true, list: [`http://${server.authority}`] }
      }),
    config: {
      listen: upstreams.map((_, n) => ({ port: 0, provider: `lane-${n}` })),
      log: { access: 'off' },
      dial: { tries: 1 },
      health: { rest: '1ms', maxRest: '1ms', evictAfter: 1_000 },
    },
  })
  for (const [n, { server }] of upstreams.entries()) await world.serve(`lane-${n}.test`, server)
  return upstreams.map((upstream, n) => ({ upstream, port: app.addresses[n]?.port ?? 0 }))
}

const known = new Set(METHODS)

interface Sent {
  readonly method: string
  readonly target: string
  readonly body: string
}

/**
 * How a request target reads behind a proxy: the scheme in lower case, the port as a number, without the default one (RFC 3986 sections
 * 6.2.2.1 and 6.2.3), and with a path.
 */
function isSame(statement: string, { method, target, body }: Sent): boolean {
  const plain = target
    .replace(/^http:/i, 'http:')
    .replace(/^(http:\/\/[^/?:]*):(\d*)(?=[/?]|$)/, (_, host, port) =>
      [0, 80].includes(Number(port)) ? host : `${host}:${Number(port)}`,
    )
  const written = plain.replace(/^(http:\/\/[^/?]*)(\?|$)/i, '$1/$2')
  return [plain, written].some((either) => statement === statementOf(method, either, body))
}

/** @returns what is wrong with the answers to these octets; undefined: nothing */
async function faultOf(bytes: Buffer, received: Buffer): Promise<string | undefined> {
  const { messages } = await nodeReadsRequests(bytes)
  const sent = messages.map(({ start, body }): Sent => {
    const [method = '', target = ''] = start.split(' ')
    return { method, target, body }
  })
  const { answers, end }: Answers = await readAnswers(
    received,
    sent.map(({ method }) => method),
  )
  if (end !== 'whole') return `the answers cannot be read: ${end}`
  const refusals = answers.filter(({ code }) => code !== undefined)
  const served = answers.filter(({ code }) => code === undefined)
  if (refusals.length > 1 || (refusals.length === 1 && answers.at(-1) !== refusals[0]))
    return 'answers behind a refusal'
  if (refusals.some(({ isLast }) => !isLast)) return 'a refusal that keeps the connection'
  // RFC 9110 section 9.1 allows any token as a method. Node stops at one that it does not know: there is nothing to compare.
  if (served.some(({ body }) => body !== '' && !known.has(body.split(' ')[0] ?? ''))) return undefined
  if (hasTabBehindCoding(bytes)) return undefined
  if (served.length > sent.length) return `${served.length} answers to ${sent.length} requests`
  for (const [n, { body, status }] of served.entries()) {
    const request = sent[n]
    if (request === undefined || status !== 200) return `answer ${n} is ${status}`
    if (request.method === 'HEAD' ? body !== '' : !isSame(body, request))
      return `answer ${n} is to another request: ${body}`
  }
  const isOver = refusals.length > 0 || answers.at(-1)?.isLast === true
  if (!isOver && served.length < sent.length) return `request ${served.length} got no answer`
  return undefined
}

/** @returns what servers could read in two ways of what came to this upstream; undefined: nothing */
async function misreadings({ octets }: EchoProxy): Promise<string | undefined> {
  for (const pieces of octets) {
    const misreading = await misreadingOf(Buffer.concat(pieces))
    if (misreading !== undefined) return misreading
  }
  return undefined
}

it(`${CONVERSATIONS} conversations are answered as Node’s parser reads them, and forwarded so that every server reads the same`, async () => {
  const lanes = await startLanes(() => new EchoProxy())
  const tally = new Map<string, number>()
  // Octets 4 and 5 begin another protocol.
  const http = perhapsChanged(requests).filter(([first = 0]) => first !== 4 && first !== 5)
  const conversation = fc.tuple(http, fc.array(fc.nat(2_000), { maxLength: 3 }))
  const drive = ({ port, upstream }: Lane<EchoProxy>) =>
    fc.assert(
      fc.asyncProperty(conversation, async ([bytes, cuts]) => {
        upstream.octets = []
        const received = await converse(port, cutAt(bytes, cuts))
        const fault = (await faultOf(bytes, received)) ?? (await misreadings(upstream))
        for (const [, code = ''] of received.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g))
          tally.set(code, (tally.get(code) ?? 0) + 1)
        expect([fault, received.toString('latin1'), upstream.faults]).toEqual([undefined, expect.any(String), []])
      }),
      { numRuns: Math.ceil(CONVERSATIONS / LANES) },
    )
  await Promise.all(lanes.map(drive))
  expect(Math.min(tally.get('200') ?? 0, tally.get('400') ?? 0)).toBeGreaterThan(CONVERSATIONS / 10)
})

/** Answers each request with the octets that it is given, in pieces, and ends the connection. */
class ScriptedProxy {
  pieces: readonly Buffer[] = []
  readonly server = new LoopbackServer(async (socket) => {
    const reader = new SocketReader(socket, { timeoutMs: null })
    await reader.readUntil('\r\n\r\n')
    for (const piece of this.pieces) {
      if (socket.writable) socket.write(piece)
      await turn()
    }
    socket.end()
  })
}

/** Statuses of proxies reach the client as 502, and 407 and 454 are about the gateway's own login. */
const asPresented = (status: number) => (status >= 590 ? 502 : status)

/** Chunk sizes without spaces and extensions: some servers write such as Node refuses; the gateway drops both. */
function withPlainSizes(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1')
  let at = text.indexOf('\r\n\r\n') + 4
  let plain = text.slice(0, at)
  for (;;) {
    const [line, size] = /^[ \t]*([0-9A-Fa-f]+)[ \t]*(?:;[^\r\n]*)?\r\n/.exec(text.slice(at)) ?? []
    if (line === undefined || size === undefined) return Buffer.from(plain + text.slice(at), 'latin1')
    const dataAt = at + line.length
    at = Number.parseInt(size, 16) === 0 ? dataAt : dataAt + Number.parseInt(size, 16) + 2
    plain += `${size}\r\n${text.slice(dataAt, at)}`
  }
}

/** @returns what is wrong with what the client got of this answer; undefined: nothing */
async function answerFaultOf(bytes: Buffer, received: Buffer): Promise<string | undefined> {
  const strict = await nodeReadsResponse(bytes)
  const { messages } = strict.messages.length > 0 ? strict : await nodeReadsResponse(withPlainSizes(bytes))
  const { answers, end } = await readAnswers(received, [])
  if (end !== 'whole' && end !== 'cut') return `the answer cannot be read: ${end}`
  const [answer, ...more] = answers
  if (more.length > 0) return 'two answers to one request'
  if (answer === undefined || answer.code !== undefined || hasSpaceBeforeColon(bytes)) return undefined
  const [node] = messages
  if (node === undefined) return 'an answer that Node refuses'
  if (answer.status !== asPresented(Number(node.start)) || answer.body !== node.body)
    return 'another answer than Node reads'
  return undefined
}

it(`${CONVERSATIONS} answers are passed on as Node’s parser reads them, or refused`, async () => {
  const lanes = await startLanes(() => new ScriptedProxy())
  let served = 0
  const answer = fc.tuple(perhapsChanged(response), fc.array(fc.nat(300), { maxLength: 3 }))
  const drive = ({ port, upstream }: Lane<ScriptedProxy>) =>
    fc.assert(
      fc.asyncProperty(answer, async ([bytes, cuts]) => {
        upstream.pieces = cutAt(bytes, cuts)
        const received = await converse(port, [Buffer.from('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n')])
        if (!received.includes(' GW_')) served++
        expect([await answerFaultOf(bytes, received), received.toString('latin1')]).toEqual([
          undefined,
          expect.any(String),
        ])
      }),
      { numRuns: Math.ceil(CONVERSATIONS / LANES) },
    )
  await Promise.all(lanes.map(drive))
  expect(served).toBeGreaterThan(CONVERSATIONS / 10)
})

describe('each message cut at each octet', () => {
  const corpus = {
    ...refused,
    ...Object.fromEntries(Object.entries(brokenBodies).map(([what, body]) => [what, post(TE, body)])),
    ...Object.fromEntries(Object.entries(forwarded).map(([what, [request]]) => [what, request])),
  }

  it('is answered as when it comes at once', async () => {
    const lanes = await startLanes(() => new EchoProxy())
    const messages = Object.entries(corpus)
    const drive = async ({ port, upstream }: Lane<EchoProxy>, lane: number) => {
      for (const [what, text] of messages.filter((_, n) => n % LANES === lane)) {
        const bytes = Buffer.from(text, 'latin1')
        const whole = await readAnswers(await converse(port, [bytes]), [])
        for (let at = 1; at < bytes.length; at++) {
          const cut = await readAnswers(await converse(port, cutAt(bytes, [at])), [])
          if (isDeepStrictEqual(cut, whole)) continue
          expect.soft([what, at, cut]).toEqual([what, at, whole])
          break
        }
        expect.soft([what, upstream.faults]).toEqual([what, []])
      }
    }
    await Promise.all(lanes.map(drive))
  })
})
