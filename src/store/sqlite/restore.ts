/** Converts the records of an earlier process to the present boot, and reads them. */
import type { DatabaseSync } from 'node:sqlite'
import type { Restored, UserUsage } from '../contract.ts'
import { inTransaction, nextCallOf, openDatabase } from './database.ts'
import type { Note, Opened } from './messages.ts'
import { type Moment, type RestoredRow, toUpstream } from './rows.ts'
import { BOOT_STEP_MS, type Passage, passage, type Reading } from './time.ts'

const HOUR_MS = 3_600_000
/** The longest window of a budget. */
const PURCHASES_KEPT_MS = 24 * HOUR_MS
/** Idle times are configured in minutes; longer ones do not survive a restart. */
const SESSIONS_KEPT_MS = 7 * 24 * HOUR_MS
/** How long octets of a user count at most (structures/hourly-sum.ts). */
const USAGE_KEPT_MS = 25 * HOUR_MS
/** A call counts a little longer than its window: for aborted calls, and for the margins of the limiter. */
const CALL_SLACK_MS = 60_000
/** Purchases within this time are returned as one, with the latest time. */
const PURCHASE_GRAIN_MS = 10_000

/** What is found in a folder at the start of a process. */
interface Found extends Opened {
  readonly restored: Restored
}

/**
 * Takes over the records of an earlier process. Once per process, before clients are served.
 * @throws {StoreError} as `openDatabase` does
 */
export function takeOver(dir: string, reading: Reading, clockMs: number): Found {
  const notes: Note[] = []
  const { database, result } = openDatabase(dir, reading.wallMs, notes, (opened) => {
    const { proof } = inTransaction(opened, () => carryOver(opened, reading))
    const restored = readRestored(opened, { clockMs, bootMs: reading.bootMs })
    return { proof, restored, nextCall: nextCallOf(opened) }
  })
  database.close()
  const { proof, restored, nextCall } = result
  if (proof === 'none' && restored.upstreams.length + restored.purchases.length > 0)
    notes.push({ level: 'warn', message: RAN_BACK, file: dir })
  return { notes, nextCall, restored }
}

const RAN_BACK =
  'the time of day ran back since the last run: calls and purchases count as made now, addresses are doubtful'

/**
 * Afterwards every instant in the file is on the clock since this boot, and unproven values are the cautious ones: calls and
 * purchases count as made now, addresses are doubtful. To be called in a transaction.
 */
function carryOver(database: DatabaseSync, now: Reading): Passage {
  const last = lastReading(database)
  prune(database, last.bootMs)
  const passed = passage(last, now)
  shift(database, passed.shiftMs)
  if (passed.proof !== 'boot') {
    // Without those that no longer counted at the last reading: they are kept only for the budgets.
    database
      .prepare('UPDATE calls SET ended = max(ended, :now) WHERE ended + counts_for + :slack > :last')
      .run({ now: now.bootMs, slack: CALL_SLACK_MS, last: last.bootMs + passed.shiftMs })
  }
  if (passed.proof === 'none') {
    database.prepare('UPDATE calls SET began = :now').run({ now: now.bootMs })
    database.exec(`UPDATE upstreams SET doubtful = 1 WHERE vendor_deadline < 9e999`)
  }
  // Calls in flight when the process ended may have reached the vendor until now.
  database.prepare('UPDATE calls SET ended = :now, answered = 0 WHERE ended IS NULL').run({ now: now.bootMs })
  prune(database, now.bootMs)
  writeReading(database, now)
  return passed
}

function lastReading(database: DatabaseSync): Reading {
  const row = database.prepare('SELECT boot_id, boot_ms, wall_ms FROM reading').get()
  return { bootId: String(row?.['boot_id']), bootMs: Number(row?.['boot_ms']), wallMs: Number(row?.['wall_ms']) }
}

export function writeReading(database: DatabaseSync, { bootId, bootMs, wallMs }: Reading): void {
  database.prepare('UPDATE reading SET boot_id = ?, boot_ms = ?, wall_ms = ?').run(bootId, bootMs, wallMs)
}

function shift(database: DatabaseSync, ms: number): void {
  if (ms === 0) return
  database
    .prepare(
      'UPDATE upstreams SET bought = bought + :ms, deadline = deadline + :ms, vendor_deadline = vendor_deadline + :ms',
    )
    .run({ ms })
  database.prepare('UPDATE calls SET began = began + :ms, ended = ended + :ms').run({ ms })
  database.prepare('UPDATE sessions SET used = used + :ms').run({ ms })
  database.prepare('UPDATE pending SET ends = ends + :ms').run({ ms })
  database.prepare('UPDATE users SET at = at + :ms').run({ ms })
}

