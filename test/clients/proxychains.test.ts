import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { pattern } from '../support/pattern.ts'
import { sha256 } from '../support/site-routes.ts'
import { temporaryFolder } from './support/files.ts'
import { startGateway } from './support/gateway-process.ts'
import { run, succeed } from './support/program.ts'

const login = { username: 'crawler', password: 'chained-password' }
const users = [{ name: login.username, password: login.password }]

/** A configuration of proxychains with one proxy, which also answers for names (proxy_dns). */
function configuration(line: string): string {
  const file = join(temporaryFolder(), 'proxychains.conf')
  writeFileSync(file, `strict_chain\nproxy_dns\n[ProxyList]\n${line}\n`)
  return file
}

it.each(['socks5', 'http'])(
  'proxychains brings a program that knows no proxy through %s, with a login',
  async (kind) => {
    const { port, world } = await startGateway({ listen: { users }, secrets: [login] })
    const line = (password: string) => `${kind} 127.0.0.1 ${port} crawler-session-chain ${password}`
    const curl = ['curl', '-sSf', '--noproxy', '*']
    const file = configuration(line(login.password))
    const peers = new Set<string>()
    for (let n = 0; n < 3; n++)
      peers.add((await succeed('proxychains4', ['-q', '-f', file, ...curl, 'http://site.test/'])).out)
    expect([...peers]).toEqual([expect.stringMatching(/^peer 127/)])
    expect(world.site.requests.map(({ target }) => target)).toEqual(['/', '/', '/'])
    const whole = pattern(5 * 1024 * 1024)
    const big = await succeed('proxychains4', ['-q', '-f', file, ...curl, `http://site.test/bytes/${whole.length}`])
    expect(sha256(big.bytes)).toBe(sha256(whole))
    const refused = await run('proxychains4', ['-q', '-f', configuration(line('wrong')), ...curl, 'http://site.test/'])
    expect([refused.code, refused.out]).toEqual([7, '']) // curl's "could not connect"
  },
)

it('proxychains does SOCKS4 with addresses', async () => {
  const { port, world } = await startGateway({ upstreams: 1 })
  const file = configuration(`socks4 127.0.0.1 ${port}`)
  const { out } = await succeed('proxychains4', ['-q', '-f', file, 'curl', '-sSf', `http://${world.site.authority}/`])
  expect(out).toBe(`peer ${world.upstreams[0]?.host}\n`)
})
