import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../../../../src/log/log.ts'
import type { CallStart, Store } from '../../../../src/store/contract.ts'
import { StoreError } from '../../../../src/store/errors.ts'
import { openStore } from '../../../../src/store/sqlite/store.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { LogCapture } from '../../../support/log-capture.ts'
import { type FakeThread, fakeThreads } from '../../../support/store/fake-thread.ts'

const call: CallStart = { limiterKey: 'k', windowMs: 1_000, provider: 'p', booked: 2 }
const address = {
  facts: { id: 'a', provider: 'p', protocol: 'http', host: 'h', port: 1, boughtAt: 0, deadline: 9 } as const,
  vendorDeadline: 10,
}

let dir: string
let clock: FakeClock
let lines: LogCapture
let threads: FakeThread[]
let store: Store

const settle = () => clock.run(0)
const kinds = (thread: FakeThread | undefined) => thread?.batches.map((batch) => batch.map(({ kind }) => kind))

/** One change has been recorded, and its thread has nothing to do. */
async function oneIsRecorded(): Promise<void> {
  const begun = store.callBegins(call)
  await settle()
  threads[0]?.commits()
  await begun
}

/** What has become of a promise so far. */
function watch(promise: Promise<unknown>): { state: unknown } {
  const seen: { state: unknown } = { state: 'pending' }
  promise.then(
    (value) => {
      seen.state = value ?? 'done'
    },
    (error: StoreError) => {
      seen.state = error.reason
    },
  )
  return seen
}

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'turnpike-store-'))
  clock = new FakeClock()
  lines = new LogCapture()
  const fake = fakeThreads()
  threads = fake.threads
  const boot = { id: 'boot', sinceBootMs: () => clock.now() }
  const log = createLog({ level: 'info', format: 'json' }, lines)
  store = (await openStore(dir, { clock, log, boot, spawn: fake.spawn })).store
})

afterEach(async () => {
  // What a test leaves unanswered is lost with its thread.
  const closed = store.close()
  for (let n = 0; n < 3; n++) {
    await settle()
    for (const thread of threads) thread.dies()
  }
  await closed
  rmSync(dir, { recursive: true, force: true })
})

describe('the thread', () => {
  it('is not started for what needs no writing', async () => {
    await store.flush()
    await clock.run(60_000)
    await store.close()
    expect(threads).toEqual([])
    expect(lines.lines).toEqual([])
  })

  it('is there from the start where the first change must not wait for it', async () => {
    await store.close()
    const fake = fakeThreads()
    const boot = { id: 'boot', sinceBootMs: () => clock.now() }
    const log = createLog({ level: 'info', format: 'json' }, lines)
    const both = await openStore(dir, { clock, log, boot, spawn: fake.spawn, eager: true })
    expect(fake.threads).toHaveLength(1)
    const begun = watch(both.store.callBegins(call))
    await settle()
    fake.threads[0]?.commits()
    await settle()
    expect(begun.state).toBe(1)
    await both.store.close()
    expect(fake.threads).toHaveLength(1)
  })

  it('is started once, for the first change', async () => {
    store.opened('a')
    await clock.run(250)
    threads[0]?.commits()
    const begun = watch(store.callBegins(call))
    await settle()
    threads[0]?.commits()
    await settle()
    expect(begun.state).toBe(1)
    expect(threads).toHaveLength(1)
    expect(threads[0]?.requests[0]).toMatchObject({ kind: 'open', dir })
    expect(lines.lines).toEqual([])
  })
})

