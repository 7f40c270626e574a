/**
 * Every block of YAML and every shell line of the documents: YAML is loaded as a configuration, commands of Turnpike are given to
 * its command line, requests to the demo vendor are sent (readme-run.test.ts), and what cannot run here is listed with the reason.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommanderError } from 'commander'
import { afterAll, describe, expect, it } from 'vitest'
import { check } from '../../../src/cli/check.ts'
import { type CliDeps, createProgram } from '../../../src/cli/program.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { makeCertificate } from '../../support/certificate.ts'
import { codeBlocks, documents, root, textOf } from './markdown.ts'

const folder = mkdtempSync(join(tmpdir(), 'turnpike-blocks-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What the documents name beside a configuration. */
const { cert, key } = makeCertificate('proxy.example')
writeFileSync(join(folder, 'proxy.pem'), cert)
writeFileSync(join(folder, 'proxy.key'), key)

const everyDocument = documents.map((path) => [path, textOf(path)] as const)

/** Every variable that a text names, set to something that fits its name. */
function environmentOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => [name, sampleOf(name)]))
}

function sampleOf(name: string): string {
  if (name.endsWith('_PATH')) return `/callback/${name}`
  return name.endsWith('_URL') ? `https://example.com/${name}` : `value-of-${name}-that-is-long-enough`
}

/** For parts of a configuration: the providers that examples of routes and groups name. */
const LISTS = `providers: [${['demo', 'qg-a', 'reserve'].map((name) => `{ name: ${name}, vendor: static, list: ["192.0.2.1:80"] }`)}]\n`

describe.each(everyDocument)('YAML of %s', (_, markdown) => {
  const blocks = codeBlocks(markdown).filter(({ language }) => language === 'yaml')
  if (blocks.length === 0) return it('is not there', () => expect(markdown).not.toContain('```yaml'))
  it.each(blocks.map(({ text }) => text))('%s', (text) => {
    const groups = /^routes:.* group /ms.test(text) ? blocks.find((block) => /^groups:/m.test(block.text))?.text : ''
    const whole = /^providers:/m.test(text) ? text : `${text}${groups ?? ''}${LISTS}`
    const file = join(folder, 'gateway.yaml')
    writeFileSync(file, whole)
    loadConfig(file, environmentOf(whole))
  })
})

/** The shell lines of a document, joined where one goes on, without comments. */
function shellLines(markdown: string): string[] {
  return codeBlocks(markdown)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) =>
      text
        .replaceAll(/\\\n\s*/g, ' ')
        .replaceAll(/<<(\w+)\n[\s\S]*?\n\1\n/g, '<<$1\n')
        .split('\n'),
    )
    .map((line) => line.replace(/\s#\s.*$/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
}

/** Lines that this tier does not run, and where they do run or why they cannot. */
const ELSEWHERE: readonly (readonly [line: RegExp, reason: string])[] = [
  [/^curl .*whoami\.demo/, 'sent by readme-run.test.ts and, with the real curl, by test/clients'],
  [/^curl .*turnpike\.internal/, 'test/integration/session-commands.test.ts sends the same requests'],
  [/^curl .*127\.0\.0\.1:8081\//, 'the paths are compared with the API below'],
  [/^curl .*example\.com/, 'a target outside of this machine; test/clients does the same with targets of its own'],
  [/^curl .*proxy\.example/, 'a gateway on another machine'],
  [
    /^npm (?:ci|start|install|run|test|pack)\b/,
    'documents.test.ts: the script exists; test/package installs and starts',
  ],
  [/^export \w+=/, 'variables of the shell'],
  [/^NODE_USE_ENV_PROXY=1 /, 'test/clients/node.test.ts'],
  [/^chromium /, 'test/clients/chromium.test.ts'],
  [/proxychains/, 'test/clients/proxychains.test.ts'],
  [/^docker /, 'no container engine in the tests; docker.test.ts reads the files'],
  [
    /^(?:git|node|cd|cp|mkdir|kill|sudo|systemctl|install|useradd|redis-server|kubectl|openssl) /,
    'tools of the system',
  ],
]

const isTurnpike = (line: string) => /^(?:npx )?turnpike\b|^npm start -- /.test(line)
const reasonOf = (line: string) => ELSEWHERE.find(([form]) => form.test(line))?.[1]

describe.each(everyDocument)('shell lines of %s', (_, markdown) => {
  it('run, or are listed with the reason', () => {
    expect(shellLines(markdown).filter((line) => !isTurnpike(line) && reasonOf(line) === undefined)).toEqual([])
  })

  it('name commands, arguments and options that the command line takes', async () => {
    for (const words of commandsOf(markdown)) expect(await parsed(words), words.join(' ')).toBe('')
  })

  it('name paths of the admin port that the API has', () => {
    const { paths } = JSON.parse(textOf('docs/openapi.json')) as { paths: object }
    const known = Object.keys(paths).map((path) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`))
    const named = shellLines(markdown).flatMap((line) => /127\.0\.0\.1:8081(\/[^\s'"?]*)/.exec(line)?.[1] ?? [])
    expect(named.filter((path) => path !== '/' && !known.some((form) => form.test(path)))).toEqual([])
  })
})

/** Commands of Turnpike in blocks and in the text, as words; what a shell does with `<`, `|` and `&&` is cut off. */
function commandsOf(markdown: string): string[][] {
  const inText = Array.from(
    markdown.matchAll(/`((?:npx turnpike|npm start --) [^`\n]+)`/g),
    ([, command = '']) => command,
  )
  return [...shellLines(markdown).filter(isTurnpike), ...inText].map((line) =>
    Array.from(
      line
        .replace(/^npm start --/, 'turnpike start')
        .replace(/^npx /, '')
        .split(/ (?:[<>|]|&&)/)[0]
        ?.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g) ?? [],
      ([, single, double, bare]) => single ?? double ?? bare ?? '',
    ).slice(1),
  )
}

/** @returns what the command line says against the words; '' when it takes them. No command runs */
async function parsed(words: readonly string[]): Promise<string> {
  let said = ''
  const deps = { out: () => {}, err: (text: string) => (said += text), environment: {} } as unknown as CliDeps
  const program = createProgram(deps, () => {})
  const commands = [...program.commands, ...program.commands.flatMap(({ commands: inner }) => inner)]
  for (const command of commands) if (command.commands.length === 0) command.action(() => {})
  if (words.length === 0) return ''
  await program.parseAsync([...words], { from: 'user' }).catch((error: unknown) => {
    if (!(error instanceof CommanderError && error.exitCode === 0)) said ||= String(error)
  })
  return said
}

it('turnpike check finds no mistake in any file that a document has checked', () => {
  const files = everyDocument.flatMap(([, markdown]) =>
    commandsOf(markdown)
      .filter(([command]) => command === 'check')
      .map((words) => words[words.indexOf('--config') + 1] ?? ''),
  )
  const shipped = [...new Set(files)].map((name) => name.replace(/^(?:config\/examples\/)?/, 'config/examples/'))
  const examples = shipped.filter((name) => name !== 'config/examples/my.yaml')
  expect(examples.length).toBeGreaterThan(8)
  for (const name of examples) expect(check(join(root, name), environmentOf(textOf(name))), name).toContain('is valid')
})
