/**
 * Connections to upstreams that are opened ahead of need: the next client through the same upstream saves the round trips
 * of TCP and TLS. Only while there is traffic (each use orders the next), never past CONNECT, and never for long: proxies
 * close connections on which nothing is said.
 */
import type { Clock } from '../clock.ts'
import type { Upstream } from '../pool/upstream.ts'
import { DeadlineList, Expiring } from '../structures/timeout-queue.ts'
import type { Leg, LegOwner } from './connection.ts'

/** Longest time unused. Squid and its kin wait longer for a first request, vendors' own proxies often not much longer. */
const KEEP_MS = 10_000

export class WarmLegs implements LegOwner {
  readonly #perUpstream: number
  readonly #most: number
  readonly #connect: (upstream: Upstream, owner: LegOwner) => Leg
  readonly #ready = new Map<Upstream, Spare[]>()
  readonly #expiry: DeadlineList
  #count = 0

  /** @param most over all upstreams */
  constructor(clock: Clock, perUpstream: number, most: number, connect: (upstream: Upstream, owner: LegOwner) => Leg) {
    this.#perUpstream = perUpstream
    this.#most = most
    this.#connect = connect
    this.#expiry = new DeadlineList(clock, KEEP_MS)
  }

  /** A connection that is open or being opened, now the owner's. */
  take(upstream: Upstream, owner: LegOwner): Leg | undefined {
    const spare = this.#ready.get(upstream)?.[0]
    if (spare === undefined) return undefined
    this.#forget(spare)
    spare.leg.adopt(owner)
    return spare.leg
  }

  /** Opens what is missing for an upstream that has just been used. */
  refill(upstream: Upstream): void {
    if (upstream.state !== 'ready') return
    const spares = this.#ready.get(upstream) ?? []
    this.#ready.set(upstream, spares)
    while (spares.length < this.#perUpstream && this.#count < this.#most) {
      const spare = new Spare(this.#connect(upstream, this), this)
      spares.push(spare)
      this.#count++
      this.#expiry.add(spare)
    }
  }

  /** Nobody has asked it of anything, and it says yes: what else it says is not to be believed. */
  opened(leg: Leg): void {
    this.failed(leg)
    leg.destroy()
  }

  /** Closed or refused while unused: nobody needed it, so nobody is blamed. */
  failed(leg: Leg): void {
    const spare = this.#ready.get(leg.upstream)?.find((candidate) => candidate.leg === leg)
    if (spare !== undefined) this.#forget(spare)
  }

  failInternally(leg: Leg): void {
    this.failed(leg)
  }

  /** Unused for too long. */
  expired(spare: Spare): void {
    this.#forget(spare)
    spare.leg.destroy()
  }

  drop(upstream: Upstream): void {
    for (const spare of [...(this.#ready.get(upstream) ?? [])]) this.expired(spare)
  }

  #forget(spare: Spare): void {
    const { upstream } = spare.leg
    const spares = this.#ready.get(upstream) ?? []
    const at = spares.indexOf(spare)
    if (at === -1) return
    spares.splice(at, 1)
    if (spares.length === 0) this.#ready.delete(upstream)
    this.#count--
    this.#expiry.remove(spare)
  }

  close(): void {
    for (const upstream of [...this.#ready.keys()]) this.drop(upstream)
    this.#expiry.close()
  }
}

class Spare extends Expiring {
  readonly leg: Leg
  readonly #home: WarmLegs

  constructor(leg: Leg, home: WarmLegs) {
    super()
    this.leg = leg
    this.#home = home
  }

  override onDeadline(): void {
    this.#home.expired(this)
  }

  override failInternally(): void {
    this.leg.destroy()
    this.#home.failInternally(this.leg)
  }
}
