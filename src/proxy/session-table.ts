/**
 * Sessions: the client's key, and the upstream of the session. Limited in number, with a sliding idle time.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Restored, Store } from '../store/contract.ts'

interface SessionTableSettings {
  /** A session without use for this time ends, ms. */
  readonly idle: number
  readonly max: number
}

/** Events for the store. */
export type SessionStore = Pick<Store, 'session' | 'sessionUsed' | 'sessionEnded'>

export interface Session {
  readonly key: string
  upstream: Upstream
  /** Whether one of its tunnels has been counted towards `perUpstream.uses` of this upstream. */
  counted: boolean
  /** Its connections and plain requests through this upstream. */
  uses: number
  /** The operator requested another upstream: its next connection moves it. */
  mustMove: boolean
  /** Its former upstreams that still live. */
  left: readonly Upstream[]
  /** Another host may have moved it without the knowledge of this one. */
  isUnconfirmed?: boolean
}

/** Whether the session has reached its number of uses of the upstream, or must leave it. @param uses 0 = no limit */
export function isSpent(session: Session, uses: number): boolean {
  return session.mustMove || (uses > 0 && session.uses >= uses)
}

const NONE: readonly Upstream[] = []

/** A session of an earlier process. */
type PastSession = Restored['sessions'][number]

/** A session that goes with its upstream to another process. */
export interface CarriedSession {
  readonly key: string
  /** Its connections through this upstream; undefined: not known. */
  readonly uses?: number
  /** As `Session.counted`, also when one of its connections is being opened; undefined: not known. */
  readonly counted?: boolean
  readonly idleMs: number
}

export class SessionTable {
  readonly #pool: Pool
  #sessions: LRUCache<string, Session>
  /** A session that no client uses for so long ends, ms. */
  idleMs: number
  /** Sessions of an earlier process whose upstreams are not there yet: lists are read after the start. */
  readonly #awaiting = new Map<string, PastSession>()
  readonly #store: SessionStore
  readonly #clock: Clock

  constructor(pool: Pool, settings: SessionTableSettings, clock: Clock, store: SessionStore) {
    this.#pool = pool
    this.#store = store
    this.#clock = clock
    this.idleMs = settings.idle
    this.#sessions = this.#open(settings)
  }

  #open(settings: SessionTableSettings): LRUCache<string, Session> {
    return new LRUCache({
      // With `maxSize`: for `max` the cache allocates all its arrays at once, 4 MB by default.
      maxSize: settings.max,
      sizeCalculation: () => 1,
      ttl: settings.idle,
      updateAgeOnGet: true,
      perf: { now: () => this.#clock.now() },
      dispose: (session) => {
        this.#pool.unbind(session.upstream)
        this.#store.sessionEnded(session.key)
      },
    })
  }

  /** All sessions continue with the new idle time; beyond a lower limit, the least recently used end. */
  configure(settings: SessionTableSettings): void {
    const entries = this.#sessions.dump()
    for (const [, entry] of entries) entry.ttl = settings.idle
    this.idleMs = settings.idle
    this.#sessions = this.#open(settings)
    this.#sessions.load(entries)
  }

  get size(): number {
    return this.#sessions.size
  }

  /** Those used last first. To be read at once. */
  list(): IteratorObject<Session> {
    return this.#sessions.values()
  }

  /** When the session ends if it is not used, ms from now. */
  endsInMs({ key }: Session): number {
    return this.#sessions.getRemainingTTL(key)
  }

  /** Marks the session so that its next connection moves it. @returns undefined when there is no such session */
  rotate(key: string): Session | undefined {
    const session = this.#sessions.peek(key)
    if (session !== undefined) session.mustMove = true
    return session
  }

  /** The one session that has an exclusive upstream alone here. O(sessions). */
  aloneOn(upstream: Upstream): string | undefined {
    if (!upstream.isExclusive || upstream.sessions === 0) return undefined
    return this.list().find((session) => session.upstream === upstream && !session.mustMove)?.key
  }

  /**
   * A session has the upstream alone: the next connection of each other one moves it. O(sessions).
   * @param key undefined: it is no session of this process
   * @returns whether that session lives on it here
   */
  leaveTo(key: string | undefined, upstream: Upstream): boolean {
    let isHere = false
    for (const session of this.list()) {
      if (session.upstream !== upstream) continue
      if (session.key === key) isHere = true
      else session.mustMove = true
    }
    return isHere
  }

  /** The session; restarts its idle time. */
  find(key: string): Session | undefined {
    const session = this.#sessions.get(key) ?? this.#takeUpLate(key)
    if (session !== undefined) this.#store.sessionUsed(key)
    return session
  }

  /** Whether upstreams of restored sessions are not there yet. */
  get isAwaiting(): boolean {
    return this.#awaiting.size > 0
  }

  /** Whether it exists here; does not restart its idle time. */
  has(key: string): boolean {
    return this.#sessions.has(key) || this.#awaiting.has(key)
  }

  /** Without restarting its idle time. */
  peek(key: string): Session | undefined {
    return this.#sessions.peek(key)
  }

