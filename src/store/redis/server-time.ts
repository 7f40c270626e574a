/**
 * What time it is on the server's clock. Each answer holds the server's time of some moment between question and answer, so
 * the difference of the two clocks lies between two bounds. Each instant is carried over with the bound that errs towards
 * caution.
 */

/** An answer from so long ago is replaced by a less exact one: clocks drift, ms. */
const STALE_MS = 60_000

export class ServerTime {
  #least = 0
  #most = 0
  #notedAt = Number.NEGATIVE_INFINITY

  /** @param serverNow on the server's clock; the others on this host's */
  note(sentAt: number, receivedAt: number, serverNow: number): void {
    const [least, most] = [serverNow - receivedAt, serverNow - sentAt]
    if (most - least > this.#most - this.#least && receivedAt - this.#notedAt < STALE_MS) return
    this.#least = least
    this.#most = most
    this.#notedAt = receivedAt
  }

  /** Another server answers: its clock is another one. */
  forget(): void {
    this.#notedAt = Number.NEGATIVE_INFINITY
  }

  /** An instant of the server, on this host's clock: not earlier than it is. */
  toHost(serverInstant: number): number {
    return serverInstant - this.#least
  }

  /** The same, not later than it is: for the end of a promise. */
  toHostEarly(serverInstant: number): number {
    return serverInstant - this.#most
  }

  /** An instant of this host, on the server's clock: not earlier than it is. */
  toServer(instant: number): number {
    return instant + this.#most
  }

  /** The same, not later than it is. */
  toServerEarly(instant: number): number {
    return instant + this.#least
  }
}
