/** What a link tells before anybody calls it. Keys are invented. */
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../../src/secret.ts'
import { entryProblems, readLink } from '../../../../src/vendors/registry.ts'

const SIGN = '8f35c3e56bf640cb2597ea2492ca62db'
const juliangip = `http://v2.api.juliangip.com/dynamic/getips?trade_no=1000000000000001&num=10&area=${encodeURIComponent('北京,上海')}&sign=${SIGN}`

const read = (link: string, product?: string, key?: string) =>
  readLink(new Secret(link), product, key === undefined ? undefined : new Secret(key))

/** A reading as a test writes it: vendors by name, secrets in clear. */
function plainly(link: string, product?: string, key?: string) {
  const reading = read(link, product, key)
  if (!('vendor' in reading)) return reading
  const account =
    'credentials' in reading
      ? Object.fromEntries(Object.entries(reading.credentials).map(([name, secret]) => [name, secret.reveal()]))
      : {}
  return { ...reading, vendor: reading.vendor?.name, credentials: account }
}

describe('a link whose vendor is known', () => {
  it.each<[string, object]>([
    [
      'https://share.proxy.qg.net/get?key=K7&num=5&area=350500,330700&area_ex=&isp=1&distinct=false&format=txt&seq=%5Cr%5Cn&mine=x',
      {
        product: 'share-channel',
        alternatives: ['share-uniform', 'share-elastic', 'share-volume'],
        credentials: { key: 'K7' },
        request: { area: '350500,330700', isp: '1', distinct: 'false' },
        extras: { mine: 'x' },
        leftOut: ['format', 'seq'],
        count: 5,
        at: undefined,
      },
    ],
    [
      'http://share.proxy.qg.net/pool?key=K7&pwd=P',
      { product: 'share-pool', credentials: { key: 'K7', pwd: 'P' }, at: undefined },
    ],
    [
      'https://exclusive.proxy.qg.net/get?key=K7&keep_alive=10',
      { product: 'exclusive', request: { keep_alive: '10' } },
    ],
    ['https://monopoly.proxy.qg.net/get?key=K7', { product: 'exclusive-locked' }],
    [
      'https://overseas.proxy.qg.net/get?key=K7&area=US',
      { product: 'overseas-channel', alternatives: ['overseas-volume'] },
    ],
    [
      'https://proxy.qg.net/extract?key=K7&num=2',
      { vendor: 'qg-legacy', product: 'shared', credentials: { Key: 'K7' }, count: 2 },
    ],
    ['https://proxy.qg.net/allocate?Key=K7&DataFormat=txt', { product: 'dedicated', leftOut: ['DataFormat'] }],
    [
      'https://api.smartproxy.org/openapi/ip/v3?app_key=A1&cc=US&life=5',
      { vendor: 'smartproxy', product: 'dynamic', request: { cc: 'US', life: '5' }, at: undefined },
    ],
    [
      'https://api.reseller.example.com/end-point/ip/v3?app_key=A1',
      { vendor: 'smartproxy', at: 'https://api.reseller.example.com/end-point/ip/v3' },
    ],
    [
      'http://www.reseller.example.com:8443/web_v1/ip/get-ip-v3/?app_key=A1&pt=9&format=txt&lb=%5Cn',
      {
        vendor: 'smartproxy',
        at: 'http://www.reseller.example.com:8443/web_v1/ip/get-ip-v3',
        extras: { pt: '9' },
        leftOut: ['format', 'lb'],
      },
    ],
  ])('%s', (link, expected) => {
    expect(plainly(link)).toMatchObject({ kind: 'table', ...expected })
  })
})

describe('the parameters of a link', () => {
  it('keep a value that the table would refuse as it is: the vendor made the link', () => {
    expect(plainly('https://share.proxy.qg.net/get?key=K7&isp=9')).toMatchObject({ request: {}, extras: { isp: '9' } })
  })

  it('are for the product that the entry chooses, if such a link may be for it', () => {
    const link = 'https://share.proxy.qg.net/get?key=K7'
    expect(plainly(link, 'share-volume')).toMatchObject({ kind: 'table', product: 'share-volume' })
    expect(plainly(link, 'exclusive')).toMatchObject({
      kind: 'problem',
      at: 'product',
      message: expect.stringContaining('share-channel'),
    })
  })
})

