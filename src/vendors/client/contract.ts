/** The contract between a source and the process: what it needs, and how it calls a table. */
import type { Clock } from '../../clock.ts'
import type { Params } from '../contract/operation.ts'
import type { CallLimit, CallOrder, LearnedFacts } from '../contract/source.ts'
import type { VendorHttp, VendorReply } from './http.ts'

/**
 * Holds a call back until its limit allows it, in the order of priority (higher first), then lets it out.
 * @throws the signal's reason when it aborts while waiting, else what `send` throws
 */
export type CallGate = <T>(limit: CallLimit, order: CallOrder, send: () => Promise<T>) => Promise<T>

/** State of one source that survives a restart: one plain JSON value. */
export interface SourceMemory {
  /** @returns what was saved last; undefined when nothing was */
  load(): Promise<unknown>
  /** Resolves only when the value would survive a crash. */
  save(value: unknown): Promise<void>
}

/**
 * Runs the tasks of one key one after the other, also for different callers.
 * @throws the signal's reason when it aborts while waiting, else what `task` throws
 */
type InTurn = <T>(key: string, signal: AbortSignal, task: () => Promise<T>) => Promise<T>

/** What a source needs from the process. */
export interface SourceDeps {
  readonly clock: Clock
  readonly http: VendorHttp
  /** Absent only in tests of a single call: then no limit applies. */
  readonly gate?: CallGate
  /** Facts about a credential, by `Source.account`. Absent: each source keeps its own. */
  readonly learnedOf?: (account: string) => LearnedFacts
  /** Absent: the state is kept in memory only. */
  readonly memory?: SourceMemory
  /** One per process, where providers share accounts. Absent: calls are not serialised. */
  readonly inTurn?: InTurn
}

export interface Answer {
  readonly data: unknown
  readonly reply: VendorReply
}

/** Single calls of a vendor, for a source that makes several: checked, limited, judged and masked as usual. */
export interface Table {
  limitOf(operation: string): CallLimit
  /** @throws {VendorError}; rejects with the signal's reason on abort */
  call(operation: string, params: Params, order: CallOrder): Promise<Answer>
}
