/**
 * Lends upstreams to clients, and lets clients wait for one in the order in which they came.
 */
import type { Clock } from '../clock.ts'
import { GatewayError } from '../errors.ts'
import type { LeaseAsk, Miss, Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import { DeadlineList, Expiring } from '../structures/timeout-queue.ts'
import type { Sticky } from './session-table.ts'

/** What the data side may ask of supply. Small and plain: it will cross a process border one day. */
export interface SupplyView {
  /** A lease was granted that was no live session's own: demand for addresses, from these providers (undefined: any). */
  asked(providers: readonly string[] | undefined): void
  /** The clients that wait have changed. */
  queueChanged(waiting: readonly WaitingDemand[]): void
  /**
   * Why these providers will bring nothing but what was tried already; undefined while they may.
   * @param tried upstreams that will not do
   */
  outlook(providers: readonly string[] | undefined, tried: readonly Upstream[]): GatewayError | undefined
}

/** Clients that wait for an upstream of the same providers (undefined: any). Those of one session will share one: they count once. */
export interface WaitingDemand {
  readonly providers: readonly string[] | undefined
  readonly count: number
}

export interface BrokerSettings {
  /** Longest wait for an upstream, ms. */
  readonly timeoutMs: number
  /** Most clients that wait at the same time. */
  readonly queue: number
}

/**
 * What a client with a session is to be lent: the session's `own` upstream; another one that becomes it (`move`), because its
 * own has failed; or another one for this target alone (`borrow`), which its own has refused. One tracker that is blocked
 * must not give a page a second address.
 */
export type SessionUse = 'own' | 'move' | 'borrow'

/** Somebody who wants an upstream. */
export interface Applicant extends LeaseAsk {
  readonly sessionKey: string | undefined
  /** The session's own upstream must do: rather an error than another. */
  readonly strict: boolean
  readonly sessionUse: SessionUse
  /** What went wrong before, if anything did: the answer when nothing else is to be had. */
  readonly lastError: GatewayError | undefined
  granted(upstream: Upstream): void
  denied(error: GatewayError): void
}

class Waiting extends Expiring {
  readonly applicant: Applicant
  readonly #broker: Broker

  constructor(applicant: Applicant, broker: Broker) {
    super()
    this.applicant = applicant
    this.#broker = broker
  }

  override onDeadline(): void {
    this.#broker.gaveUp(this)
  }
}

export class Broker {
  readonly #pool: Pool
  readonly #sticky: Sticky
  readonly #clock: Clock
  readonly #settings: BrokerSettings
  readonly #supply: SupplyView
  readonly #timeouts: DeadlineList
  readonly #queue = new Map<Applicant, Waiting>()
  #serving = false

  constructor(pool: Pool, sticky: Sticky, supply: SupplyView, settings: BrokerSettings, clock: Clock) {
    this.#pool = pool
    this.#sticky = sticky
    this.#supply = supply
    this.#settings = settings
    this.#clock = clock
    this.#timeouts = new DeadlineList(clock, settings.timeoutMs)
  }

  get waitingCount(): number {
    return this.#queue.size
  }

  /** Grants at once, queues, or denies; the applicant hears exactly once, perhaps before this returns. */
  apply(applicant: Applicant): void {
    const mustQueue = this.#queue.size > 0 && !this.#servesOwnSession(applicant)
    const granted = mustQueue ? 'empty' : this.#lease(applicant)
    if (typeof granted !== 'string') return void applicant.granted(granted)
    if (granted === 'lost') return void applicant.denied(sessionLost(applicant))
    const denial = this.#denial(applicant, granted)
    if (denial !== undefined) return void applicant.denied(denial)
    const waiting = new Waiting(applicant, this)
    this.#queue.set(applicant, waiting)
    this.#timeouts.add(waiting)
    this.#tellSupply()
    // Those before it may want what nobody has; this one need not wait for that.
    if (mustQueue) this.serve()
  }

  /** The applicant wants nothing more. Harmless when it does not wait. */
  withdraw(applicant: Applicant): void {
    const waiting = this.#queue.get(applicant)
    if (waiting === undefined) return
    this.#forget(waiting)
    this.#tellSupply()
  }

  /** Something may be lendable, or the outlook has changed: first come, first served. */
  serve(): void {
    if (this.#serving || this.#queue.size === 0) return
    this.#serving = true
    try {
      for (const waiting of [...this.#queue.values()]) this.#serveOne(waiting)
    } finally {
      this.#serving = false
    }
    this.#tellSupply()
  }

  #serveOne(waiting: Waiting): void {
    const { applicant } = waiting
    if (!this.#queue.has(applicant)) return
    const granted = this.#lease(applicant)
    if (typeof granted !== 'string') {
      this.#forget(waiting)
      return void applicant.granted(granted)
    }
    const denial = granted === 'lost' ? sessionLost(applicant) : this.#denial(applicant, granted)
    if (denial === undefined) return
    this.#forget(waiting)
    applicant.denied(denial)
  }

  /** Denies everybody who waits. */
  close(error: GatewayError): void {
    for (const waiting of [...this.#queue.values()]) {
      this.#forget(waiting)
      waiting.applicant.denied(error)
    }
    this.#timeouts.close()
  }

  gaveUp(waiting: Waiting): void {
    this.#queue.delete(waiting.applicant)
    this.#tellSupply()
    const { applicant } = waiting
    const outlook = this.#supply.outlook(applicant.filter.providers, applicant.tried)
    applicant.denied(applicant.lastError ?? outlook ?? this.#nothingCame())
  }

  #tellSupply(): void {
    const groups = new Map<string, { providers: readonly string[] | undefined; count: number }>()
    const sessions = new Set<string>()
    for (const { filter, sessionKey } of this.#queue.keys()) {
      if (sessionKey !== undefined && sessions.size === sessions.add(sessionKey).size) continue
      const { providers } = filter
      const key = providers?.join('\n') ?? ''
      const group = groups.get(key) ?? { providers, count: 0 }
      group.count++
      groups.set(key, group)
    }
    this.#supply.queueChanged([...groups.values()])
  }

  #forget(waiting: Waiting): void {
    this.#queue.delete(waiting.applicant)
    this.#timeouts.remove(waiting)
  }

  #servesOwnSession({ sessionKey }: Applicant): boolean {
    return sessionKey !== undefined && this.#sticky.find(sessionKey) !== undefined
  }

  #lease(applicant: Applicant): Upstream | Miss | 'lost' {
    const { sessionKey, sessionUse } = applicant
    const now = this.#clock.now()
    const session = sessionKey === undefined ? undefined : this.#sticky.find(sessionKey)
    if (session !== undefined && sessionUse === 'own' && this.#pool.leaseOwn(session.upstream, now)) {
      return session.upstream
    }
    if (session !== undefined && applicant.strict) return 'lost'
    const leased = this.#pool.lease(applicant, now)
    if (typeof leased === 'string') return leased
    this.#supply.asked(applicant.filter.providers)
    const isBorrowed = session !== undefined && sessionUse === 'borrow'
    if (sessionKey !== undefined && !isBorrowed) this.#sticky.bind(sessionKey, leased)
    return leased
  }

  #denial(applicant: Applicant, miss: Miss): GatewayError | undefined {
    if (miss === 'no-match') {
      return new GatewayError(
        'GW_NO_MATCH',
        'none of the live upstreams fits the asked provider, country, area, city or isp',
      )
    }
    const outlook = this.#supply.outlook(applicant.filter.providers, applicant.tried)
    if (outlook !== undefined) return applicant.lastError ?? outlook
    if (this.#queue.has(applicant) || this.#queue.size < this.#settings.queue) return undefined
    return new GatewayError('GW_QUEUE_FULL', `${this.#queue.size} clients wait for an upstream already`)
  }

  #nothingCame(): GatewayError {
    return new GatewayError('GW_POOL_EMPTY', `no upstream became free within ${this.#settings.timeoutMs} ms`, {
      detail: { retryAfterMs: this.#settings.timeoutMs },
    })
  }
}

function sessionLost(applicant: Applicant): GatewayError {
  return applicant.lastError ?? new GatewayError('GW_SESSION_LOST', 'the upstream of this strict session is gone')
}
