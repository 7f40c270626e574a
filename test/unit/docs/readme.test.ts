/** Both READMEs against the code and against each other. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { check } from '../../../src/cli/check.ts'
import { type CliDeps, runCli } from '../../../src/cli/cli.ts'
import { explainFailure } from '../../../src/cli/words.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { parseUserName } from '../../../src/downstream/username-options.ts'
import { catalogue } from '../../../src/errors.ts'
import { strategies } from '../../../src/strategy.ts'
import { keyRows, toMarkdown } from './config-table.ts'
import { type CodeBlock, codeBlocks, headings, root, section, sectionNumber, tableRows, textOf } from './markdown.ts'

const english = textOf('README.md')
const chinese = textOf('README.zh-CN.md')
const readmes = [
  ['README.md', english],
  ['README.zh-CN.md', chinese],
] as const

/** Places of `## ` headings, the same in both. */
const at = {
  vendor: sectionNumber(english, 'Use your own vendor'),
  configure: sectionNumber(english, 'Configure'),
  options: sectionNumber(english, 'Client options'),
  chosen: sectionNumber(english, 'How an upstream is chosen'),
  fails: sectionNumber(english, 'When it fails'),
  packages: sectionNumber(english, 'Packages'),
}

it('both have the same headings', () => {
  for (const level of [2, 3]) expect(headings(chinese, level).length).toBe(headings(english, level).length)
  expect(headings(english, 2).length).toBeGreaterThan(10)
})

it('both have the same code, comments aside', () => {
  const withoutComments = ({ language, text }: CodeBlock) => `${language}\n${text.replace(/ +# .*$/gm, '')}`
  expect(codeBlocks(chinese).map(withoutComments)).toEqual(codeBlocks(english).map(withoutComments))
})

it('both have the same tables: as many rows, with the same code in the first column', () => {
  const firstCells = (text: string) =>
    Array.from(text.matchAll(/^\| ?(`[^|]*`) \|/gm), ([, cell = '']) => cell.replace(/[、，]/g, ',').replace(/\s/g, ''))
  expect(firstCells(chinese)).toEqual(firstCells(english))
})

/** Every variable that a text names, set to something. */
function environmentOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => [name, sampleOf(name)]))
}

function sampleOf(name: string): string {
  return name.endsWith('_URL') ? `https://example.com/${name}` : `value-of-${name}`
}

describe('YAML', () => {
  it.each(readmes)('of %s is a configuration', (name, text) => {
    const blocks = codeBlocks(text).filter(({ language }) => language === 'yaml')
    expect(blocks.length).toBeGreaterThan(2)
    for (const block of blocks) parseConfig(block.text, join(root, name), environmentOf(block.text))
  })
})

describe('the table of keys', () => {
  it('of README.md is what src/config says', () => {
    const expected = keyRows().map(toMarkdown)
    const written = section(english, at.configure).split('\n')
    const start = written.indexOf('|---|---|---|') + 1
    const actual = written.slice(start, start + expected.length + 1).filter((line) => line.startsWith('|'))
    expect(actual, `paste this into README.md:\n${expected.join('\n')}\n`).toEqual(expected)
  })

  it('of README.zh-CN.md has the same keys and defaults', () => {
    const expected = keyRows().map(({ key, fallback }) => [`\`${key}\``, fallback === '' ? '' : `\`${fallback}\``])
    const rows = tableRows(section(chinese, at.configure), '键', '默认值', '含义')
    expect(rows.map((row) => row.slice(0, 2))).toEqual(expected)
    for (const [key, , meaning] of rows) expect(meaning, key).toMatch(/\p{Script=Han}|^auto/u)
  })

  it('names no key that the code does not read', () => {
    const code = sourceOutsideConfig()
    const names = keyRows().flatMap(({ key }) => key.match(/\w+(?=(\[\])?$)/)?.[0] ?? [])
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([])
  })
})

