import { expect, it } from 'vitest'
import type { MovingUpstream, ToWorker } from '../../../src/workers/messages.ts'
import { Owners } from '../../../src/workers/owners.ts'

const carried = (id: string) => ({ id, leases: 0 }) as MovingUpstream

/** Two workers: the first owns nine upstreams and uses all, the second owns three and uses two. */
function uneven() {
  const sent: { worker: number; message: ToWorker }[] = []
  const owners = new Owners({ send: (worker, message) => sent.push({ worker, message }), carried, lost: () => {} })
  owners.joined(0, true)
  owners.joined(1, true)
  for (let n = 0; n < 12; n++) {
    owners.added(`u${n}`, 'list', 0)
    owners.claim(n < 9 ? 0 : 1, `u${n}`, 0)
  }
  owners.demand(0, { leases: 9 }, 0)
  owners.demand(1, { leases: 2 }, 0)
  sent.length = 0
  return { owners, sent }
}

it('a client gets what is idle elsewhere, also when its worker has its share already', () => {
  const { owners, sent } = uneven()
  owners.demand(0, { waiting: [{ count: 1, limited: { count: 0, addresses: 0 } }] }, 100)
  expect(sent).toEqual([{ worker: 1, message: { kind: 'give', count: 1, onlyIdle: true } }])
  owners.disowned(1, carried('u11'), 101)
  expect(owners.ownerOf('u11')).toBe(0)
})

it('nothing is taken from a worker where clients wait too', () => {
  const { owners, sent } = uneven()
  owners.demand(1, { waiting: [{ count: 1, limited: { count: 0, addresses: 0 } }] }, 100)
  sent.length = 0
  owners.demand(0, { waiting: [{ count: 1, limited: { count: 0, addresses: 0 } }] }, 200)
  expect(sent).toEqual([])
})

it('a worker where one client waits does not get all that comes', () => {
  const owners = new Owners({ send: () => {}, carried, lost: () => {} })
  for (const worker of [0, 1, 2]) owners.joined(worker, true)
  owners.demand(0, { waiting: [{ count: 1, limited: { count: 0, addresses: 0 } }] }, 0)
  const ids = ['u0', 'u1', 'u2', 'u3', 'u4', 'u5']
  for (const id of ids) {
    owners.added(id, 'list', 0)
    owners.settle(0, id)
  }
  expect(owners.ownerOf('u0')).toBe(0)
  expect(new Set(ids.map((id) => owners.ownerOf(id)))).toEqual(new Set([0, 1, 2]))
})
