/** Answers of an upstream as they come off the wire: octet by octet, or very much at once. */
import { expect, it } from 'vitest'
import { pushChunk, pushLastChunk } from '../../../src/http1/body.ts'
import { parseRequestHead, parseRequestHeader } from '../../../src/http1/request-head.ts'
import { parseRequestLine } from '../../../src/http1/request-line.ts'
import type { ResponseHead } from '../../../src/http1/response-head.ts'
import type { HttpRequest, ResponseHandler } from '../../../src/proxy/http-contract.ts'
import { TimeoutQueue } from '../../../src/structures/timeout-queue.ts'
import type { UpstreamConnection } from '../../../src/upstream/connection.ts'
import { UpstreamHttp } from '../../../src/upstream/http-connection.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const HEAD = 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'

/** A conversation without sockets; `told` is what the exchange and the client's side heard. */
function converse(maxReplyBytes = 16_384, text = HEAD) {
  const told: string[] = []
  const written: Buffer[] = []
  const socket = { destroyed: false, write: () => true }
  const destroy = () => told.push('closed')
  const connection = { socket, maxReplyBytes, destroy, releaseBuffer() {}, retireBuffer() {}, parsed() {} }
  const http = new UpstreamHttp(connection as unknown as UpstreamConnection, new TimeoutQueue(new FakeClock(), 1_000))
  const line = parseRequestLine(text)
  let head: ResponseHead | undefined
  const request = {
    head: parseRequestHead(line, parseRequestHeader(text, line.size)),
    hasBegunBody: false,
    readBody() {},
    leaveBody() {},
    interim: ({ status }: ResponseHead) => told.push(`interim ${status}`),
    push: (data: Buffer[]) => {
      const copies = data.map((piece) => Buffer.from(piece))
      if (head?.hasLength === true) written.push(...copies)
      else pushChunk(copies, written)
    },
    end: (trailers: string) => (head?.hasLength === true ? undefined : pushLastChunk(trailers, written)),
    flush: () => true,
    close: () => told.push('over'),
  } as unknown as HttpRequest
  const handler = {
    awaitsClient: () => told.push('the client has its turn'),
    awaitsUpstream: () => told.push('the upstream has its turn'),
    judge: () => undefined,
    beginAnswer: (answer: ResponseHead) => {
      head = answer
      told.push(`status ${answer.status}`)
      written.push(Buffer.from(answer.lines))
    },
    completed: () => told.push('completed'),
    cutOff: () => told.push('cut off'),
    noAnswer: (failure: object, isReused: boolean) => told.push(`${JSON.stringify(failure)} ${isReused}`),
  } as unknown as ResponseHandler
  const ask = () => http.send(request, 'absolute', '', handler)
  const take = () => Buffer.concat(written.splice(0)).toString('latin1')
  return { http, ask, take, told, socket, request }
}

function feedOctets({ http }: ReturnType<typeof converse>, text: string): void {
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at++) receive(http, bytes.subarray(at, at + 1))
}

/** As a connection does: the next read of any connection overwrites the memory. */
function receive(http: UpstreamHttp, bytes: Buffer): void {
  http.received(bytes)
  bytes.fill('#')
}

it('octet by octet, one after the other, with interim answers, answers come out whole', () => {
  const talk = converse()
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n'
  for (let n = 0; n < 3; n++) {
    talk.ask()
    feedOctets(talk, `${interim}HTTP/1.1 200 OK\r\nX: ${n}\r\nContent-Length: 5\r\n\r\nhello`)
    expect(talk.take()).toBe(`X: ${n}\r\nContent-Length: 5\r\nhello`)
    talk.ask()
    feedOctets(
      talk,
      `${interim}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nSum: 1\r\n\r\n`,
    )
    const chunks = [...'hello'].map((octet) => `1\r\n${octet}\r\n`).join('')
    expect(talk.take()).toBe(`${chunks}0\r\nSum: 1\r\n\r\n`)
  }
  expect(talk.told).toEqual(Array(6).fill(['interim 100', 'interim 103', 'status 200', 'completed', 'over']).flat())
})

it('an upstream that says 100 Continue and takes no octets is waited for', () => {
  const talk = converse(undefined, 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\n')
  talk.ask()
  talk.socket.write = () => false
  Object.assign(talk.request, { hasBegunBody: true })
  talk.http.bodyData([Buffer.from('octets')])
  receive(talk.http, Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'))
  expect(talk.told).toEqual(['the client has its turn', 'the upstream has its turn', 'interim 100'])
})

it('a head in one interim answer’s packet and a half is joined where it was cut', () => {
  const text = 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\nx'
  for (let first = 1; first < text.length; first++) {
    for (const second of [first + 1, first + 9]) {
      const talk = converse()
      talk.ask()
      for (const piece of [text.slice(0, first), text.slice(first, second), text.slice(second)])
        if (piece !== '') receive(talk.http, Buffer.from(piece))
      expect([first, talk.take()]).toEqual([first, 'Content-Length: 1\r\nx'])
    }
  }
})

it('a head that comes octet by octet is read in linear time, and no further than its limit', () => {
  const size = 500_000
  const talk = converse(size)
  talk.ask()
  const startedAt = process.cpuUsage()
  feedOctets(talk, `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(size / 6)}`.slice(0, size))
  // What looks at each octet again for each that comes takes a minute.
  expect(process.cpuUsage(startedAt).user).toBeLessThan(10_000_000)
  expect(talk.told).toEqual([])
  feedOctets(talk, 'X')
  expect(talk.told).toEqual(['closed', '{"kind":"broken","how":"garbage"} false'])
})

it('a failure tells whether the connection has brought an answer before', () => {
  const talk = converse()
  talk.ask()
  feedOctets(talk, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
  talk.ask()
  talk.http.upstreamEnded()
  expect(talk.told.at(-1)).toBe('{"kind":"broken","how":"closed"} true')
})

it('what breaks inside an answer is cut off, and what nobody has asked for closes the connection', () => {
  const talk = converse()
  talk.ask()
  feedOctets(talk, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello')
  talk.http.upstreamClosed()
  expect(talk.told).toEqual(['status 200', 'closed', 'cut off'])
  const idle = converse()
  idle.http.received(Buffer.from('HTTP/1.1 408 Too late\r\n\r\n'))
  expect(idle.told).toEqual(['closed'])
})

it('a read may hold more chunks than a call may have arguments', () => {
  const talk = converse()
  talk.ask()
  const count = 300_000
  talk.http.received(Buffer.from(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(count)}`))
  expect(talk.take()).toBe(`${count.toString(16)}\r\n${'x'.repeat(count)}\r\n`)
})
