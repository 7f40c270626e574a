import { describe, expect, it } from 'vitest'
import type { Params } from '../../../src/vendors/contract/operation.ts'
import { juliangip, signatureOf } from '../../../src/vendors/juliangip.ts'
import { juliangipFixtures } from '../../fixtures/vendors/juliangip.ts'
import { describeVendor } from './describe-vendor.ts'
import { failureOf, never, type PlainSold, plain, scripted } from './scripted-http.ts'

describeVendor(juliangip, juliangipFixtures)

describe('juliangip: the signature', () => {
  it('is what the vendor’s public page on signatures shows', () => {
    const params = { trade_no: '1178311789392776', num: '10', city_name: '1', ip_remain: '1', result_type: 'json' }
    expect(signatureOf(params, '99064631962e4e838dac1143092f6112')).toBe('8f35c3e56bf640cb2597ea2492ca62db')
  })

  it('leaves empty values out and takes Chinese as UTF-8, before any URL encoding', () => {
    const params = {
      trade_no: '1000000000000001',
      num: '2',
      pt: '2',
      result_type: 'json',
      ip_remain: '1',
      area: '北京,上海',
      isp: '',
    }
    expect(signatureOf(params, 'k0'.repeat(16))).toBe('1ab5fe5f26d0cec4470583bff2af3b5f')
  })

  it('is our rule’s output for the document’s example, whose own sum nobody can reproduce', () => {
    const params = {
      trade_no: '1483587531995538',
      num: '10',
      city_name: '1',
      city_code: '1',
      split: '3',
      result_type: 'xml',
    }
    expect(signatureOf(params, '99064631962e4e838dac1143092f6112')).toBe('6f37355755e1fd354d85bfd4690185c2')
  })

  it('does not depend on the order of the parameters, nor on a signature among them', () => {
    expect(signatureOf({ b: 2, a: 1, sign: 'old' }, 'k')).toBe(signatureOf({ a: 1, b: 2 }, 'k'))
  })
})

const { credentials } = juliangipFixtures

async function sell(request: Params, body: string): Promise<readonly PlainSold[]> {
  const { source } = scripted({ vendor: 'juliangip', product: 'dynamic', credentials, request }, { body })
  return (await source.extract(3, { signal: never })).sold.map(plain)
}

describe('juliangip: what an item says', () => {
  const read = async (item: string, request: Params = {}) => {
    const body = JSON.stringify({ code: 200, msg: '', data: { proxy_list: [item] } })
    const [sold] = await sell(request, body)
    const { protocol: _protocol, host: _host, port: _port, ...rest } = sold ?? expect.fail('nothing sold')
    return rest
  }
  const unknown = { kind: 'unknown' }

  it.each([
    ['1.1.1.1:80:user:pass', {}, { username: 'user', password: 'pass', life: unknown }],
    ['1.1.1.1:80,281:user:pass', {}, { username: 'user', password: 'pass', life: { kind: 'for', ms: 281_000 } }],
    [
      '1.1.1.1:80,江苏徐州,281:user:pass',
      { city_name: 1 },
      { username: 'user', password: 'pass', city: '江苏徐州', life: { kind: 'for', ms: 281_000 } },
    ],
    ['1.1.1.1:80,12344567890:sdfwe', {}, { username: '12344567890', password: 'sdfwe', life: unknown }],
    [
      '1.1.1.1:80,281,340281,江苏徐州',
      { city_name: 1, city_code: 1 },
      { city: '江苏徐州', area: '340281', life: { kind: 'for', ms: 281_000 } },
    ],
    ['1.1.1.1:80,0', {}, { life: { kind: 'for', ms: 0 } }],
    ['1.1.1.1:80,-1', {}, { life: { kind: 'for', ms: -1_000 } }],
  ])('%s', async (item, request, expected) => {
    expect(await read(item, request)).toEqual(expected)
  })

  it('six digits are seconds as long as no area code was asked for', async () => {
    expect(await read('1.1.1.1:80,340281')).toEqual({ life: { kind: 'for', ms: 340_281_000 } })
    expect(await read('1.1.1.1:80,340281', { city_code: 1 })).toEqual({ life: unknown, area: '340281' })
    expect(await read('1.1.1.1:80,109999', { city_code: 1 })).toEqual({ life: { kind: 'for', ms: 109_999_000 } })
  })
})

