import { expect, it } from 'vitest'
import { callOrder } from '../../../src/admin/api/schemas/vendor-calls.ts'

const read = (params: object) => callOrder.safeParse({ operation: 'instance/open', params })

it('lists among the parameters of a call are what the command line has: values with commas, objects as JSON', () => {
  const params = { codes: ['6', 7], empty: [], params: [{ productNo: 'a', count: 2 }], page: 1, renew: true, no: 'x' }
  expect(read(params).data?.params).toEqual({
    codes: '6,7',
    empty: '',
    params: '[{"productNo":"a","count":2}]',
    page: 1,
    renew: true,
    no: 'x',
  })
})

it('an object, or nothing, is no parameter, and the error says what is', () => {
  for (const value of [{ a: 1 }, null, [[1]]]) {
    const { error } = read({ codes: value })
    expect(error?.issues[0]?.message).toBe('must be a text, a number, a boolean, or a list of such or of objects')
  }
})
