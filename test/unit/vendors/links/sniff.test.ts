import { describe, expect, it } from 'vitest'
import { type Found, sniff } from '../../../../src/vendors/links/sniff.ts'
import { juliangipFixtures } from '../../../fixtures/vendors/juliangip.ts'
import { qgFixtures } from '../../../fixtures/vendors/qg.ts'
import { qgLegacyFixtures } from '../../../fixtures/vendors/qg-legacy.ts'
import { smartproxyFixtures } from '../../../fixtures/vendors/smartproxy.ts'

type PlainFound = Omit<Found, 'password'> & { readonly password?: string }

function plain({ password, ...rest }: Found): PlainFound {
  return password === undefined ? rest : { ...rest, password: password.reveal() }
}

/** What was found, and under which format. @throws when nothing was */
function foundIn(body: string): { found: PlainFound[]; format: string; rejected: readonly string[] } {
  const reading = sniff(body)
  if (reading.kind === 'refusal') throw reading.error
  return { found: reading.found.map(plain), format: reading.format, rejected: reading.rejected }
}

function errorIn(body: string) {
  const reading = sniff(body)
  if (reading.kind === 'addresses') throw new Error(`${reading.found.length} addresses were found`)
  return reading.error
}

const unknown = { kind: 'unknown' } as const
const first: PlainFound = { host: '198.51.100.7', port: 8080, life: unknown }
const second: PlainFound = { host: 'gate.example.com', port: 1080, life: unknown }
const both = [first, second]
/** 2026-01-02 03:04:05 UTC. */
const THEN = 1_767_323_045_000

describe('text', () => {
  it.each([
    ['CR LF', '198.51.100.7:8080\r\ngate.example.com:1080\r\n'],
    ['LF', '\ufeff198.51.100.7:8080\ngate.example.com:1080'],
    ['space', '198.51.100.7:8080 gate.example.com:1080'],
    ['|', '198.51.100.7:8080|gate.example.com:1080|'],
    ['tab', '198.51.100.7:8080\tgate.example.com:1080'],
    [';', '198.51.100.7:8080;gate.example.com:1080'],
    ['comma', '198.51.100.7:8080,gate.example.com:1080'],
    ['<br>', '198.51.100.7:8080<br>gate.example.com:1080<br/>'],
    ['<br>', '<br />198.51.100.7:8080</br>gate.example.com:1080'],
    ['\\r\\n as four letters', '198.51.100.7:8080\\r\\ngate.example.com:1080'],
    ['\\t as two letters', '198.51.100.7:8080\\tgate.example.com:1080'],
    ['/br', '198.51.100.7:8080/br gate.example.com:1080'],
  ])('separated by %s', (separator, body) => {
    expect(foundIn(body)).toEqual({ found: both, format: `text, separated by ${separator}`, rejected: [] })
  })

  it.each<[string, PlainFound]>([
    ['198.51.100.7:8080', first],
    ['[2001:db8::7]:8080', { ...first, host: '2001:db8::7' }],
    ['socks5://198.51.100.7:8080', { ...first, protocol: 'socks5' }],
    ['198.51.100.7:8080:me:pa:ss', { ...first, username: 'me', password: 'pa:ss' }],
    ['me:p@ss@198.51.100.7:8080', { ...first, username: 'me', password: 'p@ss' }],
    ['me:pass:198.51.100.7:8080', { ...first, username: 'me', password: 'pass' }],
    ['me:p@ss:198.51.100.7:8080', { ...first, username: 'me', password: 'p@ss' }],
    ['http://me:p%40ss@198.51.100.7:8080/', { ...first, protocol: 'http', username: 'me', password: 'p@ss' }],
    ['198.51.100.7 8080', first],
    ['198.51.100.7,8080', first],
    ['198.51.100.7:8080,281', { ...first, life: { kind: 'for', ms: 281_000 } }],
    ['198.51.100.7:8080,江苏徐州', { ...first, area: '江苏徐州' }],
    ['198.51.100.7:8080,340281', { ...first, area: '340281' }],
    ['198.51.100.7:8080,江苏,徐州,电信', { ...first, area: '江苏', city: '徐州', isp: '电信' }],
    ['198.51.100.7:8080 江苏 电信 30', { ...first, area: '江苏', isp: '电信', life: { kind: 'for', ms: 30_000 } }],
    ['198.51.100.7:8080,203.0.113.9', { ...first, exit: '203.0.113.9' }],
    [
      '198.51.100.7:8080,281:me:pass',
      { ...first, username: 'me', password: 'pass', life: { kind: 'for', ms: 281_000 } },
    ],
    ['198.51.100.7:8080,2026-01-02 11:04:05', { ...first, life: { kind: 'until', wallMs: THEN } }],
    ['198.51.100.7:8080,2026-01-02T03:04:05Z', { ...first, life: { kind: 'until', wallMs: THEN } }],
    ['198.51.100.7:8080,2026/1/2 04:04:05 +01:00', { ...first, life: { kind: 'until', wallMs: THEN } }],
    ['198.51.100.7:8080|1767323045', { ...first, life: { kind: 'until', wallMs: THEN } }],
  ])('%s', (body, expected) => {
    expect(foundIn(body).found).toEqual([expected])
  })
})