describe('whoever waits', () => {
  it('waits until the batch is written', async () => {
    const first = watch(store.callBegins(call))
    await settle()
    expect(first.state).toBe('pending')
    threads[0]?.commits()
    await settle()
    expect(first.state).toBe(1)
  })

  it('shares the next transaction with everybody who came while one was written', async () => {
    const one = watch(store.callBegins(call))
    await settle()
    const others = [watch(store.callBegins(call)), watch(store.bought([address])), watch(store.callBegins(call))]
    store.opened('a')
    await settle()
    threads[0]?.commits()
    await settle()
    expect(one.state).toBe(1)
    expect(others.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending'])
    threads[0]?.commits()
    await settle()
    expect(others.map(({ state }) => state)).toEqual([2, 'done', 3])
    expect(kinds(threads[0])).toEqual([['call-began'], ['call-began', 'bought', 'call-began', 'opened']])
  })

  it('is served at once when asking again in the moment a batch is done', async () => {
    const again = watch(store.callBegins(call).then(() => store.callBegins(call)))
    await settle()
    threads[0]?.commits()
    await settle()
    expect(kinds(threads[0])).toEqual([['call-began'], ['call-began']])
    threads[0]?.commits()
    await settle()
    expect(again.state).toBe(2)
  })

  it('hears that one change cannot be recorded; the others of the batch are', async () => {
    const flushed = watch(store.flush())
    await settle()
    expect(flushed.state).toBe('done')
    const first = watch(store.callBegins(call))
    await settle()
    const [bad, good] = [watch(store.bought([address])), watch(store.callBegins(call))]
    threads[0]?.commits()
    await settle()
    threads[0]?.commits([{ index: 0, message: 'no' }])
    await settle()
    expect([first.state, bad.state, good.state]).toEqual([1, 'refused', 2])
    expect(lines.text).toContain('cannot be recorded')
  })
})

describe('what nobody waits for', () => {
  it('goes a quarter of a second later, all together, a session once', async () => {
    store.opened('a')
    store.session('s', 'a')
    store.left('b', 'blamed')
    store.session('s', 'b')
    await clock.run(249)
    expect(threads).toEqual([])
    await clock.run(1)
    expect(threads[0]?.batches).toEqual([
      [
        { kind: 'opened', id: 'a', uses: 1 },
        { kind: 'session', key: 's', upstreamId: 'b' },
        { kind: 'left', id: 'b', reason: 'blamed' },
      ],
    ])
  })

  it('that came while a batch was written is not due with it', async () => {
    store.opened('a')
    await clock.run(250)
    store.opened('b')
    threads[0]?.commits()
    await settle()
    expect(threads[0]?.batches).toHaveLength(1)
    await clock.run(250)
    expect(threads[0]?.batches).toHaveLength(2)
  })

  it('is handed over a thousand at a time', async () => {
    for (let n = 0; n < 1_500; n++) store.session(`s${n}`, 'a')
    await clock.run(250)
    threads[0]?.commits()
    await settle()
    expect(threads[0]?.batches.map((batch) => batch.length)).toEqual([1_000, 500])
  })

  it('signs of use go every ten seconds', async () => {
    for (let n = 0; n < 3; n++) store.sessionUsed('s')
    await clock.run(9_999)
    expect(threads).toEqual([])
    await clock.run(1)
    expect(threads[0]?.batches).toEqual([[{ kind: 'session-used', key: 's' }]])
  })

  it('does not take an address for gone that leaves because the gateway stops', async () => {
    store.left('a', 'shutdown')
    store.left('b', 'released')
    await clock.run(250)
    expect(threads[0]?.batches).toEqual([[{ kind: 'released', id: 'b' }]])
  })
})

describe('flush', () => {
  it('waits for everything said before, signs of use included', async () => {
    store.sessionUsed('s')
    store.opened('a')
    const flushed = watch(store.flush())
    await settle()
    expect(kinds(threads[0])).toEqual([['opened', 'session-used']])
    expect(flushed.state).toBe('pending')
    threads[0]?.commits()
    await settle()
    expect(flushed.state).toBe('done')
  })

  it('fails when something said before cannot be written', async () => {
    store.opened('a')
    const flushed = watch(store.flush())
    await settle()
    threads[0]?.fails('full')
    await settle()
    expect(flushed.state).toBe('full')
  })
})

describe('while nothing can be written', () => {
  it('everybody who waits hears it at once; what nobody waits for, and purchases, are tried again', async () => {
    store.opened('x')
    const waiting = [watch(store.callBegins(call)), watch(store.bought([address]))]
    await settle()
    const behind = [watch(store.callBegins(call)), watch(store.flush())]
    threads[0]?.fails('full', 'the store cannot be written: the disk is full')
    await settle()
    expect([...waiting, ...behind].map(({ state }) => state)).toEqual(['full', 'full', 'full', 'full'])
    await clock.run(1_000)
    expect(kinds(threads[0])?.[1]).toEqual(['opened', 'bought'])
    threads[0]?.commits()
    await settle()
    expect(lines.records().map(({ msg }) => msg)).toEqual([
      'the store cannot be written: the disk is full. Nothing is bought until it can be written',
      'the store can be written again',
    ])
  })

  it('it is tried again each second, and said once each time it begins and ends', async () => {
    store.opened('x')
    await clock.run(250)
    for (let n = 0; n < 5; n++) {
      threads[0]?.fails('full')
      await clock.run(1_000)
    }
    expect(threads[0]?.batches).toHaveLength(6)
    expect(lines.lines).toHaveLength(1)
    for (const id of ['y', 'z']) {
      threads[0]?.commits()
      store.opened(id)
      await clock.run(250)
    }
    expect(threads[0]?.batches).toHaveLength(8)
    expect(lines.lines).toHaveLength(2)
    threads[0]?.fails('full')
    await settle()
    expect(lines.lines).toHaveLength(3)
  })

  it('somebody who waits is a reason to try at once', async () => {
    const first = watch(store.callBegins(call))
    await settle()
    threads[0]?.fails('read-only')
    await settle()
    const second = watch(store.callBegins(call))
    await settle()
    threads[0]?.commits()
    await settle()
    expect([first.state, second.state]).toEqual(['read-only', 2])
  })
})

describe('when the thread is lost', () => {
  it('another one opens the folder; a call that may have got through is taken back', async () => {
    store.opened('x')
    const lost = watch(store.callBegins(call))
    await settle()
    threads[0]?.dies()
    await settle()
    expect(lost.state).toBe('crashed')
    await clock.run(1_000)
    expect(threads[1]?.requests[0]).toMatchObject({ kind: 'open', dir })
    expect(threads[1]?.batches).toEqual([
      [
        { kind: 'opened', id: 'x', uses: 1 },
        { kind: 'call-undone', id: 1 },
      ],
    ])
    const next = watch(store.callBegins(call))
    threads[1]?.commits()
    await settle()
    threads[1]?.commits()
    await settle()
    expect(next.state).toBe(2)
  })

  it('in an idle moment, nobody notices', async () => {
    await oneIsRecorded()
    threads[0]?.dies()
    const next = watch(store.callBegins(call))
    await settle()
    threads[1]?.commits()
    await settle()
    expect(next.state).toBe(2)
    expect(threads).toHaveLength(2)
  })

  it('no more than one is started in a second', async () => {
    const states: unknown[] = []
    for (let n = 0; n < 20; n++) {
      const next = watch(store.callBegins(call))
      await settle()
      threads.at(-1)?.dies()
      await clock.run(100)
      states.push(next.state)
    }
    expect(threads.length).toBeLessThanOrEqual(4)
    expect(new Set(states)).toEqual(new Set(['crashed']))
  })
})

describe('when the file turns out damaged', () => {
  it('another thread opens it, and so checks it', async () => {
    const failed = watch(store.callBegins(call))
    await settle()
    threads[0]?.fails('damaged')
    await settle()
    expect(failed.state).toBe('damaged')
    expect(threads[0]?.requests.at(-1)).toEqual({ kind: 'close' })
    const next = watch(store.callBegins(call))
    await settle()
    threads[1]?.commits()
    await settle()
    expect(next.state).toBe(2)
  })
})

describe('close', () => {
  it('writes what was said, ends the thread, and takes nothing more', async () => {
    store.opened('a')
    const closed = watch(store.close())
    store.opened('late')
    await settle()
    expect(closed.state).toBe('pending')
    threads[0]?.commits()
    await settle()
    expect(closed.state).toBe('done')
    expect(threads[0]?.requests.map(({ kind }) => kind)).toEqual(['open', 'commit', 'close'])
    expect(clock.pendingTimers).toBe(0)
    await store.close()
    expect(threads[0]?.requests).toHaveLength(3)
    for (const refused of [store.callBegins(call), store.bought([address]), store.flush()]) {
      await expect(refused).rejects.toThrow(StoreError)
    }
    store.session('s', 'a')
    store.sessionUsed('s')
    store.sessionEnded('s')
    expect(clock.pendingTimers).toBe(0)
  })

  it('does not fail when the last changes cannot be written, but says it', async () => {
    store.opened('a')
    const closed = watch(store.close())
    await settle()
    threads[0]?.fails('full')
    await settle()
    expect(closed.state).toBe('done')
    expect(lines.text).toContain('closed without its last changes')
    expect(clock.pendingTimers).toBe(0)
  })

  it('works after the thread is lost', async () => {
    await oneIsRecorded()
    threads[0]?.dies()
    const closed = watch(store.close())
    await settle()
    expect(closed.state).toBe('done')
  })
})
