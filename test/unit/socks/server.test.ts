import { expect, it } from 'vitest'
import { parseGreeting, parseLogin, parseSocks4, parseSocks5Request } from '../../../src/socks/server.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const codeOf = (run: () => unknown) => {
  try {
    return run()
  } catch (error) {
    return (error as { code: string }).code
  }
}

it('reads the methods of a greeting, none and unknown ones too', () => {
  expect(parseGreeting(hex('05 03 00 02 80 ff'))).toEqual({ value: Buffer.from([0x00, 0x02, 0x80]), size: 5 })
  expect(parseGreeting(hex('05 00'))).toEqual({ value: Buffer.alloc(0), size: 2 })
  expect(parseGreeting(hex('05 02 00'))).toBeUndefined()
})

it('reads a login in UTF-8, empty fields too', () => {
  const bytes = Buffer.concat([hex('01 06'), Buffer.from('用户'), hex('02'), Buffer.from('pw'), hex('05')])
  expect(parseLogin(bytes)).toEqual({ value: { userName: '用户', password: 'pw' }, size: 11 })
  expect(parseLogin(hex('01 00 00'))).toEqual({ value: { userName: '', password: '' }, size: 3 })
  expect(codeOf(() => parseLogin(hex('05')))).toBe('GW_BAD_REQUEST')
})

it('reads a login and a user id in Latin-1 where they are not UTF-8', () => {
  expect(parseLogin(hex('01 01 e9 02 fc e8'))).toEqual({ value: { userName: 'é', password: 'üè' }, size: 6 })
  const request = Buffer.concat([hex('04 01 00 50 c0 00 02 01'), hex('e9 00')])
  expect(parseSocks4(request)?.value.userId).toBe('é')
})

it('reads the three address types of RFC 1928', () => {
  expect(parseSocks5Request(hex('05 01 00 01 01020304 01bb'))?.value).toEqual({ host: '1.2.3.4', port: 443 })
  expect(parseSocks5Request(hex('05 01 00 03 05 612e636f6d 0050'))?.value).toEqual({ host: 'a.com', port: 80 })
  const v6 = parseSocks5Request(hex('05 01 00 04 20010db8000000000000000000000001 0050'))
  expect(v6).toEqual({ value: { host: '2001:db8:0:0:0:0:0:1', port: 80 }, size: 22 })
})

it('takes IP addresses that a client sends as names', () => {
  const named = (name: string) =>
    Buffer.concat([hex('05 01 00 03'), Buffer.from([name.length]), Buffer.from(name), hex('0050')])
  for (const name of ['1.2.3.4', '::1', '2001:db8::1', '::ffff:1.2.3.4']) {
    expect(parseSocks5Request(named(name))?.value).toEqual({ host: name, port: 80 })
  }
  for (const name of [':::', 'dead:beef', '1:2:3:4:5:6:7:8:9', '[::1]', 'a b', 'a/b', 'a:80', '-a', 'é', 'a\0']) {
    expect(codeOf(() => parseSocks5Request(named(name)))).toBe('GW_BAD_REQUEST')
  }
})

it('tells what it does not do: other commands, address types, versions, port 0', () => {
  expect(codeOf(() => parseSocks5Request(hex('05 02 00 01 01020304 0050')))).toBe('GW_COMMAND_NOT_SUPPORTED')
  expect(codeOf(() => parseSocks5Request(hex('05 03 00 01 01020304 0050')))).toBe('GW_COMMAND_NOT_SUPPORTED')
  expect(codeOf(() => parseSocks5Request(hex('05 01 00 02')))).toBe('GW_ADDRESS_TYPE_NOT_SUPPORTED')
  expect(codeOf(() => parseSocks5Request(hex('04 01 00 01')))).toBe('GW_BAD_REQUEST')
  expect(codeOf(() => parseSocks5Request(hex('05 01 00 01 01020304 0000')))).toBe('GW_BAD_REQUEST')
  expect(codeOf(() => parseSocks5Request(hex('05 01 00 03 00 0050')))).toBe('GW_BAD_REQUEST')
  expect(codeOf(() => parseSocks4(hex('04 02 0050 01020304 00')))).toBe('GW_COMMAND_NOT_SUPPORTED')
})

it('reads SOCKS4 with its user id, and SOCKS4a with the name behind it', () => {
  const v4 = parseSocks4(Buffer.concat([hex('04 01 0050 01020304'), Buffer.from('bob\0more')]))
  expect(v4).toEqual({ value: { host: '1.2.3.4', port: 80, userId: 'bob' }, size: 12 })
  const v4a = parseSocks4(Buffer.concat([hex('04 01 01bb 00000001'), Buffer.from('\0example.com\0more')]))
  expect(v4a).toEqual({ value: { host: 'example.com', port: 443, userId: '' }, size: 21 })
})

it('takes 0.0.0.0 in SOCKS4 for an address: only 0.0.0.x with x above 0 announces a name', () => {
  expect(parseSocks4(hex('04 01 0050 00000000 00'))?.value.host).toBe('0.0.0.0')
  expect(parseSocks4(hex('04 01 0050 00000100 00'))?.value.host).toBe('0.0.1.0')
})

it('gives up on SOCKS4 strings that never end', () => {
  const head = hex('04 01 0050 00000001')
  expect(parseSocks4(Buffer.concat([head, Buffer.alloc(512, 0x61)]))).toBeUndefined()
  expect(codeOf(() => parseSocks4(Buffer.concat([head, Buffer.alloc(513, 0x61)])))).toBe('GW_BAD_REQUEST')
  const named = Buffer.concat([head, Buffer.from([0]), Buffer.alloc(513, 0x61)])
  expect(codeOf(() => parseSocks4(named))).toBe('GW_BAD_REQUEST')
})
