/** Interim answers are taken out of what undici reads, however they are cut. */
import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import { InterimFilter } from '../../../src/upstream/interim.ts'

/** What somebody reads through the filter of a socket that gives one octet at a time. */
function readOctets(text: string, maxHeadBytes = 16_384): string {
  const octets = Buffer.from(text, 'latin1')
  let at = 0
  const read = (): Buffer | null => (at < octets.length ? octets.subarray(at, ++at) : null)
  const socket = { read } as unknown as Socket
  new InterimFilter(socket, maxHeadBytes).expect()
  const pieces: Buffer[] = []
  for (let piece = socket.read(); piece !== null; piece = socket.read()) pieces.push(piece)
  return Buffer.concat(pieces).toString('latin1')
}

const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n'

it('octet by octet, what is not for this hop is taken out, and nothing else', () => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n'
  expect(readOctets(interim + answer)).toBe(answer)
})

it('an interim answer that comes octet by octet is read in linear time', () => {
  const size = 500_000
  const startedAt = process.cpuUsage()
  expect(readOctets(`HTTP/1.1 103 X\r\n${'X: y\r\n'.repeat(size / 6)}`.slice(0, size), size)).toBe('')
  // What looks at each octet again for each that comes takes a minute.
  expect(process.cpuUsage(startedAt).user).toBeLessThan(10_000_000)
})
