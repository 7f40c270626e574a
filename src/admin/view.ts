/**
 * The view of the gateway for the admin port: plain data, made from all parts. No member of a report is a secret or
 * contains one; `null` means "unknown" or "does not apply", so that every report has the same members.
 */

import type { AddressDesk } from '../proxy/address-requests.ts'
import type { StreamCounters } from '../proxy/stream-counters.ts'
import type { AreasReply, OperatorCall, OperatorReply } from '../supply/operator/call.ts'
import type { TrialReport, TrialTarget } from '../supply/operator/test-source.ts'
import type { ConnectionsQuery, ConnectionsReport } from './api/schemas/connections.ts'
import type { CheckReport, ConfigReport, Readiness, ReloadReport, TryOrder, TryReply } from './api/schemas/gateway.ts'
import type { HistoryReport } from './api/schemas/history.ts'
import type { UpstreamReport } from './api/schemas/pool.ts'
import type { ProviderReport } from './api/schemas/providers.ts'
import type { RotateReply, SessionsQuery, SessionsReport } from './api/schemas/sessions.ts'
import type { Topic } from './api/schemas/topics.ts'
import type { VerdictReport } from './api/schemas/verdict.ts'
import type { StreamEvent } from './events.ts'
import type { GatewayFacts } from './gateway-report.ts'

export type { ProviderReport, Readiness, UpstreamReport }

export interface AdminView {
  /** For programs that connect to upstreams themselves. */
  readonly addressRequests: AddressDesk
  readiness(): Readiness
  upstreams(): readonly UpstreamReport[]
  providers(): readonly ProviderReport[]
  traffic(): TrafficFigures
  gauges(): Gauges
  faults(): Faults
  verdict(): VerdictReport
  gateway(): GatewayFacts
  config(): ConfigReport
  /** The problems in the text of a configuration; nothing is applied. */
  check(text: string): CheckReport
  /**
   * One request through a port of the gateway.
   * @returns undefined when there is no such port
   * @throws the signal's reason
   */
  tryRequest(order: TryOrder, signal: AbortSignal): Promise<TryReply | undefined>
  /** The PAC file; undefined when a browser cannot reach such a port (pac.ts). */
  pac(listen: string | undefined, requestHost: string): string | undefined
  /** Reads the configuration again. @throws {ConfigError}; another error with a message for the user: nothing has changed */
  reload(): Promise<ReloadReport>
  connections(query: ConnectionsQuery): ConnectionsReport
  /** Ends a client's connection. @returns false when no connection of this number is open */
  closeConnection(id: number): boolean
  history(): HistoryReport
  /**
   * The event stream, until the reader cancels.
   * @returns undefined when there are too many readers
   */
  events(topics: readonly Topic[]): ReadableStream<StreamEvent> | undefined
  /**
   * Keeps an upstream away from a target host.
   * @param host as `hostKey` gives it, without port
   * @returns false when no upstream in the pool has this id
   */
  reportBan(id: string, host: string, restMs: number): boolean
  /** Orders addresses now, without regard to the demand. `not now`: the provider's state, budget, channels or ceiling forbid it. */
  refill(provider: string): RefillAnswer
  /** Ends a provider's pause. @returns false when there is no such provider */
  retry(provider: string): boolean
  /** Stops buying from a provider, or resumes it. @returns false when there is no such provider */
  pause(provider: string): boolean
  resume(provider: string): boolean
  /** Lends an upstream to no new client for a while. @returns false when no upstream in the pool has this id */
  restUpstream(id: string, restMs: number): boolean
  /** Sessions, the most recently used first. */
  sessions(query: SessionsQuery): SessionsReport
  /** Lets a session's next connection get another upstream. @returns undefined when there is no such session */
  rotateSession(key: string): Promise<RotateReply | undefined>
  /** Takes an upstream out of the pool; its open tunnels continue. @returns false when no upstream in the pool has this id */
  evictUpstream(id: string): boolean
  /**
   * Calls an operation of a provider's vendor (supply/operator/call.ts).
   * @throws {OperatorCallRefused}, {GatewayError}, {VendorError}, {StoreError}; the signal's reason
   */
  call(order: OperatorCall, signal: AbortSignal): Promise<OperatorReply>
  /** The places or lines that a provider's vendor lists. @throws as `call` */
  areas(provider: string, signal: AbortSignal): Promise<AreasReply>
  /**
   * Calls a provider or a link once, to see what it delivers (supply/operator/test-source.ts).
   * @returns undefined when there is no such provider
   * @throws {GatewayError}, {VendorError}, {StoreError}; the signal's reason
   */
  trial(target: TrialTarget, signal: AbortSignal): Promise<TrialReply | undefined>
}

/** With the entry for gateway.yaml, if a link was tested. */
interface TrialReply extends TrialReport {
  readonly yaml: string | null
}

export type RefillAnswer = 'ordered' | 'unknown' | 'not now'

/** The traffic counters. */
export type TrafficFigures = Pick<
  StreamCounters,
  | 'requests'
  | 'openedCount'
  | 'openedBy'
  | 'clientsGone'
  | 'endedCounts'
  | 'upBytes'
  | 'downBytes'
  | 'bytes'
  | 'acceptFailures'
  | 'loginFailures'
  | 'errors'
  | 'triesFailed'
  | 'openSeconds'
  | 'setupCounts'
  | 'refusedCount'
>

/** Failures of the gateway itself, since the process began. */
export interface Faults {
  /** Unexpected exceptions; each ended one connection or task. */
  readonly internalErrors: number
  /** Log lines that could not be written. */
  readonly logLinesLost: number
}

/** Current values. */
export interface Gauges {
  /** Client connections. */
  readonly connections: number
  readonly tunnels: number
  /** Clients that wait for an upstream. */
  readonly waiting: number
  readonly sessions: number
}
