/** Answers on the short way as they come off the wire: octet by octet, or very much at once. */
import { expect, it } from 'vitest'
import { anonymous } from '../../../src/downstream/proxy-auth.ts'
import { type QuickReader, QuickRequest } from '../../../src/http1/request-head.ts'
import type { ExchangeOwner } from '../../../src/proxy/http-contract.ts'
import { DeadlineList } from '../../../src/structures/timeout-queue.ts'
import type { Leg } from '../../../src/upstream/connection.ts'
import { QuickConversation } from '../../../src/upstream/http-connection.ts'
import { FakeClock } from '../../support/fake-clock.ts'

/** A conversation without sockets; `told` is what the owner and the client's side heard. */
function converse(maxReplyBytes = 16_384) {
  const told: string[] = []
  const written: Buffer[] = []
  const socket = { destroyed: false, write: () => true }
  const destroy = () => told.push('closed')
  const leg = { socket, maxReplyBytes, isRaw: false, destroy, releaseBuffer() {}, retireBuffer() {} }
  const conversation = new QuickConversation(leg as unknown as Leg, new DeadlineList(new FakeClock(), 1_000))
  const owner = {
    extraHeaders: [],
    answered: (status: number) => told.push(`status ${status}`) > 0,
    completed: () => told.push('completed'),
    broke: (how: string | undefined) => told.push(`broke ${how}`),
  } as unknown as ExchangeOwner
  const reader = {
    connection: { socket: { write: (bytes: Buffer) => written.push(Buffer.from(bytes)) > 0 } },
    connectionLines: '',
    answered: () => told.push('answered'),
  } as unknown as QuickReader
  const ask = () => {
    const head = { method: 'GET', authority: 'a.test', path: '/', fieldsAt: 0 }
    const target = { host: 'a.test', port: 80, authority: 'a.test:80' }
    const request = new QuickRequest(head, target, { lines: '', login: undefined }, anonymous, reader)
    conversation.ask(request, 'absolute', '', owner)
  }
  const take = () => Buffer.concat(written.splice(0)).toString('latin1')
  return { conversation, ask, take, told }
}

function feedOctets({ conversation }: ReturnType<typeof converse>, text: string): void {
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at++) conversation.send(bytes.subarray(at, at + 1))
}

it('octet by octet, one after the other, with interim answers, answers come out whole', () => {
  const talk = converse()
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n'
  for (let n = 0; n < 3; n++) {
    talk.ask()
    feedOctets(talk, `${interim}HTTP/1.1 200 OK\r\nX: ${n}\r\nContent-Length: 5\r\n\r\nhello`)
    expect(talk.take()).toBe(`HTTP/1.1 200 OK\r\nX: ${n}\r\nContent-Length: 5\r\n\r\nhello`)
    talk.ask()
    feedOctets(
      talk,
      `${interim}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nSum: 1\r\n\r\n`,
    )
    const chunks = [...'hello'].map((octet) => `1\r\n${octet}\r\n`).join('')
    expect(talk.take()).toBe(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\nSum: 1\r\n\r\n`)
  }
  expect(talk.told).toEqual(Array(6).fill(['status 200', 'completed', 'answered']).flat())
})

it('a head in one interim answer’s packet and a half is joined where it was cut', () => {
  const text = 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204 X\r\n\r\n'
  for (let first = 1; first < text.length; first++) {
    for (const second of [first + 1, first + 9]) {
      const talk = converse()
      talk.ask()
      for (const piece of [text.slice(0, first), text.slice(first, second), text.slice(second)])
        if (piece !== '') talk.conversation.send(Buffer.from(piece))
      expect([first, talk.take()]).toEqual([first, 'HTTP/1.1 204 X\r\n\r\n'])
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
  expect(talk.told).toEqual(['closed', 'broke garbage'])
})

it('a read may hold more chunks than a call may have arguments', () => {
  const talk = converse()
  talk.ask()
  const count = 300_000
  talk.conversation.send(
    Buffer.from(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(count)}`),
  )
  expect(talk.take().split('\r\n\r\n')[1]).toBe(`${count.toString(16)}\r\n${'x'.repeat(count)}\r\n`)
})
