/** Hedges (`dial.hedgeAfter`): a second upstream is dialled beside one that is silent. */
import { expect, it } from 'vitest'
import { connectVia } from '../support/client.ts'
import { eventually, type Gateway, refusalOf, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import type { Behaviour, PlainKind } from '../support/upstream-behaviour.ts'

/** Upstreams stay lendable after a failure. */
const FORGIVING = { rest: '1ms', maxRest: '1ms', evictAfter: 1_000 }

interface Dial {
  readonly hedgeAfter?: string
  readonly timeout?: string
  readonly deadline?: string
}

/** Upstreams that do these things, in the order in which they are lent. */
async function start(behaviours: readonly (Behaviour | PlainKind)[], dial: Dial, more = {}): Promise<Gateway> {
  const gateway = await startGateway({
    upstreams: behaviours.length,
    config: { dial: { hedgeAfter: '30ms', timeout: '10s', deadline: '5s', ...dial }, health: FORGIVING, ...more },
  })
  for (const [n, behaviour] of behaviours.entries()) await gateway.world.upstreams[n]?.behave(behaviour)
  return gateway
}

const connections = ({ world }: Gateway) => world.upstreams.map(({ connections }) => connections)

it('the first of two to open wins, and the other is let go without blame', async () => {
  const gateway = await start(['silent', 'ok'], {})
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'through the second')
  expect(connections(gateway)).toEqual([1, 1])
  await eventually(() => gateway.world.upstreams[0]?.openSockets).toBe(0)
  for (const member of gateway.app.pool.members())
    expect([member.state, member.consecutiveFailures]).toEqual(['ready', 0])
})

it('is on by default, where a second connection costs no money', async () => {
  const { dial, pool } = { dial: { hedgeAfter: 'auto' }, pool: { perUpstream: { uses: 1 } } }
  const free = await start(['silent', 'ok'], dial)
  await expectEcho(await connectVia(free.port, 'echo.test:7'), 'auto')
  const paid = await start(['silent', 'ok'], { ...dial, deadline: '1500ms' }, { pool })
  expect(refusalOf(await connectVia(paid.port, 'echo.test:7'))).toEqual({ status: 504, code: 'GW_DEADLINE' })
  expect(connections(paid)).toEqual([1, 0])
})

it('a session keeps its address', async () => {
  const gateway = await start(['silent', 'ok'], { deadline: '300ms' })
  const reply = await connectVia(gateway.port, 'echo.test:7', { headers: [['X-Turnpike-Session', 'a']] })
  expect(refusalOf(reply)).toEqual({ status: 504, code: 'GW_DEADLINE' })
  expect(connections(gateway)).toEqual([1, 0])
})

it('an upstream that failed as one of two is not tried again for the same client', async () => {
  const gateway = await start(['silent', 'silent'], { timeout: '200ms' })
  expect(refusalOf(await connectVia(gateway.port, 'echo.test:7'))).toEqual({ status: 504, code: 'GW_UPSTREAM_SILENT' })
  expect(connections(gateway)).toEqual([1, 1])
})

it('when one of two has failed, the other one gets a hedge', async () => {
  const gateway = await start(['silent', 'close-at-once', 'ok'], {})
  // Without it the client waits for the silent one: until the deadline, which comes first.
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'through the third')
  expect(connections(gateway)).toEqual([1, 1, 1])
})