  /** The id of its upstream, which may not be there yet. */
  placeOf(key: string): string | undefined {
    return this.#sessions.peek(key)?.upstream.id ?? this.#awaiting.get(key)?.upstreamId
  }

  /** Messages about moved sessions were lost: each session is looked up again before its next use. O(sessions). */
  markAllUnconfirmed(): void {
    for (const session of this.list()) session.isUnconfirmed = true
  }

  /** The same of one session: another host has moved it too. */
  markUnconfirmed(key: string): void {
    const session = this.#sessions.peek(key)
    if (session !== undefined) session.isUnconfirmed = true
  }

  /** The session was looked up; an address that only this host knows is sent to the others. */
  confirm(key: string, isKnownElsewhere: boolean): void {
    const session = this.#sessions.peek(key)
    if (session?.isUnconfirmed !== true) return
    session.isUnconfirmed = false
    if (!isKnownElsewhere) this.#store.session(key, session.upstream.id)
  }

  /** Another process has assigned the session to this upstream, a first or another one. @param left its former ones */
  learn(key: string, upstreamId: string, left: readonly string[] = []): void {
    const known = this.#sessions.peek(key)
    if (known !== undefined) return void this.#follow(known, upstreamId)
    const session = this.#takeUp({ key, upstreamId, idleMs: 0 })
    if (session !== undefined && left.length > 0) session.left = left.flatMap((id) => this.#pool.get(id) ?? [])
  }

  #follow(session: Session, upstreamId: string): void {
    const upstream = this.#pool.get(upstreamId)
    if (upstream === undefined || upstream === session.upstream || upstream.isExclusive) return
    this.#pool.bind(upstream)
    this.#move(session, upstream, true)
  }

  #move(session: Session, upstream: Upstream, counted: boolean): void {
    const left = session.upstream
    if (left !== upstream)
      session.left = [...session.left.filter((one) => one.state !== 'gone' && one !== upstream), left]
    session.upstream = upstream
    session.counted = counted
    session.uses = 0
    session.mustMove = false
    this.#pool.unbind(left)
  }

  /** What the process that lends the session's upstream next must know. @returns undefined when it does not live there here */
  carried(key: string, upstream: Upstream): CarriedSession | undefined {
    const session = this.#sessions.peek(key)
    if (session?.upstream !== upstream) return undefined
    const { uses, counted } = session
    const idleMs = this.idleMs - this.#sessions.getRemainingTTL(key)
    return { key, uses, counted: counted || upstream.usesReserved > 0, idleMs }
  }

  /** The process that lent the upstream before knows this session there. */
  takeOver({ key, uses, counted, idleMs }: CarriedSession, upstreamId: string): void {
    const session = this.#sessions.peek(key) ?? this.#takeUp({ key, upstreamId, idleMs })
    if (session?.upstream.id !== upstreamId) return
    session.uses = uses ?? session.uses
    session.counted = counted ?? session.counted
    this.#sessions.set(key, session, { start: this.#clock.now() - idleMs })
  }

  /**
   * Assigns the session to an upstream, the first or another one.
   * @param isKnown another host of the cluster, or another worker, has assigned it
   */
  bind(key: string, upstream: Upstream, isKnown = false): Session {
    this.#awaiting.delete(key)
    const known = this.#sessions.get(key)
    const counted = this.#pool.bind(upstream, !isKnown) || isKnown
    if (!isKnown) this.#store.session(key, upstream.id)
    if (known !== undefined) {
      this.#move(known, upstream, counted)
      return known
    }
    const session = { key, upstream, counted, uses: 0, mustMove: false, left: NONE }
    this.#sessions.set(key, session)
    return session
  }

  /**
   * Drops sessions that have ended (the cache has no timers), and restored ones whose upstreams did not arrive. To be called
   * about once a minute.
   */
  sweep(): void {
    this.#sessions.purgeStale()
    for (const key of this.#awaiting.keys()) this.#store.sessionEnded(key)
    this.#awaiting.clear()
  }

  /** Restores the sessions of an earlier process, the least recently used first, when their upstreams are there. */
  restore(past: readonly PastSession[]): void {
    for (const session of past) if (this.#takeUp(session) === undefined) this.#awaiting.set(session.key, session)
  }

  /** Another process has put it on an upstream that is not there yet. */
  placeLater(key: string, upstreamId: string): void {
    this.#sessions.delete(key)
    this.#awaiting.set(key, { key, upstreamId, idleMs: 0 })
  }

  #takeUpLate(key: string): Session | undefined {
    const past = this.#awaiting.get(key)
    if (past === undefined || this.#takeUp(past) === undefined) return undefined
    this.#awaiting.delete(key)
    // Not the session itself: it may have been idle for too long.
    return this.#sessions.get(key)
  }

  #takeUp({ key, upstreamId, idleMs }: PastSession): Session | undefined {
    const upstream = this.#pool.get(upstreamId)
    // Another session may have it exclusively now.
    if (upstream === undefined || upstream.isExclusive) return undefined
    const session = { key, upstream, counted: true, uses: 0, mustMove: false, left: NONE }
    this.#pool.bind(upstream)
    this.#sessions.set(key, session, { start: this.#clock.now() - idleMs })
    return session
  }
}
