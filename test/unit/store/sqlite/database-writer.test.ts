import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Restored } from '../../../../src/store/contract.ts'
import { StoreError } from '../../../../src/store/errors.ts'
import { DatabaseWriter } from '../../../../src/store/sqlite/database-writer.ts'
import type { Change, UpstreamRow } from '../../../../src/store/sqlite/messages.ts'
import { takeOver } from '../../../../src/store/sqlite/restore.ts'
import { BOOT_STEP_MS, type Reading } from '../../../../src/store/sqlite/time.ts'

const WALL = 1_766_000_000_000
const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** A machine: its clocks go together until somebody sets the time or boots it. */
class Machine {
  reading: Reading = { bootId: 'boot-1', bootMs: 5 * HOUR, wallMs: WALL }

  passes(ms: number): void {
    const { bootId, bootMs, wallMs } = this.reading
    this.reading = { bootId, bootMs: bootMs + ms, wallMs: wallMs + ms }
  }

  boots(offMs: number): void {
    this.reading = { bootId: 'boot-2', bootMs: 30 * SECOND, wallMs: this.reading.wallMs + offMs }
  }
}

const folder = mkdtempSync(join(tmpdir(), 'turnpike-writer-'))
const dir = join(folder, 'state')
let machine: Machine
let writer: DatabaseWriter

/** A process starts. Its clock shows the time since boot, so that its instants are those of the records. */
function open(notes: readonly string[] = []): Restored {
  const { reading } = machine
  const found = takeOver(dir, reading, reading.bootMs)
  expect(found.notes.map(({ message }) => message)).toEqual(notes.map((words) => expect.stringContaining(words)))
  writer = DatabaseWriter.open({ dir, reading }).writer
  return found.restored
}

function restart(...notes: string[]): Restored {
  writer.close()
  return open(notes)
}

function record(...changes: Change[]): readonly { index: number; message: string }[] {
  return writer.commit({ reading: machine.reading, changes })
}

function began(id: number, booked = 0, windowMs = MINUTE): Change {
  const call = { id, limiterKey: `k${id}`, windowMs, provider: 'p', booked, atMs: machine.reading.bootMs }
  return { kind: 'call-began', ...call }
}

function ended(id: number, sold = 0, answered = true): Change {
  return { kind: 'call-ended', id, answered, sold, atMs: machine.reading.bootMs }
}

function bought(id: string, lifeMs: number): Change {
  const now = machine.reading.bootMs
  const facts = JSON.stringify({ protocol: 'http', host: '192.0.2.1', port: 8080 })
  const row: UpstreamRow = {
    id,
    provider: 'p',
    facts,
    password: null,
    boughtMs: now,
    deadlineMs: now + lifeMs - 2 * SECOND,
    vendorDeadlineMs: now + lifeMs,
  }
  return { kind: 'bought', upstreams: [row] }
}

/** Age of a call's end, in seconds. */
const ages = (left: Restored) =>
  Object.fromEntries(left.calls.map((call) => [call.limiterKey, (call.endedAgoMs + BOOT_STEP_MS) / SECOND]))
const livesLeft = (left: Restored) =>
  Object.fromEntries(
    left.upstreams.map(({ facts, vendorDeadline }) => [facts.id, (vendorDeadline - machine.reading.bootMs) / SECOND]),
  )

beforeEach(() => {
  rmSync(dir, { recursive: true, force: true })
  machine = new Machine()
  open()
})

afterEach(() => writer.close())

afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('names its folder when it cannot be written', () => {
  writer.close()
  expect(() => record(began(1))).toThrow(`the store in ${dir} cannot be written: `)
  open()
})

