import { describe, expect, it } from 'vitest'
import { VendorError } from '../../../../src/vendors/contract/error.ts'
import { parseEndpoint } from '../../../../src/vendors/parse/address.ts'
import { parseJson } from '../../../../src/vendors/parse/json.ts'
import { shapeOf } from '../../../../src/vendors/parse/reply.ts'
import { scanText } from '../../../../src/vendors/parse/scan.ts'
import { chinaTime, httpDate } from '../../../../src/vendors/parse/time.ts'

/** An address with its password in clear. */
function read(text: string, bareNames = false) {
  const endpoint = parseEndpoint(text, { bareNames })
  if (endpoint === undefined) return undefined
  const { password, ...rest } = endpoint
  return password === undefined ? rest : { ...rest, password: password.reveal() }
}

const login = { username: 'me', password: 'pa55' }

describe('one address', () => {
  it.each([
    ['1.2.3.4:80', { host: '1.2.3.4', port: 80 }],
    ['proxy.example.com:3128', { host: 'proxy.example.com', port: 3128 }],
    ['[2001:db8::1]:1080', { host: '2001:db8::1', port: 1080 }],
    ['1.2.3.4:80:me:pa55', { host: '1.2.3.4', port: 80, ...login }],
    ['[2001:db8::1]:1080:me:pa55', { host: '2001:db8::1', port: 1080, ...login }],
    ['me:pa55@1.2.3.4:80', { host: '1.2.3.4', port: 80, ...login }],
    ['me@1.2.3.4:80', { host: '1.2.3.4', port: 80, username: 'me' }],
    ['http://1.2.3.4:80', { host: '1.2.3.4', port: 80, protocol: 'http' }],
    ['HTTP://1.2.3.4:80/', { host: '1.2.3.4', port: 80, protocol: 'http' }],
    ['https://me:pa55@1.2.3.4:443', { host: '1.2.3.4', port: 443, protocol: 'https', ...login }],
    ['socks5://me:pa55@[::1]:1080', { host: '::1', port: 1080, protocol: 'socks5', ...login }],
    ['socks5h://1.2.3.4:1080', { host: '1.2.3.4', port: 1080, protocol: 'socks5' }],
    ['socks://1.2.3.4:1080', { host: '1.2.3.4', port: 1080, protocol: 'socks5' }],
    ['http://1.2.3.4:80:me:pa55', { host: '1.2.3.4', port: 80, protocol: 'http', ...login }],
    ['1.2.3.4:1', { host: '1.2.3.4', port: 1 }],
    ['1.2.3.4:65535', { host: '1.2.3.4', port: 65_535 }],
  ])('%s', (text, expected) => {
    expect(read(text)).toEqual(expected)
  })
})

describe('one address with a login', () => {
  it.each([
    ['http://me%40home:p%3Ass@1.2.3.4:80', { protocol: 'http', username: 'me@home', password: 'p:ss' }],
    ['http://me:100%@1.2.3.4:80', { protocol: 'http', username: 'me', password: '100%' }],
    ['me%40home:p%3Ass@1.2.3.4:80', { username: 'me%40home', password: 'p%3Ass' }],
    ['me:p@:ss@1.2.3.4:80', { username: 'me', password: 'p@:ss' }],
    ['1.2.3.4:80:me:p@ss:word', { username: 'me', password: 'p@ss:word' }],
    ['1.2.3.4:80:me:p@evil.example.com:99', { username: 'me', password: 'p@evil.example.com:99' }],
    ['host.example.com:80:me:p@ss', { username: 'me', password: 'p@ss' }],
    ['me:@1.2.3.4:80', { username: 'me', password: '' }],
  ])('odd characters: %s', (text, expected) => {
    expect(read(text)).toMatchObject({ port: 80, ...expected })
  })
})

describe('what is no address', () => {
  it.each([
    '',
    '1.2.3.4',
    '1.2.3.4:',
    '1.2.3.4:0',
    '1.2.3.4:65536',
    '1.2.3.4:+80',
    '1.2.3.4:8 0',
    '1.2.3.4:000080',
    ':80',
    '2001:db8::1:80',
    '[2001:db8::zz]:80',
    '[::1%eth0]:80',
    'ftp://1.2.3.4:80',
    'socks4://1.2.3.4:80',
    'constructor://1.2.3.4:80',
    'http://1.2.3.4:80/path',
    'http://1.2.3.4:80?x=1',
    '1.2.3.4:80:me',
    '1.2.3.4:80::pa55',
    'error:404',
    'localhost:80',
    'ho st.example.com:80',
    '<b>1.2.3.4:80</b>',
    '{"a":1}',
  ])('%j is none', (text) => {
    expect(read(text)).toBeUndefined()
  })

  it('a one-word host is taken only where the user wrote it', () => {
    expect(read('proxy:3128', true)).toEqual({ host: 'proxy', port: 3128 })
    expect(read('proxy:3128')).toBeUndefined()
  })
})