describe('text that is not all addresses', () => {
  it('is cut at /br before a digit, not within a word', () => {
    const { found } = foundIn('198.51.100.7:8080/br198.51.100.8:8080')
    expect(found.map(({ host }) => host)).toEqual(['198.51.100.7', '198.51.100.8'])
  })

  it('keeps what it cannot read as a shape, and remarks to themselves', () => {
    const { found, rejected } = foundIn(
      '# yours\n198.51.100.7:8080\n203.0.113.9:99999\ngate.example.com:1080\nme:secret',
    )
    expect(found).toEqual(both)
    expect(rejected).toEqual(['not an address: "9.9.9.9:9"', 'not an address: "a:a"'])
  })

  it('does not take an address out of a sentence', () => {
    expect(errorIn('please log in at 198.51.100.7:8080 first').class).toBe('server')
  })

  it('gives a login to nobody when two hosts could be meant', () => {
    expect(errorIn('a.example.com:80:b.example.com:81').message).toMatch(/no list of addresses/)
  })
})

describe('JSON and XML', () => {
  const item = '{"ip":"198.51.100.7","port":8080}'
  it.each([
    ['a list', `[${item}]`],
    ['one object', item],
    ['texts', '["198.51.100.7:8080"]'],
    ['a port that is text', '{"data":[{"IP":"198.51.100.7","Port":"8080"}]}'],
    ['lists in lists', '{"data":{"list":[["198.51.100.7:8080"]]}}'],
    ['pairs', '{"data":[["198.51.100.7",8080],["198.51.100.7","8080"]]}'],
    ['a text with lines', '{"code":0,"data":"198.51.100.7:8080\\r\\n198.51.100.7:8080"}'],
    ['a value a line', `${item}\n${item}`],
    ['a quoted text', '"198.51.100.7:8080"'],
    ['slips of JSON', `{"data":[${item},],}`],
    ['XML', '<?xml version="1.0"?><r><code>0</code><list><p>198.51.100.7:8080</p><p>198.51.100.7:8080</p></list></r>'],
    ['XML with members', '<r><item><ip>198.51.100.7</ip><port>8080</port></item></r>'],
    ['XML with attributes', '<r><proxy ip="198.51.100.7" port="8080"/></r>'],
    ['a list in a paragraph', '<pre>198.51.100.7:8080\n198.51.100.7:8080</pre>'],
  ])('%s', (_title, body) => {
    const { found } = foundIn(body)
    expect(new Set(found.map((each) => JSON.stringify(each)))).toEqual(new Set([JSON.stringify(first)]))
  })

  it.each<[string, object, Partial<PlainFound>]>([
    ['a login', { http_user: 'me', http_pass: 'pass' }, { username: 'me', password: 'pass' }],
    ['another login', { account: 'me', password: 'pass' }, { username: 'me', password: 'pass' }],
    ['a time in China', { expire_time: '2026-01-02 11:04:05' }, { life: { kind: 'until', wallMs: THEN } }],
    ['an epoch', { expireTime: THEN / 1_000 }, { life: { kind: 'until', wallMs: THEN } }],
    ['an epoch in milliseconds', { ExpireAt: THEN }, { life: { kind: 'until', wallMs: THEN } }],
    ['seconds', { ttl: '90' }, { life: { kind: 'for', ms: 90_000 } }],
    ['a number that nobody could mean', { ttl: 5_000_000 }, {}],
    [
      'places',
      { prov: '江苏', city: '徐州', isp: '电信', country: 'CN' },
      { area: '江苏', city: '徐州', isp: '电信', country: 'CN' },
    ],
    ['an exit', { real_ip: '203.0.113.9' }, { exit: '203.0.113.9' }],
    ['SOCKS', { protocol: 'SOCKS5' }, { protocol: 'socks5' }],
  ])('with %s', (_title, members, expected) => {
    const body = JSON.stringify({ data: [{ ip: '198.51.100.7', port: 8080, ...members }] })
    expect(foundIn(body).found).toEqual([{ ...first, ...expected }])
  })

  it('connects where a server is named, and takes the IP beside it for the exit', () => {
    const body =
      '{"data":[{"proxy_ip":"203.0.113.9","server":"198.51.100.7:8080"},{"IP":"203.0.113.9","port":"8080","host":"198.51.100.7:8080"}]}'
    expect(foundIn(body).found).toEqual([
      { ...first, exit: '203.0.113.9' },
      { ...first, exit: '203.0.113.9' },
    ])
  })

  it('takes our own address for nobody’s', () => {
    expect(errorIn('{"code":9,"client_ip":"198.51.100.7:8080","msg":"see 198.51.100.7:8080"}').vendorCode).toBe('9')
  })
})

