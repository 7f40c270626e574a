import { beforeEach, describe, expect, it } from 'vitest'
import type { UserLimitSettings } from '../../../src/downstream/proxy-auth.ts'
import { GatewayError } from '../../../src/errors.ts'
import { anyUpstream } from '../../../src/pool/filter.ts'
import { UserLimits } from '../../../src/proxy/user-limits.ts'
import type { UserUsage } from '../../../src/store/contract.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { facts } from '../pool/pool-fixture.ts'

const HOUR_MS = 3_600_000

let clock: FakeClock
let users: UserLimits

beforeEach(() => {
  clock = new FakeClock()
  users = new UserLimits(clock)
})

const connection = () => ({ socket: { bytesRead: 0, bytesWritten: 0 } })
const user = (limits: UserLimitSettings, name = 'a') => ({ name, limits })

/** Message and time of the refusal; undefined without one. */
function refusal(run: () => unknown): { message: string; afterMs: unknown } | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'GW_USER_LIMIT') throw error
    return { message: error.message, afterMs: error.detail['retryAfterMs'] }
  }
}

it('counts connections until they are closed, and each once', () => {
  const limited = user({ connections: 2 })
  const [one, two, three] = [connection(), connection(), connection()]
  for (const known of [one, two, one, two]) users.request(known, limited)
  expect(refusal(() => users.request(three, limited))?.message).toContain('limits.connections')
  users.request(three, user({ connections: 2 }, 'b'))
  users.left(three)
  users.left(one)
  users.left(one)
  users.request(three, limited)
  expect(refusal(() => users.request(one, limited))).toBeDefined()
  // A reload allows more.
  users.request(one, user({ connections: 3 }))
  users.close()
})

it('lets so many requests begin within a second, and says when the next one may', () => {
  const limited = user({ newPerSecond: 4 })
  for (let n = 0; n < 4; n++) users.take(limited)
  expect(refusal(() => users.take(limited))).toMatchObject({ afterMs: 250 })
  users.take(user({ newPerSecond: 4 }, 'b'))
  clock.advance(250)
  users.take(limited)
  expect(refusal(() => users.take(limited))).toBeDefined()
  clock.advance(3_600_000)
  for (let n = 0; n < 4; n++) users.take(limited)
  expect(refusal(() => users.take(limited))).toBeDefined()
})

describe('octets', () => {
  it('count while a connection is open, in both directions, for a day', () => {
    const limited = user({ bytesPerDay: 1_000 })
    const open = connection()
    users.request(open, limited)
    open.socket.bytesRead = 400
    open.socket.bytesWritten = 599
    clock.advance(1_000)
    users.request(open, limited)
    open.socket.bytesWritten = 600
    clock.advance(1_000)
    const refused = refusal(() => users.request(open, limited))
    expect(refused?.message).toContain('limits.bytesPerDay')
    users.left(open)
    clock.advance(Number(refused?.afterMs) - 1)
    expect(refusal(() => users.take(limited))).toBeDefined()
    clock.advance(1)
    users.take(limited)
    expect(refused?.afterMs).toBe(25 * HOUR_MS - 1_000)
  })

  it('count to the last when a connection closes', () => {
    const limited = user({ bytesPerDay: 10 })
    const open = connection()
    users.request(open, limited)
    open.socket.bytesRead = 10
    users.left(open)
    expect(refusal(() => users.take(limited))).toBeDefined()
  })
})

it('leaves a user at its limit of addresses those that it has had, and refuses when none of them lives', () => {
  const limited = user({ addressesPerHour: 2 })
  const narrowed = (lives: (id: string) => boolean) => users.narrowed(anyUpstream, limited, lives)
  users.lent(limited, 'u1')
  clock.advance(1_000)
  expect(narrowed(() => true)).toBe(anyUpstream)
  for (const id of ['u2', 'u1', 'u2']) users.lent(limited, id)
  const filter = narrowed((id) => id === 'u2')
  expect(['u1', 'u2', 'u3'].map((id) => filter.accepts(facts(id)))).toEqual([true, true, false])
  expect(refusal(() => narrowed(() => false))).toMatchObject({ afterMs: HOUR_MS - 1_000 })
  expect(users.narrowed(anyUpstream, user({ addressesPerHour: 2 }, 'b'), () => false)).toBe(anyUpstream)
  clock.advance(HOUR_MS - 1_000)
  expect(narrowed(() => false)).toBe(anyUpstream)
  users.lent(limited, 'u3')
  expect(narrowed(() => true).key).not.toBe(filter.key)
})

