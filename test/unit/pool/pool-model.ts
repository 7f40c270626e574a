/** The pool as a person would describe it: no views, no heaps, everything looked up in a plain list. */
import type { Filter, LeaseAsk, Miss } from '../../../src/pool/filter.ts'
import type { GoneReason, UpstreamFacts } from '../../../src/pool/upstream.ts'

export interface ModelLease {
  readonly of: ModelUpstream
  isOpen: boolean
}

export interface ModelUpstream {
  readonly facts: UpstreamFacts
  deadline: number
  restUntil: number
  uses: number
  sessions: number
  isGone: boolean
  worked: boolean
  readonly leases: Set<ModelLease>
  readonly hostRests: Map<string, number>
}

export interface ModelSettings {
  readonly minLife: number
  readonly connections: number
  readonly uses: number
  readonly hostRest: number
}

export class PoolModel {
  readonly settings: ModelSettings
  readonly gone: [string, GoneReason][] = []
  members: ModelUpstream[] = []
  now = 0

  constructor(settings: ModelSettings) {
    // Without any life left nothing is lent, whatever is configured.
    this.settings = { ...settings, minLife: Math.max(1, settings.minLife) }
  }

  find(id: string): ModelUpstream | undefined {
    return this.members.find(({ facts }) => facts.id === id)
  }

  add(facts: UpstreamFacts): string {
    const known = this.find(facts.id)
    if (known === undefined) {
      if (facts.deadline - this.now < this.settings.minLife) return 'too-short'
      const { deadline } = facts
      const fresh = {
        facts,
        deadline,
        restUntil: 0,
        uses: 0,
        sessions: 0,
        isGone: false,
        worked: false,
        leases: new Set<ModelLease>(),
      }
      this.members.push({ ...fresh, hostRests: new Map() })
      return 'added'
    }
    if (facts.deadline <= known.deadline) return 'known'
    known.deadline = facts.deadline
    return 'extended'
  }

  #isSpent({ uses }: ModelUpstream): boolean {
    return this.settings.uses > 0 && uses >= this.settings.uses
  }

  #isFull({ leases }: ModelUpstream): boolean {
    return this.settings.connections > 0 && leases.size >= this.settings.connections
  }

  isDraining(upstream: ModelUpstream): boolean {
    return this.#isSpent(upstream) || upstream.deadline - this.now <= this.settings.minLife
  }

  isLendable(upstream: ModelUpstream): boolean {
    const opening = [...upstream.leases].filter((lease) => !lease.isOpen).length
    const isPromised = this.settings.uses > 0 && upstream.uses + opening >= this.settings.uses
    return !this.isDraining(upstream) && upstream.restUntil <= this.now && !this.#isFull(upstream) && !isPromised
  }

  get lendable(): ModelUpstream[] {
    return this.members.filter((upstream) => this.isLendable(upstream))
  }

  /** One that never worked, while somebody finds out. */
  #isBeingTried({ worked, leases }: ModelUpstream): boolean {
    return !worked && [...leases].some(({ isOpen }) => !isOpen)
  }

  /**
   * Who may be lent for this ask: those that live as long as wanted (of them those that are not being tried, if there are
   * any), else those that live longest.
   */
  candidates({ filter, host, lifeMs, tried }: LeaseAsk): ModelUpstream[] {
    const fitting = this.lendable.filter(
      (upstream) =>
        filter.accepts(upstream.facts) &&
        !tried.some(({ id }) => id === upstream.facts.id) &&
        (upstream.hostRests.get(host) ?? 0) <= this.now,
    )
    const longLived = fitting.filter((upstream) => upstream.deadline - this.now >= lifeMs)
    const idle = longLived.filter((upstream) => !this.#isBeingTried(upstream))
    if (longLived.length > 0) return idle.length > 0 ? idle : longLived
    const longest = Math.max(...fitting.map(({ deadline }) => deadline))
    return fitting.filter(({ deadline }) => deadline === longest)
  }

  miss(filter: Filter): Miss {
    const base = filter.base ?? filter
    const lendable = (accepts: Filter['accepts']) => this.lendable.some(({ facts }) => accepts(facts))
    if (lendable(filter.accepts)) return 'busy'
    if (!lendable(base.accepts)) return 'empty'
    const mayCome = this.members.some((upstream) => !this.isDraining(upstream) && filter.accepts(upstream.facts))
    return mayCome ? 'busy' : 'no-match'
  }

  lend(upstream: ModelUpstream): ModelLease {
    const lease = { of: upstream, isOpen: false }
    upstream.leases.add(lease)
    return lease
  }

  mayLendOwn(upstream: ModelUpstream): boolean {
    return !upstream.isGone && upstream.deadline - this.now >= this.settings.minLife && !this.#isFull(upstream)
  }

  open(lease: ModelLease, host: string, counts: boolean): void {
    lease.isOpen = true
    lease.of.worked = true
    if (counts) lease.of.uses++
    if (this.settings.hostRest > 0) this.restForHost(lease.of, host, this.now + this.settings.hostRest)
  }

  release(lease: ModelLease): void {
    lease.of.leases.delete(lease)
    this.dropUsedUp(lease.of)
  }

  dropUsedUp(upstream: ModelUpstream): void {
    if (this.#isSpent(upstream) && upstream.leases.size === 0 && upstream.sessions === 0)
      this.remove(upstream, 'used-up')
  }

  restForHost({ hostRests }: ModelUpstream, host: string, until: number): void {
    hostRests.set(host, Math.max(hostRests.get(host) ?? 0, until))
  }

  remove(upstream: ModelUpstream, reason: GoneReason): void {
    if (upstream.isGone) return
    upstream.isGone = true
    this.members = this.members.filter((other) => other !== upstream)
    this.gone.push([upstream.facts.id, reason])
  }

  advance(): void {
    for (const upstream of this.members) if (upstream.deadline <= this.now) this.remove(upstream, 'expired')
  }

  /** The next instant at which time alone changes something. */
  get nextChange(): number {
    const instants = this.members.flatMap((upstream) => [
      upstream.deadline,
      ...(this.isDraining(upstream) ? [] : [upstream.deadline - this.settings.minLife, upstream.restUntil]),
    ])
    return Math.min(...instants.filter((at) => at > this.now))
  }
}
