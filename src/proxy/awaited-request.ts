/** A request of a user with limits, while it is not known whether the user may make it: other processes count for the user too. */
import type { RequestHandler } from '../downstream/client-request.ts'
import { GatewayError } from '../errors.ts'
import { containException, internalFailure } from '../internal-errors.ts'
import type { HttpHandler } from './http-contract.ts'

/** Asks whether the user may make the request, and calls back once. @param decided gets the error when it may not */
export type Admit = (decided: (error: GatewayError | undefined) => void) => void

export class AwaitedRequest implements HttpHandler {
  readonly #admit: Admit
  readonly #start: () => RequestHandler & Partial<HttpHandler>
  readonly #refuse: (error: GatewayError) => void
  /** Serves the request when it may be made. */
  #handler: (RequestHandler & Partial<HttpHandler>) | undefined
  #isOver = false
  #hasClientEnded = false

  /** @param start @throws {GatewayError} another reason for a refusal */
  constructor(admit: Admit, start: () => RequestHandler & Partial<HttpHandler>, refuse: (error: GatewayError) => void) {
    this.#admit = admit
    this.#start = start
    this.#refuse = refuse
  }

  begin(): void {
    this.#admit((error) => this.#decided(error))
  }

  #decided(error: GatewayError | undefined): void {
    if (this.#isOver) return
    try {
      if (error !== undefined) throw error
      const handler = this.#start()
      this.#handler = handler
      handler.begin()
      if (this.#hasClientEnded) handler.clientEnded?.()
    } catch (refusal) {
      if (refusal instanceof GatewayError) this.#end(refusal)
      else containException(refusal, this)
    }
  }

  #end(error: GatewayError): void {
    this.#isOver = true
    this.#refuse(error)
  }

  clientGone(): void {
    this.#isOver = true
    this.#handler?.clientGone()
  }

  clientEnded(): void {
    this.#hasClientEnded = true
    this.#handler?.clientEnded?.()
  }

  clientDrained(): void {
    this.#handler?.clientDrained?.()
  }

  bodyBroken(error: GatewayError): void {
    if (this.#handler === undefined) this.#end(error)
    else this.#handler.bodyBroken?.(error)
  }

  failInternally(): void {
    if (this.#handler === undefined) this.#end(internalFailure())
    else this.#handler.failInternally()
  }
}
