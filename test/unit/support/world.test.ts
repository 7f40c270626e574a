import { afterEach, describe, expect, it } from 'vitest'
import { closeClients, connectVia, plain, socks5 } from '../../support/client.ts'
import { leakGuard } from '../../support/leaks.ts'
import { startWorld, type World } from '../../support/world.ts'

let world: World

afterEach(async () => {
  await closeClients()
  await world.close()
})

describe('startWorld', () => {
  it('has upstreams with logins of their own, whom the site can tell apart', async () => {
    world = await startWorld({ upstreams: 2 })
    for (const upstream of world.upstreams) {
      const { login } = upstream
      const reply = await plain(upstream, 'http://site.test/', login ? { login } : {})
      const peer = reply.body.toString().trim().split(' ')[1] ?? ''
      expect(peer).toBe(upstream.host)
    }
    const hosts = world.upstreams.map(({ host }) => host)
    expect(world.upstreamAt(hosts[1] ?? '')).toBe(world.upstreams[hosts[0] === hosts[1] ? 0 : 1])
    expect(() => world.upstreamAt('127.9.9.9')).toThrow('none of the upstreams')
  })

  it('lists them as a provider does, credentials included', async () => {
    world = await startWorld({ upstreams: 2 })
    const urls = world.lines('socks5').map((line) => new URL(line))
    expect(urls.map(({ username, password }) => ({ username, password }))).toEqual(world.secrets())
    expect(new Set(world.secrets().map(({ password }) => password)).size).toBe(2)
    expect(urls.map(({ host }) => host)).toEqual(world.upstreams.map(({ authority }) => authority))
  })

  it('reaches every target through open upstreams, and leaves nothing behind', async () => {
    const guard = leakGuard()
    world = await startWorld({ upstreams: 1, login: false })
    const [upstream] = world.upstreams
    if (upstream === undefined) throw new Error('no upstream')
    expect((await connectVia(upstream, 'secure.test:443')).status).toBe(200)
    expect((await socks5(upstream, 'echo.test:7')).rep).toBe(0)
    await closeClients()
    await world.close()
    await guard.check()
  })
})
