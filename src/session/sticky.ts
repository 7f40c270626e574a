/**
 * Sessions: a key that the client chose, and the upstream that it lives on. Bounded, with a sliding idle time.
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'

export interface StickySettings {
  /** A session that nobody uses for so long ends, ms. */
  readonly idle: number
  readonly max: number
}

export interface Session {
  readonly key: string
  upstream: Upstream
  /** Whether one of its tunnels has been counted towards `perUpstream.uses` of this upstream. */
  counted: boolean
}

export class Sticky {
  readonly #pool: Pool
  readonly #sessions: LRUCache<string, Session>

  constructor(pool: Pool, settings: StickySettings, clock: Clock) {
    this.#pool = pool
    this.#sessions = new LRUCache({
      max: settings.max,
      ttl: settings.idle,
      updateAgeOnGet: true,
      perf: { now: () => clock.now() },
      dispose: (session) => pool.unbind(session.upstream),
    })
  }

  get size(): number {
    return this.#sessions.size
  }

  /** The session, its idle time started anew. */
  find(key: string): Session | undefined {
    return this.#sessions.get(key)
  }

  /** Puts the session on an upstream, a first or another one. */
  bind(key: string, upstream: Upstream): Session {
    const known = this.#sessions.get(key)
    this.#pool.bind(upstream)
    if (known !== undefined) {
      const left = known.upstream
      known.upstream = upstream
      known.counted = false
      this.#pool.unbind(left)
      return known
    }
    const session = { key, upstream, counted: false }
    this.#sessions.set(key, session)
    return session
  }

  /** Forgets sessions that have ended: the cache has no timers. To be called about once a minute. */
  sweep(): void {
    this.#sessions.purgeStale()
  }

  /** Everything worth keeping over a restart. */
  entries(): readonly { key: string; upstreamId: string }[] {
    return [...this.#sessions.values()].map((session) => ({ key: session.key, upstreamId: session.upstream.id }))
  }
}
