/**
 * What money bought, on the cluster's store: the `Store` of each host. Addresses go to all hosts before the host that bought
 * them lends them; what leaves a pool leaves all of them. Budgets and calls are the account store's.
 */
import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../clock.ts'
import type { GoneReason } from '../pool/upstream.ts'
import type { Store, StoredUpstream } from '../store/contract.ts'
import { forgetfulStore } from '../store/memory.ts'
import { publishScript, sessionsScript } from '../store/redis/pool-scripts.ts'
import type { ScriptRunner } from '../store/redis/script.ts'
import { SendQueue } from '../store/redis/send-queue.ts'
import type { PoolEntries } from './pool-entry.ts'
import type { Seal } from './seal.ts'

interface ClusterStoreDeps {
  readonly clock: Clock
  readonly runner: ScriptRunner
  readonly host: string
  readonly entries: PoolEntries
  readonly seal: Seal
  /** A session that no host uses for so long ends, ms. */
  readonly sessionIdleMs: () => number
}

/** What is published of departures; the others every host sees by itself, or they concern one host alone. */
const SHARED_REASONS: ReadonlySet<GoneReason> = new Set(['blamed', 'evicted', 'used-up', 'released'])
/** Departures that are known for the case of a failover: of the latest so many addresses. */
const MAX_DEPARTED = 50_000
/** Addresses or departures that one message holds. */
const MOST_AT_ONCE = 200
/** The use of sessions is reported this often, ms. */
const SESSIONS_EVERY_MS = 10_000
/** Longest wait for what was not said yet when the gateway ends, ms. */
const FLUSH_MS = 2_000

export class ClusterStore implements Store {
  readonly #deps: ClusterStoreDeps
  readonly #queue: SendQueue
  readonly #forgetful = forgetfulStore()
  readonly #usedSessions = new Set<string>()
  /** Sessions whose address the store has not confirmed -> that address. */
  readonly #binding = new Map<string, string>()
  /** Sessions of this host: the client's key -> its digest, and back. */
  readonly #digests = new Map<string, string>()
  readonly #keys = new Map<string, string>()
  /** What has left the pools, and why: a failover may lose that, and no address shall come back by it. */
  readonly #departed = new Map<string, GoneReason>()
  #timer: Timer | undefined
  #isBinding = false
  /** An event of another host is being applied: it is not published again. */
  isApplying = false

  constructor(deps: ClusterStoreDeps) {
    this.#deps = deps
    this.#queue = new SendQueue(deps.clock)
  }

  // Budgets, calls and channels: RedisAccountStore.
  readonly callBegins: Store['callBegins'] = (call) => this.#forgetful.callBegins(call)
  callEnded(): void {}
  callUndone(): void {}
  callResolved(): void {}
  pending(): void {}
  pendingOver(): void {}

  async bought(upstreams: readonly StoredUpstream[]): Promise<void> {
    if (upstreams.length === 0) return
    for (const { facts } of upstreams) this.cameAgain(facts.id)
    // Without an answer it is sent again, and may have arrived: what was used up meanwhile must not come back.
    const batch = randomUUID()
    const publish = () => this.#publish({ batch, add: upstreams.map((upstream) => this.#deps.entries.write(upstream)) })
    try {
      await publish()
    } catch (error) {
      this.#queue.send(publish)
      throw error
    }
  }

