/** What one user has used, and whether its limits allow more. */
import type { UserLimitSettings } from '../downstream/proxy-auth.ts'
import { GatewayError } from '../errors.ts'
import type { UserUsage } from '../store/contract.ts'
import { HourlySum } from '../structures/hourly-sum.ts'

const SECOND_MS = 1_000
const HOUR_MS = 3_600_000
const DAY_HOURS = 24

/** Instants are clock ms. */
export class UserConsumption {
  readonly name: string
  /** Open now. */
  connections = 0
  /** Requests that it may make at once (token bucket), and when that was computed. */
  #tokens = Number.POSITIVE_INFINITY
  #tokensAt = 0
  readonly #octets = new HourlySum(DAY_HOURS)
  /** When each address was counted, the earliest first. */
  #addresses = new Map<string, number>()
  #version = 0

  constructor(name: string) {
    this.name = name
  }

  /** Changes with the addresses. */
  get version(): number {
    return this.#version
  }

  /** @throws {GatewayError} GW_USER_LIMIT */
  checkConnections(limits: UserLimitSettings): void {
    if (limits.connections === undefined || this.connections < limits.connections) return
    throw this.#refusal(`has as many open connections (${this.connections}) as limits.connections allows`)
  }

  /** Counts a request. The bucket has room for those of one second. @throws {GatewayError} GW_USER_LIMIT */
  takeTurn({ newPerSecond }: UserLimitSettings, now: number): void {
    if (newPerSecond === undefined) return
    const refilled = this.#tokens + ((now - this.#tokensAt) * newPerSecond) / SECOND_MS
    this.#tokens = Math.min(newPerSecond, refilled)
    this.#tokensAt = now
    if (this.#tokens < 1) {
      const waitMs = ((1 - this.#tokens) * SECOND_MS) / newPerSecond
      throw this.#refusal(`makes more requests a second than limits.newPerSecond allows (${newPerSecond})`, waitMs)
    }
    this.#tokens--
  }

  addOctets(octets: number, now: number): void {
    this.#octets.add(octets, now)
  }

  /** @throws {GatewayError} GW_USER_LIMIT */
  checkOctets({ bytesPerDay }: UserLimitSettings, now: number): void {
    if (bytesPerDay === undefined || this.#octets.sum(now) < bytesPerDay) return
    const words = `has moved as many bytes within a day as limits.bytesPerDay allows (${bytesPerDay})`
    throw this.#refusal(words, this.#octets.belowAt(bytesPerDay, now) - now)
  }

  /** The addresses that it has had within the hour. */
  addresses(now: number): ReadonlySet<string> {
    this.#forgetAddresses(now)
    return new Set(this.#addresses.keys())
  }

  /** The same, each with its age, ms. */
  addressAges(now: number): (readonly [id: string, ageMs: number])[] {
    this.#forgetAddresses(now)
    return [...this.#addresses].map(([id, at]) => [id, now - at])
  }

  /** @returns false when it is counted already */
  addAddress(id: string, now: number): boolean {
    this.#forgetAddresses(now)
    if (this.#addresses.has(id)) return false
    this.#addresses.set(id, now)
    this.#version++
    return true
  }

  /** Addresses that another process has counted. */
  learnAddresses(ages: readonly (readonly [id: string, ageMs: number])[], now: number): void {
    const all = new Map([...ages.map(([id, ageMs]) => [id, now - ageMs] as const), ...this.#addresses])
    this.#addresses = new Map([...all].sort(([, a], [, b]) => a - b))
    this.#version++
  }

  /** Whether it may have no address besides those that it has had within the hour. */
  isAtAddressLimit({ addressesPerHour }: UserLimitSettings, now: number): boolean {
    if (addressesPerHour === undefined) return false
    this.#forgetAddresses(now)
    return this.#addresses.size >= addressesPerHour
  }

  /** The error for a user at its limit of addresses when none of its addresses lives. */
  tooManyAddresses(now: number): GatewayError {
    const [first = now] = this.#addresses.values()
    const words = `has had as many addresses within an hour (${this.#addresses.size}) as limits.addressesPerHour allows`
    return this.#refusal(words, first + HOUR_MS - now)
  }

  /** What still counts, for a later process. */
  usage(now: number): UserUsage {
    return { octets: this.#octets.parts(now), addresses: this.addressAges(now) }
  }

  /** Adds what an earlier process has counted; to be called first. */
  restore({ octets, addresses }: UserUsage, now: number): void {
    for (const [ageMs, count] of octets) this.#octets.add(count, now - ageMs)
    this.learnAddresses(addresses, now)
  }

  #forgetAddresses(now: number): void {
    for (const [id, at] of this.#addresses) {
      if (at > now - HOUR_MS) return
      this.#addresses.delete(id)
    }
  }

  #refusal(words: string, retryAfterMs = SECOND_MS): GatewayError {
    return new GatewayError('GW_USER_LIMIT', `user "${this.name}" ${words}`, { detail: { retryAfterMs } })
  }
}
