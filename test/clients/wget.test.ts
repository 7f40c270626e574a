import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { pattern } from '../support/pattern.ts'
import { caFile, temporaryFolder } from './support/files.ts'
import { startGateway } from './support/gateway-process.ts'
import { run, succeed } from './support/program.ts'

const QUIET = ['--no-verbose', '--tries=1']

it('wget reads http and https through the proxy of its environment', async () => {
  const { url, world } = await startGateway()
  const env = { http_proxy: url(), https_proxy: url() }
  const wget = (...args: string[]) => succeed('wget', [...QUIET, '-O', '-', ...args], { env })
  const peers = world.upstreams.map(({ host }) => `peer ${host}\n`)
  expect(peers).toContain((await wget('http://site.test/')).out)
  expect(peers).toContain((await wget(`--ca-certificate=${caFile()}`, 'https://secure.test/')).out)
  expect((await wget('--post-data=some words', 'http://site.test/echo')).out).toBe('some words')
})

it('wget saves a large file as it is, and tells when it was cut', async () => {
  const { url } = await startGateway({ upstreams: 1 })
  const folder = temporaryFolder()
  const whole = pattern(5 * 1024 * 1024)
  const proxy = ['-e', 'use_proxy=yes', '-e', `http_proxy=${url()}`]
  await succeed('wget', [...QUIET, ...proxy, `http://site.test/bytes/${whole.length}`], { cwd: folder })
  expect(readFileSync(join(folder, `${whole.length}`)).equals(whole)).toBe(true)
  const cut = await run('wget', [...QUIET, ...proxy, '-O', '-', 'http://site.test/close-early'], { cwd: folder })
  expect([cut.code, cut.bytes.equals(pattern(100))]).toEqual([4, true])
})

it('wget logs in, with options in the user name, and is refused without', async () => {
  const login = { username: 'crawler', password: 'wget-password' }
  const users = [{ name: login.username, password: login.password }]
  const { url } = await startGateway({ listen: { users }, secrets: [login] })
  const as = (name: string) => [
    ...['-e', 'use_proxy=yes', '-e', `http_proxy=${url()}`],
    ...['--proxy-user', name, '--proxy-password', login.password],
  ]
  const peers = new Set<string>()
  for (let n = 0; n < 3; n++)
    peers.add((await succeed('wget', [...QUIET, ...as('crawler-session-w1'), '-O', '-', 'http://site.test/'])).out)
  expect([...peers]).toEqual([expect.stringMatching(/^peer /)])
  const { code, err } = await run('wget', [...QUIET, ...as('somebody'), '-O', '-', 'http://site.test/'])
  expect([code, err]).toEqual([8, expect.stringContaining('ERROR 407')]) // 8: "server issued an error response"
})
