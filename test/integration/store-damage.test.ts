import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { createLog } from '../../src/log/log.ts'
import type { Restored, Store, StoredUpstream } from '../../src/store/contract.ts'
import { DatabaseWriter } from '../../src/store/sqlite/database-writer.ts'
import type { Note } from '../../src/store/sqlite/messages.ts'
import { takeOver } from '../../src/store/sqlite/restore.ts'
import { openStore } from '../../src/store/sqlite/store.ts'
import type { Reading } from '../../src/store/sqlite/time.ts'
import { LogCapture } from '../support/log-capture.ts'

const HOUR_MS = 3_600_000
const folder = mkdtempSync(join(tmpdir(), 'turnpike-damage-'))
const clock = new SystemClock()
let dir: string
let lines: LogCapture
const opened: Store[] = []
let folders = 0

async function open(): Promise<{ store: Store; restored: Restored }> {
  const both = await openStore(dir, { clock, log: createLog({ level: 'info', format: 'json' }, lines) })
  opened.push(both.store)
  return both
}

function address(id: string): StoredUpstream {
  const facts = { id, provider: 'p', protocol: 'http', host: '192.0.2.1', port: 8080 } as const
  return {
    facts: { ...facts, boughtAt: clock.now(), deadline: clock.now() + HOUR_MS },
    vendorDeadline: clock.now() + HOUR_MS,
  }
}

beforeEach(() => {
  dir = join(folder, String(folders++), 'state')
  lines = new LogCapture()
})

afterEach(() => Promise.all(opened.splice(0).map((store) => store.close())))

afterAll(() => {
  clock.close()
  rmSync(folder, { recursive: true, force: true })
})

const asideIn = (where: string) => readdirSync(where).filter((name) => name.includes('.damaged-'))

async function expectSetAside(content: Buffer, why: RegExp): Promise<void> {
  const { store, restored } = await open()
  expect(restored.upstreams).toEqual([])
  const aside = asideIn(dir)
  expect(aside).toHaveLength(1)
  expect(aside[0]).toMatch(/^turnpike\.db\.damaged-\d{8}T\d{6}\.\d{3}Z$/)
  expect(readFileSync(join(dir, aside[0] ?? '')).equals(content)).toBe(true)
  const [record] = lines.records()
  expect(record).toMatchObject({ msg: expect.stringContaining('damaged'), file: join(dir, aside[0] ?? '') })
  expect(record?.['why']).toMatch(why)
  await store.bought([address('new')])
  await store.close()
  expect((await open()).restored.upstreams).toHaveLength(1)
}

async function madeAndClosed(): Promise<string> {
  const { store } = await open()
  await store.bought(Array.from({ length: 300 }, (_, n) => address(`a${n}`)))
  await store.close()
  return join(dir, 'turnpike.db')
}

describe('a file that cannot be used', () => {
  it('because it is no database is set aside, kept as it is, and a new one begun', async () => {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const content = Buffer.from('once upon a time '.repeat(1_000))
    writeFileSync(join(dir, 'turnpike.db'), content)
    await expectSetAside(content, /not a database/)
  })

  it('because a page in the middle is overwritten', async () => {
    const path = await madeAndClosed()
    const content = readFileSync(path)
    content.fill(0xa5, 4096 * 5, 4096 * 6)
    writeFileSync(path, content)
    await expectSetAside(content, /./)
  })

  it('because a value is not what its column may hold', async () => {
    const path = await madeAndClosed()
    const content = Buffer.from(readFileSync(path, 'latin1').replaceAll('"host":', '"hose":'), 'latin1')
    writeFileSync(path, content)
    await expectSetAside(content, /CHECK constraint/)
  })

  it('because a newer Turnpike wrote it', async () => {
    const path = await madeAndClosed()
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 2')
    database.close()
    await expectSetAside(readFileSync(path), /version is 2, this Turnpike knows version 1/)
  })

  it('because another program wrote it', async () => {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const path = join(dir, 'turnpike.db')
    const database = new DatabaseSync(path)
    database.exec('CREATE TABLE bookmarks (url TEXT)')
    database.close()
    await expectSetAside(readFileSync(path), /not a store of Turnpike/)
  })

  it('twice in the same moment gets two names', async () => {
    const notes = [0, 1, 2].map(() => {
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      writeFileSync(join(dir, 'turnpike.db'), 'rubbish '.repeat(200))
      return openAndClose(dir).notes
    })
    expect(notes.map((all) => all.length)).toEqual([1, 1, 1])
    expect(asideIn(dir)).toHaveLength(3)
  })

  it('is not the lock: that is for the operator to look at', async () => {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    writeFileSync(join(dir, 'turnpike.lock'), 'rubbish '.repeat(200))
    await expect(open()).rejects.toThrow(/turnpike\.lock is not the lock of a store/)
  })
})

const READING: Reading = { bootId: 'boot', bootMs: 1_000_000, wallMs: 1_766_000_000_000 }

/** In this thread, for the tests that open hundreds. */
function openAndClose(where: string): { left: Restored; notes: readonly Note[] } {
  const { restored: left, notes } = takeOver(where, READING, READING.bootMs)
  return { left, notes }
}