/** Every documented reply of every vendor: what the vendor's own table reads, the sniffer finds too. */
describe.each([
  ['juliangip', juliangipFixtures],
  ['qg', qgFixtures],
  ['qg-legacy', qgLegacyFixtures],
  ['smartproxy', smartproxyFixtures],
])('the documented replies of %s', (_vendor, { examples }) => {
  const plainly = examples.filter(({ pending = [], sold }) => pending.length === 0 && sold.length > 0)
  it.each(plainly.map((example) => [example.title, example] as const))('%s', (_title, { body, sold }) => {
    const addresses = foundIn(body).found.map(({ host, port }) => `${host}:${port}`)
    expect(addresses).toEqual(expect.arrayContaining(sold.map(({ host, port }) => `${host}:${port}`)))
  })
})

describe('no addresses', () => {
  it.each([
    ['{"code":401,"msg":"签名校验失败","data":[]}', 'auth', '401', '签名校验失败'],
    ['<result><code>401</code><msg>签名校验失败</msg><data></data></result>', 'auth', '401', '签名校验失败'],
    ['ERROR(401):签名校验失败，请参照开发文档', 'auth', '401', 'ERROR(401):签名校验失败，请参照开发文档'],
    [
      '{"success":false,"message":"please add your IP to the whitelist"}',
      'whitelist',
      'text',
      'please add your IP to the whitelist',
    ],
    ['{"error":{"code":"E7","message":"too many requests"}}', 'rate_limited', 'E7', 'too many requests'],
    ['{"Code":-100,"Message":"套餐已过期"}', 'expired_plan', '-100', '套餐已过期'],
    ['{"status":"fail","msg":"203.0.113.9不在白名单"}', 'whitelist', 'fail', '203.0.113.9不在白名单'],
    ['{"status":"fail","info":"余额不足"}', 'quota_exhausted', 'fail', '余额不足'],
    ['暂无可用IP', 'no_resource', 'text', '暂无可用IP'],
    ['参数有误', 'bad_request', 'text', '参数有误'],
    ['INVALID_KEY', 'auth', 'text', 'INVALID_KEY'],
    ['-11', 'server', '-11', 'the vendor answered with code -11'],
    ['{"code":777}', 'server', '777', 'the vendor answered with code 777'],
    [
      '{"code":0,"msg":"ok","data":[]}',
      'no_resource',
      'empty',
      'the vendor answered with success and without an address',
    ],
    ['[]', 'no_resource', 'empty', 'the vendor answered with JSON in which there is no address'],
    ['', 'no_resource', 'empty', 'the vendor answered with nothing'],
    [' \r\n\ufeff', 'no_resource', 'empty', 'the vendor answered with nothing'],
    ['{"data":[', 'server', 'body', 'the reply is broken JSON; it looks like "{"a":["'],
    ['<r><p>', 'server', 'body', 'the reply is neither a list nor whole XML; it looks like "<a><a>"'],
    [
      '<!DOCTYPE html><html><title>登录</title>',
      'server',
      'body',
      'a web page came where addresses were expected: "登录"',
    ],
  ])('%s is %s', (body, errorClass, code, message) => {
    const error = errorIn(body)
    expect([error.class, error.vendorCode, error.message]).toEqual([errorClass, code, message])
  })

  it.each([
    'me:hunter2secret:80',
    'hunter2secret@nowhere',
    '{"data":[{"login":"me:hunter2secret"}]}',
    '{"data":["me:hunter2secret"]}',
  ])('what may hold a login is shown as a shape: %s', (body) =>
    expect(`${errorIn(body).message} ${errorIn(body).vendorCode}`).not.toContain('hunter2'),
  )
})

describe('errors of xdaili, proxy-seller and thordata', () => {
  it.each([
    [
      { ERRORCODE: '10036', RESULT: '提取太频繁,请按规定频率提取!' },
      'rate_limited',
      '10036',
      '提取太频繁,请按规定频率提取!',
    ],
    [
      { status: 'error', data: null, errors: [{ message: 'Error api key', code: 503 }] },
      'auth',
      '503',
      'Error api key',
    ],
    [
      { code: 111, msg: 'Please request again in 2 seconds', data: null },
      'rate_limited',
      '111',
      'Please request again in 2 seconds',
    ],
    [{ code: 7, data: 'me:hunter2' }, 'server', '7', 'the vendor answered with code 7'],
  ])('%j', (body, errorClass, vendorCode, message) => {
    expect(errorIn(JSON.stringify(body))).toMatchObject({ class: errorClass, vendorCode, message })
  })
})

it('an item of proxy-seller: the port of HTTP is a member of its own', () => {
  const item = { ip: '198.51.100.7', protocol: 'HTTP', port_http: 8080, port_socks: 1080, login: 'me', password: 'pw' }
  const { found } = foundIn(JSON.stringify({ status: 'success', data: { items: [item] }, errors: [] }))
  expect(found).toMatchObject([{ host: '198.51.100.7', port: 8080, username: 'me', password: 'pw' }])
})
