/** The five account look-ups of qg.net, whose signature is that of a sibling call in a public client. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { decodeLookup } from '../../../src/vendors/qg/account-lookups.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { failureOf, never, scripted } from './scripted-http.ts'

const credentials = { Key: 'INVENTED+KEY', appid: 'qg0000aa', appkey: 'invented0appkey0000' }
const open = (secrets: Record<string, string> = credentials) =>
  scripted(
    { vendor: 'qg-legacy', product: 'dedicated', credentials: secrets },
    { body: '{"result":true,"data":"1.00","msg":null}' },
  )

describe('the call', () => {
  it.each<[string, Record<string, string>, string]>([
    ['getBalance', {}, 'https://www.qg.net/api/merchant/getBalance'],
    ['getDetail', { suid: '1' }, 'https://qg.net/api/cloud-business/getDetail'],
    [
      'packageOrderPrice',
      { package_no: '1', system_no: '1', duration: '1m' },
      'https://qg.net/api/cloud-business/packageOrderPrice',
    ],
    ['packageList', { productId: '104' }, 'https://qg.net/api/cloud-product/packageList'],
    ['lineList', { productId: '7' }, 'https://qg.net/api/physical-product/lineList'],
  ])('%s is signed with the time at which it leaves', async (name, params, to) => {
    const { source, http } = open()
    await source.call(name, params, { signal: never })
    const { url } = http.requests[0] ?? expect.fail('no request')
    expect(`${url.origin}${url.pathname}`).toBe(to)
    const { appid, time, domain, sign, ...rest } = Object.fromEntries(url.searchParams)
    expect(rest).toEqual(params)
    expect([appid, domain]).toEqual(['qg0000aa', 'www.qg.net'])
    expect(Number(time)).toBe(Math.floor(new FakeClock().wall() / 1_000))
    expect(sign).toBe(createHash('md5').update(`qg0000aawww.qg.net${time}invented0appkey0000`).digest('hex'))
    expect(source.operations[name]?.unproven).toMatch(/does not say how it is signed/)
    expect(source.byHand?.warnings(name, params)).toEqual([expect.stringMatching(/^unproven: /)])
  })

  it('wants the two credentials, and says so', async () => {
    const error = await failureOf(open({ Key: 'INVENTED+KEY' }).source.call('getBalance', {}, { signal: never }))
    expect(error).toMatchObject({ class: 'auth', message: expect.stringContaining('appid and appkey') })
  })

  it.each([
    ['packageOrderPrice', { package_no: '1', system_no: '1', duration: '1y' }],
    ['getDetail', { limit: 51 }],
  ])('%s %o is refused', async (name, params) => {
    expect(await failureOf(open().source.call(name, params, { signal: never }))).toMatchObject({ class: 'bad_request' })
  })
})

describe('the replies, as printed', () => {
  it.each<[string, unknown]>([
    [`{\n"result":true,\n"data":"1.00",\n"msg":null\n}`, '1.00'],
    [
      `{\n"RequestId":'423369C7-AD6F-3GT6-NMJ7-E2RG5N6HG7D3',\n"Code": 0,\n"Message" : "返回内容"\n"Data": {\n"OriginalPrice": "60",\n"TotalPrice": "50"\n}\n}`,
      { OriginalPrice: '60', TotalPrice: '50' },
    ],
    [
      `{\n"RequestId": "7E6F1508-B9FB-C3E5-21B2-95E7535E7D47",\n"Code" : "200"\n"Message":"xxxxxxx"\n"Data": [\n{\n"id": 14,\n"name": "\\u5c71\\u4e1c",\n"introurl": null,\n"bondSpecs": [\n11,\n12\n]\n}\n]\n}`,
      [{ id: 14, name: '山东', introurl: null, bondSpecs: [11, 12] }],
    ],
    [
      `{\n"RequestId":'423369C7',\n"Code": 0,\n"Message" : "返回内容"\n"Data": {\n"1":{\n"Suid": "12154545",\n"Harddisks_type":""\n"Harddiks": "20",\n"Login_password": "sdfsfdf",\n}\n}\n}`,
      { 1: { Suid: '12154545', Harddisks_type: '', Harddiks: '20', Login_password: 'sdfsfdf' } },
    ],
  ])('%s', (body, data) => {
    expect(decodeLookup(body)).toEqual(data)
  })

  it('passwords of servers are not shown', () => {
    const { source } = open()
    const data = { 1: { Suid: '1', Login_password: 'a', Business_password: 'b', Adsl_password: 'c' } }
    expect(source.byHand?.show('getDetail', {}, data)).toEqual({
      1: { Suid: '1', Login_password: '***', Business_password: '***', Adsl_password: '***' },
    })
  })

  it.each([
    ['{"result":false,"data":null,"msg":"签名错误"}', 'auth'],
    ['{"Code":1,"Message":"no such product"}', 'server'],
  ])('%s', async (body, errorClass) => {
    expect(await failureOf(Promise.resolve().then(() => decodeLookup(body)))).toMatchObject({ class: errorClass })
  })
})