it('names a limit of one without a plural', () => {
  const open = connection()
  users.request(open, user({ connections: 1 }))
  users.take(user({ newPerSecond: 1 }))
  users.lent(user({ addressesPerHour: 1 }), 'u1')
  const refusals = [
    refusal(() => users.request(connection(), user({ connections: 1 }))),
    refusal(() => users.take(user({ newPerSecond: 1 }))),
    refusal(() => users.narrowed(anyUpstream, user({ addressesPerHour: 1 }), () => false)),
  ]
  for (const refused of refusals) expect(refused?.message).toMatch(/^(?!.*\b1 [a-z]+s\b).*limits\./)
  users.close()
})

describe('after a restart', () => {
  const recorded = new Map<string, UserUsage & { readonly at: number }>()
  /** What is on the clock of a process is this much later on the clock of the machine. */
  let offsetMs: number
  const store = {
    userUsed: (name: string, usage: UserUsage) => void recorded.set(name, { ...usage, at: offsetMs + clock.now() }),
  }
  /** Another process, after a while. */
  const restart = (awayMs: number) => {
    users.close()
    offsetMs += clock.now() + awayMs
    clock = new FakeClock({ now: 0 })
    users = new UserLimits(clock, { store })
    const older = [...recorded].map(([name, { octets, addresses, at }]) => ({
      name,
      octets: octets.map(([ageMs, count]) => [ageMs + offsetMs - at, count] as const),
      addresses: addresses.map(([id, ageMs]) => [id, ageMs + offsetMs - at] as const),
    }))
    users.restore(older)
  }

  beforeEach(() => {
    recorded.clear()
    offsetMs = 0
    users = new UserLimits(clock, { store })
  })

  it('octets and addresses count as long as without one', () => {
    const limited = user({ bytesPerDay: 10, addressesPerHour: 1 })
    const open = connection()
    users.request(open, limited)
    users.lent(limited, 'u1')
    open.socket.bytesRead = 10
    clock.advance(1_000)
    const before = refusal(() => users.take(limited))
    expect(before?.afterMs).toBe(25 * HOUR_MS)
    clock.advance(HOUR_MS / 2 - 1_000)
    restart(HOUR_MS / 4)
    restart(0)
    expect(refusal(() => users.take(limited))?.afterMs).toBe(24.25 * HOUR_MS + 1_000)
    expect(refusal(() => users.narrowed(anyUpstream, limited, () => false))?.afterMs).toBe(HOUR_MS / 4)
    clock.advance(HOUR_MS / 4)
    expect(users.narrowed(anyUpstream, limited, () => false)).toBe(anyUpstream)
    clock.advance(24 * HOUR_MS + 1_000)
    users.take(limited)
  })

  it('what was counted is recorded within a second, and at the end', async () => {
    const limited = user({ bytesPerDay: 10 })
    const open = connection()
    users.request(open, limited)
    open.socket.bytesWritten = 3
    clock.advance(1_000)
    expect(recorded.get('a')?.octets).toEqual([[0, 3]])
    open.socket.bytesWritten = 5
    users.left(open)
    users.moved('b', 7)
    users.close()
    expect(recorded.get('a')?.octets).toEqual([[0, 5]])
    expect(recorded.get('b')?.octets).toEqual([[0, 7]])
    expect(clock.pendingTimers).toBe(0)
  })

  it('nothing is recorded of a user who does nothing', () => {
    users.request(connection(), user({ bytesPerDay: 10 }))
    clock.advance(5_000)
    expect(recorded.size).toBe(0)
    users.close()
  })
})
