/** What surrounds a call at the operator's word, over the real tables. */
import { describe, expect, it } from 'vitest'
import type { Params } from '../../../../src/vendors/contract/operation.ts'
import type { Source } from '../../../../src/vendors/contract/source.ts'
import { ipipvCredentials, success } from '../../../fixtures/vendors/ipipv.ts'
import { failureOf, never, type Scripted, type SettingsOf, scripted } from '../scripted-http.ts'

const juliangip = {
  vendor: 'juliangip',
  product: 'dynamic',
  credentials: { trade_no: '1000000000000001', key: 'k0k0k0k0k0k0k0k0' },
} as const
const qg = { vendor: 'qg', product: 'share-channel', credentials: { key: 'KEY-OF-QG' }, channels: 4 } as const
const legacy = { vendor: 'qg-legacy', product: 'dedicated', credentials: { Key: 'KEY-OF-QG' }, channels: 4 } as const
const smartproxy = { vendor: 'smartproxy', product: 'dynamic', credentials: { app_key: 'THE-APP-KEY' } } as const
const drawn = {
  vendor: 'ipipv',
  product: 'dynamic-password',
  credentials: ipipvCredentials,
  request: { appUsername: 'sub', productNo: 'p' },
} as const

function handOf(source: Source): NonNullable<Source['byHand']> {
  return source.byHand ?? expect.fail('nothing can be called by hand')
}

async function shown(settings: SettingsOf, operation: string, params: Params, reply: Scripted): Promise<unknown> {
  const { source } = scripted(settings, reply)
  return handOf(source).show(operation, params, await source.call(operation, params, { signal: never }))
}

describe('the look before a call', () => {
  const items = (value: unknown) => JSON.stringify(value)
  it.each<[SettingsOf, string, Params, number]>([
    [juliangip, 'getips', { num: '7' }, 7],
    [juliangip, 'balance', {}, 0],
    [qg, 'share-channel/get', {}, 1],
    [qg, 'share-channel/get', { num: 3 }, 3],
    [qg, 'legacy/whitelist/add', { IP: '203.0.113.1' }, 0],
    [legacy, 'replace', { IP: '203.0.113.1,203.0.113.2' }, 2],
    [legacy, 'replace', { Num: 4, IP: '203.0.113.1' }, 4],
    [drawn, 'proxy/draw/pwd', { appUsername: 'sub', productNo: 'p', num: 5 }, 5],
    [drawn, 'instance/open', { appOrderNo: 'a', params: items([{ productNo: 'p', count: 2 }, { productNo: 'q' }]) }, 3],
    [
      drawn,
      'instance/open',
      { appOrderNo: 'a', params: items([{ productNo: 'p', cidrBlocks: [{ cidr: '192.0.2.0/24', count: 6 }] }]) },
      6,
    ],
    [drawn, 'instance/open', { appOrderNo: 'a', params: items([{ productNo: 'p', flow: 9, appUsername: 'm' }]) }, 0],
    [drawn, 'instance/renew', { appOrderNo: 'a', instances: items([{ instanceNo: 'x' }, { instanceNo: 'y' }]) }, 2],
    [drawn, 'instance/open/assign/ip', { appOrderNo: 'a', cycleTimes: 1, assignIp: '203.0.113.7', productNo: 'p' }, 1],
  ])('$vendor %s %j may buy %i', async (settings, operation, params, count) => {
    expect(await handOf(scripted(settings).source).plan(operation, params)).toBe(count)
  })

  it.each<[SettingsOf, string, Params, string]>([
    [juliangip, 'getips', {}, 'num is missing: how many addresses'],
    [juliangip, 'getips', { num: 101 }, 'num must be an integer from 1 to 100, not 101'],
    [juliangip, 'getips', { num: 1, cty_name: 1 }, 'cty_name is not a parameter of this call; did you mean city_name?'],
    [juliangip, 'balance', { zzzz: 1 }, 'zzzz is not a parameter of this call, which takes none'],
    [juliangip, 'getips', { num: 1, sign: 'x' }, 'sign comes from the credentials'],
    [qg, 'share-channel/get', { nums: 1 }, 'nums is not a parameter of this call; did you mean num?'],
    [legacy, 'whitelist/add', {}, 'IP is missing: addresses of this machine'],
    [drawn, 'user', { no: 'x'.repeat(9), phone: '1', email: 'e', authType: 4, status: 1 }, 'authType must be one of 1'],
  ])('$vendor %s %j is refused', async (settings, operation, params, words) => {
    const error = await failureOf(handOf(scripted(settings).source).plan(operation, params))
    expect(error).toMatchObject({ class: 'bad_request', vendorCode: 'parameter' })
    expect(error.message).toContain(words)
  })
})

describe('what is revealed', () => {
  const data = { appUsername: 'sub', username: 'u', password: 'made up', status: 1 }

  it('a password that the call generated, and only when that was asked for', () => {
    const { show } = handOf(scripted(drawn).source)
    expect(show('proxy/user', {}, data)).toMatchObject({ password: '***' })
    expect(show('proxy/user', {}, data, true)).toMatchObject({ password: 'made up' })
    expect(show('order', {}, { instances: [{ pwd: 'old' }] }, true)).toEqual({ instances: [{ pwd: '***' }] })
  })
})

