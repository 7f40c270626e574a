/** The documents against the code: links, names and figures that a change would silently make wrong. */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { catalogue } from '../../../src/errors.ts'
import { anchors, codeBlocks, documents, headings, linkTargets, root, tableRows, textOf } from './markdown.ts'

/** Every file of TypeScript, with a slash in front. */
const sources = ['src', 'test'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `/${folder}/${name}`),
)

describe.each(documents)('%s', (document) => {
  const text = textOf(document)

  it('has links that lead somewhere', () => {
    const dead = linkTargets(text).filter((target) => !leadsSomewhere(document, target))
    expect(dead).toEqual([])
  })

  it('names only error codes that exist', () => {
    const named = text.match(/\bGW_[A-Z_]+\b/g) ?? []
    expect(named.filter((code) => !Object.hasOwn(catalogue, code) && !isPrefix(code))).toEqual([])
  })

  it('names only source files that exist', () => {
    const named = text.match(/(?<![\w/.-])(?:src|test|config|docker)\/[\w./-]+\.(?:ts|yaml|json|js)\b/g) ?? []
    expect(named.filter((path) => !existsSync(join(root, path)) && !path.includes('NAME'))).toEqual([])
    const inCode = Array.from(text.matchAll(/`([\w./-]+\.ts)`/g), ([, path = '']) => `/${path}`)
    expect(inCode.filter((path) => !sources.some((source) => source.endsWith(path)))).toEqual([])
  })

  it('tells nothing about the machine that it was written on', () => {
    expect(text).not.toMatch(/\/(?:work|tmp|root)\/|shared\//)
  })
})

/** `GW_VENDOR_` stands for all that begin so. */
function isPrefix(code: string): boolean {
  return code.endsWith('_') && Object.keys(catalogue).some((known) => known.startsWith(code))
}

function leadsSomewhere(document: string, target: string): boolean {
  if (/^https?:\/\//.test(target)) return URL.canParse(target)
  const [path = '', fragment] = target.split('#')
  const file = path === '' ? document : join(dirname(document), path)
  if (!existsSync(join(root, file))) return false
  return fragment === undefined || anchors(textOf(file)).has(fragment)
}

describe.each(documents.filter((name) => name.endsWith('.zh-CN.md')))('%s', (document) => {
  const english = document.replace('.zh-CN', '')

  it('leads where the English page leads', () => {
    const files = (name: string) =>
      new Set(linkTargets(textOf(name)).map((target) => (target.split('#')[0] ?? '').replace('.zh-CN', '')))
    const self = new Set(['', basename(english)])
    const others = (name: string) => [...files(name)].filter((path) => !self.has(path)).toSorted()
    expect(others(document)).toEqual(others(english))
  })
})

it('the reference of the configuration has the same figures in both languages', () => {
  const rows = (name: string) =>
    textOf(name)
      .split('\n')
      .flatMap((line) => {
        const [, key = '', words] = /^\| `([^`]+)` \|(.*)\|$/.exec(line) ?? []
        return words === undefined ? [] : [[key, words.match(/(?<![A-Za-z\d])\d+(?:[a-zA-Z]+\b)?/g)?.toSorted() ?? []]]
      })
  expect(rows('docs/configuration.md').length).toBeGreaterThan(100)
  expect(rows('docs/configuration.zh-CN.md')).toEqual(rows('docs/configuration.md'))
})

describe('docs/architecture.md', () => {
  const text = textOf('docs/architecture.md')
  const source = (path: string) => textOf(`src/${path}`)

  it('has a row for every folder and loose file of src', () => {
    const described = tableRows(text, 'folder', 'what', 'may not import').flatMap(([names = '']) =>
      Array.from(names.matchAll(/`([^`]+)`/g), ([, name]) => name),
    )
    const entries = readdirSync(join(root, 'src'), { withFileTypes: true })
    const present = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    expect(described.toSorted()).toEqual(present.toSorted())
  })

  it('names every import rule', () => {
    const rules = Array.from(textOf('.dependency-cruiser.cjs').matchAll(/name: '([\w-]+)'/g), ([, name]) => name)
    expect(rules.length).toBeGreaterThan(0)
    for (const rule of rules) expect(text).toContain(`\`${rule}\``)
  })

  it('tells every reason why an upstream goes', () => {
    const reasons = membersOfType(source('pool/upstream.ts'), 'GoneReason')
    const told = tableRows(text, 'gone because', '').flatMap(([cell = '']) => cell.match(/[\w-]+/g) ?? [])
    expect(told.toSorted()).toEqual(reasons.toSorted())
  })

  it('has the states of upstreams and of providers', () => {
    const upstream = tableRows(text, 'state', 'who may have it').map(([state]) => state)
    expect(upstream.toSorted()).toEqual(membersOfType(source('pool/upstream.ts'), 'UpstreamState').toSorted())
    const provider = tableRows(text, 'state', 'because', 'until').map(([state = '']) => state)
    const kinds = /interface ProviderState \{[^}]*?\bkind: ([^\n]*)/.exec(source('supply/provider-status.ts'))?.[1]
    expect([...new Set(provider)].toSorted()).toEqual(wordsOf(kinds).toSorted())
  })

  it('tells every way in which a tunnel ends', () => {
    const ends = membersOfType(source('proxy/relay.ts'), 'RelayEnd')
    expect(text).toContain(`ends: ${ends.join(' · ')}`)
  })
})

/** The words of `type Name = 'a' | 'b'`. @throws {Error} when there is no such type */
function membersOfType(source: string, name: string): string[] {
  return wordsOf(new RegExp(`type ${name} =([^\\n]*(?:\\n  \\|[^\\n]*)*)`).exec(source)?.[1])
}

function wordsOf(union: string | undefined): string[] {
  const members = union?.match(/'([\w-]+)'/g)?.map((word) => word.slice(1, -1)) ?? []
  if (members.length === 0) throw new Error('there is no such type')
  return members
}

describe('docs/adr', () => {
  const records = documents.filter((path) => path.startsWith('docs/adr/'))

  it('is numbered without gaps', () => {
    const numbers = records.map((path) => Number(/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1])).toSorted((a, b) => a - b)
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  })

  it.each(records)('%s says its number, context, decision and consequences', (path) => {
    const text = textOf(path)
    expect(headings(text, 1)[0]).toMatch(new RegExp(`^${/\d{4}/.exec(path)?.[0]}: `))
    expect(headings(text, 2)).toEqual(['Context', 'Decision', 'Consequences'])
  })
})

it('shell commands in the documents name npm scripts that exist, and that have something to run', () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Readonly<Record<string, string>> }
  const commands = documents.flatMap((path) => codeBlocks(textOf(path)).filter(({ language }) => language === 'sh'))
  const named = commands.flatMap(({ text }) =>
    Array.from(text.matchAll(/\bnpm (?:run ([\w:]+)|(start|test))\b/g), ([, script, short]) => script ?? short ?? ''),
  )
  expect(named.length).toBeGreaterThan(0)
  expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([])
  expect(named.filter((script) => !hasSomethingToRun(scripts[script] ?? ''))).toEqual([])
})

/** A script of Node needs its file, a tier of tests at least one. */
function hasSomethingToRun(command: string): boolean {
  const files = Array.from(command.matchAll(/\bnode ([\w./-]+\.ts)/g), ([, file = '']) => file)
  const tier = /--config \.vitest\/(\w+)\.ts/.exec(command)?.[1]
  const folders = tier === 'default' || tier === undefined ? [] : [`test/${tier}`]
  return [...files, ...folders].every((path) => existsSync(join(root, path)))
}
