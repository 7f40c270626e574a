/** Converts between this process's clock and the time since boot, and between facts and rows. */
import type { UpstreamFacts } from '../../pool/upstream.ts'
import { Secret } from '../../secret.ts'
import type { ChannelHolder } from '../account-store.ts'
import type { RestoredUpstream, StoredUpstream } from '../contract.ts'
import type { PendingRow, UpstreamRow } from './messages.ts'

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

/** A row of `upstreams`, as it is read at the start. */
export interface RestoredRow extends UpstreamRow {
  /** Its uses, as far as they are recorded: 0 before it has worked. */
  readonly opened: number
  readonly gone: string | null
  readonly doubtful: number
}

/** @param at the time of the reading with which the store was opened */
export function toUpstream(row: RestoredRow, at: Moment): RestoredUpstream {
  const onClock = (bootMs: number) => at.clockMs + (bootMs - at.bootMs)
  const { id, provider, password } = row
  const facts: UpstreamFacts = {
    // The schema's checks guarantee host, port and protocol; the rest was written by toRow.
    ...(JSON.parse(row.facts) as Omit<UpstreamFacts, 'id' | 'provider' | 'password' | 'boughtAt' | 'deadline'>),
    id,
    provider,
    ...(password === null ? {} : { password: new Secret(password) }),
    boughtAt: onClock(row.boughtMs),
    deadline: row.doubtful === 1 ? at.clockMs : onClock(row.deadlineMs),
  }
  const { opened: uses } = row
  return { facts, vendorDeadline: onClock(row.vendorDeadlineMs), opened: uses > 0, uses, state: stateOf(row, at) }
}

function stateOf(row: RestoredRow, at: Moment): RestoredUpstream['state'] {
  if (row.gone !== null) return 'gone'
  if (row.doubtful === 1) return 'doubtful'
  return row.deadlineMs <= at.bootMs ? 'gone' : 'alive'
}
