/**
 * The account store of a cluster: its books are on a Redis server, and each operation is one script (account-scripts.ts).
 *
 *     reserve ─▶ script ─▶ granted or denied          no answer: StoreError; the call does not leave, and the order is withdrawn
 *     settle, resolve, hold, free ─▶ queue ─▶ script  no answer: sent again, in their order, until there is one
 *
 * A slot of a window is held from `reserve` until `settle` and the length of the window; for a host that does not settle,
 * until the latest instant at which its request can leave, and the length of the window.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import type {
  AccountStore,
  AccountView,
  CallWindow,
  ChannelHolder,
  Outcome,
  Reservation,
  ReservationId,
  Reserved,
} from '../account-store.ts'
import { AccountMirror, type AccountStates } from './account-mirror.ts'
import {
  channelsScript,
  forgetLimitsScript,
  refreshScript,
  reserveScript,
  resolveScript,
  settleScript,
} from './account-scripts.ts'
import type { Script, ScriptRunner } from './script.ts'
import { SendQueue } from './send-queue.ts'
import { ServerTime } from './server-time.ts'

interface RedisAccountStoreDeps {
  readonly clock: Clock
  readonly runner: ScriptRunner
  /** Names this host of the cluster: what it has bought is counted under it. */
  readonly host: string
  /** The fencing token of the planner's lease, while this host has it: without it no order is granted. */
  readonly token: () => string | undefined
  /** A request that has not left so long after its reservation is not sent, ms. */
  readonly leaveMs: number
  /** So long after its reservation a request has arrived or never will, ms. */
  readonly settleMs: number
  /** Another server answers, or the same one has lost what it knew. */
  readonly onFailover?: () => void
}

/** How long what an order brings may occupy channels where the reservation does not say, ms. */
const USUAL_LIFE_MS = 60_000

interface Open {
  readonly name: string
  readonly reservation: Reservation
}

export class RedisAccountStore implements AccountStore {
  readonly view: AccountView
  readonly time = new ServerTime()
  readonly #deps: RedisAccountStoreDeps
  readonly #host: string
  /** Names this process's orders; the process before it may have been the same host. */
  readonly #process = randomUUID()
  readonly #mirror: AccountMirror
  readonly #queue: SendQueue
  readonly #open = new Map<ReservationId, Open>()
  /** What occupies channels of an account by what was said while orders of it were under way. */
  readonly #holders = new Map<string, readonly ChannelHolder[]>()
  /** What this host has booked of each provider and not given back, as the server said last. */
  readonly #net = new Map<string, number>()
  /**
   * A failover may have lost some of that: it is booked again. Until then this host orders nothing more, and what the server says does
   * not replace it.
   */
  #isNetLost = false
  /** Reservations without an answer so far. */
  readonly #asked = new Set<Promise<Answer>>()
  #lastId: ReservationId = 0
  #since: number | undefined

  constructor(deps: RedisAccountStoreDeps) {
    this.#deps = deps
    this.#host = deps.host
    this.#mirror = new AccountMirror(() => deps.clock.now(), this.time)
    this.view = this.#mirror
    this.#queue = new SendQueue(deps.clock)
  }

  async reserve(reservation: Reservation): Promise<Reserved> {
    if (this.#isNetLost && reservation.count > 0) return { kind: 'denied', by: 'failover', until: undefined }
    const { clock, token, leaveMs, settleMs } = this.#deps
    const leaveBy = clock.now() + leaveMs
    const id = ++this.#lastId
    const open = { name: `${this.#process}/${id}`, reservation }
    const confirmed = this.#mirror.expect({ reservation, outcome: undefined })
    const ask = {
      ...{ id: open.name, host: this.#host, token: token() ?? '', settleMs },
      lifeMs: reservation.lifeMs ?? USUAL_LIFE_MS,
      ...reservation,
    }
    const asked = this.#run(reserveScript, ask)
    this.#asked.add(asked)
    try {
      const answer = await asked
      if (answer.kind !== 'reserved') return this.#denied(answer, reservation.window.key)
      const { provider, count } = reservation
      if (this.#isNetLost) this.#net.set(provider, (this.#net.get(provider) ?? 0) + count)
      this.#open.set(id, open)
      return { kind: 'reserved', id, leaveBy }
    } catch (error) {
      // It may have been granted, or may be yet: the request does not leave.
      this.#queue.send(() => this.#settle(open.name, { kind: 'not-sent' }, []))
      throw error
    } finally {
      this.#asked.delete(asked)
      confirmed()
    }
  }

  #denied({ by, at }: Answer, window: string): Extract<Reserved, { kind: 'denied' }> {
    const until = at === undefined ? undefined : this.time.toHost(at)
    if (by === 'failover' && until !== undefined) this.#mirror.quietUntil(window, until)
    return { kind: 'denied', by: by ?? 'window', until }
  }

  settle(id: ReservationId, outcome: Outcome): void {
    const open = this.#open.get(id)
    if (open === undefined) return
    this.#open.delete(id)
    const { name, reservation } = open
    const account = reservation.channels?.account ?? ''
    const holders = this.#holders.get(account) ?? []
    if (!this.#isOrdering(account)) this.#holders.delete(account)
    const confirmed = this.#mirror.expect({ reservation, outcome })
    this.#queue.send(async () => {
      await this.#settle(name, outcome, holders)
      confirmed()
    })
  }

  async #settle(id: string, outcome: Outcome, holders: readonly ChannelHolder[]): Promise<void> {
    const told =
      outcome.kind === 'unknown' ? { ...outcome, channelsUntil: this.time.toServer(outcome.channelsUntil) } : outcome
    await this.#run(settleScript, { id, host: this.#host, outcome: told, hold: this.#told(holders) })
  }

