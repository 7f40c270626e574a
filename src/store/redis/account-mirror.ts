/**
 * A host's copy of the accounts: the server's last answer, and the requests of this host since then. Only for planning: the
 * scripts decide.
 */

import { MAX_IN_FLIGHT } from '../../ratelimit/sliding-window.ts'
import type {
  AccountView,
  BudgetLimits,
  BudgetReached,
  BudgetView,
  CallWindow,
  Outcome,
  PendingLine,
  Reservation,
  WindowView,
} from '../account-store.ts'
import { lastingLonger, tightestOf } from '../budget.ts'
import type { ServerTime } from './server-time.ts'

/** How many there are, and when the first of them end, on the server's clock. */
interface Ends {
  readonly total: number
  readonly first: readonly number[]
}

interface Purchases {
  readonly total: number
  readonly first: readonly { readonly at: number; readonly count: number }[]
}

/** Without a limit where the server does not know the window, as after a failover. */
interface WindowState {
  readonly calls?: number
  readonly perMs?: number
  readonly flying: number
  readonly ended: Ends
}

interface ProviderState {
  readonly hour: Purchases
  readonly day: Purchases
  readonly total: number
  readonly reserved: number
  readonly unknown: number
  /** What this host has booked and not given back. */
  readonly net: number
}

/** As the scripts write it (`VIEW` in account-scripts.ts); an empty list arrives as an empty object. */
export interface AccountStates {
  readonly now: number
  /** Since when the server has everything that was written; a different value after a failover. */
  readonly since: number
  readonly windows: Readonly<Record<string, WindowState>>
  readonly providers: Readonly<Record<string, ProviderState>>
  readonly channels: Readonly<Record<string, Ends>>
  /** Account -> lines without an address -> the provider of each. */
  readonly pending: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** The changes of one request that the server has not confirmed. */
interface Unconfirmed {
  readonly reservation: Reservation
  /** Undefined: being reserved. */
  readonly outcome: Outcome | undefined
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const NO_ENDS: Ends = { total: 0, first: [] }
const NO_PURCHASES: Purchases = { total: 0, first: [] }
const NO_STATE: ProviderState = { hour: NO_PURCHASES, day: NO_PURCHASES, total: 0, reserved: 0, unknown: 0, net: 0 }

export class AccountMirror implements AccountView {
  readonly #now: () => number
  readonly #time: ServerTime
  readonly #windows = new Map<string, WindowState>()
  readonly #providers = new Map<string, ProviderState>()
  readonly #channels = new Map<string, Ends>()
  readonly #pending = new Map<string, readonly PendingLine[]>()
  readonly #unconfirmed = new Set<Unconfirmed>()
  readonly #sent = new Map<string, number>()
  readonly #quiet = new Map<string, number>()

  constructor(now: () => number, time: ServerTime) {
    this.#now = now
    this.#time = time
  }

  /** The names that this host has requested. */
  get names(): { windows: string[]; providers: string[]; accounts: string[] } {
    const keys = (map: ReadonlyMap<string, unknown>) => [...map.keys()]
    return { windows: keys(this.#windows), providers: keys(this.#providers), accounts: keys(this.#channels) }
  }

  /** The answer of the server replaces what was known. */
  update({ windows, providers, channels, pending }: AccountStates): void {
    for (const [key, state] of Object.entries(windows)) this.#windows.set(key, { ...state, ended: listed(state.ended) })
    for (const [name, state] of Object.entries(providers))
      this.#providers.set(name, { ...state, hour: listed(state.hour), day: listed(state.day) })
    for (const [account, ends] of Object.entries(channels)) this.#channels.set(account, listed(ends))
    for (const [account, lines] of Object.entries(pending))
      this.#pending.set(
        account,
        Object.entries(lines).map(([id, provider]) => ({ id, provider })),
      )
  }

  /** After a failover no call of the window is granted before this instant of this host. */
  quietUntil(window: string, instant: number): void {
    this.#quiet.set(window, instant)
  }

  /** @returns a function to call when the server has answered: its answer replaces the assumption */
  expect(change: Unconfirmed): () => void {
    this.#unconfirmed.add(change)
    const { window } = change.reservation
    if (change.outcome === undefined) this.#sent.set(window.key, this.#sentIn(window.key) + 1)
    if (change.outcome?.kind === 'not-sent') this.#sent.set(window.key, this.#sentIn(window.key) - 1)
    return () => this.#unconfirmed.delete(change)
  }

  #sentIn(window: string): number {
    return this.#sent.get(window) ?? 0
  }

