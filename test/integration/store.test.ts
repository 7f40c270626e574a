import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { createLog } from '../../src/log/log.ts'
import { Secret } from '../../src/secret.ts'
import {
  type CallStart,
  type HandoverStore,
  nothingRestored,
  type Restored,
  type Store,
  type StoredUpstream,
} from '../../src/store/contract.ts'
import { StoreBusy, StoreError } from '../../src/store/errors.ts'
import { openStore } from '../../src/store/sqlite/store.ts'
import { startWorker } from '../../src/store/sqlite/worker-client.ts'
import { assertNoSecret, LogCapture } from '../support/log-capture.ts'
import { type Child, killAndCheck, startChild } from '../support/store/kills.ts'

const HOUR_MS = 3_600_000
const PASSWORD = 'correct-horse-battery'
const call: CallStart = { limiterKey: 'k', windowMs: HOUR_MS, provider: 'p', booked: 5 }

const folder = mkdtempSync(join(tmpdir(), 'turnpike-store-'))
const clock = new SystemClock()
let dir: string
let lines: LogCapture
let workers: Worker[]
const opened: Store[] = []
const children: Child[] = []
let folders = 0

async function open(where = dir): Promise<{ store: HandoverStore; restored: Restored }> {
  const log = createLog({ level: 'info', format: 'json' }, lines)
  const spawn = () => {
    const worker = startWorker()
    workers.push(worker)
    return worker
  }
  const both = await openStore(where, { clock, log, spawn })
  opened.push(both.store)
  return both
}

function child(args: readonly string[]): Child {
  const started = startChild(args)
  children.push(started)
  return started
}

function address(id: string, lifeMs = HOUR_MS): StoredUpstream {
  const now = clock.now()
  const facts = { id, provider: 'p', protocol: 'http', host: '192.0.2.1', port: 8080, username: 'u' } as const
  return {
    facts: { ...facts, password: new Secret(PASSWORD), boughtAt: now, deadline: now + lifeMs },
    vendorDeadline: now + lifeMs + 5_000,
  }
}

beforeEach(() => {
  dir = join(folder, String(folders++), 'state')
  lines = new LogCapture()
  workers = []
})

afterEach(async () => {
  for (const { process } of children.splice(0)) process.kill('SIGKILL')
  await Promise.all(opened.splice(0).map((store) => store.close()))
})