  /** Whether an order of this host is under way that books channels of the account. */
  #isOrdering(account: string): boolean {
    for (const { reservation } of this.#open.values()) if (reservation.channels?.account === account) return true
    return false
  }

  resolve(provider: string, sold: number, before: number): void {
    this.#queue.send(async () => {
      const ask = { provider, sold, before: this.time.toServerEarly(before), host: this.#host }
      await this.#run(resolveScript, ask)
    })
  }

  /**
   * Every host of the cluster sees what occupies channels. Two hosts write it: the planner, and a host with an open order, whose reply
   * may come after its lease. What an order brings is written again when it is settled, because that frees the order's own channels.
   */
  hold(account: string, holders: readonly ChannelHolder[]): void {
    const isOrdering = this.#isOrdering(account)
    if (isOrdering) {
      const now = this.#deps.clock.now()
      const live = (this.#holders.get(account) ?? []).filter(({ endsAt }) => endsAt > now)
      this.#holders.set(account, [...live, ...holders])
    }
    if (!isOrdering && this.#deps.token() === undefined) return
    this.#queue.send(async () => {
      await this.#run(channelsScript, { account, hold: this.#told(holders), free: [], host: this.#host })
    })
  }

  forgetLimits(windows: readonly CallWindow[]): void {
    this.#queue.send(async () => {
      await this.#run(forgetLimitsScript, { windows })
    })
  }

  /** On the server's clock; without an end it is endless. */
  #told(holders: readonly ChannelHolder[]): object[] {
    return holders.map(({ endsAt, ...holder }) =>
      Number.isFinite(endsAt) ? { ...holder, endsAt: this.time.toServer(endsAt) } : holder,
    )
  }

  free(account: string, ids: readonly string[]): void {
    const held = this.#holders.get(account)
    if (held !== undefined)
      this.#holders.set(
        account,
        held.filter(({ id }) => !ids.includes(id)),
      )
    if (this.#deps.token() === undefined) return
    this.#queue.send(async () => {
      await this.#run(channelsScript, { account, hold: [], free: ids, host: this.#host })
    })
  }

  /**
   * Brings the view up to date, and books again what a failover has lost of this host's bookings.
   * @throws {StoreError} when the server does not answer
   */
  async refresh(): Promise<void> {
    // What the server has granted since the failover is part of what is booked.
    if (this.#isNetLost) await Promise.allSettled(this.#asked)
    const since = this.#since
    const net = this.#isNetLost ? Object.fromEntries(this.#net) : {}
    const { view } = await this.#run(refreshScript, { ...this.#mirror.names, net, host: this.#host })
    if (view.since !== since) return
    this.#isNetLost = false
    this.#noteNet(view)
  }

  /** Resolves when everything that was said is on the server; rejects with the signal's reason. */
  flush(signal: AbortSignal): Promise<void> {
    return this.#queue.idle(signal)
  }

  /** What has not reached the server is lost: its orders are counted as unknown. */
  close(): void {
    this.#queue.close()
  }

  async #run(script: Script, ask: object): Promise<Answer> {
    const { clock, runner } = this.#deps
    const sentAt = clock.now()
    const answer = (await runner.run(script, ask)) as Answer
    const { view } = answer
    if (this.#since !== view.since) this.#followed(view.since)
    this.time.note(sentAt, clock.now(), view.now)
    this.#mirror.update(view)
    if (!this.#isNetLost) this.#noteNet(view)
    return answer
  }

  #noteNet({ providers }: AccountStates): void {
    for (const [provider, { net }] of Object.entries(providers)) this.#net.set(provider, net)
  }

  #followed(since: number): void {
    const isFirst = this.#since === undefined
    this.#since = since
    this.time.forget()
    if (isFirst) return
    this.#isNetLost = true
    this.#queue.send(() => this.refresh())
    this.#deps.onFailover?.()
  }
}

interface Answer {
  readonly kind?: 'reserved' | 'denied'
  readonly by?: Extract<Reserved, { kind: 'denied' }>['by']
  readonly at?: number
  readonly view: AccountStates
}
