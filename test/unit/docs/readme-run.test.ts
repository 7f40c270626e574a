/**
 * The first commands that anybody types, run as they stand in the README against the checked-in gateway.yaml. Sockets in a
 * unit test, because what is tested is a document; the same lines with the real curl are in test/clients.
 */
import { tmpdir } from 'node:os'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type App, startApp } from '../../../src/app/app.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { createLog } from '../../../src/log/log.ts'
import { type ConnectOptions, closeClients, connectVia, plain, socks4a, socks5 } from '../../support/client.ts'
import { codeBlocks, section, sectionNumber, textOf } from './markdown.ts'

const readme = textOf('README.md')
const parts = {
  run: section(readme, sectionNumber(readme, 'Run it in a minute')),
  options: sectionOf('docs/clients.md', 'Client options'),
  fails: sectionOf('docs/errors.md', 'What a client sees'),
}

function sectionOf(document: string, title: string): string {
  const text = textOf(document)
  return section(text, sectionNumber(text, title))
}

let app: App
let port = 0

beforeAll(async () => {
  const yaml = `${textOf('gateway.yaml')}`
    .replace('port: 8080', 'port: 0')
    .replace(/^admin:.*$/m, 'admin: off')
    .replace(/^state:.*$/m, 'state: off')
  const log = createLog({ level: 'silent', format: 'json' }, { write: () => {} })
  app = await startApp(parseConfig(yaml, `${tmpdir()}/gateway.yaml`, {}), { log })
  port = app.addresses[0]?.port ?? 0
})
afterEach(closeClients)
afterAll(() => app.abort())

interface Curl {
  readonly proxy: URL
  readonly tunnel: boolean
  readonly headers: readonly [string, string][]
  readonly target: URL
}

/** The few options of curl that the README uses. @throws {Error} on another one */
function parseCurl(line: string): Curl {
  const words = Array.from(line.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, bare]) => quoted ?? bare ?? '')
  const headers: [string, string][] = []
  let proxy = ''
  let target = ''
  let tunnel = false
  for (let i = 1; i < words.length; i++) {
    const word = words[i] ?? ''
    if (word === '-x') proxy = words[++i] ?? ''
    else if (word === '--proxytunnel') tunnel = true
    else if (word === '--proxy-header') headers.push(pairOf(words[++i] ?? ''))
    else if (word.startsWith('-')) throw new Error(`the README uses an option that this test does not know: ${word}`)
    else target = word
  }
  return { proxy: new URL(proxy), tunnel, headers, target: new URL(target) }
}

function pairOf(header: string): [string, string] {
  const colon = header.indexOf(':')
  return [header.slice(0, colon), header.slice(colon + 1).trim()]
}

/** What curl would print. */
async function run({ proxy, tunnel, headers, target }: Curl): Promise<string> {
  expect(proxy.host).toBe('127.0.0.1:8080')
  const login = proxy.username === '' ? {} : { login: { username: proxy.username, password: proxy.password } }
  const authority = `${target.hostname}:${target.port || 80}`
  if (proxy.protocol === 'http:' && !tunnel) return (await plain(port, target.href, login)).body.toString()
  const over = await openTunnel(proxy.protocol, authority, { ...login, headers })
  if (over === undefined) return ''
  return (await plain(port, target.pathname, { over, headers: [['Host', target.host]] })).body.toString()
}

/** @returns undefined when the gateway refused */
async function openTunnel(protocol: string, authority: string, options: ConnectOptions) {
  if (protocol === 'http:') {
    const reply = await connectVia(port, authority, options)
    return reply.status === 200 ? reply : undefined
  }
  if (protocol === 'socks4a:') {
    const reply = await socks4a(port, authority)
    return reply.code === 0x5a ? reply : undefined
  }
  expect(protocol).toBe('socks5h:')
  const reply = await socks5(port, authority, options)
  return reply.rep === 0 ? reply : undefined
}

const ANSWER =
  /^upstream (127\.[\d.]+:\d+), [A-Z]\w+, [A-Z]\w+, [A-Z]{2}, [A-Z]\w+, \d+ s left\nrequest {2}GET \/, \d headers\n$/

function shellLines(part: string): string[] {
  return codeBlocks(part)
    .filter(({ language }) => language === 'sh')
    .flatMap((block) => block.text.split('\n'))
    .filter((line) => line.startsWith('curl '))
}

describe('run it in a minute', () => {
  const lines = shellLines(parts.run)

  it('shows the four ways in', () => {
    expect(lines).toHaveLength(4)
  })

  it('answers each line as shown, through changing upstreams', async () => {
    const shown = codeBlocks(parts.run).find(({ language }) => language === 'text')?.text ?? ''
    const answers: string[] = []
    for (const line of lines) {
      answers.push(await run(parseCurl(line)))
      // A person types more slowly than addresses come: an order of the demo vendor brings four.
      await expect.poll(() => app.pool.size).toBe(4)
    }
    for (const answer of answers) expect(answer).toMatch(ANSWER)
    expect(shown.match(/(.*\n){2}/g)?.every((pair) => ANSWER.test(pair))).toBe(true)
    const upstreams = answers.map((answer) => ANSWER.exec(answer)?.[1])
    expect(new Set(upstreams).size, 'a cold start shows several addresses').toBe(4)
    const shownUpstreams = shown.match(/127\.[\d.]+:\d+/g) ?? []
    expect(pattern(upstreams)).toEqual(pattern(shownUpstreams))
  })
})

/** Which of them are the same: `a b b` and `x y y` are alike. */
function pattern(names: readonly unknown[]): number[] {
  return names.map((name) => names.indexOf(name))
}

describe('client options', () => {
  it.each(shellLines(parts.options))('%s', async (line) => {
    const curl = parseCurl(line)
    const answer = await run(curl)
    // The place asked for may not be among the addresses of the moment.
    expect(answer).toMatch(/^upstream |^$/)
    if (/session/i.test(line)) expect(ANSWER.exec(await run(curl))?.[1]).toBe(ANSWER.exec(answer)?.[1])
  })
})

it('an error looks as shown', async () => {
  const shown = codeBlocks(parts.fails).find(({ language }) => language === 'text')?.text ?? ''
  const login = { username: 'crawler-session-a-session-b', password: 'x' }
  const { status, headers, body } = await plain(port, 'http://whoami.demo/', { login })
  const [first = '', second = '', , last = ''] = shown.split('\n')
  expect(first).toContain(` ${status} `)
  expect(headers).toContainEqual(pairOf(second))
  expect(body.toString().trim()).toBe(last)
})
