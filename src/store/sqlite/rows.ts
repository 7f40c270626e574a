/** Converts between this process's clock and the time since boot, and between facts and rows. */
import type { UpstreamFacts } from '../../pool/upstream.ts'
import { Secret } from '../../secret.ts'
import type { ChannelHolder } from '../account-store.ts'
import type { Restored, RestoredUpstream, StoredUpstream } from '../contract.ts'
import type { Left, PendingRow, RestoredRow, UpstreamRow } from './messages.ts'
import { BOOT_STEP_MS } from './time.ts'

/** One moment on both clocks. */
export interface Moment {
  readonly clockMs: number
  readonly bootMs: number
}

export function toRow({ facts, vendorDeadline }: StoredUpstream, at: Moment): UpstreamRow {
  const { id, provider, password, boughtAt, deadline, ...others } = facts
  const sinceBoot = (clockMs: number) => at.bootMs + (clockMs - at.clockMs)
  return {
    id,
    provider,
    facts: JSON.stringify(others),
    password: password?.reveal() ?? null,
    boughtMs: sinceBoot(boughtAt),
    deadlineMs: sinceBoot(deadline),
    vendorDeadlineMs: sinceBoot(vendorDeadline),
  }
}

export function toPendingRow({ id, endsAt, pendingFor: provider = '' }: ChannelHolder, at: Moment): PendingRow {
  return { id, provider, endsMs: at.bootMs + (endsAt - at.clockMs) }
}

/** @param at the time of the reading with which the store was opened */
export function toRestored(left: Left, at: Moment): Restored {
  const agoMs = (bootMs: number) => Math.max(0, at.bootMs - bootMs)
  return {
    upstreams: left.upstreams.map((row) => toUpstream(row, at)),
    calls: left.calls.map(({ limiterKey, endedMs, answered }) => ({
      limiterKey,
      // Not `agoMs`: a call that may arrive late ends in the future.
      endedAgoMs: at.bootMs - endedMs - BOOT_STEP_MS,
      answered,
    })),
    purchases: left.purchases.map(({ provider, atMs, count }) => ({ provider, agoMs: agoMs(atMs), count })),
    unknown: left.unknown.map(({ atMs, ...order }) => ({ ...order, agoMs: agoMs(atMs) })),
    pending: left.pending.map(({ account, id, provider, endsMs }) => ({
      account,
      holder: { id, endsAt: at.clockMs + (endsMs - at.bootMs), pendingFor: provider },
    })),
    totals: left.totals,
    sessions: left.sessions.map(({ key, upstreamId, usedMs }) => ({ key, upstreamId, idleMs: agoMs(usedMs) })),
  }
}

function toUpstream(row: RestoredRow, at: Moment): RestoredUpstream {
  const onClock = (bootMs: number) => at.clockMs + (bootMs - at.bootMs)
  const { id, provider, password } = row
  const facts: UpstreamFacts = {
    // The schema's checks guarantee host, port and protocol; the rest was written by toRow.
    ...(JSON.parse(row.facts) as Omit<UpstreamFacts, 'id' | 'provider' | 'password' | 'boughtAt' | 'deadline'>),
    id,
    provider,
    ...(password === null ? {} : { password: new Secret(password) }),
    boughtAt: onClock(row.boughtMs),
    deadline: row.isDoubtful ? at.clockMs : onClock(row.deadlineMs),
  }
  return { facts, vendorDeadline: onClock(row.vendorDeadlineMs), opened: row.opened, state: stateOf(row, at) }
}

function stateOf(row: RestoredRow, at: Moment): RestoredUpstream['state'] {
  if (row.isGone) return 'gone'
  if (row.isDoubtful) return 'doubtful'
  return row.deadlineMs <= at.bootMs ? 'gone' : 'alive'
}
