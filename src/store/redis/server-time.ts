/**
 * Estimates the server's clock. Each answer contains the server's time of a moment between request and answer, so the difference
 * of the two clocks lies between two bounds. Each instant is converted with the bound that is safe for its use.
 */

/** An older measurement is replaced by a less exact one: clocks drift, ms. */
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

  /** Another server answers: it has another clock. */
  forget(): void {
    this.#notedAt = Number.NEGATIVE_INFINITY
  }

  /** An instant of the server, on this host's clock: never too early. */
  toHost(serverInstant: number): number {
    return serverInstant - this.#least
  }

  /** The same, never too late: for the end of a promise. */
  toHostEarly(serverInstant: number): number {
    return serverInstant - this.#most
  }

  /** An instant of this host, on the server's clock: never too early. */
  toServer(instant: number): number {
    return instant + this.#most
  }

  /** The same, never too late. */
  toServerEarly(instant: number): number {
    return instant + this.#least
  }
}
