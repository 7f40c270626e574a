/**
 * The pool of record and its workers: addresses and what is known of them go down, what a worker has seen of one comes up and
 * goes on to the others.
 */
import type { Clock } from '../clock.ts'
import type { Pool } from '../pool/pool.ts'
import type { GoneReason, Upstream } from '../pool/upstream.ts'
import type { Supply } from '../supply/supply.ts'
import type { ControlSocket } from './control-socket.ts'
import type { HandlersOf } from './dispatch.ts'
import type { ToControl, ToWorker } from './messages.ts'
import { writeUpstream } from './plain-upstream.ts'

interface FeedParts {
  readonly clock: Clock
  readonly pool: Pool
  readonly supply: Supply
  readonly socket: Pick<ControlSocket, 'send' | 'sendAll'>
}

/** So long after a new control process has come, workers keep what it has not read yet, ms. */
const KEEP_UNKNOWN_MS = 10_000

export class PoolFeed {
  readonly #parts: FeedParts
  /** Until then the lists of the providers may not have been read, clock ms; 0: they have. */
  #readsUntil = 0
  /** The worker whose message is being carried out: the change is not sent back to it. */
  #sender: number | undefined

  constructor(parts: FeedParts) {
    this.#parts = parts
  }

  /** Workers of an earlier control process may hold what this one has not read yet. */
  expectUnknown(): void {
    this.#readsUntil = this.#parts.clock.now() + KEEP_UNKNOWN_MS
  }

  /** Whether workers may hold what this process has not read yet. */
  get isReading(): boolean {
    return this.#readsUntil !== 0
  }

  /** @returns whether the lists of the providers have just been read: workers have been told to drop all other upstreams */
  tick(): boolean {
    if (this.#readsUntil === 0 || this.#parts.clock.now() < this.#readsUntil) return false
    this.#readsUntil = 0
    this.#parts.socket.sendAll(this.#all())
    return true
  }

  /** Tells a worker that has come all that it must know. */
  equip(worker: number): void {
    const { clock, pool, socket } = this.#parts
    const now = clock.now()
    const send = (message: ToWorker) => socket.send(worker, message)
    const members = [...pool.members()]
    send({ kind: 'upstreams', upstreams: members.map(({ facts, deadline }) => writeUpstream(facts, deadline, now)) })
    if (now >= this.#readsUntil) send(this.#all())
    for (const { id, restUntil, hostRests } of members) {
      if (restUntil > now) send({ kind: 'rest', id, leftMs: restUntil - now })
      for (const [target, until] of hostRests ?? [])
        if (until > now) send({ kind: 'ban', id, target, leftMs: until - now })
    }
  }

  #all(): ToWorker {
    return { kind: 'all-upstreams', ids: [...this.#parts.pool.members()].map(({ id }) => id) }
  }

  /** It has come, or its deadline or login has changed. */
  changed({ facts, deadline }: Upstream): void {
    const { clock, socket } = this.#parts
    socket.sendAll({ kind: 'upstreams', upstreams: [writeUpstream(facts, deadline, clock.now())] })
  }

  /** Deadlines every process sees by itself. */
  gone({ id }: Upstream, reason: GoneReason): void {
    if (reason !== 'expired') this.#sendOthers({ kind: 'gone', id, reason })
  }

  rested({ id }: Upstream, until: number): void {
    this.#sendOthers({ kind: 'rest', id, leftMs: until - this.#parts.clock.now() })
  }

  banned({ id }: Upstream, target: string, until: number): void {
    this.#sendOthers({ kind: 'ban', id, target, leftMs: until - this.#parts.clock.now() })
  }

  #sendOthers(message: ToWorker): void {
    this.#parts.socket.sendAll(message, this.#sender)
  }

  /** What a worker has seen of an upstream. */
  handlersFor(worker: number): Pick<HandlersOf<ToControl>, 'gone' | 'rest' | 'ban' | 'first-use'> {
    const { pool, supply } = this.#parts
    return {
      gone: ({ id, reason }) => this.#apply(worker, id, (upstream) => pool.remove(upstream, reason)),
      rest: ({ id, leftMs }) => this.#apply(worker, id, (upstream, now) => pool.rest(upstream, now + leftMs)),
      ban: ({ id, target, leftMs }) =>
        this.#apply(worker, id, (upstream, now) => pool.ban(upstream, target, now + leftMs, now)),
      'first-use': ({ id, worked, cause }) =>
        this.#apply(worker, id, (upstream) => {
          supply.firstUse(upstream, worked, cause)
          upstream.worked ||= worked
        }),
    }
  }

  #apply(worker: number, id: string, task: (upstream: Upstream, now: number) => void): void {
    const upstream = this.#parts.pool.get(id)
    if (upstream === undefined) return
    this.#sender = worker
    try {
      task(upstream, this.#parts.clock.now())
    } finally {
      this.#sender = undefined
    }
  }
}
