/**
 * What other processes have to do with the upstreams of this pool: the process before this one, and the owners of upstreams
 * with limits (ownership.ts).
 */
import { type CarriedUpstream, carry, FormerProcess, takeUp } from './former-process.ts'
import type { PoolMembers } from './members.ts'
import type { Upstream } from './upstream.ts'

/** The pool, as far as other processes change it. */
interface SharedPool extends PoolMembers {
  release(upstream: Upstream, wasOpened: boolean, now: number): void
}

export class PoolOwnership {
  /** What this process owns is lent until then, clock ms, whatever timers are late. */
  lendsUntil = Number.POSITIVE_INFINITY
  readonly #pool: SharedPool
  /** While the process before this one drains. */
  #former: FormerProcess | undefined
  #endedThere = (_upstream: Upstream) => {}

  constructor(pool: SharedPool) {
    this.#pool = pool
  }

  /** An upstream comes into the pool: what the process before this one knew of it holds. */
  takeUp(upstream: Upstream, now: number): void {
    this.#former?.takeUp(upstream, now)
  }

  /**
   * The previous process drains: its state of upstreams applies to those that arrive from now on.
   * @param endedThere called for each lease that has ended there
   */
  succeed(upstreams: readonly CarriedUpstream[], now: number, endedThere = (_upstream: Upstream) => {}): void {
    this.#former = new FormerProcess(upstreams, now)
    this.#endedThere = endedThere
  }

  /** Leases of an upstream that are left in the process before this one. */
  leasesThere(id: string): number {
    return this.#former?.leasesOf(id) ?? 0
  }

  /** So many leases of an upstream are left in the process before this one. */
  leasesLeftThere(id: string, count: number, now: number): void {
    const change = this.#former?.leasesLeft(id, count)
    for (let n = change?.ended ?? 0; change !== undefined && n > 0; n--) {
      change.upstream.quietLeases--
      this.#pool.release(change.upstream, true, now)
      this.#endedThere(change.upstream)
    }
  }

  /** The process before this one has ended, and what was open there with it. */
  formerEnded(now: number): void {
    for (const id of this.#former?.ids ?? []) this.leasesLeftThere(id, 0, now)
    this.#former = undefined
  }

  /**
   * Another process lends the upstream from now on; what is open through it here runs on.
   * @returns what that process must know; the leases are those that run here
   */
  disown(upstream: Upstream, now: number): CarriedUpstream {
    this.#forgetElsewhere(upstream, now)
    upstream.isElsewhere = true
    this.#pool.loadChanged(upstream)
    return carry(upstream, now)
  }

  /**
   * This process lends the upstream from now on.
   * @param carried as the owner before has said; the leases are those that run in other processes
   */
  own(upstream: Upstream, carried: CarriedUpstream, now: number): void {
    if (upstream.state === 'gone') return
    this.#forgetElsewhere(upstream, now)
    takeUp(upstream, carried, now, now)
    upstream.leasesElsewhere = carried.leases
    upstream.isElsewhere = false
    upstream.isLost = false
    this.#pool.setState(upstream, now)
    this.#pool.observer.lendable(upstream)
  }

  /** Its owner gives no sign of life: no process lends it, perhaps to its end. */
  setLost(upstream: Upstream, isLost: boolean, now: number): void {
    if (upstream.isLost === isLost || upstream.state === 'gone') return
    upstream.isLost = isLost
    this.#pool.setState(upstream, now)
  }

  /** Its owner has lent it as often as it may be. */
  spentElsewhere(upstream: Upstream, now: number): void {
    upstream.uses = Math.max(upstream.uses, this.#pool.limits.uses)
    if (upstream.state !== 'gone') this.#pool.setState(upstream, now)
  }

  /** One of the leases that run in other processes has ended. */
  endedElsewhere(upstream: Upstream, now: number): void {
    if (upstream.leasesElsewhere === 0) return
    upstream.leasesElsewhere--
    upstream.quietLeases--
    this.#pool.release(upstream, true, now)
  }

  /** What has changed in another process, which counts as if it were here: reports and the planner see the sum. */
  countElsewhere(
    upstream: Upstream,
    change: { readonly leases: number; readonly quietLeases: number; readonly opened: number },
    now: number,
  ): void {
    if (change.leases > 0 && upstream.carrying === 0) upstream.carryingSince = now
    upstream.leases += change.leases
    upstream.quietLeases += change.quietLeases
    upstream.opened += change.opened
    upstream.carrying += change.leases
    if (change.leases < 0 && upstream.carrying === 0) upstream.carriedMs += now - upstream.carryingSince
    if (upstream.state !== 'gone' && !this.#pool.removeIfUsedUp(upstream)) this.#pool.setState(upstream, now)
  }

  /** From now on they are another process's to count. */
  #forgetElsewhere(upstream: Upstream, now: number): void {
    const count = upstream.leasesElsewhere
    if (count === 0) return
    upstream.leasesElsewhere = 0
    upstream.leases -= count
    upstream.quietLeases -= count
    upstream.carrying -= count
    if (upstream.carrying === 0) upstream.carriedMs += now - upstream.carryingSince
  }
}
