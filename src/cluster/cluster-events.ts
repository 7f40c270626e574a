/** Events of other hosts about addresses and sessions, in the order of the store. */
import type { GoneReason, Upstream } from '../pool/upstream.ts'
import type { RestoredUpstream } from '../store/contract.ts'
import { snapshotScript } from '../store/redis/pool-scripts.ts'
import type { MemberDeps, MemberParts } from './contract.ts'

/** `number`: of the event; distinguishes later ones from earlier ones. */
type ClusterEvent = { readonly host: string; readonly id: string; readonly number: number } & (
  | { readonly kind: 'add'; readonly entry: string; readonly isKnown?: boolean }
  | { readonly kind: 'gone'; readonly reason: GoneReason }
  | { readonly kind: 'rest'; readonly until: number }
  | { readonly kind: 'ban'; readonly target: string; readonly until: number }
  /** Outcome of the first use; hosts of other versions know it as `proof`. */
  | { readonly kind: 'proof'; readonly worked: boolean; readonly cause?: FailureCause }
  | { readonly kind: 'session'; readonly session: string }
  | { readonly kind: 'own'; readonly owner: string; readonly handed?: string }
  | { readonly kind: 'want'; readonly sessions: readonly string[] }
  | { readonly kind: 'alone'; readonly session: string }
  | { readonly kind: 'spent' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'back' }
)
type FailureCause = Parameters<MemberParts['supply']['firstUse']>[2]

interface Page {
  /** On the server's clock. */
  readonly now: number
  readonly cursor: string
  readonly entries: readonly {
    readonly id: string
    readonly entry: string
    readonly done?: string
    readonly owner?: string
    readonly handed?: string
  }[]
  readonly last: number
}

export class ClusterEvents {
  /** Number of the last event that was taken up. */
  after = 0
  readonly #deps: MemberDeps
  #hasWarned = false

  constructor(deps: MemberDeps) {
    this.#deps = deps
  }

  apply(parts: MemberParts, events: readonly string[]): void {
    for (const event of events.map(parse)) {
      this.after = event.number
      if (event.host !== this.#deps.host || isDecided(event)) this.#quietly(() => this.#take(parts, event))
    }
  }

  /** What is done here because of an event of another host makes no event of this one. */
  #quietly(task: () => void): void {
    const { store } = this.#deps
    store.isApplying = true
    try {
      task()
    } finally {
      store.isApplying = false
    }
  }

  #take(parts: MemberParts, event: ClusterEvent): void {
    const { accounts, clock, store } = this.#deps
    const { pool, supply } = parts
    if (event.kind === 'add') {
      if (event.isKnown !== true) store.cameAgain(event.id)
      return void supply.adopt(this.#read([event]))
    }
    if (event.kind === 'own' || event.kind === 'want' || event.kind === 'silent' || event.kind === 'back')
      return void this.#ofOwners(event)
    const upstream = pool.get(event.id)
    if (upstream === undefined) return
    if (event.kind === 'session') {
      const key = store.sessionOf(event.session)
      if (key === undefined) return
      // An address that this host has sent, and the store has not confirmed, may be earlier or later in the store's order.
      if (store.isBinding(event.session)) parts.markSessionUnconfirmed(key)
      else parts.sessionMoved(key, upstream)
    } else if (event.kind === 'alone') parts.leaveTo(store.sessionOf(event.session), upstream)
    else if (event.kind === 'gone') this.#gone(parts, upstream, event.reason)
    else if (event.kind === 'spent') pool.ownership.spentElsewhere(upstream, clock.now())
    else if (event.kind === 'rest') pool.rest(upstream, accounts.time.toHost(event.until))
    else if (event.kind === 'ban') pool.ban(upstream, event.target, accounts.time.toHost(event.until), clock.now())
    else supply.firstUse(upstream, event.worked, event.cause)
  }

  #ofOwners(event: Extract<ClusterEvent, { kind: 'own' | 'want' | 'silent' | 'back' }>): void {
    const { owners } = this.#deps
    if (event.kind === 'own') owners?.owned(event.id, event)
    else if (event.kind === 'want') owners?.wanted(event.id, event.host, event.sessions)
    else owners?.setAlive(event.host, event.kind === 'back')
  }

  /** What is used up stays for the sessions that live on it here. */
  #gone({ pool }: MemberParts, upstream: Upstream, reason: GoneReason): void {
    const isNeeded = reason === 'used-up' && upstream.sessions + upstream.leases > 0
    if (isNeeded) pool.ownership.spentElsewhere(upstream, this.#deps.clock.now())
    else pool.remove(upstream, reason)
  }

  /** What has left is not lent again, whatever a store says that may have lost that. */
  #read(entries: Page['entries']): RestoredUpstream[] {
    const { store } = this.#deps
    const read = entries.map(({ id, entry, done }) =>
      this.#deps.entries.read(id, entry, done !== undefined || store.hasLeft(id)),
    )
    if (read.includes(undefined) && !this.#hasWarned) {
      this.#hasWarned = true
      this.#deps.log.error(
        'addresses of the cluster are sealed with another secret: cluster.secret must be the same on all hosts',
      )
    }
    return read.filter((upstream) => upstream !== undefined)
  }

  /**
   * Takes up everything that the cluster holds.
   * @param isFailover what is missing there may be lost, and not gone: it stays
   * @throws {StoreError} when the store does not answer
   */
  async readAll(parts: MemberParts, isFailover: boolean): Promise<void> {
    const { pool, supply } = parts
    const { accounts, clock, runner } = this.#deps
    const before = [...pool.members()]
    const seen = new Set<string>()
    let cursor = '0'
    let after: number | undefined
    do {
      const sentAt = clock.now()
      const page = (await runner.run(snapshotScript, { cursor })) as Page
      // A host that joins knows the server's clock by this answer alone; without it no address would have an end.
      accounts.time.note(sentAt, clock.now(), page.now)
      const entries = Array.isArray(page.entries) ? page.entries : []
      after ??= page.last
      for (const { id, done } of entries) if (done === undefined) seen.add(id)
      this.#quietly(() => supply.adopt(this.#read(entries)))
      for (const { id, owner, handed } of entries)
        if (owner !== undefined) this.#deps.owners?.owned(id, { ...parseOwner(owner), handed })
      cursor = page.cursor
    } while (cursor !== '0')
    this.after = after
    parts.markSessionsUnconfirmed()
    if (isFailover) return
    for (const upstream of before) if (!seen.has(upstream.id)) this.#quietly(() => pool.remove(upstream, 'released'))
  }
}

/** The order of the store decides who owns an address, and where a session lives: the host that sent the event applies it too. */
function isDecided({ kind }: ClusterEvent): boolean {
  return kind === 'own' || kind === 'session'
}

function parse(text: string): ClusterEvent {
  const at = text.indexOf(' ')
  return { ...(JSON.parse(text.slice(at + 1)) as ClusterEvent), number: Number(text.slice(0, at)) }
}

/** As the store writes it: "NUMBER HOST". */
function parseOwner(text: string): { readonly number: number; readonly owner: string } {
  const at = text.indexOf(' ')
  return { number: Number(text.slice(0, at)), owner: text.slice(at + 1) }
}