/** Deletes records without any further effect. Calls in flight stay. */
export function prune(database: DatabaseSync, nowMs: number): void {
  database.prepare('DELETE FROM upstreams WHERE vendor_deadline <= ?').run(nowMs)
  database.prepare('DELETE FROM pending WHERE ends <= ?').run(nowMs)
  database
    .prepare('DELETE FROM calls WHERE ended + counts_for + :slack <= :now AND (count <= 0 OR began + :kept <= :now)')
    .run({ now: nowMs, slack: CALL_SLACK_MS, kept: PURCHASES_KEPT_MS })
  database.prepare('DELETE FROM sessions WHERE used + ? <= ?').run(SESSIONS_KEPT_MS, nowMs)
  database.prepare('DELETE FROM users WHERE at + ? <= ?').run(USAGE_KEPT_MS, nowMs)
}

/** The contents after `carryOver`. The checks of STRICT tables guarantee the types of the columns. */
export function readRestored(database: DatabaseSync, at: Moment): Restored {
  const { bootMs } = at
  const agoMs = (instant: number) => Math.max(0, bootMs - instant)
  const rows = <T>(sql: string, values: Readonly<Record<string, number>> = {}) =>
    database.prepare(sql).all(values) as unknown as readonly T[]
  const counting = { now: bootMs, kept: PURCHASES_KEPT_MS }
  return {
    upstreams: rows<RestoredRow>(
      `SELECT id, provider, facts, password, bought AS boughtMs, deadline AS deadlineMs,
         vendor_deadline AS vendorDeadlineMs, opened, gone, doubtful FROM upstreams ORDER BY bought`,
    ).map((row) => toUpstream(row, at)),
    calls: rows<{ limiterKey: string; endedMs: number; answered: number }>(
      `SELECT limiter AS limiterKey, ended AS endedMs, answered FROM calls WHERE ended + counts_for + :slack > :now
       ORDER BY ended`,
      { now: bootMs, slack: CALL_SLACK_MS },
    ).map(({ limiterKey, endedMs, answered }) => ({
      limiterKey,
      // Not `agoMs`: a call that may arrive late ends in the future.
      endedAgoMs: bootMs - endedMs - BOOT_STEP_MS,
      answered: answered === 1,
    })),
    purchases: rows<{ provider: string; atMs: number; count: number }>(
      `SELECT provider, max(began) AS atMs, sum(count) AS count FROM calls WHERE count > 0 AND began + :kept > :now
       GROUP BY provider, CAST(began / :grain AS INTEGER) ORDER BY atMs`,
      { ...counting, grain: PURCHASE_GRAIN_MS },
    ).map(({ provider, atMs, count }) => ({ provider, agoMs: agoMs(atMs), count })),
    unknown: rows<{ id: number; provider: string; limiterKey: string; atMs: number; count: number }>(
      `SELECT id, provider, limiter AS limiterKey, began AS atMs, count FROM calls
       WHERE count > 0 AND answered = 0 AND began + :kept > :now ORDER BY began`,
      counting,
    ).map(({ atMs, ...order }) => ({ ...order, agoMs: agoMs(atMs) })),
    pending: rows<{ account: string; id: string; provider: string; ends: number }>('SELECT * FROM pending').map(
      ({ account, id, provider, ends }) => ({
        account,
        holder: { id, endsAt: at.clockMs + (ends - bootMs), pendingFor: provider },
      }),
    ),
    totals: rows<{ provider: string; total: number }>('SELECT provider, total FROM totals'),
    sessions: rows<{ key: string; upstream: string; used: number }>(
      'SELECT key, upstream, used FROM sessions ORDER BY used',
    ).map(({ key, upstream, used }) => ({ key, upstreamId: upstream, idleMs: agoMs(used) })),
    users: rows<{ name: string; at: number; usage: string }>('SELECT name, at, usage FROM users').map(
      ({ name, at: instant, usage }) => ({ name, ...older(JSON.parse(usage) as UserUsage, agoMs(instant)) }),
    ),
  }
}

function older({ octets, addresses }: UserUsage, byMs: number): UserUsage {
  return {
    octets: octets.map(([ageMs, count]) => [ageMs + byMs, count]),
    addresses: addresses.map(([id, ageMs]) => [id, ageMs + byMs]),
  }
}