afterAll(() => {
  clock.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('over a restart', () => {
  it('everything is there that was bought, called and begun', async () => {
    const { store, restored: nothing } = await open()
    expect(nothing).toEqual(nothingRestored)
    const done = await store.callBegins(call)
    await store.callBegins({ ...call, limiterKey: 'other' })
    store.callEnded(done, true, 3)
    await store.bought([address('a'), address('b'), address('c', Number.POSITIVE_INFINITY), address('d')])
    store.opened('a')
    store.left('b', 'blamed')
    store.released('d')
    store.session('s', 'a')
    store.session('t', 'a')
    store.sessionUsed('t')
    store.sessionEnded('s')
    store.userUsed('u', { octets: [[0, 1]], addresses: [] })
    store.userUsed('u', { octets: [[0, 2]], addresses: [['a', 5]] })
    const boughtAt = clock.now()
    await store.close()

    const { restored } = await open()
    expect(restored.upstreams.map(({ facts, opened: used, state }) => [facts.id, used, state])).toEqual([
      ['a', true, 'alive'],
      ['b', false, 'gone'],
      ['c', false, 'alive'],
    ])
    const [a, , c] = restored.upstreams
    expect(a?.facts.password?.reveal()).toBe(PASSWORD)
    expect((a?.facts.deadline ?? 0) - boughtAt).toBeGreaterThan(HOUR_MS - 2_000)
    expect((a?.facts.deadline ?? 0) - boughtAt).toBeLessThan(HOUR_MS + 100)
    expect(c?.vendorDeadline).toBe(Number.POSITIVE_INFINITY)
    expect(restored.calls.map(({ limiterKey, answered }) => [limiterKey, answered])).toEqual([
      ['k', true],
      ['other', false],
    ])
    expect(restored.totals).toEqual([{ provider: 'p', total: 8 }])
    expect(restored.sessions.map(({ key, upstreamId }) => [key, upstreamId])).toEqual([['t', 'a']])
    const [used, another] = restored.users
    expect(used).toMatchObject({ name: 'u', octets: [[expect.any(Number), 2]], addresses: [['a', expect.any(Number)]] })
    expect(used?.octets[0]?.[0]).toBe((used?.addresses[0]?.[1] ?? 0) - 5)
    expect(another).toBeUndefined()
    expect(lines.lines).toEqual([])
  })

  it('numbers of calls do not begin anew while old ones are on record', async () => {
    const first = await open()
    const one = await first.store.callBegins(call)
    await first.store.close()
    const second = await open()
    expect(await second.store.callBegins(call)).toBeGreaterThan(one)
  })
})

describe('kill -9', () => {
  // Twenty starts of a process: on a loaded machine each takes seconds, and little is written between two kills.
  it('ten times under load loses nothing that was acknowledged', { timeout: 300_000 }, async () => {
    let kill = 0
    const told = await killAndCheck({ dir, kills: 10, moment: () => ({ after: 'open', ms: 20 + 37 * kill++ }) })
    expect(told).toBeGreaterThan(0)
  })
})

describe('one process', () => {
  it('at a time has a folder, and the operating system gives it back when that one is killed', async () => {
    const first = child(['hold', dir])
    expect(await first.next()).toBe('open')
    await expect(open()).rejects.toThrow(StoreBusy)
    await expect(open()).rejects.toThrow(`uses the folder ${dir}:`)
    const second = child(['hold', dir])
    expect(await second.rest()).toEqual(['busy'])
    first.process.kill('SIGKILL')
    await first.rest()
    const { store } = await open()
    await expect(store.callBegins(call)).resolves.toBeGreaterThan(0)
  })

  it('cannot open its own folder twice, and keeps it after it has tried', async () => {
    const { store } = await open()
    await expect(open()).rejects.toThrow(StoreBusy)
    const other = child(['hold', dir])
    expect(await other.rest()).toEqual(['busy'])
    await store.close()
    expect(await child(['hold', dir]).next()).toBe('open')
  })

  it('that could not open the database gives the folder back', async () => {
    const inTheWay = join(dir, 'turnpike.db')
    mkdirSync(inTheWay, { recursive: true })
    await expect(open()).rejects.toThrow(StoreError)
    rmSync(inTheWay, { recursive: true })
    const { store } = await open()
    await expect(store.callBegins(call)).resolves.toBe(1)
  })

  it('keeps its folder before the first change and between threads', async () => {
    const { store } = await open()
    expect(workers).toEqual([])
    expect(await child(['hold', dir]).rest()).toEqual(['busy'])
    await store.callBegins(call)
    await workers[0]?.terminate()
    expect(await child(['hold', dir]).rest()).toEqual(['busy'])
  })
})

describe('a process', () => {
  it('whose thread of the store dies goes on with another one', async () => {
    const { store } = await open()
    const id = await store.callBegins(call)
    await store.bought([address('a')])
    await workers[0]?.terminate()
    store.callEnded(id, true, 4)
    await store.bought([address('b')])
    expect(workers).toHaveLength(2)
    expect(await child(['hold', dir]).rest()).toEqual(['busy'])
    await store.close()
    const { restored } = await open()
    expect(restored.upstreams.map(({ facts }) => facts.id)).toEqual(['a', 'b'])
    expect(restored.totals).toEqual([{ provider: 'p', total: 4 }])
  })

  it('whose thread dies in the middle of the work loses none of what it was told', async () => {
    const { store } = await open()
    const told: number[] = []
    const attempts = Array.from({ length: 200 }, (_, n) => {
      const attempt = store.callBegins({ ...call, booked: 1 }).then((id) => told.push(id))
      if (n === 50) void workers[0]?.terminate()
      return attempt.catch((error: StoreError) => expect(error.reason).toBe('crashed'))
    })
    await Promise.all(attempts)
    await store.callBegins({ ...call, booked: 1 }).then((id) => told.push(id))
    await store.close()
    const { restored } = await open()
    expect(restored.calls).toHaveLength(told.length)
    expect(restored.totals).toEqual([{ provider: 'p', total: told.length }])
  })
})

describe('a folder that is removed while it is in use', () => {
  const calls = async () => (await open()).restored.unknown.map(({ count }) => count)

  it('is made again, locked again, and what follows is recorded in it', async () => {
    const { store } = await open()
    await store.callBegins({ ...call, booked: 1 })
    rmSync(dir, { recursive: true })
    await expect(store.callBegins({ ...call, booked: 2 })).rejects.toMatchObject({ reason: 'removed' })
    expect(lines.text).toContain(`the files of the store in ${dir} were removed or replaced`)
    await store.callBegins({ ...call, booked: 3 })
    expect(await child(['hold', dir]).rest()).toEqual(['busy'])
    await store.close()
    expect(await calls()).toEqual([3])
  })

  it('and taken by another process: nothing is recorded before that one ends, and no call of it is taken for ours', async () => {
    const { store } = await open()
    await store.callBegins({ ...call, booked: 1 })
    rmSync(dir, { recursive: true })
    const other = child(['fill', dir])
    expect(await other.next()).toBe('open')
    for (let n = 0; n < 5; n++) {
      other.process.stdin.write('order\n')
      expect(await other.next()).toBe('done')
    }
    const reason = () =>
      store.callBegins({ ...call, booked: 3 }).then(
        () => 'done',
        ({ reason }: StoreError) => reason,
      )
    expect(await reason()).toBe('removed')
    expect(await reason()).toBe('busy')
    other.process.stdin.end()
    expect(await other.next()).toBe('closed')
    await expect.poll(reason, { timeout: 30_000 }).toBe('done')
    await store.close()
    expect(await calls()).toEqual([1, 1, 1, 1, 1, 3])
  })
})

const modes = (where: string) =>
  Object.fromEntries(readdirSync(where).map((name) => [name, (statSync(join(where, name)).mode & 0o777).toString(8)]))

describe('permissions', () => {
  it('are for the owner alone, however wide the umask', async () => {
    const before = process.umask(0)
    try {
      const { store } = await open()
      await store.bought([address('a')])
      expect((statSync(dir).mode & 0o777).toString(8)).toBe('700')
      expect(modes(dir)).toEqual({ 'turnpike.db': '600', 'turnpike.db-wal': '600', 'turnpike.lock': '600' })
      await store.close()
    } finally {
      process.umask(before)
    }
  })

  it('are narrowed where they are wider', async () => {
    await (await open()).store.close()
    chmodSync(dir, 0o755)
    for (const name of readdirSync(dir)) chmodSync(join(dir, name), 0o644)
    await open()
    expect((statSync(dir).mode & 0o777).toString(8)).toBe('700')
    expect(new Set(Object.values(modes(dir)))).toEqual(new Set(['600']))
  })

  it('of a folder with other things in it are left alone, and that is said', async () => {
    mkdirSync(dir, { recursive: true })
    chmodSync(dir, 0o755)
    writeFileSync(join(dir, 'thesis.txt'), '')
    await open()
    expect((statSync(dir).mode & 0o777).toString(8)).toBe('755')
    expect(modes(dir)['turnpike.db']).toBe('600')
    expect(lines.records()).toMatchObject([{ msg: 'the folder of the store is open to other users' }])
  })

  it('keep the passwords, which are in the file and nowhere else', async () => {
    const { store } = await open()
    await store.bought([address('a')])
    await workers[0]?.terminate()
    await store.close()
    expect(readFileSync(join(dir, 'turnpike.db')).includes(PASSWORD)).toBe(true)
    assertNoSecret(lines.lines, [PASSWORD])
  })
})

describe('handed over', () => {
  it('gives another process all that was said, and records nothing until it has the folder again', async () => {
    const { store } = await open()
    await store.bought([address('a'), address('b')])
    store.session('s', 'a')
    await store.suspend()
    const next = await open()
    expect([next.restored.upstreams.length, next.restored.sessions.map(({ key }) => key)]).toEqual([2, ['s']])
    await expect(store.callBegins(call)).rejects.toThrow(StoreError)
    store.left('b', 'evicted')
    expect(() => store.resume()).toThrow(StoreBusy)
    await next.store.close()
    store.resume()
    await store.callBegins(call)
    await store.close()
    const { restored } = await open()
    expect(restored.upstreams.map(({ facts, state }) => [facts.id, state])).toEqual([
      ['a', 'alive'],
      ['b', 'gone'],
    ])
    expect(restored.calls.length).toBe(1)
  })

  it('is closed without the folder, too', async () => {
    const { store } = await open()
    await store.suspend()
    const next = await open()
    store.opened('a')
    await store.close()
    await next.store.bought([address('a')])
  })
})
