/** Whether a call that buys may have reached ipipv. */
import { VendorError } from '../contract/error.ts'
import type { CallTicket } from '../contract/source.ts'

/** Sees whether the call has left: then ipipv may have taken the order. */
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

/** ipipv's own word, or proof that nothing was sent. A reply that cannot be read is none: the order was taken. */
export function isVerdict(error: unknown): boolean {
  if (!(error instanceof VendorError)) return false
  if (error.vendorCode === 'connect') return true
  return error.class !== 'server' && error.vendorCode !== 'decrypt' && error.vendorCode !== 'body'
}