describe('a list', () => {
  const scan = (text: string) => scanText(text, { isList: true })
  const hosts = (text: string) => scan(text).found.map(({ host, port }) => `${host}:${port}`)

  it.each(['\r\n', '\n', '\r', ' ', '\t', '|', ';', ',', '<br>', '<br/>', '<BR />', '\r\n\r\n', ' | ', ', '])(
    'separated by %j',
    (separator) => {
      const text = ['1.1.1.1:80', '1.1.1.2:81', '1.1.1.3:82'].join(separator)
      expect(hosts(text)).toEqual(['1.1.1.1:80', '1.1.1.2:81', '1.1.1.3:82'])
      expect(hosts(`${separator}${text}${separator}`)).toHaveLength(3)
    },
  )

  it('keeps what follows an address after commas', () => {
    const { found } = scan('1.1.1.1:80,江苏徐州,281\n1.1.1.2:80')
    expect(found).toMatchObject([
      { area: '江苏徐州', life: { kind: 'for', ms: 281_000 } },
      { life: { kind: 'unknown' } },
    ])
  })

  it('leaves remarks and empty lines out, and says what it could not read without saying it', () => {
    const { found, rejected } = scan('# mine\n\n1.1.1.1:80\nuser:S3cret!\n  # more\n')
    expect(found).toHaveLength(1)
    expect(rejected).toEqual(['not an address: "a:a9a!"'])
  })

  it('a password may hold a separator', () => {
    const { found } = scan('1.1.1.1:80:me:a|b;c,d\n1.1.1.2:80:me:x 1.1.1.3:80:me:y')
    expect(found.map(({ password }) => password?.reveal())).toEqual(['a|b;c,d', 'x', 'y'])
  })

  it('a flood of junk is not repeated without end', () => {
    expect(scan('x '.repeat(100_000)).rejected).toHaveLength(100)
  })
})

describe('times', () => {
  it.each([
    ['2023-02-25 15:38:36', 1_677_310_716_000],
    ['2023-02-25T15:38:36', 1_677_310_716_000],
    [' 2023-02-25 15:38:36\n', 1_677_310_716_000],
    ['1970-01-01 08:00:00', 0],
    ['2024-02-29 00:00:00', 1_709_136_000_000],
    ['2024-03-01 00:00:00', 1_709_222_400_000],
    ['2100-03-01 00:00:00', 4_107_513_600_000],
  ])('China: %j', (text, expected) => {
    expect(chinaTime(text)).toBe(expected)
  })

  it.each([
    '',
    'soon',
    '2023-02-29 00:00:00',
    '2100-02-29 00:00:00',
    '2023-13-01 00:00:00',
    '2023-00-01 00:00:00',
    '2023-01-00 00:00:00',
    '2023-04-31 00:00:00',
    '2023-01-01 24:00:00',
    '2023-01-01 00:60:00',
    '2023-01-01 00:00:61',
    '2023-1-1 0:0:0',
    '1677310716',
    '2023-02-25 15:38:36 +0800',
  ])('there is no %j', (text) => {
    expect(chinaTime(text)).toBeUndefined()
  })

  it('HTTP', () => {
    expect(httpDate('Sun, 06 Nov 1994 08:49:37 GMT')).toBe(784_111_777_000)
    for (const text of [
      'Sun, 06 Foo 1994 08:49:37 GMT',
      'Sunday, 06-Nov-94 08:49:37 GMT',
      'Sun, 06 Nov 1994 08:49:37',
      '7',
      '',
    ]) {
      expect(httpDate(text)).toBeUndefined()
    }
  })
})

describe('JSON', () => {
  it('passes what vendors write', () => {
    expect(parseJson('{"a":[1,2,],\u00a0"b":"x,]\\",}\u00a0",}')).toEqual({ a: [1, 2], b: 'x,]",}\u00a0' })
    expect(parseJson(' [] ')).toEqual([])
  })

  it.each([
    ['', /empty/],
    ['  \n', /empty/],
    ['<html>', /web page/],
    ['{"code":200', /broken JSON/],
    ['{"password":"hunter2"', /^the reply is broken JSON; it looks like "\{"a":"a9"\}?"$/],
    ['NaN', /broken JSON/],
  ])('%j is a fault of the vendor', (text, message) => {
    const parse = () => parseJson(text)
    expect(parse).toThrow(VendorError)
    expect(parse).toThrow(message)
  })

  it('quotes without end are read once, not once for each quote', () => {
    // A pattern that tried again at every quote would take minutes here; the test runner's own limit notices.
    expect(() => parseJson(`"${'\\"'.repeat(500_000)}`)).toThrow(/broken JSON/)
  })
})

describe('the shape of a text', () => {
  it('tells what it looks like, not what it says', () => {
    expect(shapeOf('1.2.3.4:80:me:S3cret')).toBe('"9.9.9.9:9:a:a9a"')
    expect(shapeOf('签名\u0000\n错误')).toBe('"a a"')
    expect(shapeOf('x-'.repeat(100))).toBe(`"${'a-'.repeat(30)}..."`)
  })
})
