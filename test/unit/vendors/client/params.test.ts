import { describe, expect, it } from 'vitest'
import { type Author, configurableParams, paramProblems } from '../../../../src/vendors/client/params.ts'
import type { Operation, Params } from '../../../../src/vendors/contract/operation.ts'

const words = { about: 'about', term: 'term' }
const operation: Operation = {
  about: '',
  document: '',
  method: 'GET',
  path: '/',
  limit: () => ({ calls: 1, perMs: 1 }),
  effect: 'reads',
  params: {
    key: { type: 'string', required: true, secret: true, managed: true, ...words },
    num: { type: 'integer', required: true, managed: true, min: 1, max: 100, ...words },
    minutes: { type: 'integer', min: 1, ...words },
    pt: { type: 'integer', values: [1, 2], ...words },
    flag: { type: 'integer', values: [1], ...words },
    distinct: { type: 'boolean', ...words },
    renew: { type: 'boolean', values: [1, 0], ...words },
    lines: {
      type: 'items',
      members: { name: { type: 'string', ...words }, id: { type: 'string', required: true, ...words } },
      ...words,
    },
    name: { type: 'string', min: 2, max: 4, ...words },
    pin: { type: 'string', secret: true, values: ['0000'], ...words },
    area: { type: 'csv', ...words },
    days: { type: 'csv', values: ['mo', 'tu'], ...words },
  },
}

const problems = (params: Params, author: Author = 'operator') =>
  paramProblems(operation, params, author).map(({ param, message }) => `${param} ${message}`)

describe('a parameter that fits', () => {
  it.each<Params>([
    { num: 1 },
    { num: 100 },
    { num: '7' },
    { pt: 2 },
    { pt: '2' },
    { flag: 1 },
    { minutes: 100_000 },
    { distinct: true },
    { distinct: 'false' },
    { renew: true },
    { renew: 1 },
    { renew: '0' },
    { lines: '[{"id":"a","name":null}]' },
    { name: 'ab' },
    { name: '北京' },
    { area: '北京,上海' },
    { area: 350_500 },
    { days: 'tu,mo' },
  ])('%o', (params) => {
    expect(problems(params)).toEqual([])
  })
})

describe('a parameter that does not fit', () => {
  it.each<[Params, string]>([
    [{ num: 0 }, 'num must be an integer from 1 to 100, not 0'],
    [{ num: 101 }, 'num must be an integer from 1 to 100, not 101'],
    [{ num: 1.5 }, 'num must be an integer from 1 to 100, not 1.5'],
    [{ num: 'ten' }, 'num must be an integer from 1 to 100, not "ten"'],
    [{ num: '' }, 'num must be an integer from 1 to 100, not ""'],
    [{ num: true }, 'num must be an integer from 1 to 100, not true'],
    [{ minutes: 0 }, 'minutes must be an integer from 1, not 0'],
    [{ distinct: 1 }, 'distinct must be true or false, not 1'],
    [{ renew: 2 }, 'renew must be true or false, 1, 0, not 2'],
    [{ lines: '[{"id":null}]' }, 'lines [0].id must be text'],
    [{ pt: 3 }, 'pt must be one of 1, 2, not 3'],
    [{ flag: 0 }, 'flag must be 1, not 0'],
    [{ distinct: 1 }, 'distinct must be true or false, not 1'],
    [{ name: 'a' }, 'name must be text from 2 to 4 characters long, not "a"'],
    [{ name: 'abcde' }, 'name must be text from 2 to 4 characters long, not "abcde"'],
    [{ area: '北京,,上海' }, 'area must be a comma-separated list, not "北京,,上海"'],
    [{ days: 'mo,we' }, 'days must be a comma-separated list of mo, tu, not "mo,we"'],
    [{ pin: '1234' }, 'pin must be 0000'],
    [{ aera: 1 }, 'aera is not a parameter of this call; did you mean area?'],
    [
      { quux: 1 },
      'quux is not a parameter of this call, which takes num, minutes, pt, flag, distinct, renew, lines, name, pin, area, days',
    ],
    [{ toString: 'x' }, expect.stringMatching(/^toString is not a parameter/)],
  ])('%o', (params, message) => {
    expect(problems(params)).toEqual([message])
  })

  it('all mistakes are told at once', () => {
    expect(problems({ num: 0, pt: 3 })).toHaveLength(2)
  })
})

describe('who wrote it', () => {
  it('the user sets neither what the gateway counts nor what the credentials give', () => {
    expect(problems({ num: 1, key: 'k' }, 'configured')).toEqual([
      'num is set by the gateway itself',
      'key is set by the gateway itself',
    ])
    expect(Object.keys(configurableParams(operation))).toEqual(Object.keys(operation.params).slice(2))
  })

  it('the operator counts, but does not write credentials by hand', () => {
    expect(problems({ num: 1, key: 'k' }, 'operator')).toEqual(['key comes from the credentials'])
  })

  it('what goes out is complete', () => {
    expect(problems({ pt: 1 }, 'engine')).toEqual(['key is missing: about', 'num is missing: about'])
    expect(problems({ num: 1, key: 'k' }, 'engine')).toEqual([])
  })
})
