/**
 * Slows the guessing of passwords, by client address (an IPv6 client: its /64 block).
 *
 * Failures of an address are answered at growing intervals: 100 ms, 200 ms ... 5 s, also when they arrive at the same time on many
 * connections. When answers of more than 10 s are outstanding, logins from that address are not checked any more, except those
 * of users who have logged in from there: a program with a wrong password does not lock out others on its machine. After 10
 * minutes without a failure the address is forgotten.
 */
import { clientNetwork } from '../address.ts'
import type { Clock } from '../clock.ts'
import { GenerationalCache } from '../structures/generational-cache.ts'

const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 5_000
/** Time of outstanding answers from which on logins are not checked. */
const MAX_BACKLOG_MS = 10_000
const FORGET_MS = 600_000
/** An address is logged once in this time. */
const LOG_EVERY_MS = 60_000
/** Number of addresses with failures; beyond it, the one that failed longest ago is dropped. */
const MAX_ADDRESSES = 10_000
/** Users with the address of their login; in each of two generations. */
const MAX_KNOWN = 5_000

interface Failures {
  count: number
  lastAt: number
  /** When the latest failure is answered. */
  answerAt: number
  loggedAt: number
  /** Failures that are not logged yet. */
  unlogged: number
}

export class LoginThrottle {
  readonly #clock: Clock
  readonly #report: (client: string, failures: number) => void
  /** The address that failed longest ago comes first. */
  readonly #failures = new Map<string, Failures>()
  readonly #known = new GenerationalCache<true>(MAX_KNOWN)

  /** @param report writes a log line with the number of failed logins of this client address since its last line */
  constructor(clock: Clock, report: (client: string, failures: number) => void) {
    this.#clock = clock
    this.#report = report
  }

  /** Whether an address has failed recently. */
  get hasFailures(): boolean {
    return this.#failures.size > 0
  }

  /** For how long this login is not checked, ms; 0: it is checked now. @param user undefined for an unknown one */
  blockedMs(clientAddress: string, user: string | undefined): number {
    const client = clientNetwork(clientAddress)
    const backlogMs = (this.#failures.get(client)?.answerAt ?? 0) - this.#clock.now() - MAX_BACKLOG_MS
    if (backlogMs <= 0) return 0
    return user !== undefined && this.#known.get(keyOf(client, user)) === true ? 0 : backlogMs
  }

  /** The user has logged in from there. */
  succeeded(clientAddress: string, user: string): void {
    this.#known.set(keyOf(clientNetwork(clientAddress), user), true)
  }

  /**
   * A login was refused.
   * @param wasChecked false when it was refused because logins from there are not checked now
   * @returns the delay of the answer, ms
   */
  failed(clientAddress: string, wasChecked: boolean): number {
    const client = clientNetwork(clientAddress)
    const now = this.#clock.now()
    const failures = this.#take(client, now)
    failures.lastAt = now
    failures.unlogged++
    this.#failures.set(client, failures)
    this.#log(client, failures, now)
    if (!wasChecked) return MAX_DELAY_MS
    const delayMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures.count++, 16))
    failures.answerAt = Math.max(now, failures.answerAt) + delayMs
    return failures.answerAt - now
  }

  /** Logs the counts since the last line of each address, and drops old entries. To be called about once a minute. */
  sweep(): void {
    const now = this.#clock.now()
    for (const [client, failures] of this.#failures) {
      if (failures.unlogged > 0) this.#log(client, failures, now)
      if (now - failures.lastAt > FORGET_MS) this.#failures.delete(client)
    }
  }

  /** Removes and returns the record of an address. */
  #take(client: string, now: number): Failures {
    const known = this.#failures.get(client)
    this.#failures.delete(client)
    if (known !== undefined && now - known.lastAt <= FORGET_MS) return known
    if (this.#failures.size >= MAX_ADDRESSES) this.#forgetOldest(now)
    return { count: 0, lastAt: now, answerAt: 0, loggedAt: Number.NEGATIVE_INFINITY, unlogged: known?.unlogged ?? 0 }
  }

  #forgetOldest(now: number): void {
    for (const [client, failures] of this.#failures) {
      if (failures.unlogged > 0) this.#write(client, failures, now)
      this.#failures.delete(client)
      return
    }
  }

  #log(client: string, failures: Failures, now: number): void {
    if (now - failures.loggedAt >= LOG_EVERY_MS) this.#write(client, failures, now)
  }

  #write(client: string, failures: Failures, now: number): void {
    this.#report(client, failures.unlogged)
    failures.unlogged = 0
    failures.loggedAt = now
  }
}

function keyOf(client: string, user: string): string {
  return `${client} ${user}`
}
