/** Which addresses move to the desk for a request that does not wait. */
import { expect, it } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import type { AddressAsk, AddressClient } from '../../../src/proxy/address-requests.ts'
import type { DataPlane } from '../../../src/proxy/data-plane.ts'
import { UserLimits } from '../../../src/proxy/user-limits.ts'
import { Desk } from '../../../src/workers/desk.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const CLIENT: AddressClient = { authorization: undefined, clientAddress: '127.0.0.1', isTrusted: true }
const ALL: AddressAsk = { count: 10, holdMs: 1_000, waits: false }

/** @param available what the client may be lent */
function deskOf(available: () => readonly { readonly id: string }[]) {
  const clock = new FakeClock()
  const claimed: string[] = []
  const lender = { available, take: () => Promise.resolve([]) }
  const desk = new Desk({
    ...{ clock, place: '', worker: 2, users: new UserLimits(clock) },
    closed: { addressRequests: lender } as unknown as DataPlane,
    claim: (ids) => {
      claimed.push(...ids)
      return []
    },
  })
  return { desk, claimed }
}

it('a client that is refused moves no address', async () => {
  const { desk, claimed } = deskOf(() => {
    throw new GatewayError('GW_LOGIN_REQUIRED', 'no login')
  })
  await expect(desk.take(CLIENT, ALL, new AbortController().signal)).rejects.toMatchObject({
    code: 'GW_LOGIN_REQUIRED',
  })
  expect(claimed).toEqual([])
})

it('only those that the client may be lent move', async () => {
  const { desk, claimed } = deskOf(() => [{ id: 'a' }])
  await desk.take(CLIENT, ALL, new AbortController().signal)
  expect(claimed).toEqual(['a'])
})
