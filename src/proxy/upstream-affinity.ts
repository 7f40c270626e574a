/** What a client connection that speaks plain HTTP holds between its requests: its upstream and the way there. */

import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { Leg } from '../upstream/connection.ts'
import type { Conversation } from './http-contract.ts'

export class PlainConnection {
  /** The upstream it leases. */
  upstream: Upstream | undefined
  /** Whether that lease has served a request. */
  hasServed = false
  /** What the lease was asked for: another wish needs another lease. */
  routeKey = ''
  /** Octets of the client's connection that belong to requests that have ended. */
  countedUp = 0
  countedDown = 0
  #isQuiet = false
  #way: { readonly through: string; readonly leg: Leg; readonly conversation: Conversation } | undefined

  /** The open connection behind the conversation. */
  get leg(): Leg | undefined {
    return this.#way?.leg
  }

  /** @param through the target, when the conversation goes through a tunnel to it; empty when it is with the upstream itself */
  hold(leg: Leg, through: string, conversation: Conversation): void {
    this.hangUp()
    this.#way = { through, leg, conversation }
  }

  /** The conversation of this kind that is open to this end, if there is one. */
  openTo(through: string, isQuick: boolean): Conversation | undefined {
    if (this.#way?.through !== through) return undefined
    const { conversation } = this.#way
    return conversation.isOpen && conversation.isQuick === isQuick ? conversation : undefined
  }

  /** Ends the conversation; the lease stays. */
  hangUp(): void {
    this.#way?.conversation.close()
    this.#way = undefined
  }

  /** Between two requests the lease goes on, but it is no demand for addresses. */
  set isQuiet(isQuiet: boolean) {
    if (this.upstream === undefined || isQuiet === this.#isQuiet) return
    this.#isQuiet = isQuiet
    this.upstream.quietLeases += isQuiet ? 1 : -1
  }

  /** Lets go of the upstream. */
  release(pool: Pool, now: number): void {
    this.isQuiet = false
    this.hangUp()
    if (this.upstream !== undefined) pool.release(this.upstream, this.hasServed, now)
    this.upstream = undefined
    this.hasServed = false
  }
}
