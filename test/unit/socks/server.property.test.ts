import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseGreeting, parseLogin, parseSocks4, parseSocks5Request } from '../../../src/socks/server.ts'
import { cutAt, cuts, damaged, expectAlike, feed, junk } from '../../support/splits.ts'

const hostName = fc.stringMatching(/^(?:[a-z0-9_][a-z0-9.-]{0,60}\.)?[a-z_](?:[a-z0-9-]{0,10}[a-z0-9])?$/)
const port = fc.integer({ min: 1, max: 65_535 })
const text = (maxBytes: number) =>
  fc.string({ unit: 'binary', maxLength: maxBytes }).filter((value) => Buffer.byteLength(value) <= maxBytes)

const twoOctets = (value: number) => Buffer.from([value >> 8, value & 0xff])
const counted = (value: string | Buffer) => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

const login = fc
  .tuple(text(255), text(255))
  .map(([user, password]) => Buffer.concat([Buffer.from([1]), counted(user), counted(password)]))

const socks5Address = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((ip) => [Buffer.from([1]), Buffer.from(ip)]),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((ip) => [Buffer.from([4]), Buffer.from(ip)]),
  hostName.map((name) => [Buffer.from([3]), counted(name)]),
)
const socks5 = fc
  .tuple(socks5Address, port)
  .map(([address, to]) => Buffer.concat([Buffer.from([5, 1, 0]), ...address, twoOctets(to)]))

const userId = fc.stringMatching(/^[ -~]{0,80}$/)
const socks4 = fc
  .tuple(port, fc.uint8Array({ minLength: 4, maxLength: 4 }), userId)
  .map(([to, ip, user]) => Buffer.concat([Buffer.from([4, 1]), twoOctets(to), ip, Buffer.from(`${user}\0`)]))
const socks4a = fc
  .tuple(port, fc.integer({ min: 1, max: 255 }), userId, hostName)
  .map(([to, last, user, name]) =>
    Buffer.concat([
      Buffer.from([4, 1]),
      twoOctets(to),
      Buffer.from([0, 0, 0, last]),
      Buffer.from(`${user}\0${name}\0`),
    ]),
  )

const messages = [
  [
    'greeting',
    parseGreeting,
    fc.uint8Array({ maxLength: 255 }).map((methods) => Buffer.from([5, ...counted(Buffer.from(methods))])),
  ],
  ['login', parseLogin, login],
  ['SOCKS5 request', parseSocks5Request, socks5],
  ['SOCKS4 request', parseSocks4, socks4],
  ['SOCKS4a request', parseSocks4, socks4a],
] as const

for (const [name, parse, valid] of messages) {
  it(`a ${name} is read alike however it is split, and what follows is left alone`, () => {
    fc.assert(fc.property(valid, junk, cuts, (message, following, at) => expectAlike(parse, message, following, at)))
  })

  it(`a damaged ${name} or junk gives one result for every split, and no error but ours`, () => {
    fc.assert(
      fc.property(fc.oneof(damaged(valid), junk), cuts, (bytes, at) => {
        expect(feed(parse, cutAt(bytes, at))).toEqual(feed(parse, [bytes]))
      }),
      { numRuns: 500 },
    )
  })
}