describe('what is shown of a reply', () => {
  it('juliangip: the login of an address is not', async () => {
    const text = '203.0.113.7:80,281:user:open,sesame\r\n203.0.113.8:81:user:tell'
    expect(await shown(juliangip, 'getips', { num: 2, auth_info: 1, ip_remain: 1 }, { body: text })).toEqual({
      proxy_list: ['203.0.113.7:80,281:user:***', '203.0.113.8:81:user:***'],
    })
    const objects = [{ ip: '203.0.113.7', port: '80', http_user: 'user', http_pass: 'tell' }]
    const body = JSON.stringify({ code: 200, msg: '', data: { count: 1, proxy_list: objects } })
    expect(await shown(juliangip, 'getips', { num: 1, result_type: 'json2' }, { body })).toEqual({
      count: 1,
      proxy_list: [{ ip: '203.0.113.7', port: '80', http_user: 'user', http_pass: '***' }],
    })
  })

  it('a key that the vendor repeats is not', async () => {
    const data = { task: 'KEY-OF-QG', words: 'for KEY-OF-QG', ips: [] }
    const body = JSON.stringify({ code: 'SUCCESS', data, request_id: 'r' })
    const expected = { task: '***', words: 'for ***', ips: [] }
    expect(await shown(qg, 'share/balance', {}, { body })).toEqual(expected)
  })

  it('smartproxy: the passwords of its accounts are not', async () => {
    const list = [{ id: 1, username: 'one', password: 'tell', usage_flow: 3, status: 1 }]
    const body = JSON.stringify({ code: 200, msg: '', data: { list } })
    expect(await shown(smartproxy, 'whitelist-account/list', {}, { body })).toEqual({
      list: [{ id: 1, username: 'one', password: '***', usage_flow: 3, status: 1 }],
    })
  })

  it('a secret that was given is not, where the vendor repeats it', async () => {
    const body = JSON.stringify({ code: 200, msg: '', data: { echo: 'password newpassword set' } })
    const params = { account: 'one', password: 'newpassword' }
    expect(await shown(smartproxy, 'whitelist-account/change-password', params, { body })).toEqual({
      echo: 'password *** set',
    })
  })

  it('ipipv: what was decrypted is not', async () => {
    const instance = { instanceNo: 'c_1', ip: '203.0.113.7', port: 80, username: 'me', pwd: 'tell' }
    const bridged = { ...instance, bridges: ['me:tell@203.0.113.9:90'] }
    expect(await shown(drawn, 'instance', { instances: 'c_1' }, { body: success([bridged]) })).toEqual([
      { ...instance, pwd: '***', bridges: ['me:***@203.0.113.9:90'] },
    ])
    const draw = { list: [{ proxyUrl: 'gate.example.com:8000', list: ['me.too:12345', 'me:tell'] }] }
    expect(await shown(drawn, 'proxy/draw/pwd', drawn.request, { body: success(draw) })).toEqual({
      list: [{ proxyUrl: 'gate.example.com:8000', list: ['me.too:***', 'me:***'] }],
    })
    const link = { list: [{ proxyUrl: 'https://api.example.com/get?token=tell' }] }
    expect(await shown(drawn, 'proxy/draw/api', { ...drawn.request, proxyType: 104 }, { body: success(link) })).toEqual(
      {
        list: [{ proxyUrl: 'https://api.example.com/***' }],
      },
    )
    const info = { appName: 'shop', coin: 5, callbackUrl: 'https://me.example.com/callback/tell' }
    expect(await shown(drawn, 'info', {}, { body: success(info) })).toEqual({
      ...info,
      callbackUrl: 'https://me.example.com/***',
    })
    const user = { appUsername: 'a', username: 'b', password: 'tell', status: 1 }
    const asked = { limitFlow: 1, status: 1, appMainUsername: 'm' }
    expect(await shown(drawn, 'proxy/user', asked, { body: success(user) })).toEqual({ ...user, password: '***' })
  })
})

describe('what a call brought for the pool', () => {
  it('is read as an extraction is, with the time at which the call left', async () => {
    const item = { proxy_ip: '203.0.113.7', server: '203.0.113.7:80', deadline: '2023-02-25 15:38:36' }
    const reply = { body: JSON.stringify({ code: 'SUCCESS', data: [item] }), vendorWallMs: 5 }
    const { source, clock } = scripted(qg, reply)
    const sentAt = clock.now()
    const data = await source.call('share-channel/get', { num: 1 }, { signal: never })
    clock.advance(700)
    expect(handOf(source).sold('share-channel/get', { num: 1 }, data)).toMatchObject({
      sold: [{ host: '203.0.113.7', port: 80 }],
      sentAt,
      vendorWallMs: 5,
    })
  })

  it('is nothing for any other call, and for a reply that only the product as a whole can read', async () => {
    const { source } = scripted(qg, { body: JSON.stringify({ code: 'SUCCESS', data: [] }) })
    const data = await source.call('share-channel/query', {}, { signal: never })
    expect(handOf(source).sold('share-channel/query', {}, data)).toBeUndefined()
    const own = { instances: ['c_1'] }
    const asked = scripted({ ...drawn, product: 'static', request: {}, own }, { body: success([]) }).source
    expect(handOf(asked).sold('instance', { instances: 'c_1' }, [])).toBeUndefined()
  })

  it('what was given back is known by the vendor’s own names', () => {
    const { givenBack } = handOf(scripted(legacy).source)
    const held = ['203.0.113.1', '203.0.113.2']
    expect(givenBack('release', { IP: '203.0.113.2,203.0.113.9' }, held)).toEqual(['203.0.113.2'])
    expect(givenBack('replace', { IP: '203.0.113.1', Num: 1 }, held)).toEqual(['203.0.113.1'])
    expect(givenBack('release', { IP: '*' }, held)).toEqual(held)
    expect(givenBack('query', { IP: '203.0.113.1' }, held)).toEqual([])
    expect(handOf(scripted(qg).source).givenBack('share-channel/get', {}, held)).toEqual([])
  })
})
