/**
 * A worker's copy of the pool: what others say of it happens here too (`handlers`), and what happens here is said (`#observer`).
 */

import type { Clock } from '../clock.ts'
import { given } from '../given.ts'
import { carry } from '../pool/former-process.ts'
import type { HealthObserver } from '../pool/health.ts'
import type { PoolObserver, PoolSettings } from '../pool/members.ts'
import { Pool } from '../pool/pool.ts'
import type { GoneReason, Upstream } from '../pool/upstream.ts'
import type { CarriedSession } from '../proxy/session-table.ts'
import type { HandlersOf } from './dispatch.ts'
import { LoadReporter } from './loads.ts'
import type { Hello, MovingUpstream, ToControl, ToWorker } from './messages.ts'
import { readUpstream } from './plain-upstream.ts'

interface ReplicaParts {
  readonly clock: Clock
  /** @returns false while there is no control process */
  readonly send: (message: ToControl) => boolean
  /** An upstream may be lent again. */
  readonly lendable: (upstream: Upstream) => void
  readonly rescheduled: () => void
  readonly gone: (upstream: Upstream, reason: GoneReason) => void
  /** Sessions that live on it here. */
  readonly sessionsOn: (upstream: Upstream) => readonly CarriedSession[]
  readonly sessionCame: (session: CarriedSession, upstream: Upstream) => void
  /** Whether a client waits for this upstream, which its session lives on. */
  readonly isAwaited: (upstream: Upstream) => boolean
}

type PoolMessage = Extract<
  ToWorker,
  { kind: 'upstreams' | 'all-upstreams' | 'gone' | 'rest' | 'ban' | 'own' | 'disown' | 'give' | 'ended' | 'elsewhere' }
>

/** What was asked for and is not given by then is not needed any more, ms. */
const OWED_FOR_MS = 500

export class Replica {
  readonly pool: Pool
  readonly loads: LoadReporter
  readonly #parts: ReplicaParts
  /** Whether each upstream belongs to one worker at a time. */
  isOwned: boolean
  #hasUseLimit: boolean
  #isApplying = false
  /** Upstreams that other workers need: given back as soon as they are idle. */
  #owed: { count: number; readonly providers: readonly string[] | undefined; readonly until: number } | undefined

  constructor(settings: PoolSettings, isOwned: boolean, parts: ReplicaParts) {
    this.#parts = parts
    this.isOwned = isOwned
    this.#hasUseLimit = settings.perUpstream.uses > 0
    this.pool = new Pool(settings, this.#observer())
    this.loads = new LoadReporter(this.pool)
  }

  /** @returns whether upstreams have got owners, or have none any more: then everything is to be reported again */
  configure(settings: PoolSettings, isOwned: boolean): boolean {
    const { clock } = this.#parts
    const now = clock.now()
    this.pool.configure(settings, now)
    this.#hasUseLimit = settings.perUpstream.uses > 0
    if (isOwned === this.isOwned) return false
    this.isOwned = isOwned
    for (const upstream of [...this.pool.members()])
      if (isOwned) this.pool.ownership.disown(upstream, now)
      else this.pool.ownership.own(upstream, { ...carry(upstream, now), leases: 0 }, now)
    return true
  }

  #observer(): PoolObserver {
    const { send, lendable, rescheduled, gone, clock } = this.#parts
    return {
      lendable: (upstream) => {
        if (!this.#giveBack(upstream)) lendable(upstream)
      },
      rescheduled,
      gone: (upstream, reason) => {
        gone(upstream, reason)
        // Deadlines every process sees by itself.
        if (!this.#isApplying && reason !== 'expired') send({ kind: 'gone', id: upstream.id, reason })
      },
      rested: ({ id }, until) => {
        if (!this.#isApplying) send({ kind: 'rest', id, leftMs: until - clock.now() })
      },
      banned: ({ id }, target, until) => {
        if (!this.#isApplying) send({ kind: 'ban', id, target, leftMs: until - clock.now() })
      },
      lent: (upstream) => {
        // Written before the lease is used: when this process is killed, what it has spent is known.
        if (this.#hasUseLimit || upstream.isExclusive) send({ kind: 'loads', loads: [this.loads.of(upstream)] })
      },
      wanted: ({ id }) => void send({ kind: 'wanted', id }),
      endedHere: ({ id }) => void send({ kind: 'ended', id }),
      isKept: () => true,
    }
  }

  get healthObserver(): HealthObserver {
    const { send } = this.#parts
    return {
      firstUse: ({ id }, worked, cause) => void send({ kind: 'first-use', id, worked, ...given({ cause }) }),
      lineDown: (provider, broken) => void send({ kind: 'line', provider, broken }),
      lineUp: (provider) => void send({ kind: 'line', provider }),
    }
  }

  /** What another control process must know. */
  get upstreams(): Hello['upstreams'] {
    const now = this.#parts.clock.now()
    return [...this.pool.members()].map((upstream) => ({
      ...carry(upstream, now),
      leases: upstream.leases - upstream.leasesElsewhere,
      isOwned: this.isOwned && !upstream.isElsewhere,
    }))
  }

  readonly handlers: HandlersOf<PoolMessage> = {
    upstreams: ({ upstreams }) =>
      this.#apply((now) => {
        for (const plain of upstreams) this.pool.add(readUpstream(plain, now), now, this.isOwned)
      }),
    'all-upstreams': ({ ids }) => this.#apply(() => this.#keepOnly(new Set(ids))),
    gone: ({ id, reason }) => this.#applyTo(id, (upstream) => this.pool.remove(upstream, reason)),
    rest: ({ id, leftMs }) => this.#applyTo(id, (upstream, now) => this.pool.rest(upstream, now + leftMs)),
    ban: ({ id, target, leftMs }) =>
      this.#applyTo(id, (upstream, now) => this.pool.ban(upstream, target, now + leftMs, now)),
    own: ({ upstream: carried }) => this.#applyTo(carried.id, (upstream, now) => this.#own(upstream, carried, now)),
    disown: ({ id }) => this.#applyTo(id, (upstream, now) => this.#disown(upstream, now)),
    give: (message) => this.#apply((now) => this.#give(message, now)),
    ended: ({ id }) => this.#applyTo(id, (upstream, now) => this.pool.ownership.endedElsewhere(upstream, now)),
    elsewhere: ({ id, leases }) =>
      this.#applyTo(id, (upstream, now) => {
        while (upstream.leasesElsewhere > leases) this.pool.ownership.endedElsewhere(upstream, now)
      }),
  }

  #applyTo(id: string, task: (upstream: Upstream, now: number) => void): void {
    const upstream = this.pool.get(id)
    if (upstream !== undefined) this.#apply((now) => task(upstream, now))
  }

