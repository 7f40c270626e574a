/** A command of a client, where other workers must know of it before it is answered. */
import { expect, it } from 'vitest'
import { anyUpstream } from '../../../src/pool/filter.ts'
import { Upstream } from '../../../src/pool/upstream.ts'
import type { HttpRequest } from '../../../src/proxy/http-contract.ts'
import type { Route } from '../../../src/proxy/route.ts'
import { type CommandDeps, SessionCommand } from '../../../src/proxy/session-commands.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { facts } from '../pool/pool-fixture.ts'

/** `acknowledge`: the other workers know where the session lives. */
function rotation() {
  const said: string[] = []
  let acknowledged = () => {}
  const request = {
    identity: { options: { session: 's' } },
    answer: (status: number) => said.push(`answer ${status}`),
    cut: () => said.push('cut'),
  } as unknown as HttpRequest
  const leaseQueue = {
    withdraw: () => {},
    sessionMoved: () => {},
    whenMovesAreKnown: (then: () => void) => {
      acknowledged = then
    },
  }
  const sessionTable = { bind: () => ({ counted: true }) }
  const deps = { clock: new FakeClock(), pool: { release: () => {} }, sessionTable, leaseQueue }
  const route = { sessionKey: 's', filter: anyUpstream, strategy: 'round-robin', lifeMs: 0 } as unknown as Route
  const command = new SessionCommand(
    request,
    { name: 'rotate', host: undefined },
    route,
    deps as unknown as CommandDeps,
  )
  return { command, said, acknowledge: () => acknowledged() }
}

it('is answered when the client has closed its sending side after the session has moved', () => {
  const { command, said, acknowledge } = rotation()
  command.granted(new Upstream(facts('a')))
  command.clientEnded()
  acknowledge()
  expect(said).toEqual(['answer 200'])
})

it('is cut when the client closes its sending side while it waits for an address', () => {
  const { command, said } = rotation()
  command.clientEnded()
  expect(said).toEqual(['cut'])
})
