/** What vendors tell of an account: what is left, and when the plan ends. */
import { describe, expect, it } from 'vitest'
import type { Source } from '../../../src/vendors/contract/source.ts'
import { never, scripted } from './scripted-http.ts'

const now = (source: Source) => source.accountNow?.(never) ?? expect.fail('it tells nothing')
const success = (data: unknown) => ({ body: JSON.stringify({ code: 200, msg: '', data }) })
/** 2022-05-13 12:14:15 in China. */
const MAY = 1_652_415_255_000

describe('smartproxy', () => {
  const packages = {
    list: [
      { id: 1, expired_at: '2022-05-12 12:14:15', product_type: 9 },
      { id: 2, expired_at: '2022-05-13 12:14:15', product_type: 11 },
      { id: 3, expired_at: '2023-05-13 12:14:15', product_type: 25 },
      { id: 4, expired_at: '', product_type: 9 },
    ],
  }
  const users = {
    list: [
      { username: 'a', product_type: 9, usage_flow: 1_048_576, limit_flow: 3, status: 1 },
      { username: 'b', product_type: 9, usage_flow: 2_048, limit_flow: 0, status: 1 },
      { username: 'c', product_type: 9, usage_flow: 0, limit_flow: 9, status: 0 },
      { username: 'd', product_type: 25, usage_flow: 0, limit_flow: 9, status: 1 },
      { username: 'e', product_type: 9, usage_flow: 9_999_999, limit_flow: 1, status: 1 },
    ],
  }

  it('the package that ends last, and the MB that are left under the limits', async () => {
    const { source, http } = scripted({
      vendor: 'smartproxy',
      product: 'dynamic',
      credentials: { app_key: 'k'.repeat(32) },
    })
    http.script = [success(packages), success(users)]
    expect(await now(source)).toEqual({ endsAt: MAY, balance: 2_048 })
    expect(http.requests.map(({ url }) => url.pathname)).toEqual([
      '/openapi/user-product/list',
      '/openapi/whitelist-account/list',
    ])
  })

  it('nothing of what it does not know', async () => {
    const { source, http } = scripted({
      vendor: 'smartproxy',
      product: 'static',
      credentials: { app_key: 'k'.repeat(32) },
    })
    http.script = [success({ list: [] }), success({ list: null })]
    expect(await now(source)).toEqual({})
  })
})

describe('qg', () => {
  const open = (product: string, body: string) =>
    scripted({ vendor: 'qg', product, credentials: { key: 'INVENTED' } }, { body })

  it('the balance of the share products', async () => {
    const { source, http } = open('share-volume', '{"code":"SUCCESS","data":{"balance":985},"request_id":"x"}')
    expect(await now(source)).toEqual({ balance: 985 })
    expect(http.requests[0]?.url.pathname).toBe('/balance')
  })

  it('no other product asks', () => {
    expect(open('exclusive', '').source.accountNow).toBeUndefined()
  })
})