describe('calls', () => {
  it('keep their age over a restart; one that was in flight ended when nobody knows, so now', () => {
    record(began(1), began(2))
    machine.passes(10 * SECOND)
    record(ended(1))
    machine.passes(20 * SECOND)
    const left = restart()
    expect(ages(left)).toEqual({ k1: 20, k2: 0 })
    expect(left.calls.map((call) => call.answered)).toEqual([true, false])
  })

  it('are forgotten a minute after their window', () => {
    record(began(1, 0, 10 * SECOND), ended(1), began(2, 0, MINUTE), ended(2))
    machine.passes(70 * SECOND - 1)
    expect(Object.keys(ages(restart()))).toEqual(['k1', 'k2'])
    machine.passes(1)
    expect(Object.keys(ages(restart()))).toEqual(['k2'])
  })

  it('count as made now on another boot, and are as old as they then are after that', () => {
    record(began(1), ended(1))
    machine.boots(3 * HOUR)
    expect(ages(restart())).toEqual({ k1: 0 })
    machine.passes(30 * SECOND)
    expect(ages(restart())).toEqual({ k1: 30 })
  })

  it('do not come back to life on another boot when they had run out before', () => {
    record(began(1, 5), ended(1, 5))
    machine.passes(3 * MINUTE)
    record(began(2), ended(2))
    machine.boots(SECOND)
    expect(ages(restart())).toEqual({ k2: 0 })
  })

  it('have numbers that no earlier call has', () => {
    record(began(41))
    writer.close()
    expect(takeOver(dir, machine.reading, 0).nextCall).toBe(42)
    open()
  })
})

describe('purchases', () => {
  it('are what was booked until the call has ended, then what was sold', () => {
    record(began(1, 5), began(2, 5), began(3, 5), ended(2, 3), ended(3, 0))
    const left = restart()
    expect(left.purchases).toEqual([{ provider: 'p', agoMs: 0, count: 8 }])
    expect(left.totals).toEqual([{ provider: 'p', total: 8 }])
    expect(left.unknown).toEqual([{ id: 1, provider: 'p', limiterKey: 'k1', agoMs: 0, count: 5 }])
  })

  it('count once, however often they are recorded', () => {
    record(began(1, 5), began(1, 5), ended(1, 3), ended(1, 3))
    record(began(1, 5), ended(1, 0), { kind: 'call-undone', id: 2 })
    expect(restart().totals).toEqual([{ provider: 'p', total: 3 }])
  })

  it('are unknown for a day where no reply was seen: the process died first, or it never came', () => {
    record(began(1, 5), began(2, 4), began(3, 3), began(4), ended(2, 4, false), ended(3, 3))
    const unknown = () => restart().unknown.map(({ count }) => count)
    expect(unknown()).toEqual([5, 4])
    machine.passes(24 * HOUR - 1)
    expect(unknown()).toEqual([5, 4])
    machine.passes(1)
    expect(unknown()).toEqual([])
  })

  it('of a call without an answer are what the vendor’s list showed in the end, once', () => {
    record(began(1, 5), ended(1, 5, false), { kind: 'call-resolved', id: 1, sold: 2 })
    record({ kind: 'call-resolved', id: 1, sold: 0 }, began(2, 1), ended(2, 1), {
      kind: 'call-resolved',
      id: 2,
      sold: 9,
    })
    const { totals, unknown, purchases } = restart()
    expect([totals, unknown, purchases.map(({ count }) => count)]).toEqual([[{ provider: 'p', total: 3 }], [], [3]])
  })

  it('are taken back with a call that was not made', () => {
    record(began(1, 5), began(2, 4))
    record({ kind: 'call-undone', id: 2 }, { kind: 'call-undone', id: 2 })
    const left = restart()
    expect(left.totals).toEqual([{ provider: 'p', total: 5 }])
    expect(Object.keys(ages(left))).toEqual(['k1'])
  })
})

describe('dates of purchases', () => {
  it('of the last day are known, of all times the sum', () => {
    record(began(1, 5), ended(1, 5))
    machine.passes(23 * HOUR)
    record(began(2, 2), ended(2, 2))
    machine.passes(HOUR - 1)
    expect(restart().purchases.map(({ count }) => count)).toEqual([5, 2])
    machine.passes(1)
    const left = restart()
    expect(left.purchases.map(({ count }) => count)).toEqual([2])
    expect(left.totals).toEqual([{ provider: 'p', total: 7 }])
  })

  it('go by wall time on another boot, and are now when that ran back', () => {
    record(began(1, 5), ended(1, 5))
    machine.passes(MINUTE)
    record(ended(1))
    machine.boots(HOUR)
    expect(restart().purchases).toEqual([{ provider: 'p', agoMs: HOUR + MINUTE, count: 5 }])
    machine.reading = { bootId: 'boot-3', bootMs: 9 * SECOND, wallMs: WALL - HOUR }
    expect(restart('ran back').purchases).toEqual([{ provider: 'p', agoMs: 0, count: 5 }])
  })

  it('close together are one, the latest', () => {
    machine.reading = { ...machine.reading, bootMs: 5 * HOUR + 1 }
    record(began(1, 5))
    machine.passes(9 * SECOND)
    record(began(2, 2))
    machine.passes(SECOND)
    record(began(3, 1))
    expect(restart().purchases).toEqual([
      { provider: 'p', agoMs: SECOND, count: 7 },
      { provider: 'p', agoMs: 0, count: 1 },
    ])
  })
})

