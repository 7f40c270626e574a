/**
 * Memory that upstream sockets read into (`onread` of net.Socket).
 *
 * A socket is told its next buffer when the last read has been handled, long before that read happens. So a buffer that
 * several sockets were told must never hold octets that somebody still needs: quiet connections all read into one shared buffer
 * and copy out of it what they got, at once. A connection that fills it gets a buffer of its own, which it may hand to `write`
 * without a copy, as long as it does not read again before the octets are flushed. So an idle tunnel holds no memory,
 * and the busy ones hold a bounded number of buffers; beyond that number they copy.
 */
const SHARED_BYTES = 65_536
/** Twice the kernel's usual socket buffer: a busy connection makes few system calls. */
const OWN_BYTES = 262_144
const MAX_OWNED = 64

export class ReadBuffers {
  readonly shared = Buffer.allocUnsafeSlow(SHARED_BYTES)
  readonly #spare: Buffer[] = []
  #owned = 0

  /** A buffer for one busy connection, or undefined when enough connections have one. */
  take(): Buffer | undefined {
    if (this.#owned >= MAX_OWNED) return undefined
    this.#owned++
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(OWN_BYTES)
  }

  /**
   * A connection is done with its buffer: its socket will not read into it again.
   * @param clean no write from it is pending: it may serve another connection
   */
  giveBack(buffer: Buffer, clean: boolean): void {
    this.#owned--
    if (clean) this.#spare.push(buffer)
  }
}