  left(id: string, reason: GoneReason): void {
    if (!SHARED_REASONS.has(reason)) return
    if (this.#departed.size >= MAX_DEPARTED) this.#departed.delete(this.#departed.keys().next().value ?? '')
    this.#departed.set(id, reason)
    if (!this.isApplying) this.#gone([{ id, reason }])
  }

  /** Whether the pools have dropped it, as far as this host has seen. */
  hasLeft(id: string): boolean {
    return this.#departed.has(id)
  }

  /** It has been sold again. */
  cameAgain(id: string): void {
    this.#departed.delete(id)
  }

  /**
   * Sends again what a failover may have lost.
   * @param lendable what is lent now, from the host that buys; of the others nothing
   */
  publishAgain(lendable: readonly StoredUpstream[]): void {
    const gone = [...this.#departed].map(([id, reason]) => ({ id, reason }))
    for (let at = 0; at < gone.length; at += MOST_AT_ONCE) this.#gone(gone.slice(at, at + MOST_AT_ONCE))
    for (let at = 0; at < lendable.length; at += MOST_AT_ONCE) {
      const part = lendable.slice(at, at + MOST_AT_ONCE)
      const add = () => part.map((upstream) => this.#deps.entries.write(upstream))
      this.#queue.send(() => this.#publish({ add: add(), isKnown: true }))
    }
  }

  released(id: string): void {
    if (!this.isApplying) this.#gone([{ id, reason: 'released' }])
  }

  #gone(gone: readonly { readonly id: string; readonly reason: GoneReason }[]): void {
    this.#queue.send(() => this.#publish({ gone }))
  }

  opened(): void {}

  /** Publishes an event that matters for a moment only; it is lost while the store does not answer. */
  tell(event: object): void {
    if (this.isApplying) return
    const told = JSON.stringify({ ...event, host: this.#deps.host })
    this.#publish({ tell: [told] }).catch(() => {})
  }

  async #publish(what: {
    readonly add?: readonly object[]
    readonly batch?: string
    readonly gone?: readonly object[]
    readonly tell?: readonly string[]
    readonly isKnown?: boolean
  }): Promise<void> {
    const { runner, host } = this.#deps
    await runner.run(publishScript, { host, add: [], gone: [], tell: [], ...what })
  }

  session(key: string, upstreamId: string): void {
    const session = this.digestOf(key)
    this.#binding.set(session, upstreamId)
    if (this.#isBinding) return
    this.#isBinding = true
    this.#queue.send(() => this.#bind())
  }

  /** One request at a time: while the store does not answer, each session waits once, with its latest address. */
  async #bind(): Promise<void> {
    while (this.#binding.size > 0) {
      const bound = [...this.#binding.entries().take(MOST_AT_ONCE)]
      await this.#sessions({ bind: bound.map(([session, id]) => ({ session, id })), used: [] })
      for (const [session, id] of bound) if (this.#binding.get(session) === id) this.#binding.delete(session)
    }
    this.#isBinding = false
  }

  /** Whether the store has not confirmed yet where this host has put the session. */
  isBinding(session: string): boolean {
    return this.#binding.has(session)
  }

  sessionUsed(key: string): void {
    this.#usedSessions.add(this.digestOf(key))
    this.#timer ??= this.#deps.clock.after(SESSIONS_EVERY_MS, () => this.#tellUsed())
  }

  #tellUsed(): void {
    this.#timer = undefined
    const used = [...this.#usedSessions]
    this.#usedSessions.clear()
    this.#sessions({ bind: [], used }).catch(() => {})
  }

  /** Each host counts for itself, from its start. */
  userUsed(): void {}

  /** It ends by its idle time: another host may use it. */
  sessionEnded(key: string): void {
    const digest = this.#digests.get(key) ?? ''
    this.#digests.delete(key)
    this.#keys.delete(digest)
    this.#usedSessions.delete(digest)
    this.#binding.delete(digest)
  }

  /** What the client called the session, where it lives on this host too. */
  sessionOf(digest: string): string | undefined {
    return this.#keys.get(digest)
  }

  /** How other hosts know a session of this one. */
  digestOf(key: string): string {
    const known = this.#digests.get(key)
    if (known !== undefined) return known
    const digest = this.#deps.seal.digest(key)
    this.#digests.set(key, digest)
    this.#keys.set(digest, key)
    return digest
  }

  /** Equal on hosts with the same secret; it does not disclose the secret. */
  get mark(): string {
    return this.#deps.seal.digest('')
  }

  async #sessions(what: { bind: object[]; used: string[] }): Promise<void> {
    const { runner, host, sessionIdleMs } = this.#deps
    await runner.run(sessionsScript, { host, idleMs: sessionIdleMs(), ...what })
  }

  flush(signal = AbortSignal.timeout(FLUSH_MS)): Promise<void> {
    return this.#queue.idle(signal)
  }

  async close(signal = AbortSignal.timeout(FLUSH_MS)): Promise<void> {
    this.#timer?.clear()
    await this.flush(signal).catch(() => {})
    this.#queue.close()
  }
}
