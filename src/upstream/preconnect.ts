/**
 * Connections to upstreams that are opened ahead of need (`dial.warm`): TCP, TLS and the login of SOCKS5 are done, the
 * request for a target is not sent. The next client through the same upstream waits for one round trip. Only while there is
 * traffic (each use orders the next) and never for long: proxies close connections on which nothing is said.
 */
import type { Clock } from '../clock.ts'
import type { Upstream } from '../pool/upstream.ts'
import { TimeoutEntry, TimeoutQueue } from '../structures/timeout-queue.ts'
import type { DialHandler, UpstreamConnection } from './connection.ts'

/** Longest time unused. Squid and its kin wait longer for a first request, vendors' own proxies often not much longer. */
const KEEP_MS = 10_000

export class Preconnect implements DialHandler {
  #perUpstream: number
  #most: number
  readonly #connect: (upstream: Upstream, owner: DialHandler) => UpstreamConnection
  /** Those that are open or being opened, the oldest first. An upstream without any is not in it. */
  readonly #ready = new Map<Upstream, Preconnected[]>()
  readonly #expiry: TimeoutQueue
  #count = 0

  /** @param most over all upstreams */
  constructor(
    clock: Clock,
    perUpstream: number,
    most: number,
    connect: (upstream: Upstream, owner: DialHandler) => UpstreamConnection,
  ) {
    this.#perUpstream = perUpstream
    this.#most = most
    this.#connect = connect
    this.#expiry = new TimeoutQueue(clock, KEEP_MS)
  }

  /** As for the constructor. What is open beyond a lowered number is used up, or expires. */
  configure(perUpstream: number, most: number): void {
    this.#perUpstream = perUpstream
    this.#most = most
  }

  /** Upstreams that connections are kept for. */
  get upstreams(): number {
    return this.#ready.size
  }

  /** A connection that is open or being opened, now the owner's. */
  take(upstream: Upstream, owner: DialHandler): UpstreamConnection | undefined {
    const oldest = this.#ready.get(upstream)?.[0]
    if (oldest === undefined) return undefined
    this.#remove(oldest)
    oldest.connection.adopt(owner)
    return oldest.connection
  }

  /** Opens what is missing for an upstream that has just been used. */
  refill(upstream: Upstream): void {
    if (upstream.state !== 'ready') return
    const missing = this.#perUpstream - (this.#ready.get(upstream)?.length ?? 0)
    const allowed = Math.min(missing, this.#most - this.#count)
    for (let n = 0; n < allowed; n++) this.#add(upstream)
  }

  #add(upstream: Upstream): void {
    const added = new Preconnected(this.#connect(upstream, this), this)
    const others = this.#ready.get(upstream)
    if (others === undefined) this.#ready.set(upstream, [added])
    else others.push(added)
    this.#count++
    this.#expiry.add(added)
  }

  /** Without a target there is nothing to open; a connection that hears otherwise fails. */
  opened(): void {}

  /** Closed or refused while unused: nobody needed it, so nobody is blamed. */
  failed(connection: UpstreamConnection): void {
    const lost = this.#ready.get(connection.upstream)?.find((candidate) => candidate.connection === connection)
    if (lost !== undefined) this.#remove(lost)
  }

  failInternally(connection: UpstreamConnection): void {
    this.failed(connection)
  }

  /** Unused for too long. */
  expired(one: Preconnected): void {
    this.#remove(one)
    one.connection.destroy()
  }

  drop(upstream: Upstream): void {
    for (const one of [...(this.#ready.get(upstream) ?? [])]) this.expired(one)
  }

  #remove(one: Preconnected): void {
    const { upstream } = one.connection
    const all = this.#ready.get(upstream) ?? []
    const at = all.indexOf(one)
    if (at === -1) return
    all.splice(at, 1)
    if (all.length === 0) this.#ready.delete(upstream)
    this.#count--
    this.#expiry.remove(one)
  }

  close(): void {
    for (const upstream of [...this.#ready.keys()]) this.drop(upstream)
    this.#expiry.close()
  }
}

class Preconnected extends TimeoutEntry {
  readonly connection: UpstreamConnection
  readonly #home: Preconnect

  constructor(connection: UpstreamConnection, home: Preconnect) {
    super()
    this.connection = connection
    this.#home = home
  }

  override onDeadline(): void {
    this.#home.expired(this)
  }

  override failInternally(): void {
    this.connection.destroy()
    this.#home.failInternally(this.connection)
  }
}