  /** What the control process has said is not said back to it. */
  #apply(task: (now: number) => void): void {
    this.#isApplying = true
    try {
      task(this.#parts.clock.now())
    } finally {
      this.#isApplying = false
    }
  }

  #keepOnly(ids: ReadonlySet<string>): void {
    for (const upstream of [...this.pool.members()]) if (!ids.has(upstream.id)) this.pool.remove(upstream, 'withdrawn')
  }

  #own(upstream: Upstream, { sessions, isExclusive, ...carried }: MovingUpstream, now: number): void {
    for (const session of sessions) this.#parts.sessionCame(session, upstream)
    // Not before: nothing is put on an upstream that a session has alone.
    upstream.isExclusive = isExclusive && (upstream.sessions > 0 || carried.leases > 0)
    this.pool.ownership.own(upstream, carried, now)
  }

  #disown(upstream: Upstream, now: number): void {
    if (upstream.isElsewhere) return
    const { send, isAwaited, sessionsOn } = this.#parts
    const { isExclusive } = upstream
    const sessions = upstream.sessions === 0 ? [] : sessionsOn(upstream)
    send({ kind: 'disowned', upstream: { ...this.pool.ownership.disown(upstream, now), isExclusive, sessions } })
    upstream.isExclusive = false
    if (isAwaited(upstream)) send({ kind: 'wanted', id: upstream.id })
  }

  /** Idle ones first, then those that have room, then what becomes idle. */
  #give({ count, providers, onlyIdle }: Extract<PoolMessage, { kind: 'give' }>, now: number): void {
    this.#owed = { count, providers, until: now + OWED_FOR_MS }
    const passes = [({ leases }: Upstream) => leases === 0, () => onlyIdle !== true]
    for (const isGiven of passes)
      for (const upstream of [...this.pool.members()]) if (isGiven(upstream)) this.#giveBack(upstream)
    if (onlyIdle === true) this.#owed = undefined
  }

  /** @returns whether it has been given back because other workers need it */
  #giveBack(upstream: Upstream): boolean {
    const owed = this.#owed
    if (owed === undefined || upstream.isElsewhere || !this.pool.isLendable(upstream)) return false
    const now = this.#parts.clock.now()
    if (now > owed.until || owed.providers?.includes(upstream.facts.provider) === false) return false
    if (--owed.count <= 0) this.#owed = undefined
    this.#disown(upstream, now)
    return true
  }
}
