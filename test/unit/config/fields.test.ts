import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import {
  baseUrl,
  bytes,
  cidr,
  duration,
  durationOr,
  hostPattern,
  integer,
  ipAddress,
  listenHost,
  secret,
  secretUrl,
  text,
} from '../../../src/config/fields.ts'
import { Secret } from '../../../src/secret.ts'

/** What a field gives, or what it says. */
function read(field: z.ZodType, raw: unknown): unknown {
  const result = field.safeParse(raw)
  return result.success ? result.data : result.error.issues.map((issue) => issue.message).join('; ')
}

describe('duration', () => {
  it.each([
    ['0', 0],
    [0, 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
  ])('reads %j as %d ms', (raw, ms) => expect(read(duration(), raw)).toBe(ms))

  it('asks for a unit when a bare number is given', () => {
    expect(read(duration(), 30)).toBe('write a unit, as in 30s')
    expect(read(durationOr(['off', 'auto']), 30)).toBe('write a unit, as in 30s, or off or auto')
  })

  it.each(['30', '1.5s', '-1s', '30 s', '30S', '1h30m', '', 's', null, undefined, true, [], Number.NaN])(
    'refuses %j',
    (raw) => {
      expect(read(duration(), raw)).toMatch(/^write a (whole number and a )?unit/)
    },
  )

  it('keeps to its range, and to a year when none is given', () => {
    expect(read(duration({ min: 1 }), '0')).toBe('must be at least 1ms')
    expect(read(duration({ max: 60_000 }), '2m')).toBe('must be at most 1m')
    expect(read(duration(), '367d')).toBe('must be at most 366d')
  })

  it('keeps its words', () => {
    expect(read(durationOr(['off', 'auto']), 'auto')).toBe('auto')
    expect(read(durationOr(['off']), 'auto')).toContain('or off')
    expect(read(durationOr(['off']), '1s')).toBe(1_000)
  })
})

describe('bytes', () => {
  it.each([
    ['16KiB', 16_384],
    ['1MiB', 1_048_576],
    ['64KB', 64_000],
    ['2GB', 2_000_000_000],
    ['7B', 7],
    [65_536, 65_536],
    ['65536', 65_536],
  ])('reads %j as %d', (raw, size) => expect(read(bytes({ max: 4_000_000_000 }), raw)).toBe(size))

  it.each(['16kib', '1.5MiB', '-1', '', null, 1.5, -3, true])('refuses %j', (raw) => {
    expect(read(bytes(), raw)).toBe('write a size, as in 16KiB, 1MiB or 65536')
  })

  it('keeps to its range', () => {
    expect(read(bytes({ min: 1_024 }), 12)).toBe('must be at least 1024 bytes')
    expect(read(bytes({ max: 1_024 }), '1MiB')).toBe('must be at most 1024 bytes')
  })
})

describe('secret', () => {
  it('wraps the value', () => {
    const value = read(secret(), 'hunter2')
    expect(value).toBeInstanceOf(Secret)
    expect((value as Secret).reveal()).toBe('hunter2')
    expect(JSON.stringify({ value })).not.toContain('hunter2')
  })

  it('counts octets, not characters', () => {
    expect(read(secret({ maxBytes: 4 }), 'äöü')).toBe('must be at most 4 bytes long')
    expect(read(secret({ maxBytes: 6 }), 'äöü')).toBeInstanceOf(Secret)
  })

  it.each(['', 'two\nlines', 'nul\u0000'])('refuses %j without repeating it', (raw) => {
    expect(read(secret(), raw)).toMatch(/^(is empty|holds a line break or another control character)$/)
  })
})

describe('addresses', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['192.168.1.20', '192.168.1.20/32'],
    ['::1', '::1/128'],
    ['fd00::/8', 'fd00::/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('reads the block %s', (raw, block) => expect(read(cidr(), raw)).toBe(block))

  it.each(['10.0.0.0/33', '::1/129', '10.0.0/8', 'localhost', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/a', ''])(
    'refuses the block %j',
    (raw) => expect(read(cidr(), raw)).toMatch(/^write an address or a block/),
  )

  it.each(['127.0.0.1', '::1', 'localhost', 'gateway-1.internal'])('listens on %s', (raw) => {
    expect(read(listenHost(), raw)).toBe(raw)
  })

  it.each(['127.0.0', '1.2.3.4.5', '[::1]', '127.0.0.1:80', '*', 'a b', ''])('does not listen on %j', (raw) => {
    expect(read(listenHost(), raw)).toMatch(/^write an address of this machine/)
  })

  it('knows an IP address', () => {
    expect(read(ipAddress(), '203.0.113.7')).toBe('203.0.113.7')
    expect(read(ipAddress(), 'example.com')).toMatch(/^write an IP address/)
  })
})

describe('hosts and links', () => {
  it.each([
    ['*.Example.com', '*.example.com'],
    ['www.example.com', 'www.example.com'],
    ['*', '*'],
    ['203.0.113.7', '203.0.113.7'],
    ['中文.com', 'xn--fiq228c.com'],
  ])('reads the host pattern %s', (raw, pattern) => expect(read(hostPattern(), raw)).toBe(pattern))

  it.each(['a*.com', '*.', 'http://a', 'a b', '', '1.2.3'])('refuses the host pattern %j', (raw) => {
    expect(read(hostPattern(), raw)).toMatch(/^write a host/)
  })

  it('reads where an API lives', () => {
    expect(read(baseUrl(), 'http://127.0.0.1:9000/prefix/')).toBe('http://127.0.0.1:9000/prefix')
    expect(read(baseUrl(), 'ftp://a')).toMatch(/^write an address/)
    expect(read(baseUrl(), 'http://u:p@a')).toBe('a login does not belong in this address')
    expect(read(baseUrl(), 'http://a?key=1')).toBe('leave out everything from ? or # on')
  })

  it('keeps a link secret', () => {
    const link = read(secretUrl(), 'https://a.example/list?key=hunter2')
    expect((link as Secret).reveal()).toBe('https://a.example/list?key=hunter2')
    expect(String(link)).not.toContain('hunter2')
    expect(read(secretUrl(), 'hunter2')).toBe('write a link that begins with http:// or https://')
  })
})

describe('text and numbers', () => {
  it('refuses what a log or a header cannot carry', () => {
    expect(read(text(), 'a\r\nb')).toBe('holds a line break or another control character')
    expect(read(text({ maxBytes: 3 }), 'four')).toBe('must be at most 3 bytes long')
    expect(read(text(), '中文')).toBe('中文')
  })

  it('keeps whole numbers in their range', () => {
    expect(read(integer(1, 5), 5)).toBe(5)
    expect(read(integer(1, 5), 6)).not.toBe(6)
    expect(read(integer(1, 5), 1.5)).not.toBe(1.5)
  })
})
