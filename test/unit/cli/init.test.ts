import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listExamples } from '../../../src/cli/examples.ts'
import { type InitOptions, init } from '../../../src/cli/init.ts'
import { lineReader } from '../../../src/cli/line-reader.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { useLanguage } from '../../../src/messages/language.ts'

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-init-'))
  file = join(folder, 'gateway.yaml')
})
afterEach(() => {
  useLanguage('en')
  rmSync(folder, { recursive: true })
})

async function run(answers: string, options: Partial<InitOptions> = {}, isInputTerminal = false) {
  const input = new PassThrough()
  input.end(answers)
  const asked: string[] = []
  const deps = { nextLine: lineReader(input), isInputTerminal, err: (text: string) => void asked.push(text) }
  return { out: await init({ config: file, ...options }, deps), asked: asked.join('') }
}
const textOf = (name: string) => readFileSync(join(folder, name), 'utf8')

it('asks for vendor and product, and writes both files', async () => {
  const { out, asked } = await run('qg\nshare-channel\n')
  expect(asked).toMatch(/^Vendor:\n +1 {2}demo\n/)
  expect(asked).toContain('share-channel')
  expect(textOf('gateway.yaml')).toContain('product: share-channel\n')
  expect(textOf('.env.example')).toMatch(/^# Variables of .*\nQG_KEY=\nQG_PASSWORD=\n$/)
  expect(out).toContain('then fill in: QG_KEY, QG_PASSWORD')
})

it('takes numbers, and asks nothing that the command line says', async () => {
  expect((await run('1\n')).asked).not.toContain('Product')
  rmSync(file)
  const { asked } = await run('', { vendor: 'qg', product: 'share-pool' })
  expect(asked).toBe('')
  expect(textOf('gateway.yaml')).toContain('product: share-pool\n')
})

it('adds the names that a .env.example of another configuration lacks', async () => {
  writeFileSync(join(folder, '.env.example'), 'MINE=1\n# QG_KEY=')
  const { out } = await run('qg\nshare-pool\n')
  expect(textOf('.env.example')).toBe('MINE=1\n# QG_KEY=\nQG_PASSWORD=\n')
  expect(out).toMatch(/added to .*\.env\.example: QG_PASSWORD\n/)
  rmSync(file)
  expect((await run('qg\nshare-pool\n')).out).not.toContain('added to')
  expect(textOf('.env.example')).toBe('MINE=1\n# QG_KEY=\nQG_PASSWORD=\n')
})

it('never advises to copy over a .env: it names what that lacks', async () => {
  writeFileSync(join(folder, '.env'), 'MINE=secret\nQG_KEY=k\nQG_PASSWORD=\n')
  const { out } = await run('qg\nshare-pool\n')
  expect(out).not.toContain('cp ')
  expect(out).toContain(`add to ${join(folder, '.env')}, with their values: QG_PASSWORD\n`)
  writeFileSync(join(folder, '.env'), 'QG_KEY=k\nQG_PASSWORD=p\n')
  rmSync(file)
  expect((await run('qg\nshare-pool\n')).out).toMatch(/next:\n {2}turnpike check/)
})

it('overwrites no configuration, and asks nothing when it could write nothing', async () => {
  writeFileSync(file, 'mine\n')
  await expect(run('qg\nshare-pool\n')).rejects.toThrow('exists and is not overwritten')
  expect(textOf('gateway.yaml')).toBe('mine\n')
})

describe('an answer that is none', () => {
  it.each([
    ['qq\n', 'there is no choice qq'],
    ['99\n', 'there is no choice 99'],
    ['\n', 'there is no choice ***'],
    ['', 'standard input ended before the answer: give it with --vendor'],
    ['qg\n', 'standard input ended before the answer: give it with --product'],
  ])('%j from a pipe is a mistake', async (answers, words) => {
    await expect(run(answers)).rejects.toThrow(words)
  })

  it('from a person is asked again', async () => {
    const { asked } = await run('qq\nqg\nshare-pol\nshare-pool\n', {}, true)
    expect(asked).toContain('there is no choice qq')
    expect(asked).toContain('Did you mean share-pool?')
  })

  it('on the command line is a mistake', async () => {
    await expect(run('', { vendor: 'qg', product: 'none' })).rejects.toThrow('there is no choice none')
    await expect(run('', { vendor: 'demo', product: 'x' })).rejects.toThrow('demo has no products')
  })
})

it('asks in Chinese', async () => {
  useLanguage('zh')
  const { out, asked } = await run('qg\nshare-pool\n')
  expect(asked).toMatch(/^供应商：|^供应商:/)
  expect(out).toContain('下一步')
})

it.each(listExamples().map(({ vendor, product }) => [vendor, product] as const))(
  'writes a configuration that is valid for %s %s',
  async (vendor, product) => {
    await run('', { vendor, ...(product === '' ? {} : { product }) })
    const names = Array.from(textOf('gateway.yaml').matchAll(/\$\{(\w+)\}/g), ([, name = '']) => name)
    const values = names.map((name) => [name, name.endsWith('_URL') ? `https://x.example/${name}` : `value-of-${name}`])
    expect(loadConfig(file, Object.fromEntries(values)).providers).not.toEqual([])
  },
)
