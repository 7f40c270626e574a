/** `turnpike call PROVIDER`: what the key of the product can use comes first. */
import { expect, it } from 'vitest'
import { listOperations, renderOperations } from '../../../src/cli/operations.ts'
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
  ['exclusive-locked', ['monopoly/get', 'legacy/monopolies', ...ACCOUNT]],
])('qg %s', (product, expected) => {
  expect(usable('qg', product, { key: 'INVENTED' }).toSorted()).toEqual(expected.toSorted())
})

it('qg-legacy dedicated: neither extract, lines nor the account look-ups', () => {
  const names = usable('qg-legacy', 'dedicated', { Key: 'INVENTED' })
  expect(names).toEqual(expect.arrayContaining(['allocate', 'replace', 'release', 'query', 'info/quota', 'resources']))
  for (const other of ['extract', 'monopolies', 'getBalance']) expect(names).not.toContain(other)
})

it('comes first, and the rest under a line of its own', () => {
  const operations = listed('qg', 'overseas-channel', { key: 'INVENTED' })
  const flags = operations.map(({ isUsable }) => isUsable)
  expect(flags).toEqual(flags.toSorted((a, b) => Number(b) - Number(a)))
  const text = renderOperations('title', operations)
  const at = text.indexOf('Of other products: this key is refused there.')
  expect(text.indexOf('\noverseas-channel/get')).toBeLessThan(at)
  expect(text.indexOf('\nshare-channel/get')).toBeGreaterThan(at)
  expect(renderOperations('t', listed('juliangip', 'dynamic', { trade_no: '1', key: 'k' }))).not.toContain('Of other')
})
