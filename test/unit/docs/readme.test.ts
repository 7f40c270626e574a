/** Both READMEs against the code and against each other. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { operations } from '../../../src/admin/api/operations.ts'
import { check } from '../../../src/cli/check.ts'
import { keyRows } from '../../../src/config/reference.ts'
import { parseUserName } from '../../../src/downstream/username-options.ts'
import { catalogue } from '../../../src/errors.ts'
import { strategies } from '../../../src/strategy.ts'
import {
  type CodeBlock,
  codeBlocks,
  documents,
  headings,
  root,
  section,
  sectionNumber,
  tableRows,
  textOf,
} from './markdown.ts'

const english = textOf('README.md')
/** From its sign to the end of the line. */
const COMMENT = / +# .*$|(?:^| +)\/\/ .*$/gm
/** Documents that exist in both languages. */
const pairs = documents
  .filter((path) => path.endsWith('.zh-CN.md'))
  .map((path) => [path.replace('.zh-CN', ''), path] as const)
const everyDocument = documents.map((path) => [path, textOf(path)] as const)

const parts = {
  vendor: sectionOf('docs/getting-started.md', 'Use your own vendor'),
  options: sectionOf('docs/clients.md', 'Client options'),
  chosen: sectionOf('docs/clients.md', 'How an upstream is chosen'),
  fails: sectionOf('docs/errors.md', 'What a client sees'),
  packages: sectionOf('CONTRIBUTING.md', 'Packages'),
}

function sectionOf(document: string, title: string): string {
  const text = textOf(document)
  return section(text, sectionNumber(text, title))
}

describe.each(pairs)('%s and %s', (englishPath, chinesePath) => {
  const [inEnglish, inChinese] = [textOf(englishPath), textOf(chinesePath)]

  it('have as many headings', () => {
    for (const level of [2, 3]) expect(headings(inChinese, level).length).toBe(headings(inEnglish, level).length)
  })

  it('have the same code, comments aside', () => {
    const withoutComments = ({ language, text }: CodeBlock) => `${language}\n${text.replace(COMMENT, '')}`
    expect(codeBlocks(inChinese).map(withoutComments)).toEqual(codeBlocks(inEnglish).map(withoutComments))
  })

  it('have their comments in the language of the page', () => {
    const comments = codeBlocks(inChinese).flatMap(({ text }) => text.match(COMMENT) ?? [])
    expect(comments.filter((words) => /[a-z]+ [a-z]+/i.test(words) && !/\p{Script=Han}/u.test(words))).toEqual([])
  })

  it('have the same tables: as many rows, with the same code in the first column', () => {
    const firstCells = (text: string) =>
      Array.from(text.matchAll(/^\| ?(`[^|]*`) \|/gm), ([, cell = '']) =>
        cell.replace(/[、，]|\s(?:or|或)\s/g, ',').replace(/\s/g, ''),
      )
    expect(firstCells(inChinese)).toEqual(firstCells(inEnglish))
  })
})

it('README.md is short', () => expect(english.split('\n').length).toBeLessThanOrEqual(200))

describe('the table of keys', () => {
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
  it('for `check` is what is shown', () => {
    const file = 'config/examples/qg-share-channel.yaml'
    const printed = check(join(root, file), { QG_KEY: 'a', QG_PASSWORD: 'b' }).replaceAll(root, '/home/you/turnpike/')
    expect(printed.replace(`/home/you/turnpike/${file}`, file)).toBe(textBlock(parts.vendor))
  })
})

function textBlock(part: string): string {
  const block = codeBlocks(part).find(({ language }) => language === 'text')
  if (block === undefined) throw new Error('there is no block of text')
  return block.text
}

describe('client options', () => {
  const rows = tableRows(parts.options, 'option', 'also written', 'value', 'effect')
  const written = rows.flatMap(([name = '', also = '']) => `${name} ${also}`.match(/\w+/g) ?? [])

  it('are all there, under every name', () => {
    const table = /const optionOf[^{]*\{([^}]*)\}/.exec(textOf('src/downstream/username-options.ts'))?.[1] ?? ''
    const known = Array.from(table.matchAll(/^\s*(\w+):/gm), ([, name]) => name)
    expect(known.length).toBeGreaterThan(0)
    // A command, which is no option of a user name.
    expect([...written, 'rotate'].toSorted()).toEqual(known.toSorted())
  })

  it.each(written)('%s is one', (name) => {
    const value = rows.find(([first = '', also = '']) => `${first} ${also}`.includes(`\`${name}\``))?.[2] ?? ''
    const sample = name === 'strategy' ? 'random' : (/`([^`]+)`/.exec(value)?.[1] ?? '5')
    expect(Object.keys(parseUserName(`crawler-${name}-${sample}`).options)).toHaveLength(1)
  })

  it.each([['docs/clients.md', textOf('docs/clients.md')] as const])(
    'in the examples of %s are understood',
    (_, text) => {
      const logins = Array.from(
        codeBlocks(text)
          .map((block) => block.text)
          .join('')
          .matchAll(/:\/\/(crawler[^:]*):/g),
      )
      expect(logins.length).toBeGreaterThan(1)
      for (const [, userName = ''] of logins) expect(parseUserName(userName).account).toBe('crawler')
    },
  )
})

it('every strategy is in the table', () => {
  const rows = Array.from(parts.chosen.matchAll(/^\| `([\w-]+)` \|/gm), ([, name]) => name)
  expect(rows).toEqual(['strategy', ...strategies])
})

it('every status and SOCKS reply that a client can get is in the table', () => {
  const rows = tableRows(parts.fails, 'HTTP', 'SOCKS5', 'means')
  const listed = (column: number) => rows.flatMap((row) => row[column]?.split(', ') ?? [])
  const specs = Object.entries(catalogue).filter(([code]) => !code.startsWith('GW_VENDOR_'))
  // 501 is the HTTP status of a SOCKS error: no HTTP client can cause it. 0xFF is no reply but "no method" (RFC 1928 section 3).
  const statuses = new Set(specs.map(([, { http }]) => String(http)).filter((status) => status !== '501'))
  const replies = new Set(specs.map(([, { socks }]) => `0x${socks.toString(16).padStart(2, '0')}`))
  expect(listed(0).toSorted()).toEqual([...statuses].toSorted())
  expect(new Set(listed(1))).toEqual(new Set([...replies, '0xFF']))
})

it('CONTRIBUTING.md tells where every runtime dependency works', () => {
  const { dependencies } = JSON.parse(textOf('package.json')) as { dependencies: Readonly<Record<string, string>> }
  const named = Array.from(parts.packages.matchAll(/^\| (@?[a-z][\w/-]*) \|/gm), ([, name]) => name)
  const titles = new Set(['package'])
  expect(named.filter((name = '') => !titles.has(name)).toSorted()).toEqual(
    [...Object.keys(dependencies), 'vitest', 'recheck', 'luaparse'].toSorted(),
  )
})

it.each(everyDocument)('%s names admin paths that exist', (_, text) => {
  const known = Object.values(operations).map(({ path }) => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`))
  const paths = Array.from(text.matchAll(/127\.0\.0\.1:8081(\/[\w/.-]+\w)/g), ([, path = '']) => path)
  expect(paths.filter((path) => !known.some((pattern) => pattern.test(path)))).toEqual([])
})
