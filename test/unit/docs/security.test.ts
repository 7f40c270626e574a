/** SECURITY.md: the table of limits against the schema of the configuration and the constants of the code. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { keyRows } from '../../../src/config/reference.ts'
import { root, tableRows, textOf } from './markdown.ts'

interface Limit {
  readonly limit: string
  readonly bound: string
  /** What stands between backquotes in the last column: a key, or a file and perhaps a constant of it. */
  readonly setBy: readonly string[]
}

const limits: Limit[] = tableRows(textOf('SECURITY.md'), 'limit', 'bound', 'set by').map(
  ([limit = '', bound = '', setBy = '']) => ({
    limit,
    bound,
    setBy: Array.from(setBy.matchAll(/`([^`]+)`/g), ([, text = '']) => text),
  }),
)
const isFile = ({ setBy: [first = ''] }: Limit) => first.startsWith('src/')

it('names where every limit is set, once', () => {
  expect(limits.length).toBeGreaterThan(30)
  for (const one of limits)
    expect([one.limit, one.setBy.length]).toEqual([one.limit, isFile(one) ? expect.any(Number) : 1])
  expect(new Set(limits.map(({ limit, bound }) => `${limit} ${bound}`)).size).toBe(limits.length)
})

it('has the defaults of the schema', () => {
  const defaults = new Map(keyRows().map(({ key, fallback }) => [key, fallback]))
  for (const limit of limits) {
    if (isFile(limit)) continue
    const [key = ''] = limit.setBy
    expect([key, defaults.get(key)]).toEqual([key, limit.bound])
  }
})

it('has every bound of the schema that is a cap, a buffer or a queue', () => {
  const named = limits.flatMap(({ setBy }) => setBy)
  const caps = keyRows().filter(({ key }) => /^limits\.|^wait\.|^session\.max|Bytes$|^pool\.ceiling/.test(key))
  expect(caps.map(({ key }) => key).filter((key) => !named.includes(key))).toEqual([])
})

it('has the constants of the code', () => {
  for (const { bound, setBy } of limits.filter(isFile)) {
    const [file = '', constant] = setBy
    expect([file, existsSync(join(root, file))]).toEqual([file, true])
    if (constant === undefined) continue
    const value = new RegExp(`^(?:export )?const ${constant} = ([\\d_]+)$`, 'm').exec(textOf(file))?.[1]
    expect([constant, bound.match(/\d+/g)?.at(-1)]).toEqual([constant, value?.replaceAll('_', '')])
  }
})
