/** What crosses between the gateway's thread and the store's: plain data. Instants are milliseconds since boot. */
import type { GoneReason } from '../../pool/upstream.ts'
import type { StoreReason } from '../errors.ts'
import type { Proof, Reading } from './time.ts'

export interface UpstreamRow {
  readonly id: string
  readonly provider: string
  /** JSON of the facts that have no column of their own. */
  readonly facts: string
  readonly password: string | null
  readonly boughtMs: number
  readonly deadlineMs: number
  readonly vendorDeadlineMs: number
}

/** One thing to be recorded. Each may be recorded twice and counts once: after a crash nobody knows which got through. */
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
  /** It was not recorded for certain, so it was not made. */
  | { readonly kind: 'call-undone'; readonly id: number }
  | { readonly kind: 'bought'; readonly upstreams: readonly UpstreamRow[] }
  | { readonly kind: 'left'; readonly id: string; readonly reason: GoneReason }
  | { readonly kind: 'released'; readonly id: string }
  | { readonly kind: 'opened'; readonly id: string }
  /** Sessions count as used at the batch's reading. */
  | { readonly kind: 'session'; readonly key: string; readonly upstreamId: string }
  | { readonly kind: 'session-used'; readonly key: string }
  | { readonly kind: 'session-ended'; readonly key: string }

export interface Batch {
  readonly reading: Reading
  readonly changes: readonly Change[]
}

export interface OpenRequest {
  readonly dir: string
  readonly reading: Reading
  /** True once in a process, before anybody is served; later its own calls are in flight, and go on. */
  readonly isStart: boolean
}

export type Request =
  | ({ readonly kind: 'open' } & OpenRequest)
  | ({ readonly kind: 'commit' } & Batch)
  | { readonly kind: 'close' }

export interface RestoredRow extends UpstreamRow {
  readonly opened: boolean
  readonly isGone: boolean
  readonly isDoubtful: boolean
}

/** What an earlier process left, carried over to the present boot. */
export interface Left {
  readonly proof: Proof
  readonly upstreams: readonly RestoredRow[]
  readonly calls: readonly { readonly limiterKey: string; readonly endedMs: number; readonly answered: boolean }[]
  readonly purchases: readonly { readonly provider: string; readonly atMs: number; readonly count: number }[]
  /** Orders without an answer, oldest first. */
  readonly unknown: readonly {
    readonly id: number
    readonly provider: string
    readonly atMs: number
    readonly count: number
  }[]
  readonly totals: readonly { readonly provider: string; readonly total: number }[]
  /** The one used longest ago first. */
  readonly sessions: readonly { readonly key: string; readonly upstreamId: string; readonly usedMs: number }[]
}

/** Something odd about the folder, for the log. */
export interface Note {
  readonly level: 'warn' | 'error'
  readonly message: string
  readonly file: string
  readonly why?: string
}

export interface Opened {
  readonly notes: readonly Note[]
  /** Greater than the number of any call on record. */
  readonly nextCall: number
  /** Only at start. */
  readonly left?: Left
}

/** Of the changes of a batch, by position: what cannot be stored, whatever is tried. */
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
