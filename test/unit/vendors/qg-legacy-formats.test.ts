/** qg-legacy: the formats that the document offers beside JSON, and its example as printed. */
import { describe, expect, it } from 'vitest'
import { missingParams, paramProblems } from '../../../src/vendors/client/params.ts'
import type { Operation, Params } from '../../../src/vendors/contract/operation.ts'
import { legacyAccount, legacySales } from '../../../src/vendors/qg/legacy-calls.ts'
import { qgLegacy } from '../../../src/vendors/qg-legacy.ts'
import { failureOf, never, plain, scripted } from './scripted-http.ts'

const credentials = { Key: 'INVENTED+KEY/00=' }
const open = (product: string, body: string, request = {}) =>
  scripted({ vendor: 'qg-legacy', product, credentials, allowPrivate: true, request }, { body })
const quota = (body: string) => open('dedicated', body).source.channelsNow?.(never) ?? expect.fail('no quota')

describe('info/quota', () => {
  it.each([
    '{\n"Code": 0,\n"Total": 5,\n"Available": 3,\n"Used": 2\n}',
    '<?xml version="1.0" encoding="UTF-8"?>\n<result><Code>0</Code><Total>5</Total><Available>3</Available><Used>2</Used></result>',
    'Code: 0\nTotal: 5\nAvailable: 3\nUsed: 2',
    'Code=0,Total=5,Available=3,Used=2',
    '5,3,2',
    '0\n5\n3\n2',
  ])('%j', async (body) => {
    expect(await quota(body)).toEqual({ total: 5, free: 3 })
  })

  it.each([
    ['<result><Code>-11</Code></result>', '-11', 'rate_limited'],
    ['-11', '-11', 'rate_limited'],
    ['ERROR(-100):计划不存在或已过期', '-100', 'expired_plan'],
    ['Code: -12', '-12', 'auth'],
    ['something else', 'body', 'server'],
    ['<html><body>hello</body></html>', 'body', 'server'],
  ])('%j is %s', async (body, vendorCode, errorClass) => {
    expect(await failureOf(quota(body))).toMatchObject({ vendorCode, class: errorClass })
  })
})

/** Octet by octet as the document prints it, remarks and dots included. */
const PRINTED = `{
"data": [{
"uuid": "fj_qzdx9-1:ppp10",
"area": "福建省泉州市",
"isp": "电信",
"state": "在线", //分成在线、离线、重拨中、排队中(等待秒数X)
"monopolize_time": "2022-02-17 14:01:05", //独占时间
"last_dial_time": "2022-02-17 14:01:05", //最近一次拨号时间
"ip": "127.0.0.1:10800", //当前IP,状态为在线时才有此数据
"heartbeat": "2022-02-17 14:01:05", //最后一次心跳,状态为在线时才有此数据
},{
...
}]
}`
const XML = `<?xml version="1.0"?><root><data><item><uuid>fj_qzdx9-1:ppp10</uuid><area>福建省泉州市</area><isp>电信</isp>
<state>在线</state><ip>127.0.0.1:10800</ip></item><item><uuid>b</uuid><state>排队中(等待秒数34)</state></item></data></root>`
const TEXT =
  'fj_qzdx9-1:ppp10,福建省泉州市,电信,在线,2022-02-17 14:01:05,2022-02-17 14:01:05,127.0.0.1:10800,2022-02-17 14:01:05'
const line = {
  host: '127.0.0.1',
  port: 10_800,
  protocol: 'http',
  life: { kind: 'for', ms: 120_000 },
  ref: 'fj_qzdx9-1:ppp10',
  area: '福建省泉州市',
  isp: '电信',
}