describe('a signed link', () => {
  it('cannot be changed without its key', () => {
    expect(plainly(juliangip)).toMatchObject({
      kind: 'signed',
      vendor: 'juliangip',
      product: 'dynamic',
      count: 10,
      params: { area: '北京,上海', sign: SIGN },
    })
  })

  it('is a table’s with it', () => {
    expect(plainly(juliangip, undefined, 'k0')).toMatchObject({
      kind: 'table',
      credentials: { trade_no: '1000000000000001', key: 'k0' },
      request: { area: '北京,上海' },
      extras: {},
    })
  })

  it('may carry the key itself, as some clients write it', () => {
    expect(plainly(`${juliangip}&key=k0`)).toMatchObject({ kind: 'table', credentials: { key: 'k0' } })
  })

  it('keeps its scheme and its path', () => {
    const link = juliangip.replace('http:', 'https:').replace('/dynamic/', '/unlimited/')
    expect(plainly(link, undefined, 'k0')).toMatchObject({ at: 'https://v2.api.juliangip.com/unlimited/getips' })
  })
})

describe('a link of nobody’s table', () => {
  it.each<[string, object]>([
    ['https://api.other.example.com/get?num=3&secret=S', { kind: 'unknown', vendor: undefined, count: 3 }],
    ['https://api.other.example.com/get?secret=S', { kind: 'unknown', count: undefined }],
    // A path that the table does not have: only the vendor's errors are understood.
    ['http://v2.api.juliangip.com/alone/getips?trade_no=1', { kind: 'unknown', vendor: 'juliangip' }],
    ['https://api.reseller.example.com/web_v1/ip/get-ip-v3?pt=9', { kind: 'unknown', vendor: undefined }],
  ])('%s', (link, expected) => expect(plainly(link)).toMatchObject(expected))
})

describe('what is wrong with a link', () => {
  it.each([
    ['ftp://x.example.com/', 'url', /begins with http/],
    ['http://v2.api.juliangip.com/dynamic/getips?num=10&sign=x', 'url', /no trade_no/],
    ['http://v2.api.juliangip.com/dynamic/getips?trade_no=1&num=10', 'url', /no sign:/],
    ['https://share.proxy.qg.net/get?num=5', 'url', /no key:/],
  ])('%s', (link, at, message) => {
    expect(read(link)).toMatchObject({ kind: 'problem', at, message: expect.stringMatching(message) })
  })

  it('nothing can be chosen where nothing is known', () => {
    const link = 'https://api.other.example.com/get'
    expect(read(link, 'dynamic')).toMatchObject({ kind: 'problem', at: 'product' })
    expect(read(link, undefined, 'k0')).toMatchObject({ kind: 'problem', at: 'url' })
  })
})

describe('an entry that is a link', () => {
  const problems = (entry: object) =>
    entryProblems('link', undefined, { url: juliangip, ...entry }).map(
      ({ path, message }) => `${path.join('.')}: ${message}`,
    )

  it('is right', () => {
    expect(problems({ budget: { perHour: 10 }, ceiling: 10 })).toEqual([])
    expect(problems({ credentials: { key: 'k0' }, budget: { perHour: 1 }, whitelist: 'auto' })).toEqual([])
  })

  it('may not ask for less than its link brings, nor sign without a key', () => {
    expect(problems({ budget: { perHour: 9, total: 100 }, ceiling: 5, whitelist: 'auto' })).toEqual([
      expect.stringMatching(/^budget.perHour: .* brings 10 addresses/),
      expect.stringMatching(/^ceiling: .* brings 10 addresses/),
      expect.stringMatching(/^whitelist: /),
    ])
  })

  it('shows nothing of the link', () => {
    expect(
      problems({
        url: 'http://v2.api.juliangip.com/dynamic/getips?num=10&sign=hunter2secret',
        product: 'hunter2secret',
      }).join(),
    ).not.toContain('hunter2')
  })

  it('leaves to the schema what is no link', () => {
    for (const url of [undefined, 7, 'nonsense']) expect(entryProblems('link', undefined, { url })).toEqual([])
  })
})