describe('the ledger', () => {
  it('keeps an address that has left the pool until the vendor ends it', () => {
    record(bought('a', MINUTE), bought('b', MINUTE), { kind: 'left', id: 'a', reason: 'blamed' })
    machine.passes(MINUTE - 3 * SECOND)
    expect(restart().upstreams.map(({ facts, state }) => [facts.id, state])).toEqual([
      ['a', 'gone'],
      ['b', 'alive'],
    ])
    machine.passes(3 * SECOND)
    expect(restart().upstreams).toEqual([])
  })

  it('forgets a released address at once', () => {
    record(bought('a', MINUTE), { kind: 'released', id: 'a' })
    expect(restart().upstreams).toEqual([])
  })

  it('keeps an endless address for ever, over boots and set clocks', () => {
    record(bought('a', Number.POSITIVE_INFINITY))
    machine.boots(365 * 24 * HOUR)
    restart()
    machine.reading = { bootId: 'boot-3', bootMs: 9 * SECOND, wallMs: WALL - HOUR }
    const [endless] = restart('ran back').upstreams
    expect(endless).toMatchObject({ facts: { id: 'a' }, state: 'alive', vendorDeadline: Number.POSITIVE_INFINITY })
  })

  it('knows who has carried a tunnel; an address bought again after it had left has not', () => {
    record(
      bought('a', MINUTE),
      bought('b', MINUTE),
      { kind: 'opened', id: 'a', uses: 1 },
      { kind: 'opened', id: 'b', uses: 1 },
    )
    record({ kind: 'left', id: 'b', reason: 'used-up' })
    record(bought('a', HOUR), bought('b', HOUR))
    const left = restart()
    expect(left.upstreams).toMatchObject([
      { facts: { id: 'a' }, opened: true, state: 'alive' },
      { facts: { id: 'b' }, opened: false, state: 'alive' },
    ])
    expect(livesLeft(left)).toEqual({ a: 3600, b: 3600 })
  })
})

describe('remaining lives', () => {
  it('count by the boot clock, whatever somebody sets the time to', () => {
    record(bought('a', MINUTE))
    machine.passes(20 * SECOND)
    machine.reading = { ...machine.reading, wallMs: WALL - 5 * HOUR }
    expect(livesLeft(restart())).toEqual({ a: 40 })
    machine.reading = { ...machine.reading, wallMs: WALL + 5 * HOUR }
    const left = restart()
    expect(livesLeft(left)).toEqual({ a: 40 })
    expect(left.upstreams[0]?.state).toBe('alive')
  })

  it('count by wall time on another boot', () => {
    record(bought('a', MINUTE), bought('b', HOUR))
    machine.passes(10 * SECOND)
    record({ kind: 'opened', id: 'a', uses: 1 })
    machine.boots(50 * SECOND)
    const left = restart()
    expect(livesLeft(left)).toEqual({ b: 3540 })
    expect(left.upstreams[0]?.state).toBe('alive')
  })

  it('take the time of day from the last change, not from the purchase (a machine that starts in 1970)', () => {
    machine.reading = { bootId: 'boot-1', bootMs: 5 * SECOND, wallMs: 5 * SECOND }
    restart()
    record(bought('a', HOUR))
    machine.passes(10 * SECOND)
    machine.reading = { ...machine.reading, wallMs: WALL }
    record({ kind: 'opened', id: 'a', uses: 1 })
    machine.boots(MINUTE)
    expect(livesLeft(restart())).toEqual({ a: 3600 - 10 - 60 })
  })

  it('are doubtful when the time of day ran back over a boot, until the address is bought again', () => {
    record(bought('a', MINUTE), bought('b', HOUR))
    machine.passes(20 * SECOND)
    record({ kind: 'opened', id: 'a', uses: 1 })
    machine.boots(-HOUR)
    let left = restart('ran back')
    // No longer than at the last change: no time at all may have passed.
    expect(livesLeft(left)).toEqual({ a: 40, b: 3580 })
    expect(left.upstreams.map(({ state }) => state)).toEqual(['doubtful', 'doubtful'])
    machine.passes(10 * SECOND)
    record(bought('b', HOUR))
    left = restart()
    expect(left.upstreams.map(({ facts, state }) => [facts.id, state])).toEqual([
      ['a', 'doubtful'],
      ['b', 'alive'],
    ])
    expect(livesLeft(left)).toEqual({ a: 30, b: 3600 })
  })
})

