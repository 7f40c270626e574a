/** Converts the records of an earlier process to the present boot, and reads them. */
import type { DatabaseSync } from 'node:sqlite'
import type { Left, RestoredRow } from './messages.ts'
import { type Passage, passage, type Reading } from './time.ts'

const HOUR_MS = 3_600_000
/** The longest window of a budget. */
const PURCHASES_KEPT_MS = 24 * HOUR_MS
/** Idle times are configured in minutes; longer ones do not survive a restart. */
const SESSIONS_KEPT_MS = 7 * 24 * HOUR_MS
/** A call counts a little longer than its window: for aborted calls, and for the margins of the limiter. */
const CALL_SLACK_MS = 60_000
/** Purchases within this time are returned as one, with the latest time. */
const PURCHASE_GRAIN_MS = 10_000

/**
 * Afterwards every instant in the file is on the clock since this boot, and unproven values are the cautious ones: calls and
 * purchases count as made now, addresses are doubtful. To be called in a transaction.
 */
export function carryOver(database: DatabaseSync, now: Reading): Passage {
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
}

/** Deletes records without any further effect. Calls in flight stay. */
export function prune(database: DatabaseSync, nowMs: number): void {
  database.prepare('DELETE FROM upstreams WHERE vendor_deadline <= ?').run(nowMs)
  database.prepare('DELETE FROM pending WHERE ends <= ?').run(nowMs)
  database
    .prepare('DELETE FROM calls WHERE ended + counts_for + :slack <= :now AND (count <= 0 OR began + :kept <= :now)')
    .run({ now: nowMs, slack: CALL_SLACK_MS, kept: PURCHASES_KEPT_MS })
  database.prepare('DELETE FROM sessions WHERE used + ? <= ?').run(SESSIONS_KEPT_MS, nowMs)
}

/** The contents after `carryOver`. */
export function readLeft(database: DatabaseSync, { proof }: Passage, now: Reading): Left {
  const calls = database.prepare(
    'SELECT limiter AS limiterKey, ended AS endedMs, answered FROM calls WHERE ended + counts_for + :slack > :now ORDER BY ended',
  )
  const purchases = database.prepare(
    `SELECT provider, max(began) AS atMs, sum(count) AS count FROM calls WHERE count > 0 AND began + :kept > :now
     GROUP BY provider, CAST(began / :grain AS INTEGER) ORDER BY atMs`,
  )
  const unknown = database.prepare(
    `SELECT id, provider, began AS atMs, count FROM calls WHERE count > 0 AND answered = 0 AND began + :kept > :now
     ORDER BY began`,
  )
  return {
    proof,
    upstreams: database.prepare('SELECT * FROM upstreams ORDER BY bought').all().map(toRestoredRow),
    calls: calls.all({ now: now.bootMs, slack: CALL_SLACK_MS }).map((row) => ({
      limiterKey: String(row['limiterKey']),
      endedMs: Number(row['endedMs']),
      answered: row['answered'] === 1,
    })),
    purchases: purchases
      .all({ now: now.bootMs, kept: PURCHASES_KEPT_MS, grain: PURCHASE_GRAIN_MS })
      .map((row) => ({ provider: String(row['provider']), atMs: Number(row['atMs']), count: Number(row['count']) })),
    unknown: unknown.all({ now: now.bootMs, kept: PURCHASES_KEPT_MS }).map((row) => ({
      id: Number(row['id']),
      provider: String(row['provider']),
      atMs: Number(row['atMs']),
      count: Number(row['count']),
    })),
    pending: database
      .prepare('SELECT * FROM pending')
      .all()
      .map((row) => ({
        account: String(row['account']),
        id: String(row['id']),
        provider: String(row['provider']),
        endsMs: Number(row['ends']),
      })),
    totals: database
      .prepare('SELECT provider, total FROM totals')
      .all()
      .map((row) => ({ provider: String(row['provider']), total: Number(row['total']) })),
    sessions: database
      .prepare('SELECT key, upstream, used FROM sessions ORDER BY used')
      .all()
      .map((row) => ({
        key: String(row['key']),
        upstreamId: String(row['upstream']),
        usedMs: Number(row['used']),
      })),
  }
}

function toRestoredRow(row: Readonly<Record<string, unknown>>): RestoredRow {
  return {
    id: String(row['id']),
    provider: String(row['provider']),
    facts: String(row['facts']),
    password: row['password'] === null ? null : String(row['password']),
    boughtMs: Number(row['bought']),
    deadlineMs: Number(row['deadline']),
    vendorDeadlineMs: Number(row['vendor_deadline']),
    opened: row['opened'] === 1,
    isGone: row['gone'] !== null,
    isDoubtful: row['doubtful'] === 1,
  }
}
