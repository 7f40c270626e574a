/** Whether a purchase may have reached ipipv. */
import { VendorError } from '../contract/error.ts'
import type { CallTicket } from '../contract/source.ts'

/** Observes whether the call was sent: then ipipv may have accepted the order. */
export class Departure implements CallTicket {
  readonly #ticket: CallTicket | undefined
  hasLeft = false

  constructor(ticket: CallTicket | undefined) {
    this.#ticket = ticket
  }

  takes(windowKey: string): boolean {
    return this.#ticket?.takes(windowKey) === true
  }

  sent(): void {
    this.hasLeft = true
    this.#ticket?.sent()
  }

  tooMany(): void {
    this.#ticket?.tooMany()
  }
}

/** A refusal by ipipv, or proof that nothing was sent. An unreadable reply is neither: the order may have been accepted. */
export function isVerdict(error: unknown): boolean {
  if (!(error instanceof VendorError)) return false
  if (error.vendorCode === 'connect') return true
  return error.class !== 'server' && error.vendorCode !== 'decrypt' && error.vendorCode !== 'body'
}
