/** Writes changes into the tables. Each is idempotent: writing it twice has no further effect. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Change, UpstreamRow } from './messages.ts'

type Of<Kind extends Change['kind']> = Extract<Change, { kind: Kind }>

/** How much longer a call without an answer counts in its window (ratelimit/sliding-window.ts). */
const LATE_ARRIVAL_MS = 1_000

export class Changes {
  readonly #database: DatabaseSync
  readonly #prepared = new Map<string, StatementSync>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** @param nowMs since boot: when sessions count as used */
  apply(change: Change, nowMs: number): void {
    switch (change.kind) {
      case 'call-began':
        this.#callBegan(change)
        break
      case 'call-ended':
        this.#callEnded(change)
        break
      case 'call-resolved':
        this.#callResolved(change)
        break
      case 'call-undone':
        this.#callUndone(change.id)
        break
      case 'bought':
        for (const upstream of change.upstreams) this.#bought(upstream)
        break
      case 'pending':
        for (const { id, provider, endsMs } of change.lines)
          this.#run('INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?)', change.account, id, provider, endsMs)
        break
      case 'pending-over':
        for (const id of change.ids) this.#run('DELETE FROM pending WHERE account = ? AND id = ?', change.account, id)
        break
      case 'left':
        this.#run('UPDATE upstreams SET gone = ? WHERE id = ?', change.reason, change.id)
        break
      case 'released':
        this.#run('DELETE FROM upstreams WHERE id = ?', change.id)
        break
      case 'opened':
        this.#run('UPDATE upstreams SET opened = ? WHERE id = ?', change.uses, change.id)
        break
      case 'user-used':
        this.#run('INSERT OR REPLACE INTO users VALUES (?, ?, ?)', change.name, change.atMs, change.usage)
        break
      default:
        this.#session(change, nowMs)
    }
  }

  #session(change: Of<'session' | 'session-used' | 'session-ended'>, nowMs: number): void {
    if (change.kind === 'session') {
      const sql = `INSERT INTO sessions (key, upstream, used) VALUES (?, ?, ?)
        ON CONFLICT (key) DO UPDATE SET upstream = excluded.upstream, used = excluded.used`
      this.#run(sql, change.key, change.upstreamId, nowMs)
    } else if (change.kind === 'session-used') {
      this.#run('UPDATE sessions SET used = ? WHERE key = ?', nowMs, change.key)
    } else {
      this.#run('DELETE FROM sessions WHERE key = ?', change.key)
    }
  }

  #callBegan({ id, limiterKey, windowMs, provider, booked, atMs }: Of<'call-began'>): void {
    const sql = `INSERT INTO calls (id, limiter, counts_for, provider, began, count) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO NOTHING`
    const isNew = this.#run(sql, id, limiterKey, windowMs, provider, atMs, booked) === 1
    if (isNew) this.#addToTotal(provider, booked)
  }

  #callEnded({ id, answered, sold, atMs }: Of<'call-ended'>): void {
    const call = this.#get('SELECT provider, count FROM calls WHERE id = ? AND ended IS NULL', id)
    if (call === undefined) return
    this.#run('UPDATE calls SET ended = ?, answered = ?, count = ? WHERE id = ?', atMs, answered ? 1 : 0, sold, id)
    this.#addToTotal(String(call['provider']), sold - Number(call['count']))
  }

  #callResolved({ id, sold }: Of<'call-resolved'>): void {
    const call = this.#get('SELECT provider, count FROM calls WHERE id = ? AND answered = 0 AND ended IS NOT NULL', id)
    if (call === undefined) return
    // In its window it still counts, as a call that may have arrived late.
    this.#run('UPDATE calls SET answered = 1, ended = ended + ?, count = ? WHERE id = ?', LATE_ARRIVAL_MS, sold, id)
    this.#addToTotal(String(call['provider']), sold - Number(call['count']))
  }

  #callUndone(id: number): void {
    const call = this.#get('SELECT provider, count FROM calls WHERE id = ?', id)
    if (call === undefined) return
    this.#run('DELETE FROM calls WHERE id = ?', id)
    this.#addToTotal(String(call['provider']), -Number(call['count']))
  }

  #addToTotal(provider: string, count: number): void {
    if (count === 0) return
    const sql = `INSERT INTO totals (provider, total) VALUES (?, ?)
      ON CONFLICT (provider) DO UPDATE SET total = total + excluded.total`
    this.#run(sql, provider, count)
  }

  /** When an address is recorded again, it stays used while it has not left the pool; after that it is a new purchase. */
  #bought({ id, provider, facts, password, boughtMs, deadlineMs, vendorDeadlineMs }: UpstreamRow): void {
    const sql = `INSERT INTO upstreams (id, provider, facts, password, bought, deadline, vendor_deadline)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET provider = excluded.provider, facts = excluded.facts, password = excluded.password,
        bought = excluded.bought, deadline = excluded.deadline, vendor_deadline = excluded.vendor_deadline,
        opened = iif(gone IS NULL, opened, 0), gone = NULL, doubtful = 0`
    this.#run(sql, id, provider, facts, password, boughtMs, deadlineMs, vendorDeadlineMs)
  }

  /** @returns rows changed */
  #run(sql: string, ...values: (string | number | null)[]): number {
    return Number(this.#statement(sql).run(...values).changes)
  }

  #get(sql: string, ...values: (string | number)[]): Record<string, unknown> | undefined {
    return this.#statement(sql).get(...values)
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#prepared.set(sql, statement)
    }
    return statement
  }
}