describe('monopolies', () => {
  it.each([
    ['as printed', PRINTED, []],
    ['as XML', XML, [{ ref: 'b', waitMs: 34_000 }]],
    ['as text', `${TEXT}\r\nb,福建省,电信,排队中(等待秒数34)`, [{ ref: 'b', waitMs: 34_000 }]],
  ])('%s', async (_title, body, pending) => {
    const delivery = await open('monopoly', body).source.extract(1, { signal: never })
    expect(delivery.sold.map(plain)).toEqual([line])
    expect(delivery.pending ?? []).toEqual(pending)
  })

  it('one line alone in XML is a list too', async () => {
    const { sold } = await open('monopoly', XML.replace(/<item><uuid>b.*<\/item>/s, '')).source.extract(1, {
      signal: never,
    })
    expect(sold.map(plain)).toEqual([line])
  })
})

describe('allocate', () => {
  it('as text: where to connect, and no deadline', async () => {
    const { sold } = await open('dedicated', '117.26.40.113:60221\r\n117.26.40.114:60222', {
      DataFormat: 'txt',
    }).source.extract(2, { signal: never })
    expect(sold).toMatchObject([
      { host: '117.26.40.113', port: 60_221, ref: '117.26.40.113', life: { kind: 'unknown' } },
      { host: '117.26.40.114', port: 60_222, ref: '117.26.40.114' },
    ])
  })

  it('as XML', async () => {
    const item =
      '<IP>117.26.40.113</IP><port>60221</port><deadline>2020-06-09 08:11:25</deadline><host>117.26.40.113:60221</host>'
    const body = `<root><Code>0</Code><TaskID>T</TaskID><Num>1</Num><Data><Data>${item}</Data></Data></root>`
    const { sold } = await open('dedicated', body).source.extract(1, { signal: never })
    expect(sold).toMatchObject([
      { host: '117.26.40.113', port: 60_221, life: { kind: 'until', wallMs: 1_591_661_485_000 } },
    ])
  })
})

describe('every call of the host', () => {
  it.each(Object.keys({ ...legacySales, ...legacyAccount }).filter((name) => name !== 'caller-ip'))(
    '%s: the document offers text, JSON and XML for all',
    (name) => {
      const operation = qgLegacy.operations[name] as Operation
      const given = { ...NEEDED[name], DataFormat: 'xml' }
      expect([...paramProblems(operation, given, 'operator'), ...missingParams(operation, given)]).toEqual([])
    },
  )
})

const NEEDED: Readonly<Record<string, Params>> = {
  replace: { TaskID: '*' },
  release: { IP: '*' },
  query: { TaskID: 'a,b', AreaId: 350500, Isp: 4, detail: 1 },
  'whitelist/add': { IP: '203.0.113.7' },
  'whitelist/del': { IP: '203.0.113.7,203.0.113.8' },
}

describe('POST', () => {
  it.each([
    ['qg-legacy', 'dedicated', credentials, '/allocate', 'Num=1&Key=INVENTED%2BKEY%2F00%3D'],
    [
      'juliangip',
      'dynamic',
      { trade_no: '1178311789392776', key: 'k'.repeat(32) },
      '/dynamic/getips',
      /^result_type=json&ip_remain=1&num=1&trade_no=\d+&sign=[\da-f]{32}$/,
    ],
  ])('%s %s: the parameters are in the body, and nowhere else', async (vendor, product, secrets, path, body) => {
    const { source, http } = scripted({ vendor, product, credentials: secrets, own: { method: 'POST' } }, { body: '' })
    await failureOf(source.extract(1, { signal: never }))
    const [request] = http.requests
    expect([request?.method, request?.url.pathname, request?.url.search]).toEqual(['POST', path, ''])
    expect(request?.body).toMatch(body)
  })

  it('info/quota stays GET: its page allows nothing else', async () => {
    const { source, http } = scripted(
      { vendor: 'qg-legacy', product: 'dedicated', credentials, own: { method: 'POST' } },
      { body: '5,3,2' },
    )
    await source.channelsNow?.(never)
    expect(http.requests.map(({ method }) => method)).toEqual(['GET'])
  })
})
