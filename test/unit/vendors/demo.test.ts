import { describe, expect, it } from 'vitest'
import { Secret } from '../../../src/secret.ts'
import { demo } from '../../../src/vendors/demo.ts'
import { type Operation, type Product, type RawReply, type Sold, VendorError } from '../../../src/vendors/vendor.ts'
import * as recorded from '../../fixtures/vendors/demo.ts'

const { channel: product } = demo.products as { readonly channel: Product }
const { get, query } = demo.operations as Readonly<Record<'get' | 'query', Operation>>

function read(reply: RawReply, called = 'get') {
  return product.deliver(demo.decode(called, reply, {}), { operation: called, request: {} })
}

function failure(reply: RawReply, called?: string): unknown {
  try {
    return read(reply, called)
  } catch (error) {
    return error
  }
}

function refused(code: string): RawReply {
  return { status: 400, headers: {}, text: JSON.stringify({ code, message: 'in words', request_id: '1' }) }
}

describe('demo: what is sent', () => {
  it('asks for a number in the places of `request:`, with the key added last', () => {
    const params = product.order(3, { country: 'CN,JP' })
    expect(params).toEqual({ country: 'CN,JP', num: 3 })
    const credentials = demo.credentials.parse({ key: 'k1' })
    expect(demo.authorize('get', params, credentials)).toEqual({ country: 'CN,JP', num: 3, key: 'k1' })
  })

  it('states the limits of the document', () => {
    expect(get.limit({ channels: 20 })).toEqual({ calls: 110, perMs: 60_000 })
    expect(query.limit({ channels: 20 })).toEqual({ calls: 60, perMs: 60_000 })
  })
})

describe('demo: what is read', () => {
  it('takes every fact of an item, its deadline in +08:00', () => {
    const { sold, rejected } = read(recorded.full)
    expect(rejected).toEqual([])
    expect(sold).toEqual([
      {
        host: '127.8.0.1',
        port: 42_747,
        protocol: 'http',
        username: 'demo-ad24af',
        password: expect.any(Secret),
        life: { kind: 'until', wallMs: 1_766_000_080_000 },
        country: 'JP',
        area: 'Kanto',
        city: 'Tokyo',
        isp: 'Sakurabit',
        ref: '127.8.0.1:42747',
      },
      expect.objectContaining({
        host: '127.0.0.1',
        exit: '192.0.2.7',
        life: { kind: 'until', wallMs: 1_766_000_119_000 },
      }),
    ] satisfies unknown[])
    expect((sold[0] as Sold).password?.reveal()).toBe('cb7ece0c0761c82fec40a4de')
  })

  it('reads an empty list as one', () => {
    expect(read(recorded.empty, 'query')).toEqual({ sold: [], rejected: [] })
  })

  it('leaves out what cannot be used and says why', () => {
    const whole = JSON.parse(recorded.full.text).data[0]
    const broken = [
      { ...whole, server: 'nowhere' },
      { ...whole, password: '' },
      { ...whole, deadline: 'soon' },
      'text',
      { ...whole, isp: null },
    ]
    const { sold, rejected } = read({ ...recorded.full, text: JSON.stringify({ code: 'SUCCESS', data: broken }) })
    expect(sold).toHaveLength(1)
    expect(sold[0]).not.toHaveProperty('isp')
    expect(rejected).toEqual([
      'an item without host:port',
      'an item without a login',
      'an item without a deadline',
      'an item without host:port',
    ])
  })

  it.each(recorded.junk.map((reply) => [reply.text, reply] as const))(
    'takes %j for a fault of the vendor',
    (_text, reply) => {
      expect(failure(reply)).toMatchObject({ name: 'VendorError', class: 'server', vendorCode: 'body' })
    },
  )
})

describe('demo: what an error means', () => {
  it('waits for a deadline when every channel is occupied', () => {
    expect(failure(recorded.quota)).toMatchObject({
      class: 'quota_exhausted',
      vendorCode: 'NO_AVAILABLE_CHANNEL',
      message: 'Every channel is occupied until the deadline of its address.',
      wait: 'earliest-deadline',
    })
  })

  it('takes a wrong key for good', () => {
    expect(failure(recorded.auth)).toMatchObject({ class: 'auth', vendorCode: 'INVALID_KEY', wait: undefined })
  })

  it.each([
    ['INVALID_PARAMETER', 'bad_request', undefined],
    ['REQUEST_LIMIT_EXCEEDED', 'rate_limited', 60_000],
    ['NO_RESOURCE_FOUND', 'no_resource', undefined],
    ['NO_SUCH_OPERATION', 'bad_request', undefined],
    ['INTERNAL_ERROR', 'server', undefined],
    ['SOMETHING_NEW', 'server', undefined],
    ['toString', 'server', undefined],
  ])('takes %s for %s', (code, errorClass, wait) => {
    const error = failure(refused(code))
    expect(error).toBeInstanceOf(VendorError)
    expect(error).toMatchObject({ class: errorClass, vendorCode: code, message: 'in words', wait })
  })

  it('does not know the errors of /get on /query', () => {
    expect(failure(recorded.quota, 'query')).toMatchObject({ class: 'server', vendorCode: 'NO_AVAILABLE_CHANNEL' })
  })
})