  window({ key, calls, perMs }: CallWindow): WindowView {
    const known = this.#windows.get(key)
    const state = known ?? { flying: 0, ended: NO_ENDS }
    if (known === undefined) this.#windows.set(key, state)
    const allowed = Math.min(calls, state.calls ?? calls)
    const lengthMs = state.perMs ?? perMs
    const now = this.#now()
    const { flying, ended } = this.#calls(key, state, now)
    const used = flying + ended
    const free = Math.max(0, allowed - used)
    const quietUntil = this.#quiet.get(key) ?? now
    const isPaused = quietUntil > now
    const room = isPaused ? 0 : Math.max(0, Math.min(free, MAX_IN_FLIGHT - flying))
    const ends = state.ended.first.map((at) => this.#time.toHost(at)).filter((at) => at > now)
    const freeAt = flying >= MAX_IN_FLIGHT ? undefined : ends[Math.max(0, used - allowed)]
    const nextAt = isPaused ? quietUntil : room > 0 ? now : freeAt
    const untilFree = (ends[0] ?? now) - now
    return {
      ...{ allowed, perMs: lengthMs, used, free, room, nextAt, isPaused, sent: this.#sentIn(key) },
      isTight: free <= allowed / 2,
      paceMs: Math.max(lengthMs / Math.max(1, allowed), untilFree / Math.max(1, free)),
    }
  }

  #calls(key: string, state: WindowState, now: number): { flying: number; ended: number } {
    let flying = state.flying
    let ended = state.ended.total - state.ended.first.filter((at) => this.#time.toHost(at) <= now).length
    for (const { reservation, outcome } of this.#unconfirmed) {
      if (reservation.window.key !== key) continue
      flying += outcome === undefined ? 1 : -1
      if (outcome !== undefined && outcome.kind !== 'not-sent') ended++
    }
    return { flying: Math.max(0, flying), ended }
  }

  budget(provider: string, limits: BudgetLimits): BudgetView {
    const spans = this.#spans(provider, limits)
    return { tightest: tightestOf(spans), reached: (count) => reachedOf(spans, count) }
  }

  /** The limits, the longest first. */
  #spans(provider: string, { total, perDay, perHour }: BudgetLimits): Span[] {
    const state = this.#stateOf(provider)
    const booked = this.#sum(provider, ({ reservation: { count }, outcome }) =>
      outcome === undefined
        ? count
        : outcome.kind === 'unknown'
          ? 0
          : (outcome.kind === 'sold' ? outcome.count : 0) - count,
    )
    const sliding = (which: 'perHour' | 'perDay', limit: number, purchases: Purchases, lengthMs: number): Span => {
      const now = this.#now()
      const ends = purchases.first.map(({ at, count }) => ({ at: this.#time.toHost(at) + lengthMs, count }))
      const over = ends.reduce((sum, { at, count }) => (at <= now ? sum + count : sum), 0)
      return { which, limit, spent: purchases.total - over + booked, ends: ends.filter(({ at }) => at > now) }
    }
    return [
      ...(total === undefined
        ? []
        : [{ which: 'total' as const, limit: total, spent: state.total + booked, ends: [] }]),
      ...(perDay === undefined ? [] : [sliding('perDay', perDay, state.day, DAY_MS)]),
      ...(perHour === undefined ? [] : [sliding('perHour', perHour, state.hour, HOUR_MS)]),
    ]
  }

  channelsBooked(account: string): number {
    const { total, first } = this.#stateOfChannels(account)
    const now = this.#now()
    let booked = total - first.filter((at) => this.#time.toHost(at) <= now).length
    for (const { reservation, outcome } of this.#unconfirmed) {
      if (reservation.channels?.account !== account) continue
      if (outcome === undefined) booked += reservation.count
      else if (outcome.kind !== 'unknown') booked -= reservation.count
    }
    return Math.max(0, booked)
  }

  channelFreeAt(account: string): number | undefined {
    const ends = this.#stateOfChannels(account).first.map((at) => this.#time.toHost(at))
    return ends.find((at) => at > this.#now())
  }

  pendingLines(account: string): readonly PendingLine[] {
    this.#stateOfChannels(account)
    return this.#pending.get(account) ?? []
  }

  #stateOfChannels(account: string): Ends {
    const state = this.#channels.get(account) ?? NO_ENDS
    this.#channels.set(account, state)
    return state
  }

  reservedBy(provider: string): number {
    const asked = ({ reservation: { count }, outcome }: Unconfirmed) => (outcome === undefined ? count : -count)
    return Math.max(0, this.#stateOf(provider).reserved + this.#sum(provider, asked))
  }

  unknownOf(provider: string): number {
    const lost = ({ reservation: { count }, outcome }: Unconfirmed) => (outcome?.kind === 'unknown' ? count : 0)
    return this.#stateOf(provider).unknown + this.#sum(provider, lost)
  }

  #stateOf(provider: string): ProviderState {
    const state = this.#providers.get(provider) ?? NO_STATE
    this.#providers.set(provider, state)
    return state
  }

  #sum(provider: string, part: (change: Unconfirmed) => number): number {
    let sum = 0
    for (const change of this.#unconfirmed) if (change.reservation.provider === provider) sum += part(change)
    return sum
  }
}

interface Span {
  readonly which: BudgetReached['which']
  readonly limit: number
  readonly spent: number
  /** When the oldest purchases leave it, on this host's clock. */
  readonly ends: readonly { readonly at: number; readonly count: number }[]
}

function reachedOf(spans: readonly Span[], count: number): BudgetReached | undefined {
  const full = spans.filter(({ limit, spent }) => spent + count > limit).map((span) => fullUntil(span, count))
  return full.reduce<BudgetReached | undefined>(lastingLonger, undefined)
}

/** @param span without room for this many more */
function fullUntil({ which, limit, spent, ends }: Span, count: number): BudgetReached {
  let excess = spent + count - limit
  for (const { at, count: bought } of ends) {
    excess -= bought
    if (excess <= 0) return { which, limit, until: at }
  }
  // Later than all known entries, or never.
  return { which, limit, until: count > limit ? undefined : ends.at(-1)?.at }
}

/** Lua writes an empty list like an empty object. */
function listed<T>(list: { readonly total: number; readonly first: readonly T[] }): {
  total: number
  first: readonly T[]
} {
  return { total: list.total, first: Array.isArray(list.first) ? list.first : [] }
}
