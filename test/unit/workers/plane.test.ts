/** What serves clients in a worker, and what it says of them to the control process. */
import { expect, it } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import { InheritedSockets } from '../../../src/network/inherited-sockets.ts'
import { anyUpstream } from '../../../src/pool/filter.ts'
import type { CarriedSession } from '../../../src/proxy/session-table.ts'
import type { ToControl } from '../../../src/workers/messages.ts'
import { writeUpstream } from '../../../src/workers/plain-upstream.ts'
import { WorkerPlane } from '../../../src/workers/plane.ts'
import { readSettings, writeSettings } from '../../../src/workers/settings-wire.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { plainClient } from '../../support/plain-client.ts'
import { facts } from '../pool/pool-fixture.ts'

/** A worker that knows these upstreams, owns none of them, and asks for sessions that no other worker has. */
function workerWith(...ids: string[]) {
  const clock = new FakeClock({ now: 0 })
  const placed: string[] = []
  const wanted: string[] = []
  const config = parseConfig('providers: [{ name: p, vendor: demo }]', 'gateway.yaml', {})
  const send = (message: ToControl) => {
    if (message.kind === 'session') placed.push(`${message.key} on ${message.id}`)
    if (message.kind === 'wanted') wanted.push(message.id)
    if (message.kind === 'find')
      queueMicrotask(() => plane.handlers.found({ kind: 'found', question: message.question }))
    return true
  }
  const settings = readSettings(writeSettings(config, true, [0], { worker: 0, workers: 2 }))
  const plane: WorkerPlane = new WorkerPlane(settings, {
    ...{ clock, opening: 'elsewhere', inherited: new InheritedSockets(), users: undefined },
    ...{ send, sendHello: () => {}, writeLog: () => {} },
  })
  plane.handlers.upstreams({ kind: 'upstreams', upstreams: ids.map((id) => writeUpstream(facts(id), 60_000, 0)) })
  return {
    plane,
    placed,
    wanted,
    own(id: string, sessions: readonly CarriedSession[], isExclusive: boolean) {
      const counts = { leases: 0, uses: 0, consecutiveFailures: 0, restMs: 0, latencyMs: 0 }
      const upstream = { id, ...counts, worked: false, hostRests: [], sessions, isExclusive }
      plane.handlers.own({ kind: 'own', upstream })
    },
    async visit(sessionKey: string | undefined, filter = anyUpstream) {
      const visited: string[] = []
      plane.data.leaseQueue.apply({
        ...{ ...plainClient, sessionKey, filter, failInternally: () => {} },
        granted: ({ id }) => visited.push(id),
        denied: ({ code }) => visited.push(code),
      })
      await Promise.resolve()
      return visited
    },
  }
}

it('says where a session is whose client waited for an address that another session had alone', async () => {
  const { plane, placed, own, visit } = workerWith('x', 'y')
  own('x', [{ key: 'alone', idleMs: 0 }], true)
  const visited = await visit('basket')
  expect(visited).toEqual([])
  // Another worker has moved it.
  plane.handlers.session({ kind: 'session', key: 'alone', id: 'y' })
  expect([visited, placed]).toEqual([['x'], ['basket on x']])
  plane.close()
})

it('counts a session on the address that it is put on here, also when the move of another worker is heard in between', async () => {
  const { plane, own, visit } = workerWith('x', 'y')
  own('x', [], false)
  expect(await visit('basket')).toEqual(['x'])
  // What another worker has said comes first, then what was said here.
  for (const id of ['y', 'x']) plane.handlers.session({ kind: 'session', key: 'basket', id })
  expect(plane.data.sessionTable.peek('basket')).toMatchObject({ upstream: { id: 'x' }, counted: false })
  plane.close()
})

it('lets no client wait for a provider that a reload has removed', async () => {
  const { plane, visit } = workerWith()
  const filterOf = (name: string) => ({ ...anyUpstream, key: name, providers: [name], accepts: () => false })
  const [former, present] = [await visit(undefined, filterOf('former')), await visit(undefined, filterOf('p'))]
  plane.handlers.outlooks({ kind: 'outlooks', outlooks: { p: null } })
  expect([former, present]).toEqual([['GW_NO_SUPPLY'], []])
  plane.close()
})

it('asks another control process for the address that a client of a session waits for', async () => {
  const { plane, wanted, visit } = workerWith('x')
  plane.data.sessionTable.learn('basket', 'x')
  expect(await visit('basket')).toEqual([])
  const before = wanted.splice(0)
  plane.hello()
  await Promise.resolve()
  expect([before, wanted]).toEqual([['x'], ['x']])
  plane.close()
})
