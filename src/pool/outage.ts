/**
 * Detects the outage of a provider: its whole line fails, and address after address breaks without a success in between. Then
 * the addresses are not the cause: evicting them one by one would drop addresses that may work again in a minute, and each would
 * occupy its channel until its deadline. They rest instead, and other providers serve meanwhile.
 */
import type { Upstream } from './upstream.ts'

/** Different addresses that must break in a row, and the part of the provider's addresses that they must be. */
const LEAST_BROKEN = 5
const BROKEN_PART = 0.5

interface Streak {
  /** Addresses that broke since the provider's last success. */
  readonly broken: Set<string>
  startedAt: number
  isDark: boolean
}

export class Outages {
  readonly #members: () => Iterable<Upstream>
  #windowMs: number
  readonly #streaks = new Map<string, Streak>()

  /** @param windowMs a series that lasts longer begins again: single addresses always break now and then */
  constructor(members: () => Iterable<Upstream>, windowMs: number) {
    this.#members = members
    this.#windowMs = windowMs
  }

  /** As for the constructor. */
  configure(windowMs: number): void {
    this.#windowMs = windowMs
  }

  /** Whether the provider's line counts as dead. */
  isDark(provider: string): boolean {
    return this.#streaks.get(provider)?.isDark === true
  }

  /** An address has opened a tunnel. @returns true when this ended an outage */
  worked(provider: string): boolean {
    const streak = this.#streaks.get(provider)
    if (streak === undefined) return false
    this.#streaks.delete(provider)
    return streak.isDark
  }

  /** An address broke. @returns how many have in a row, when this one makes it an outage */
  broke(upstream: Upstream, now: number): number | undefined {
    const { provider } = upstream.facts
    let streak = this.#streaks.get(provider)
    if (streak === undefined || (!streak.isDark && now - streak.startedAt > this.#windowMs)) {
      streak = { broken: new Set(), startedAt: now, isDark: false }
      this.#streaks.set(provider, streak)
    }
    streak.broken.add(upstream.id)
    if (streak.isDark || streak.broken.size < LEAST_BROKEN) return undefined
    if (streak.broken.size < this.#memberCount(provider) * BROKEN_PART) return undefined
    streak.isDark = true
    return streak.broken.size
  }

  #memberCount(provider: string): number {
    let count = 0
    for (const { facts } of this.#members()) if (facts.provider === provider) count++
    return count
  }
}
