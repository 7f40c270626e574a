/**
 * Connections to upstreams that are opened in advance (`dial.warm`): TCP, TLS and the login of SOCKS5 are done, the request
 * for a target is not sent. The next client of the same upstream waits for one round trip. Only while there is traffic (each
 * use opens the next connection) and never for long: proxies close idle connections.
 */
import type { Clock } from '../clock.ts'
import type { Upstream } from '../pool/upstream.ts'
import { TimeoutEntry, TimeoutQueue } from '../structures/timeout-queue.ts'
import type { DialHandler, UpstreamConnection } from './connection.ts'

/** Longest idle time. Squid and similar proxies wait longer for a first request, vendors' own proxies often not much longer. */
const KEEP_MS = 10_000
const NONE: readonly Preconnected[] = []

export class Preconnect implements DialHandler {
  #perUpstream: number
  #most: number
  readonly #connect: (upstream: Upstream, owner: DialHandler, now: number) => UpstreamConnection
  /** Open or opening connections, the oldest first. An upstream without any has no entry. */
  readonly #ready = new Map<Upstream, Preconnected[]>()
  readonly #expiry: TimeoutQueue
  #count = 0

  /** @param most over all upstreams */
  constructor(
    clock: Clock,
    perUpstream: number,
    most: number,
    connect: (upstream: Upstream, owner: DialHandler, now: number) => UpstreamConnection,
  ) {
    this.#perUpstream = perUpstream
    this.#most = most
    this.#connect = connect
    this.#expiry = new TimeoutQueue(clock, KEEP_MS)
  }

  /** As for the constructor. Connections beyond a lowered number are used up, or expire. */
  configure(perUpstream: number, most: number): void {
    this.#perUpstream = perUpstream
    this.#most = most
  }

  /** Upstreams that have open connections. */
  get upstreams(): number {
    return this.#ready.size
  }

  /** Takes a connection that is open or opening; the caller owns it. */
  take(upstream: Upstream, owner: DialHandler, now: number): UpstreamConnection | undefined {
    const all = this.#ready.get(upstream) ?? NONE
    // After a sleep of the machine the timer is late, and that the proxy has closed the connection was not received.
    while (all[0] !== undefined && now - all[0].connection.startedAt >= KEEP_MS) this.expired(all[0])
    const [oldest] = all
    if (oldest === undefined) return undefined
    this.#remove(oldest)
    oldest.connection.adopt(owner, now)
    return oldest.connection
  }

  /**
   * Opens the missing connections for an upstream that was just used.
   * @param places as for `trim`
   */
  refill(upstream: Upstream, now: number, places: number): void {
    this.trim(upstream, places)
    if (upstream.state !== 'ready') return
    const missing = Math.min(this.#perUpstream, places) - (this.#ready.get(upstream)?.length ?? 0)
    const allowed = Math.min(missing, this.#most - this.#count)
    for (let n = 0; n < allowed; n++) this.#add(upstream, now)
  }

  #add(upstream: Upstream, now: number): void {
    const added = new Preconnected(this.#connect(upstream, this, now), this)
    const others = this.#ready.get(upstream)
    if (others === undefined) this.#ready.set(upstream, [added])
    else others.push(added)
    this.#count++
    this.#expiry.add(added, now)
  }

  /** Without a target there is no tunnel to open; an "open" event is a failure. */
  opened(): void {}

  /** Closed or refused before its use: nothing is counted against the upstream. */
  failed(connection: UpstreamConnection): void {
    const lost = this.#ready.get(connection.upstream)?.find((candidate) => candidate.connection === connection)
    if (lost !== undefined) this.#remove(lost)
  }

  failInternally(connection: UpstreamConnection): void {
    this.failed(connection)
  }

  /** Idle for too long. */
  expired(one: Preconnected): void {
    this.#remove(one)
    one.connection.destroy()
  }

  drop(upstream: Upstream): void {
    this.trim(upstream, 0)
  }

  /** Closes what no client may use. @param places how many more clients the upstream may serve */
  trim(upstream: Upstream, places: number): void {
    for (const one of this.#ready.get(upstream)?.slice(places) ?? NONE) this.expired(one)
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
