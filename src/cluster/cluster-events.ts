/** Events of other hosts about addresses and sessions, in the order of the store. */
import type { GoneReason } from '../pool/upstream.ts'
import type { RestoredUpstream } from '../store/contract.ts'
import { snapshotScript } from '../store/redis/pool-scripts.ts'
import type { MemberDeps, MemberParts } from './contract.ts'

type ClusterEvent = { readonly host: string; readonly id: string } & (
  | { readonly kind: 'add'; readonly entry: string }
  | { readonly kind: 'gone'; readonly reason: GoneReason }
  | { readonly kind: 'rest'; readonly until: number }
  | { readonly kind: 'ban'; readonly target: string; readonly until: number }
  | { readonly kind: 'proof'; readonly worked: boolean; readonly cause?: Proof }
  | { readonly kind: 'session'; readonly session: string }
)
type Proof = Parameters<MemberParts['supply']['proof']>[2]

interface Page {
  readonly cursor: string
  readonly entries: readonly { readonly id: string; readonly entry: string; readonly done?: string }[]
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
    this.after += events.length
    const others = events.map((text) => JSON.parse(text) as ClusterEvent).filter(({ host }) => host !== this.#deps.host)
    for (const event of others) this.#quietly(() => this.#take(parts, event))
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
    const { accounts, clock } = this.#deps
    const { pool, supply } = parts
    if (event.kind === 'add') return void supply.adopt(this.#read([event]))
    const upstream = pool.get(event.id)
    if (upstream === undefined) return
    if (event.kind === 'session') {
      const key = this.#deps.store.sessionOf(event.session)
      if (key !== undefined) parts.sessionMoved(key, upstream)
    } else if (event.kind === 'gone') pool.remove(upstream, event.reason)
    else if (event.kind === 'rest') pool.rest(upstream, accounts.time.toHost(event.until))
    else if (event.kind === 'ban') pool.ban(upstream, event.target, accounts.time.toHost(event.until), clock.now())
    else supply.proof(upstream, event.worked, event.cause)
  }

  #read(entries: Page['entries']): RestoredUpstream[] {
    const read = entries.map(({ id, entry, done }) => this.#deps.entries.read(id, entry, done !== undefined))
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
    const before = [...pool.members()]
    const seen = new Set<string>()
    let cursor = '0'
    let after: number | undefined
    do {
      const page = (await this.#deps.runner.run(snapshotScript, { cursor })) as Page
      const entries = Array.isArray(page.entries) ? page.entries : []
      after ??= page.last
      for (const { id, done } of entries) if (done === undefined) seen.add(id)
      this.#quietly(() => supply.adopt(this.#read(entries)))
      cursor = page.cursor
    } while (cursor !== '0')
    this.after = after
    if (isFailover) return
    for (const upstream of before) if (!seen.has(upstream.id)) this.#quietly(() => pool.remove(upstream, 'released'))
  }
}
