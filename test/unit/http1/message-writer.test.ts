import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { MessageWriter } from '../../../src/http1/message-writer.ts'

/** A socket that keeps what it was given, and takes 10 octets before it wants to be drained. */
function socketOf() {
  const written: Buffer[] = []
  const socket = new Writable({
    highWaterMark: 10,
    write: (octets: Buffer, _encoding, _done) => void written.push(octets),
    writev: (pieces, _done) => void written.push(...pieces.map(({ chunk }) => chunk as Buffer)),
  })
  return { socket, written }
}

const HEAD = 'HTTP/1.1 200 OK\r\nX: \xe9\r\n\r\n'

it('writes a head and what has come of its body at once', () => {
  const { socket, written } = socketOf()
  const writer = new MessageWriter(socket, false)
  writer.head(HEAD)
  writer.data([Buffer.from('ab'), Buffer.from('c')], false)
  writer.flush()
  expect(written.map((one) => one.toString('latin1'))).toEqual([`${HEAD}abc`])
})

it.each(['', HEAD])('writes chunks behind the head %j', (head) => {
  const { socket, written } = socketOf()
  const writer = new MessageWriter(socket, true)
  writer.head(head)
  writer.data([Buffer.from('ab'), Buffer.from('c')], true)
  writer.lastChunk('T: 1\r\n')
  writer.flush()
  expect(written.map((one) => one.toString('latin1'))).toEqual([`${head}3\r\nabc\r\n0\r\nT: 1\r\n\r\n`])
})

it.each([
  [true, 'ab'],
  [false, '..'],
])('keeps octets whose memory is reused (%s)', (isReused, kept) => {
  const { socket, written } = socketOf()
  const writer = new MessageWriter(socket, isReused)
  const piece = Buffer.from('ab')
  writer.data([piece], false)
  writer.flush()
  piece.fill('.')
  expect(written.join('')).toBe(kept)
})

it('says whether the socket takes more, and writes nothing twice', () => {
  const { socket, written } = socketOf()
  const writer = new MessageWriter(socket, true)
  expect(writer.flush()).toBe(true)
  writer.head('short')
  expect(writer.flush()).toBe(true)
  writer.data([Buffer.from('long enough')], false)
  expect(writer.flush()).toBe(false)
  expect(writer.flush()).toBe(false)
  writer.head('dropped')
  writer.clear()
  writer.flush()
  expect(written.join('')).toBe('short')
  expect(socket.writableLength).toBe('shortlong enough'.length)
})
