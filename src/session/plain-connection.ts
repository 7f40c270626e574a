/** What a client connection that speaks plain HTTP holds between its requests: its upstream and the way there. */
import { UpstreamConversation } from '../net/forward.ts'
import type { Leg } from '../net/leg.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'

export class PlainConnection {
  /** The upstream it leases. */
  upstream: Upstream | undefined
  /** Whether that lease has served a request. */
  hasServed = false
  /** What the lease was asked for: another wish needs another lease. */
  routeKey = ''
  #isQuiet = false
  #way: { readonly through: string; readonly leg: Leg; readonly conversation: UpstreamConversation } | undefined

  /** The open connection behind the conversation. */
  get leg(): Leg | undefined {
    return this.#way?.leg
  }

  /** @param through the target, when the conversation goes through a tunnel to it; empty when it is with the upstream itself */
  open(leg: Leg, through: string, origin: string, bodyIdleMs: number): UpstreamConversation {
    this.hangUp()
    const conversation = new UpstreamConversation(origin, leg.socket, bodyIdleMs)
    this.#way = { through, leg, conversation }
    return conversation
  }

  /** The conversation that is open to this end, if there is one. */
  openTo(through: string): UpstreamConversation | undefined {
    return this.#way?.through === through && this.#way.conversation.isOpen ? this.#way.conversation : undefined
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
