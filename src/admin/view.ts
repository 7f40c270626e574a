/**
 * What the admin port may ask of the gateway: plain data, made by app.ts from all parts. No member of a report is a
 * secret or holds one; `null` means "unknown" or "does not apply", so that every report has the same members.
 */

import type { TrafficCounters } from '../proxy/stream-info.ts'
import type { HandOrder, HandReply } from '../supply/operator/call.ts'
import type { TrialReport, TrialTarget } from '../supply/operator/test-source.ts'
import type { ProviderState } from '../supply/provider-status.ts'

export interface AdminView {
  readiness(): Readiness
  upstreams(): readonly UpstreamReport[]
  providers(): readonly ProviderReport[]
  traffic(): TrafficFigures
  gauges(): Gauges
  /**
   * Keeps an upstream away from a target host.
   * @param host in lower case, without port
   * @returns false when no upstream in the pool has this id
   */
  reportBan(id: string, host: string, restMs: number): boolean
  /** Orders addresses now, whatever the demand. `not now`: the provider's state, budget, channels or ceiling forbid it. */
  refill(provider: string): RefillAnswer
  /**
   * Calls an operation of a provider's vendor (supply/operator/call.ts).
   * @throws {HandRefusal}, {GatewayError}, {VendorError}, {StoreError}; the signal's reason
   */
  call(order: HandOrder, signal: AbortSignal): Promise<HandReply>
  /**
   * Calls a provider, or a link, once, to see what it brings (supply/operator/test-source.ts).
   * @returns undefined when there is no such provider
   * @throws {GatewayError}, {VendorError}, {StoreError}; the signal's reason
   */
  trial(target: TrialTarget, signal: AbortSignal): Promise<TrialReport | undefined>
}

export type RefillAnswer = 'ordered' | 'unknown' | 'not now'

/** Ready: listening, and some provider holds addresses or may be asked for some. Not "the pool is filled": idle, it is empty. */
export interface Readiness {
  readonly ready: boolean
  /** Why not, one sentence each; empty when ready. */
  readonly reasons: readonly string[]
}

/** The plain numbers of the traffic counters. */
export type TrafficFigures = Pick<
  TrafficCounters,
  | 'requests'
  | 'openedCount'
  | 'clientsGone'
  | 'endedCounts'
  | 'upBytes'
  | 'downBytes'
  | 'acceptFailures'
  | 'errors'
  | 'triesFailed'
  | 'openSeconds'
>

/** What there is at this moment. */
export interface Gauges {
  /** Client connections. */
  readonly connections: number
  readonly tunnels: number
  /** Clients that wait for an upstream. */
  readonly waiting: number
  readonly sessions: number
}

export interface UpstreamReport {
  readonly id: string
  readonly provider: string
  readonly protocol: string
  /** `host:port` where the gateway connects to it. */
  readonly address: string
  readonly state: string
  /** The address that targets see, where the vendor tells it. */
  readonly exit: string | null
  readonly country: string | null
  readonly area: string | null
  readonly city: string | null
  readonly isp: string | null
  /** Life left until the pool lets go of it, which is a margin before the vendor's own deadline; null: endless. */
  readonly remainingSeconds: number | null
  /** The same instant as a time of day. */
  readonly expiresAt: string | null
  /** Client connections that hold it now, and those of them through which nothing moves. */
  readonly leases: number
  readonly quietLeases: number
  readonly sessions: number
  /** Tunnels opened, ever; and those that counted towards `pool.perUpstream.uses`. */
  readonly opened: number
  readonly uses: number
  /** Failures in a row. */
  readonly blame: number
  /** While it rests: how long yet. Else 0. */
  readonly restSeconds: number
  /** How many target hosts it stays away from now. */
  readonly restingHosts: number
  /** Smoothed time to open a tunnel; null before the first. */
  readonly openSeconds: number | null
}

export interface ProviderReport {
  readonly name: string
  readonly vendor: string
  readonly product: string
  readonly state: ProviderState['kind']
  /** Why it is in this state, in words. */
  readonly reason: string | null
  /** 0: it may be asked at once, when addresses are needed. Null: no time is known. */
  readonly nextAttemptInSeconds: number | null
  readonly nextAttemptAt: string | null
  readonly lastError: string | null
  readonly lastErrorCode: string | null
  readonly lastErrorAgoSeconds: number | null

  /** Calls to the vendor; providers whose calls the vendor counts together show the same figures. */
  readonly callsMade: number
  readonly callsFailed: number
  /** Calls that may be sent at this moment. */
  readonly callsLeft: number
  /** When the window lets the next call through; 0 = now; null: only the reply to a call under way can tell. */
  readonly nextCallInSeconds: number | null
  /** The limit that is kept: so many calls in every window of so many seconds. */
  readonly windowCalls: number
  readonly windowSeconds: number

  readonly bought: number
  /** In the pool now; of them lent to somebody; and the client connections on them. */
  readonly alive: number
  readonly leased: number
  readonly leases: number
  /** Addresses that opened at least one tunnel. */
  readonly used: number
  /** Paid for and never used: expired, or arrived with less life than `pool.minLife`. */
  readonly wasted: number
  readonly wastedExpired: number
  readonly wastedTooShort: number
  /** Given up after failures in a row. */
  readonly evictedByBlame: number
  /** Sold although held already; and items of replies that could not be used. */
  readonly duplicates: number
  readonly rejected: number
  /** Lives bought, all together. */
  readonly secondsBought: number
  /** Of them: something was open through the address. */
  readonly secondsUsed: number
  /** The part of the life bought that was used, 0 to 1; null while nothing was bought. */
  readonly utilisation: number | null

  /** Addresses that may still be bought now; null without a budget. */
  readonly budgetLeft: number | null
  readonly budgetPerHour: number | null
  readonly budgetPerDay: number | null
  readonly budgetTotal: number | null
  /** The budget that is used up, and when it is not any more; null for `total`, which does not come back. */
  readonly budgetReached: 'perHour' | 'perDay' | 'total' | null
  readonly budgetReachedForSeconds: number | null
  /** What the vendor last said is left on the account. */
  readonly balance: number | null
  readonly runsLow: boolean

  /** Addresses the vendor holds for us, in the pool or not; and those on order. */
  readonly held: number
  readonly incoming: number
  /** For products sold by channel. */
  readonly channels: number | null
  readonly channelsFree: number | null

  /** Tunnels opened through its addresses. */
  readonly tunnels: number
  /** Figures of money, in the unit of `price`; null when no price is configured (or nothing was opened). */
  readonly price: number | null
  readonly cost: number | null
  readonly costPer1000Tunnels: number | null
}
