/** A worker without ports in the control process, which lends to programs that ask for addresses. */
import type { Clock } from '../clock.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { AddressDesk } from '../proxy/address-requests.ts'
import type { DataPlane } from '../proxy/data-plane.ts'
import type { UserLimits } from '../proxy/user-limits.ts'
import { Worker } from './worker.ts'

interface DeskParts {
  readonly clock: Clock
  /** Its number among the workers. */
  readonly worker: number
  /** Of the control process's socket. */
  readonly place: string
  readonly users: UserLimits
  /** It lends nothing: it refuses everything before the desk has its settings. */
  readonly closed: DataPlane
  /** Moves to the desk those that could be lent now and belong to other workers. @returns their ids */
  readonly claim: (ids: readonly string[]) => readonly string[]
}

/** What has not moved to the desk by then is not lent, ms: its worker does not answer. */
const MOVING_MS = 500
const MOVING_POLL_MS = 5

export class Desk implements AddressDesk {
  readonly #worker: Worker
  readonly #closed: DataPlane
  readonly #clock: Clock
  readonly #claim: DeskParts['claim']

  constructor({ closed, claim, ...parts }: DeskParts) {
    this.#closed = closed
    this.#clock = parts.clock
    this.#claim = claim
    this.#worker = new Worker({ ...parts, opening: 'elsewhere', onEnd: () => {} })
  }

  open(): void {
    this.#worker.open()
  }

  get #lender(): AddressDesk {
    return (this.#worker.data ?? this.#closed).addressRequests
  }

  /** A request that does not wait gets what is free in any worker. */
  async take(...args: Parameters<AddressDesk['take']>): ReturnType<AddressDesk['take']> {
    const [client, { waits }] = args
    // A client that is refused moves nothing.
    if (!waits) await this.#own(this.#lender.available(client))
    return this.#lender.take(...args)
  }

  async #own(upstreams: readonly Upstream[]): Promise<void> {
    const moving = this.#claim(upstreams.map(({ id }) => id))
    const until = this.#clock.now() + MOVING_MS
    while (moving.some((id) => this.#worker.isElsewhere(id)) && this.#clock.now() < until)
      await this.#clock.sleep(MOVING_POLL_MS)
  }

  release(...args: Parameters<AddressDesk['release']>): ReturnType<AddressDesk['release']> {
    return this.#lender.release(...args)
  }

  report(...args: Parameters<AddressDesk['report']>): ReturnType<AddressDesk['report']> {
    return this.#lender.report(...args)
  }

  available(...args: Parameters<AddressDesk['available']>): ReturnType<AddressDesk['available']> {
    return this.#lender.available(...args)
  }

  close(): void {
    this.#worker.close()
  }
}
