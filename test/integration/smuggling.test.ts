/**
 * Requests that two servers could read differently. Whatever the client sends, the gateway must see the same requests as
 * the upstream behind it, be that strict or careless; and none of them the one that was hidden.
 */
import { describe, expect, it } from 'vitest'
import { dial } from '../support/client.ts'
import { type Gateway, startGateway } from '../support/gateway.ts'
import { CARELESS, LaxUpstream } from '../support/lax-http.ts'
import {
  BEHIND,
  brokenBodies,
  CL,
  forwarded,
  get,
  HIDDEN,
  lengthOf,
  post,
  refused,
  TE,
} from '../support/smuggling-corpus.ts'
import { ConnectionLost, send } from '../support/socket-io.ts'

/** Sends a request and an innocent one behind it. @returns the statuses that came back */
async function statusesOf({ port }: Gateway, request: string): Promise<number[]> {
  const { socket, reader } = await dial(port)
  await send(socket, request + BEHIND).catch(ignoreLoss)
  const { bytes } = await reader.readToClose()
  return [...bytes.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]))
}

function ignoreLoss(error: unknown): void {
  if (!(error instanceof ConnectionLost)) throw error
}

const plural = (all: Record<string, unknown>) => Object.keys(all).length

describe('a careless upstream', () => {
  async function start(): Promise<{ gateway: Gateway; lax: LaxUpstream }> {
    const lax = new LaxUpstream()
    await lax.server.listen()
    const gateway = await startGateway({
      upstreams: 0,
      filled: 1,
      provider: { list: [`http://${lax.server.authority}`] },
    })
    await gateway.world.serve('lax.test', lax.server)
    return { gateway, lax }
  }

  /** What every kind of careless server sees: all of them the same. */
  function seenBy(lax: LaxUpstream): [target: string, body: string][] {
    const [first = [], ...others] = CARELESS.map((how) => lax.requests(how))
    for (const other of others) expect.soft(other).toEqual(first)
    return first.map(({ target, body }) => [target, body])
  }

  it(`sees nothing of ${plural(refused)} requests that have two meanings`, async () => {
    const { gateway, lax } = await start()
    for (const [what, request] of Object.entries(refused)) {
      const [first, ...more] = await statusesOf(gateway, request)
      expect.soft([what, first === undefined || (first >= 400 && first < 600), more]).toEqual([what, true, []])
      expect.soft(seenBy(lax), what).toEqual([])
      lax.received = []
    }
  })

  it(`never takes the rest of ${plural(brokenBodies)} broken bodies for a request`, async () => {
    const { gateway, lax } = await start()
    for (const [what, body] of Object.entries(brokenBodies)) {
      const [first, ...more] = await statusesOf(gateway, post(TE, body))
      expect.soft([what, first === undefined || first >= 400, more]).toEqual([what, true, []])
      for (const { bytes } of lax.received) expect.soft(bytes.toString('latin1'), what).not.toMatch(/hidden|behind/)
      lax.received = []
    }
  })

  it(`sees ${plural(forwarded)} odd requests as they were meant, and the one behind them`, async () => {
    const { gateway, lax } = await start()
    for (const [what, [request, body]] of Object.entries(forwarded)) {
      const statuses = await statusesOf(gateway, request)
      const isLast = request.includes('HTTP/1.0')
      expect.soft([what, statuses]).toEqual([what, isLast ? [200] : [200, 200]])
      const behind = isLast ? [] : [['http://site.test/behind', '']]
      expect.soft(seenBy(lax), what).toEqual([['http://site.test/echo', body], ...behind])
      lax.received = []
    }
  })
})

describe('behind a request that asks for an upgrade', () => {
  const targets = async (request: string): Promise<string[]> => {
    const { port, world } = await startGateway({ upstreams: 1 })
    const { socket, reader } = await dial(port)
    // The octets of the second body come in a packet of their own.
    await send(socket, request + post(lengthOf(HIDDEN), ''))
    await reader.readUntil('\r\n\r\n')
    await send(socket, HIDDEN + BEHIND).catch(ignoreLoss)
    await reader.readToClose()
    return world.site.requests.map(({ target }) => target)
  }

  it.each([
    post(`Connection: Upgrade\r\nUpgrade: h2c\r\n${CL}`, 'test'),
    post(`Connection: Upgrade\r\nUpgrade: websocket\r\n${TE}`, '4\r\ntest\r\n0\r\n\r\n'),
    get('GET http://site.test/echo HTTP/1.1', 'Host: site.test\r\nConnection: Upgrade\r\nUpgrade: h2c'),
  ])('that is not forwarded the next requests are read as such', async (request) => {
    expect(await targets(request)).toEqual(['/echo', '/echo', '/behind'])
  })

  it('that was forwarded and not made nothing is anybody’s: it may be of the other protocol', async () => {
    const upgrade = 'Host: site.test\r\nConnection: Upgrade\r\nUpgrade: websocket'
    expect(await targets(get('GET http://site.test/echo HTTP/1.1', upgrade))).toEqual(['/echo'])
  })
})

describe('a strict upstream', () => {
  it('has nothing to complain about, and the site sees the same requests', async () => {
    const gateway = await startGateway({ upstreams: 1 })
    for (const [what, request] of Object.entries(refused)) {
      await statusesOf(gateway, request)
      expect.soft(gateway.world.site.requests, what).toEqual([])
    }
    for (const [what, [request]] of Object.entries(forwarded)) {
      const before = gateway.world.site.requests.length
      const statuses = await statusesOf(gateway, request)
      expect.soft([what, gateway.world.site.requests.length - before]).toEqual([what, statuses.length])
    }
    for (const body of Object.values(brokenBodies)) await statusesOf(gateway, post(TE, body))
    expect(
      gateway.world.site.requests.filter(({ headers }) => headers.some(([, value]) => value === 'hidden.test')),
    ).toEqual([])
    expect(gateway.world.site.violations).toEqual([])
    expect(gateway.app.traffic.errors.has('GW_UPSTREAM_GARBAGE')).toBe(false)
  })
})