function sourceOutsideConfig(): string {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const read = files.filter((name) => name.endsWith('.ts') && !/^(config|cli)\//.test(name))
  return read.map((name) => textOf(`src/${name}`).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')).join('\n')
}

describe('what the command line prints', () => {
  it('for mistakes is what is shown', () => {
    const broken = textOf('gateway.yaml').replace('  floor: 5', '  flor: 5').replace('idleAfter: 60s', 'idleAfter: 60')
    const shown = textBlock(section(english, at.configure))
    let printed = ''
    try {
      parseConfig(broken, 'gateway.yaml', {})
    } catch (error) {
      printed = explainFailure(error).text
    }
    expect(printed).toBe(shown)
  })

  it('for `check` is what is shown', () => {
    const file = 'config/examples/qg-share-channel.yaml'
    const printed = check(join(root, file), { QG_KEY: 'a', QG_PASSWORD: 'b' }).replaceAll(root, '/home/you/turnpike/')
    expect(printed.replace(`/home/you/turnpike/${file}`, file)).toBe(textBlock(section(english, at.vendor)))
  })

  it.each(readmes)('knows the commands that %s names', async (_, text) => {
    const lines = Array.from(
      text.matchAll(/(?:node src\/main\.ts|npm start --) ?((?:start|check|status|call|test-source)?[^`\n]*)/g),
      ([, rest = '']) => rest.trim().split(' '),
    )
    expect(lines.length).toBeGreaterThan(2)
    for (const words of lines) {
      const command = words[0]?.startsWith('-') === false && words[0] !== '' ? words[0] : 'start'
      const help = await helpOf(command)
      for (const option of words.filter((word) => word.startsWith('--'))) expect(help, command).toContain(option)
    }
    for (const command of /`turnpike ((?:\w[\w-]*(?: \| )?)+)`/.exec(text)?.[1]?.split(' | ') ?? [])
      await helpOf(command)
  })
})

function textBlock(part: string): string {
  const block = codeBlocks(part).find(({ language }) => language === 'text')
  if (block === undefined) throw new Error('there is no block of text')
  return block.text
}

async function helpOf(command: string): Promise<string> {
  let printed = ''
  const deps = { out: (text: string) => (printed += text), err: () => {}, environment: {} } as unknown as CliDeps
  expect(await runCli([command, '--help'], deps)).toBe(0)
  // Commander answers for an unknown command too, with the help of all.
  expect(printed).toContain(`Usage: turnpike ${command} `)
  return printed
}

describe('client options', () => {
  const rows = tableRows(section(english, at.options), 'option', 'also written', 'value', 'effect')
  const written = rows.flatMap(([name = '', also = '']) => `${name} ${also}`.match(/\w+/g) ?? [])

  it('are all there, under every name', () => {
    const table = /const optionOf[^{]*\{([^}]*)\}/.exec(textOf('src/downstream/username-options.ts'))?.[1] ?? ''
    const known = Array.from(table.matchAll(/^\s*(\w+):/gm), ([, name]) => name)
    expect(known.length).toBeGreaterThan(0)
    expect(written.toSorted()).toEqual(known.toSorted())
  })

  it.each(written)('%s is one', (name) => {
    const value = rows.find(([first = '', also = '']) => `${first} ${also}`.includes(`\`${name}\``))?.[2] ?? ''
    const sample = name === 'strategy' ? 'random' : (/`([^`]+)`/.exec(value)?.[1] ?? '5')
    expect(Object.keys(parseUserName(`crawler-${name}-${sample}`).options)).toHaveLength(1)
  })

  it.each(readmes)('in the examples of %s are understood', (_, text) => {
    const logins = Array.from(
      codeBlocks(text)
        .map((block) => block.text)
        .join('')
        .matchAll(/:\/\/(crawler[^:]*):/g),
    )
    expect(logins.length).toBeGreaterThan(1)
    for (const [, userName = ''] of logins) expect(parseUserName(userName).account).toBe('crawler')
  })
})

it.each([english, chinese])('every strategy is in the table', (text) => {
  const rows = Array.from(section(text, at.chosen).matchAll(/^\| `([\w-]+)` \|/gm), ([, name]) => name)
  expect(rows).toEqual(['strategy', ...strategies])
})

it.each([english, chinese])('every status and SOCKS reply that a client can get is in the table', (text) => {
  const rows = tableRows(section(text, at.fails), 'HTTP', 'SOCKS5', text === english ? 'means' : '含义')
  const listed = (column: number) => rows.flatMap((row) => row[column]?.split(', ') ?? [])
  const specs = Object.entries(catalogue).filter(([code]) => !code.startsWith('GW_VENDOR_'))
  // 501 is the HTTP status of a SOCKS error: no HTTP client can cause it. 0xFF is no reply but "no method" (RFC 1928 section 3).
  const statuses = new Set(specs.map(([, { http }]) => String(http)).filter((status) => status !== '501'))
  const replies = new Set(specs.map(([, { socks }]) => `0x${socks.toString(16).padStart(2, '0')}`))
  expect(listed(0).toSorted()).toEqual([...statuses].toSorted())
  expect(new Set(listed(1))).toEqual(new Set([...replies, '0xFF']))
})

it.each(readmes)('%s tells where every runtime dependency works', (_, text) => {
  const { dependencies } = JSON.parse(textOf('package.json')) as { dependencies: Readonly<Record<string, string>> }
  const named = Array.from(section(text, at.packages).matchAll(/^\| (@?[a-z][\w/-]*) \|/gm), ([, name]) => name)
  const titles = new Set(['package'])
  expect(named.filter((name = '') => !titles.has(name)).toSorted()).toEqual(
    [...Object.keys(dependencies), 'vitest', 'recheck'].toSorted(),
  )
})

it.each(readmes)('%s names admin paths that exist', (_, text) => {
  const operations = textOf('src/admin/api/operations.ts')
  const paths = Array.from(text.matchAll(/127\.0\.0\.1:8081(\/[\w/]+)/g), ([, path = '']) => path)
  expect(paths.length).toBeGreaterThan(3)
  for (const path of paths) expect(operations).toContain(`'${path}'`)
})
