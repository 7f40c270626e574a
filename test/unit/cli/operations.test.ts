/** `turnpike call PROVIDER` in Chinese: every vendor's descriptions, the words around them, and columns that line up. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ListedOperation, listOperations, renderOperations } from '../../../src/cli/operations.ts'
import { displayWidth } from '../../../src/cli/table.ts'
import { chineseDescription, descriptionTexts } from '../../../src/messages/chinese/operations.ts'
import { useLanguage } from '../../../src/messages/language.ts'
import { translateSentence } from '../../../src/messages/translate.ts'
import { parseGateway } from '../../../src/vendors/gateway/settings.ts'
import { parseOwn } from '../../../src/vendors/generic/settings.ts'
import { expectation, vendorNames } from '../../../src/vendors/registry.ts'
import { ipipvCredentials } from '../../fixtures/vendors/ipipv.ts'
import { type SettingsOf, scripted } from '../vendors/scripted-http.ts'

const call = { url: 'http://api.vendor.example/x', limit: { calls: 1, per: '1s' } }
const field = { ...call, format: 'text', value: '$' }
const generic = (rest: object) => parseOwn({ ...call, format: 'text', ...rest })

/** One provider of each vendor, with every operation that it can have. */
const providers: readonly SettingsOf[] = [
  { vendor: 'juliangip', product: 'dynamic', credentials: { trade_no: '1', key: 'k' } },
  { vendor: 'qg', product: 'share-channel', credentials: { key: 'INVENTED' } },
  { vendor: 'qg-legacy', product: 'dedicated', credentials: { Key: 'INVENTED' } },
  { vendor: 'smartproxy', product: 'dynamic', credentials: { app_key: 'INVENTED' } },
  { vendor: 'ipipv', product: 'dynamic-password', credentials: ipipvCredentials },
  { vendor: 'demo', product: 'channel', credentials: { key: 'k' } },
  {
    vendor: 'gateway',
    product: 'sessions',
    own: parseGateway({ host: 'g.example', port: 1, username: 'u-{session}', password: 'p', life: '1m' }),
  },
  {
    vendor: 'generic',
    product: 'list',
    own: generic({
      url: 'http://api.vendor.example/take?n={num}',
      login: { ...call, format: 'text', life: '10m' },
      operations: {
        query: call,
        release: { ...call, url: `${call.url}?ref={ref}` },
        whitelistAdd: { ...call, url: `${call.url}?ip={ip}&all={ips}` },
        whitelistRemove: { ...call, url: `${call.url}?id={id}` },
        whitelistList: { ...call, fields: { id: 2 } },
        whitelistSave: call,
        whitelistEcho: field,
        balance: field,
      },
    }),
  },
  {
    vendor: 'generic',
    product: 'list',
    own: generic({ url: 'http://api.vendor.example/list?page={page}&from={offset}', owned: true }),
  },
]

const listed = (settings: SettingsOf) => listOperations(scripted(settings).source)
const everything = providers.flatMap(listed)
const descriptionsOf = ({ about, unproven, params }: ListedOperation) => [
  about,
  ...(unproven === undefined ? [] : [unproven]),
  ...params.map((param) => param.about),
]
/** Words of English, and none of a protocol, a place in a document or a value. */
const isEnglish = (text: string) => /\b(?:the|of|a|an|is|one|only|how|with|from|to|each)\b/.test(text)

it('here is a provider of every vendor that has operations', () => {
  expect(new Set([...providers.map(({ vendor }) => vendor), 'static'])).toEqual(new Set(vendorNames))
})

describe('in Chinese', () => {
  beforeEach(() => useLanguage('zh'))
  afterEach(() => useLanguage('en'))

  it.each([...new Set(everything.flatMap(descriptionsOf))])('a description: %s', (english) => {
    expect(Object.keys(descriptionTexts)).toContain(english)
    const chinese = chineseDescription(english)
    expect([/\p{Script=Han}/u.test(chinese), isEnglish(chinese)]).toEqual([true, false])
  })

  it.each([...new Set(everything.flatMap(({ params }) => params.map(expectation)))])('a type: %s', (english) => {
    const chinese = translateSentence(english)
    expect(isEnglish(chinese) ? chinese : '').toBe('')
    // A single value is the same in both languages.
    if (/[a-z] /.test(english)) expect(chinese).toMatch(/\p{Script=Han}/u)
  })

  it('what a text, a list and a number may be', () => {
    const types = [
      { type: 'integer', min: 1, max: 100 },
      { type: 'integer' },
      { type: 'integer', max: 9 },
      { type: 'boolean', values: [1, 0] },
      { type: 'string', min: 1, max: 32 },
      { type: 'string', min: 6 },
      { type: 'csv', format: 'ip-or-all' },
      { type: 'csv', format: 'date-time' },
      { type: 'csv', values: [1, 2] },
    ] as const
    const words = types.map((param) => translateSentence(expectation({ ...param, about: '', term: '' })))
    expect(words).toEqual([
      '1 到 100 的整数',
      '整数',
      '不大于 9 的整数',
      'true 或 false，或 1, 0',
      '文本，1 到 32 个字符',
      '文本，至少 6 个字符',
      '以逗号分隔的列表：IP 地址，或用 * 表示全部',
      '以逗号分隔的列表：时间',
      '以逗号分隔的列表：1, 2',
    ])
  })

  it('an operation: full-width marks, and columns that line up', () => {
    const [getips] = listed(providers[0] as SettingsOf)
    const lines = renderOperations('title', getips === undefined ? [] : [getips]).split('\n')
    expect(lines.slice(2, 5)).toEqual([
      'getips  GET，购买（--yes），每秒 10 次',
      '  提取地址',
      `    num          1 到 100 的整数；必填${' '.repeat(22)}地址数量（提取数量）`,
    ])
    const starts = lines.slice(4, -1).map((line) => displayWidth(/^ {4}\S+ +.*? {2,}(?=\S)/.exec(line)?.[0] ?? ''))
    expect([starts.length, new Set(starts).size]).toEqual([15, 1])
  })

  it('no description is left over', () => {
    const terms = everything.flatMap(({ params }) => params.map(({ term }) => term))
    const used = new Set([...everything.flatMap(descriptionsOf), ...terms])
    expect(Object.keys(descriptionTexts).filter((english) => !used.has(english))).toEqual([])
  })
})

it('in English, with the words of the document in brackets where they differ', () => {
  const words = { about: 'how many', term: '数量' }
  const operation: ListedOperation = {
    ...{ name: 'get', about: 'takes addresses', document: '', method: 'GET', effect: 'buys', isUsable: true },
    limit: { calls: 2, perSeconds: 1 },
    params: [
      { name: 'num', type: 'integer', min: 1, required: true, ...words },
      { name: 'id', type: 'string', about: 'vsp', term: 'vsp' },
    ],
  }
  expect(renderOperations('title', [operation])).toBe(`title

get  GET, buys (--yes), 2 calls a second
  takes addresses
    num  an integer from 1; required  how many (数量)
    id   text                         vsp
`)
})
