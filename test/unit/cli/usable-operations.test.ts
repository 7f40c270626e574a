/** `turnpike call PROVIDER`: what the key of the product can use comes first. */
import { describe, expect, it } from 'vitest'
import { listOperations, renderOperations } from '../../../src/cli/operations.ts'
import type { Product } from '../../../src/vendors/contract/vendor.ts'
import { ipipv } from '../../../src/vendors/ipipv.ts'
import { juliangip } from '../../../src/vendors/juliangip.ts'
import { accountLookups } from '../../../src/vendors/qg/account-lookups.ts'
import { qg } from '../../../src/vendors/qg.ts'
import { qgLegacy } from '../../../src/vendors/qg-legacy.ts'
import { smartproxy } from '../../../src/vendors/smartproxy.ts'
import { ipipvCredentials } from '../../fixtures/vendors/ipipv.ts'
import { scripted } from '../vendors/scripted-http.ts'

const listed = (vendor: string, product: string, credentials: Record<string, string>) =>
  listOperations(scripted({ vendor, product, credentials }).source)
const usable = (...args: Parameters<typeof listed>) =>
  listed(...args).flatMap(({ name, isUsable }) => (isUsable ? name : []))

const ACCOUNT = [
  'legacy/whitelist/add',
  'legacy/whitelist/del',
  'legacy/whitelist/query',
  'legacy/info/quota',
  'legacy/caller-ip',
]

it.each([
  ['overseas-channel', ['overseas-channel/get', ...ACCOUNT]],
  ['share-volume', ['share-volume/get', 'share/channels', 'share/resources', 'share/balance', ...ACCOUNT]],
  ['exclusive-locked', ['monopoly/get', 'legacy/monopolies', 'legacy/resources', ...ACCOUNT]],
])('qg %s', (product, expected) => {
  expect(usable('qg', product, { key: 'INVENTED' }).toSorted()).toEqual(expected.toSorted())
})

it('qg-legacy dedicated: neither extract, lines nor the account look-ups', () => {
  const names = usable('qg-legacy', 'dedicated', { Key: 'INVENTED' })
  expect(names).toEqual(expect.arrayContaining(['allocate', 'replace', 'release', 'query', 'info/quota', 'resources']))
  for (const other of ['extract', 'monopolies', 'getBalance']) expect(names).not.toContain(other)
})

it.each([
  ['dynamic', 'ip/v3', 'ip/get-static-ip'],
  ['static', 'ip/get-static-ip', 'ip/v3'],
])('smartproxy %s: the list of the other product is not its own, the account is', (product, own, other) => {
  const names = usable('smartproxy', product, { app_key: 'INVENTED' })
  expect(names).toEqual(expect.arrayContaining([own, 'user-product/list', 'whitelist-account/add']))
  expect(names).not.toContain(other)
})

it.each([
  [
    'static',
    ['instance/open', 'instance', 'assign/ip/info', 'order', 'info'],
    ['user', 'proxy/draw/pwd', 'product/area'],
  ],
  [
    'dynamic-password',
    ['proxy/draw/pwd', 'proxy/user', 'instance/open', 'order'],
    ['proxy/draw/api', 'instance', 'instance/renew'],
  ],
  ['dynamic-api', ['proxy/draw/api', 'proxy/addIpWhiteList', 'product/area'], ['proxy/draw/pwd', 'assign/ip/info']],
])('ipipv %s', (product, own, others) => {
  const instances = product === 'static' ? { own: { instances: ['INVENTED'] } } : {}
  const { source } = scripted({ vendor: 'ipipv', product, credentials: ipipvCredentials, ...instances })
  const names = listOperations(source).flatMap(({ name, isUsable }) => (isUsable ? name : []))
  expect(names).toEqual(expect.arrayContaining(own))
  for (const other of others) expect(names).not.toContain(other)
})

describe.each([ipipv, juliangip, qg, qgLegacy, smartproxy])('$name', ({ name, operations, products }) => {
  const all = Object.entries(products)

  it.each(all)('%s can use what it is made of', (_product, { canCall = () => true, ...product }) => {
    const { extract, query = extract, release, replace, follow, areas } = product
    for (const used of [extract, query, ...[release, replace, follow, areas].flatMap((each) => each?.operation ?? [])])
      expect([used, canCall(used)]).toEqual([used, true])
  })

  it('every call is of some product, or an account look-up', () => {
    const others = Object.keys(operations).filter(
      (operation) => !all.some(([, { canCall }]) => canCall?.(operation) ?? true),
    )
    const lookups = Object.keys(accountLookups)
    expect(others).toEqual(name === 'qg-legacy' ? expect.arrayContaining(lookups) : [])
    expect(others.length).toBe(name === 'qg-legacy' ? lookups.length : 0)
  })

  it('with several products, each leaves some calls to the others', () => {
    const isAll = ({ canCall = () => true }: Product) => Object.keys(operations).every((each) => canCall(each))
    expect(all.filter(([, product]) => isAll(product)).map(([product]) => product)).toEqual(
      all.length === 1 ? [all[0]?.[0]] : [],
    )
  })
})

it('comes first, and the rest under a line of its own', () => {
  const operations = listed('qg', 'overseas-channel', { key: 'INVENTED' })
  const flags = operations.map(({ isUsable }) => isUsable)
  expect(flags).toEqual(flags.toSorted((a, b) => Number(b) - Number(a)))
  const text = renderOperations('title', operations)
  const at = text.indexOf('Of other products, of no use to this one:')
  expect(text.indexOf('\noverseas-channel/get')).toBeLessThan(at)
  expect(text.indexOf('\nshare-channel/get')).toBeGreaterThan(at)
  expect(renderOperations('t', listed('juliangip', 'dynamic', { trade_no: '1', key: 'k' }))).not.toContain('Of other')
})