describe('juliangip: text and XML', () => {
  it.each([
    [undefined, '\r\n'],
    [1, '\r\n'],
    [2, '\n'],
    [3, ' '],
    [4, '|'],
  ])('splits text by the separator that split %s stands for', async (split, separator) => {
    const request = { result_type: 'text', ...(split === undefined ? {} : { split }) }
    const sold = await sell(request, ['1.1.1.1:80,60', '1.1.1.2:80,50', '1.1.1.3:80,40'].join(separator))
    expect(sold.map(({ host, life }) => [host, life])).toEqual([
      ['1.1.1.1', { kind: 'for', ms: 60_000 }],
      ['1.1.1.2', { kind: 'for', ms: 50_000 }],
      ['1.1.1.3', { kind: 'for', ms: 40_000 }],
    ])
  })

  it('reads the five characters that XML writes as entities, and expands no others', async () => {
    const proxy = '<proxy>1.1.1.1:80:a&amp;b:&x;&lt;</proxy>'
    const body = `<!DOCTYPE result [<!ENTITY x "expanded">]><result><code>200</code><data><proxy_list>${proxy}</proxy_list></data></result>`
    expect(await sell({ result_type: 'xml' }, body)).toMatchObject([{ username: 'a&b', password: '&x;<' }])
  })
})

describe('juliangip: limits', () => {
  const { source } = scripted({ vendor: 'juliangip', product: 'dynamic', credentials })

  it('ten calls a second for the order, all calls together', () => {
    const getips = source.limitOf('getips')
    expect(getips).toMatchObject({ calls: 10, perMs: 1_000 })
    expect({ ...source.limitOf('balance'), statedBy: getips.statedBy }).toEqual(getips)
  })
})

const openOrder = () =>
  scripted({
    vendor: 'juliangip',
    product: 'dynamic',
    credentials: { trade_no: '1483587531995538', key: 'INVENTED' },
  })
const listed = (list: unknown) => ({ body: JSON.stringify({ code: 200, data: { current_white_ip: list } }) })
const worked = { body: '{"code":200,"msg":"ok","data":[]}' }
const sent = ({ requests }: ReturnType<typeof openOrder>['http']) =>
  requests.map(({ url }) => [url.pathname, url.searchParams.get('ips')])

describe('juliangip: the whitelist', () => {
  it.each([
    ['a list', ['198.51.100.1', '198.51.100.2']],
    ['a text', '198.51.100.1,198.51.100.2'],
  ])('what others wrote stays: %s', async (_form, list) => {
    const { source, http } = openOrder()
    http.script = [listed(list), worked]
    await source.whitelist?.add('203.0.113.7', never)
    expect(sent(http)).toEqual([
      ['/dynamic/getwhiteip', null],
      ['/dynamic/setwhiteip', '198.51.100.1,198.51.100.2,203.0.113.7'],
    ])
  })

  it('an empty list gets its first address', async () => {
    const { source, http } = openOrder()
    http.script = [listed([]), worked]
    await source.whitelist?.add('203.0.113.7', never)
    expect(sent(http)[1]).toEqual(['/dynamic/setwhiteip', '203.0.113.7'])
  })

  it('an address that is there already is not written again', async () => {
    const { source, http } = openOrder()
    http.reply = listed(['203.0.113.7'])
    await source.whitelist?.add('203.0.113.7', never)
    expect(sent(http)).toEqual([['/dynamic/getwhiteip', null]])
  })
})

describe('juliangip: the whitelist, when it cannot be read or nobody knows our address', () => {
  it.each([[undefined], [null], [7], [[1]], [{}]])(
    'a list that cannot be read (%j) is not overwritten',
    async (list) => {
      const { source, http } = openOrder()
      http.reply = listed(list)
      expect(await failureOf(source.whitelist?.add('203.0.113.7', never) ?? expect.fail('none'))).toMatchObject({
        class: 'server',
      })
      expect(http.requests).toHaveLength(1)
    },
  )

  it('when nobody knows the address, each extraction registers its caller from then on', async () => {
    const { source, http } = openOrder()
    http.reply = { body: 'junk' }
    await failureOf(source.extract(1, { signal: never }))
    source.whitelist?.addCaller?.()
    await failureOf(source.extract(1, { signal: never }))
    expect(http.requests.map(({ url }) => url.searchParams.get('auto_white'))).toEqual([null, '1'])
  })
})
