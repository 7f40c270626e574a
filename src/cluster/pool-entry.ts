/** An address as it is recorded in the cluster's store: its facts, with instants on the server's clock, sealed. */
import type { UpstreamFacts } from '../pool/upstream.ts'
import { Secret } from '../secret.ts'
import type { RestoredUpstream, StoredUpstream } from '../store/contract.ts'
import type { ServerTime } from '../store/redis/server-time.ts'
import type { Seal } from './seal.ts'

interface PlainEntry extends Omit<UpstreamFacts, 'password' | 'deadline'> {
  readonly password?: string
  /** Absent: endless. */
  readonly deadline?: number
  readonly vendorDeadline?: number
}

export class PoolEntries {
  readonly #seal: Seal
  readonly #time: ServerTime

  constructor(seal: Seal, time: ServerTime) {
    this.#seal = seal
    this.#time = time
  }

  /** @returns the fields of `publishScript` */
  write({ facts, vendorDeadline }: StoredUpstream): { id: string; entry: string; endsAt?: number } {
    const { password, deadline, ...rest } = facts
    const endsAt = Number.isFinite(vendorDeadline) ? this.#time.toServer(vendorDeadline) : undefined
    const plain: PlainEntry = {
      ...rest,
      boughtAt: this.#time.toServerEarly(facts.boughtAt),
      ...(password === undefined ? {} : { password: password.reveal() }),
      ...(Number.isFinite(deadline) ? { deadline: this.#time.toServerEarly(deadline) } : {}),
      ...(endsAt === undefined ? {} : { vendorDeadline: endsAt }),
    }
    const entry = this.#seal.seal(JSON.stringify(plain), facts.id)
    return { id: facts.id, entry, ...(endsAt === undefined ? {} : { endsAt }) }
  }

  /**
   * @param isDone the pools have dropped it, and the vendor still holds it
   * @returns undefined for what was sealed with another secret
   */
  read(id: string, entry: string, isDone: boolean): RestoredUpstream | undefined {
    const text = this.#seal.open(entry, id)
    if (text === undefined) return undefined
    const { password, deadline, vendorDeadline, ...rest } = JSON.parse(text) as PlainEntry
    const facts: UpstreamFacts = {
      ...rest,
      boughtAt: this.#time.toHostEarly(rest.boughtAt),
      ...(password === undefined ? {} : { password: new Secret(password) }),
      deadline: deadline === undefined ? Number.POSITIVE_INFINITY : this.#time.toHostEarly(deadline),
    }
    const endsAt = vendorDeadline === undefined ? Number.POSITIVE_INFINITY : this.#time.toHost(vendorDeadline)
    return { facts, vendorDeadline: endsAt, opened: false, state: isDone ? 'gone' : 'alive' }
  }
}
