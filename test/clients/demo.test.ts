/** The first commands of the documents, as they are written there, on the configuration that is checked in. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type ConfigPart, startProcess } from './support/gateway-process.ts'
import { succeed } from './support/program.ts'

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

/** gateway.yaml, but for the ports and the folder, which others may be using. */
const shipped: ConfigPart = { ...parse(read('gateway.yaml')), listen: [{ port: 0 }], admin: 'off', state: 'off' }

/** Every line of a document that points curl at the gateway to ask the demo who it is. */
function examplesIn(document: string): string[] {
  return read(document).match(/^curl .*http:\/\/whoami\.demo\/$/gm) ?? []
}

/** Runs an example against another port. */
async function outputOf(example: string, port: number): Promise<string> {
  const [, ...args] = (example.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''))
  const moved = args.map((arg) => arg.replace('127.0.0.1:8080', `127.0.0.1:${port}`))
  return (await succeed('curl', ['--silent', '--show-error', ...moved])).out
}

/** @returns the upstream's address, which the answer begins with */
async function upstreamOf(example: string, port: number): Promise<string> {
  const out = await outputOf(example, port)
  return (
    /^upstream (\S+:\d+), .*\nrequest {2}GET \/, \d+ headers\n$/.exec(out)?.[1] ?? expect.fail(`${example}: ${out}`)
  )
}

describe.each(['README.md', 'README.zh-CN.md'])('%s', (document) => {
  const examples = examplesIn(document)

  it('has the four ways in, and each answers through changing upstreams', async () => {
    const ways = examples.filter((example) => !example.includes('crawler-'))
    const proxies = ways.map((way) => way.replace('-x ', '').replace(' http://whoami.demo/', ''))
    const address = '127.0.0.1:8080'
    expect(proxies.slice(0, 4)).toEqual([
      `curl http://${address}`,
      `curl socks5h://${address}`,
      `curl --proxytunnel http://${address}`,
      `curl socks4a://${address}`,
    ])
    const { port } = await startProcess(shipped)
    const seen = new Set<string>()
    await expect
      .poll(async () => seen.add(await upstreamOf(ways[0] ?? '', port)).size, { timeout: 30_000 })
      .toBeGreaterThanOrEqual(3)
    for (const way of ways.slice(0, 4)) {
      const three = [await upstreamOf(way, port), await upstreamOf(way, port), await upstreamOf(way, port)]
      expect(new Set(three).size, way).toBeGreaterThan(1)
    }
  })
})

it('docs/clients.md: keeps the upstream where an example asks for a session', async () => {
  const sessions = examplesIn('docs/clients.md').filter((example) => /session/i.test(example))
  expect(sessions.length).toBeGreaterThan(0)
  const { port } = await startProcess(shipped)
  for (const example of sessions) {
    const three = [await upstreamOf(example, port), await upstreamOf(example, port), await upstreamOf(example, port)]
    expect(new Set(three).size, example).toBe(1)
  }
})

it('docs/clients.md: commands for a session answer with the address that it is on', async () => {
  const commands = read('docs/clients.md').match(/^curl .*turnpike\.internal\/.*$/gm) ?? []
  expect(commands.length).toBe(3)
  const { port } = await startProcess(shipped)
  const connect = commands[0]?.replace('turnpike.internal/session', 'whoami.demo/') ?? ''
  await upstreamOf(connect, port)
  for (const command of commands) {
    const answer: unknown = JSON.parse(await outputOf(command, port))
    expect(answer).toMatchObject({ session: '42', address: { provider: expect.any(String) } })
  }
})
