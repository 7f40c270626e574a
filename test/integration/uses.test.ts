/**
 * `perUpstream.uses` as the vendor counts it. A request that was sent and not answered is a use: the upstream may have opened the
 * tunnel at the moment at which it was given up.
 */
import { describe, expect, it } from 'vitest'
import { connectVia, dial } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { send } from '../support/socket-io.ts'
import type { Behaviour, PlainKind } from '../support/upstream-behaviour.ts'

const CONNECT = 'CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\n\r\n'
/** The request is read, and its answer never comes to an end. */
const UNANSWERED = { kind: 'silent-after', bytes: 5 } as const
const GET = 'GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n'

/** Upstreams that do these things, in the order in which they are lent. */
async function start(behaviours: readonly (Behaviour | PlainKind)[], settings: object): Promise<Gateway> {
  const perUpstream = { uses: 2 }
  const dialSettings = { hedgeAfter: 'off', timeout: '10s', deadline: '20s', ...settings }
  const gateway = await startGateway({
    upstreams: behaviours.length,
    config: { pool: { perUpstream }, dial: dialSettings, health: { rest: '1ms', maxRest: '1ms', evictAfter: 1_000 } },
  })
  for (const [n, behaviour] of behaviours.entries()) await gateway.world.upstreams[n]?.behave(behaviour)
  return gateway
}

const uses = ({ app }: Gateway) => [...app.pool.members()].map((member) => member.uses)

describe('a use of an address', () => {
  it('is also the slower one of two dials', async () => {
    const gateway = await start([UNANSWERED, 'ok'], { hedgeAfter: '30ms' })
    expect((await connectVia(gateway.port, 'echo.test:7')).status).toBe(200)
    expect(uses(gateway)).toEqual([1, 1])
  })

  it('is also a request that is waited for no longer', async () => {
    const gateway = await start([UNANSWERED, UNANSWERED], { timeout: '100ms' })
    expect(refusalOf(await connectVia(gateway.port, 'echo.test:7')).status).toBeGreaterThan(500)
    expect(uses(gateway)).toEqual([1, 1])
  })

  it.each([CONNECT, GET])('is also a request whose client has left: %s', async (request) => {
    const gateway = await start([UNANSWERED], {})
    const { socket } = await dial(gateway.port)
    await send(socket, request)
    await eventually(() => gateway.world.upstreams[0]?.requests.length).toBe(1)
    expect(uses(gateway)).toEqual([0])
    socket.resetAndDestroy()
    await eventually(() => uses(gateway)).toEqual([1])
  })

  it('is none where the upstream has refused', async () => {
    const gateway = await start([{ kind: 'status', status: 403 }], {})
    expect(refusalOf(await connectVia(gateway.port, 'echo.test:7')).status).toBe(502)
    expect(uses(gateway)).toEqual([0])
  })
})
