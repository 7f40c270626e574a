/**
 * Memory that upstream sockets read into (`onread` of net.Socket).
 *
 * A socket gets its next buffer when the last read has been handled, long before the next read happens. So a buffer that several
 * sockets have must never contain octets that are still needed: quiet connections all read into one shared buffer and copy
 * their data out of it at once. A connection that fills the buffer gets its own one, which it may pass to `write` without a
 * copy, if it does not read again before the octets are flushed. So an idle tunnel occupies no memory, and busy tunnels occupy
 * a limited number of buffers; beyond that number they copy.
 */
const SHARED_BYTES = 65_536
/** Twice the usual socket buffer of the kernel: a busy connection needs few system calls. */
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
   * A connection returns its buffer: its socket will not read into it again.
   * @param clean no write from it is pending: another connection may use it
   */
  giveBack(buffer: Buffer, clean: boolean): void {
    this.#owned--
    if (clean) this.#spare.push(buffer)
  }
}
