/** A worker without ports in the control process, which lends to programs that ask for addresses. */
import type { Clock } from '../clock.ts'
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
}

export class Desk implements AddressDesk {
  readonly #worker: Worker
  readonly #closed: DataPlane

  constructor({ closed, ...parts }: DeskParts) {
    this.#closed = closed
    this.#worker = new Worker({ ...parts, opening: 'elsewhere', onEnd: () => {} })
  }

  open(): void {
    this.#worker.open()
  }

  get #lender(): AddressDesk {
    return (this.#worker.data ?? this.#closed).addressRequests
  }

  take(...args: Parameters<AddressDesk['take']>): ReturnType<AddressDesk['take']> {
    return this.#lender.take(...args)
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
