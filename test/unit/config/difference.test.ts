import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { applicable, changesOf } from '../../../src/config/difference.ts'
import { parseConfig } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/schema.ts'

const folder = join(import.meta.dirname, '../../../config/examples')
const examples = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
/** Every variable that a file names, set to something. */
const environmentOf = (text: string) =>
  Object.fromEntries(
    Array.from(text.matchAll(/\$\{(\w+)\}/g), ([, name = '']) => [
      name,
      name.endsWith('_URL') ? `https://example.com/${name}` : `value-of-${name}`,
    ]),
  )

const read = (text: string) => parseConfig(text, join(folder, 'gateway.yaml'), {})
const list = 'vendor: static, list: ["127.0.0.2:8000"]'
const config = (rest: string): Config => read(`providers: [{ name: a, ${list} }]\n${rest}`)

describe('what has changed', () => {
  // What the schema makes of a file must be comparable: else each reload would replace every provider.
  it.each(examples)('is nothing between two readings of %s', (name) => {
    const text = readFileSync(join(folder, name), 'utf8')
    const once = () => parseConfig(text, join(folder, name), environmentOf(text))
    expect(changesOf(once(), once())).toEqual([])
  })

  it('is told by first keys, and for providers by name', () => {
    const next = read(`providers: [{ name: a, ${list}, weight: 2 }, { name: b, ${list} }]\npool: { floor: 1 }`)
    expect(changesOf(config(''), next)).toEqual(['providers.a', 'providers.b', 'pool'])
  })

  it('is a secret too', () => {
    const user = (password: string) => config(`listen: [{ users: [{ name: u, password: ${password} }] }]`)
    expect(changesOf(user('first-password-1'), user('other-password-2'))).toEqual(['listen'])
    expect(changesOf(user('first-password-1'), user('first-password-1'))).toEqual([])
  })
})

it('what needs a restart keeps its former value', () => {
  const former = config('state: off\nlog: { format: json }')
  const next = config('state: { path: /tmp/other }\nlog: { format: pretty, level: debug }')
  const { config: applied, needsRestart } = applicable(former, next)
  expect(needsRestart).toEqual(['state', 'log.format'])
  expect(applied).toMatchObject({ state: 'off', log: { format: 'json', level: 'debug' } })
})