/** One call and one address in each of the batches: a journal with many records. */
function image(batches: number): { database: Buffer; journal: Buffer } {
  const { writer } = DatabaseWriter.open({ dir, reading: READING })
  const at = READING.bootMs
  for (let n = 1; n <= batches; n++) {
    const began = { id: n, limiterKey: `k${n}`, windowMs: HOUR_MS, provider: 'p', booked: 1, atMs: at } as const
    const facts = JSON.stringify({ protocol: 'http', host: `host-${n}.example`, port: n })
    const times = { boughtMs: at, deadlineMs: at + HOUR_MS, vendorDeadlineMs: at + HOUR_MS }
    const row = { id: `a${n}`, provider: 'p', facts, password: null, ...times }
    writer.commit({
      reading: READING,
      changes: [
        { kind: 'call-began', ...began },
        { kind: 'bought', upstreams: [row] },
      ],
    })
  }
  // As a kill would leave them. Another process reads them: to open and close a file here would drop the locks on it.
  const read = (name: string) => execFileSync('cat', [join(dir, name)], { maxBuffer: 1 << 26 })
  const files = { database: read('turnpike.db'), journal: read('turnpike.db-wal') }
  writer.close()
  return files
}

/** Opens a folder with these files. @returns how many calls it holds, or undefined when the files were set aside */
function callsIn(database: Buffer, journal: Buffer | undefined): number | undefined {
  const where = join(folder, `image-${folders++}`)
  mkdirSync(where, { mode: 0o700 })
  writeFileSync(join(where, 'turnpike.db'), database)
  if (journal !== undefined) writeFileSync(join(where, 'turnpike.db-wal'), journal)
  const { left, notes } = openAndClose(where)
  const isAside = notes.some(({ level }) => level === 'error')
  expect(isAside).toBe(asideIn(where).length > 0)
  const calls = left.calls.length
  expect(left.upstreams).toHaveLength(calls)
  expect(left.totals).toEqual(calls === 0 ? [] : [{ provider: 'p', total: calls }])
  rmSync(where, { recursive: true })
  return isAside ? undefined : calls
}

const JOURNAL_HEADER = 32
const PAGE = 4_096
const FRAME = 24 + PAGE

describe('what a crash may leave of the files', () => {
  it('journal cut at every record: what is before the cut is there, whole batches only', { timeout: 120_000 }, () => {
    const { database, journal } = image(24)
    const counts: number[] = []
    const frames = Math.floor((journal.length - JOURNAL_HEADER) / FRAME)
    for (let frame = 0; frame <= frames; frame++) {
      for (const within of [0, 2_000]) {
        const calls = callsIn(database, journal.subarray(0, JOURNAL_HEADER + frame * FRAME + within))
        if (calls === undefined) throw new Error(`a journal cut in frame ${frame} is no damage`)
        counts.push(calls)
      }
    }
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    expect(new Set(counts)).toEqual(new Set(Array.from({ length: 25 }, (_, n) => n)))
  })

  it('database cut anywhere: opened or set aside, and never another error', { timeout: 120_000 }, () => {
    image(40)
    const database = readFileSync(join(dir, 'turnpike.db'))
    expect(callsIn(database, undefined)).toBe(40)
    // An empty file is a new one.
    expect(callsIn(database.subarray(0, 0), undefined)).toBe(0)
    for (let size = 1_021; size <= database.length - PAGE; size += 2_039) {
      expect(callsIn(database.subarray(0, size), undefined)).toBeUndefined()
    }
    // Of the last page the end may be unused: then nothing is lost.
    for (let size = database.length - PAGE + 1; size < database.length; size += 101) {
      expect([40, undefined]).toContain(callsIn(database.subarray(0, size), undefined))
    }
  })
})

/** Whole numbers from 0 to below the bound, the same in every run. */
function repeatableRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

describe('what else may become of them', () => {
  it('bytes changed anywhere: opened or set aside, and never another error', { timeout: 120_000 }, () => {
    const { database, journal } = image(40)
    const closed = readFileSync(join(dir, 'turnpike.db'))
    const random = repeatableRandom(20_260_801)
    let aside = 0
    for (let n = 0; n < 150; n++) {
      const [file, other] = n % 2 === 0 ? [closed, undefined] : [journal, database]
      const changed = Buffer.from(file)
      const at = random(changed.length)
      changed[at] = (changed[at] ?? 0) ^ (1 + random(255))
      const where = join(folder, `image-${folders++}`)
      mkdirSync(where, { mode: 0o700 })
      writeFileSync(join(where, 'turnpike.db'), other ?? changed)
      if (other !== undefined) writeFileSync(join(where, 'turnpike.db-wal'), changed)
      if (openAndClose(where).notes.some(({ level }) => level === 'error')) aside++
      rmSync(where, { recursive: true })
    }
    expect(aside).toBeGreaterThan(5)
  })

  it('journal without its database: set aside, SQLite would delete it', () => {
    const { journal } = image(3)
    rmSync(join(dir, 'turnpike.db'))
    writeFileSync(join(dir, 'turnpike.db-wal'), journal)
    const { left, notes } = openAndClose(dir)
    expect(left.calls).toEqual([])
    expect(notes.at(-1)).toMatchObject({ level: 'error', why: expect.stringContaining('missing') })
    const aside = asideIn(dir).find((name) => name.endsWith('-wal'))
    expect(readFileSync(join(dir, aside ?? '')).equals(journal)).toBe(true)
  })

  it('empty database: a new one is begun, and that is said', () => {
    image(3)
    truncateSync(join(dir, 'turnpike.db'))
    const { left, notes } = openAndClose(dir)
    expect(left.calls).toEqual([])
    expect(notes).toMatchObject([{ level: 'warn', message: expect.stringContaining('empty') }])
  })
})
