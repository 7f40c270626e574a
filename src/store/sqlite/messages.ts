/** Messages between the main thread and the store's thread: plain data. Instants are milliseconds since boot. */
import type { GoneReason } from '../../pool/upstream.ts'
import type { StoreReason } from '../errors.ts'
import type { Reading } from './time.ts'

export interface UpstreamRow {
  readonly id: string
  readonly provider: string
  /** JSON of the facts without a column of their own. */
  readonly facts: string
  readonly password: string | null
  readonly boughtMs: number
  readonly deadlineMs: number
  readonly vendorDeadlineMs: number
}

/** A line that was sold and has no address yet. */
export interface PendingRow {
  readonly id: string
  readonly provider: string
  readonly endsMs: number
}

/** One thing to record. It may be recorded twice and counts once: after a crash it is unknown which writes succeeded. */
export type Change =
  | {
      readonly kind: 'call-began'
      readonly id: number
      readonly limiterKey: string
      readonly windowMs: number
      readonly provider: string
      readonly booked: number
      readonly atMs: number
    }
  | {
      readonly kind: 'call-ended'
      readonly id: number
      readonly answered: boolean
      readonly sold: number
      readonly atMs: number
    }
  | { readonly kind: 'call-resolved'; readonly id: number; readonly sold: number }
  /** It was certainly not recorded, so the call was not made. */
  | { readonly kind: 'call-undone'; readonly id: number }
  | { readonly kind: 'bought'; readonly upstreams: readonly UpstreamRow[] }
  | { readonly kind: 'pending'; readonly account: string; readonly lines: readonly PendingRow[] }
  | { readonly kind: 'pending-over'; readonly account: string; readonly ids: readonly string[] }
  | { readonly kind: 'left'; readonly id: string; readonly reason: GoneReason }
  | { readonly kind: 'released'; readonly id: string }
  | { readonly kind: 'opened'; readonly id: string; readonly uses: number }
  /** Sessions count as used at the time of the batch. */
  | { readonly kind: 'session'; readonly key: string; readonly upstreamId: string }
  | { readonly kind: 'session-used'; readonly key: string }
  | { readonly kind: 'session-ended'; readonly key: string }
  /** `usage` is JSON of `UserUsage`, whose ages are those at `atMs`. */
  | { readonly kind: 'user-used'; readonly name: string; readonly usage: string; readonly atMs: number }

export interface Batch {
  readonly reading: Reading
  readonly changes: readonly Change[]
}

export interface OpenRequest {
  readonly dir: string
  readonly reading: Reading
}

export type Request =
  | ({ readonly kind: 'open' } & OpenRequest)
  | ({ readonly kind: 'commit' } & Batch)
  | { readonly kind: 'close' }

/** Unusual findings about the folder, for the log. */
export interface Note {
  readonly level: 'warn' | 'error'
  readonly message: string
  readonly file: string
  readonly why?: string
}

export interface Opened {
  readonly notes: readonly Note[]
  /** Greater than every recorded call number. */
  readonly nextCall: number
}

/** Positions in the batch of the changes that cannot be stored. */
export interface Refusal {
  readonly index: number
  readonly message: string
}

export interface Failure {
  readonly reason: StoreReason
  readonly message: string
}

export type Reply =
  | { readonly kind: 'opened'; readonly opened: Opened }
  | { readonly kind: 'committed'; readonly refused: readonly Refusal[] }
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly failure: Failure }