describe('sessions', () => {
  it('come back with their upstream, the one used longest ago first', () => {
    record({ kind: 'session', key: 'one', upstreamId: 'a' }, { kind: 'session', key: 'two', upstreamId: 'a' })
    machine.passes(5 * SECOND)
    record({ kind: 'session', key: 'three', upstreamId: 'b' }, { kind: 'session', key: 'two', upstreamId: 'b' })
    machine.passes(5 * SECOND)
    record({ kind: 'session-used', key: 'one' }, { kind: 'session-ended', key: 'three' })
    record({ kind: 'session-used', key: 'three' })
    expect(restart().sessions).toEqual([
      { key: 'two', upstreamId: 'b', idleMs: 5 * SECOND },
      { key: 'one', upstreamId: 'a', idleMs: 0 },
    ])
  })

  it('are idle by wall time on another boot, and end after a week', () => {
    record({ kind: 'session', key: 'one', upstreamId: 'a' })
    machine.boots(24 * HOUR)
    expect(restart().sessions).toEqual([{ key: 'one', upstreamId: 'a', idleMs: 24 * HOUR }])
    machine.passes(6 * 24 * HOUR)
    expect(restart().sessions).toEqual([])
  })
})

describe('batches', () => {
  it('prune while the process runs, not only at start', () => {
    record(began(1), ended(1), bought('a', SECOND), { kind: 'session', key: 's', upstreamId: 'a' })
    machine.passes(8 * 24 * HOUR)
    record(began(2))
    writer.close()
    const database = new DatabaseSync(join(dir, 'turnpike.db'), { readOnly: true })
    const count = (table: string) => database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']
    expect(['calls', 'upstreams', 'sessions'].map(count)).toEqual([1, 0, 0])
    database.close()
    open()
  })

  it('are recorded but for a change that cannot be', () => {
    const broken = { ...bought('bad', MINUTE) } as Extract<Change, { kind: 'bought' }>
    const row = { ...broken.upstreams[0], facts: 'no JSON' } as UpstreamRow
    const refused = record(bought('a', MINUTE), { kind: 'bought', upstreams: [row] }, bought('b', MINUTE))
    expect(refused).toEqual([{ index: 1, message: expect.any(String) }])
    expect(Object.keys(livesLeft(restart()))).toEqual(['a', 'b'])
  })

  it('that fail as a whole leave nothing behind, and the next one is recorded', () => {
    const reading = { ...machine.reading, bootId: undefined as unknown as string }
    expect(() => writer.commit({ reading, changes: [bought('a', MINUTE)] })).toThrow(StoreError)
    record(bought('b', MINUTE))
    expect(Object.keys(livesLeft(restart()))).toEqual(['b'])
  })

  it('open to a thread that replaces another leave calls in flight alone', () => {
    record(began(1, 5))
    writer.close()
    machine.passes(SECOND)
    writer = DatabaseWriter.open({ dir, reading: machine.reading }).writer
    record(ended(1, 2))
    const left = restart()
    expect(left.totals).toEqual([{ provider: 'p', total: 2 }])
    expect(left.calls.map(({ answered }) => answered)).toEqual([true])
  })
})
