/**
 * The addresses that the demo vendor has sold and that have not ended.
 *
 *     free channel -> opening -> held -> (deadline) -> closing, and the channel is free again
 *
 * Invariant: opening + held never exceed the channels. Only deadlines and `close()` end an upstream.
 */
import { randomInt } from 'node:crypto'
import { type Clock, isoTime, type Timer } from '../clock.ts'
import type { Reach } from './fetching.ts'
import type { DemoLog } from './log.ts'
import { type Place, type PlaceFilter, placesLike } from './places.ts'
import { type DemoUpstream, openUpstream } from './upstream.ts'

interface StockOptions {
  readonly channels: number
  /** Shortest and longest life of an address, ms. */
  readonly life: readonly [number, number]
  /** Which real targets its upstreams connect to; undefined: only whoami.demo. */
  readonly reach: Reach | undefined
  /** The loopback address for the next upstream. */
  readonly nextHost: () => string
}

/** An address that the account holds. */
export interface SoldAddress extends DemoUpstream {
  /** Time of day at which it ends, in the vendor's format. */
  readonly deadline: string
}

/** Why nothing was sold: the vendor's own error codes. */
export type NothingSold = 'NO_RESOURCE_FOUND' | 'NO_AVAILABLE_CHANNEL' | 'INTERNAL_ERROR'

/** An address with a shorter remaining life counts as ended: its successor is ordered before. */
const SOON_MS = 15_000
/** Qg's deadlines have no zone and mean +08:00; the demo vendor copies that, so that the gateway's conversion is exercised. */
const AHEAD_MS = 8 * 3_600_000

/** @param wallMs ms since the epoch; @returns `YYYY-MM-DD HH:MM:SS` in +08:00, rounded down */
export function deadlineText(wallMs: number): string {
  return isoTime(wallMs + AHEAD_MS)
    .slice(0, 19)
    .replace('T', ' ')
}

export class Stock {
  readonly #options: StockOptions
  readonly #clock: Clock
  readonly #log: DemoLog
  readonly #held = new Map<SoldAddress, Timer>()
  readonly #pending = new Set<Promise<unknown>>()
  readonly #forgetWake: () => void
  readonly #opening = new Map<Place, number>()
  #closed = false

  constructor(options: StockOptions, { clock, log }: { readonly clock: Clock; readonly log: DemoLog }) {
    this.#options = options
    this.#clock = clock
    this.#log = log
    this.#forgetWake = clock.onWake(() => this.#rearm())
  }

  /** What is in use now, oldest first. */
  get held(): readonly SoldAddress[] {
    return [...this.#held.keys()]
  }

  /** Starts up to `count` upstreams: fewer when fewer channels are free, or when the machine refuses some; those are logged. */
  async sell(count: number, filter: PlaceFilter): Promise<readonly SoldAddress[] | NothingSold> {
    const places = placesLike(filter)
    if (places.length === 0) return 'NO_RESOURCE_FOUND'
    const opening = this.#opening.values().reduce((sum, count) => sum + count, 0)
    const free = this.#options.channels - opening - this.#held.size
    if (this.#closed) return 'INTERNAL_ERROR'
    if (free <= 0) return 'NO_AVAILABLE_CHANNEL'
    const tries = Array.from({ length: Math.min(count, free) }, () => this.#track(this.#open(this.#scarcest(places))))
    const opened: SoldAddress[] = []
    for (const result of await Promise.allSettled(tries)) {
      if (result.status === 'fulfilled') opened.push(result.value)
      else this.#log.warn({ err: result.reason }, 'a demo upstream could not be started')
    }
    return opened.length === 0 ? 'INTERNAL_ERROR' : opened
  }

  /** Stops everything, including upstreams that are still being opened. Resolves when every socket is closed. */
  async close(): Promise<void> {
    this.#closed = true
    this.#forgetWake()
    for (const address of this.held) this.#stop(address)
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending)
  }

  /** The place with the fewest lasting addresses, the first of several: so every place is present as soon as possible. */
  #scarcest(places: readonly Place[]): Place {
    const soon = this.#clock.now() + SOON_MS
    const lasting = [...this.#held.keys()].filter(({ expiresAt }) => expiresAt > soon)
    const count = (place: Place) =>
      lasting.filter((address) => address.place === place).length + (this.#opening.get(place) ?? 0)
    return places.reduce((scarcest, place) => (count(place) < count(scarcest) ? place : scarcest))
  }

  async #open(place: Place): Promise<SoldAddress> {
    this.#opening.set(place, (this.#opening.get(place) ?? 0) + 1)
    try {
      const { lifeMs, deadline } = this.#pickLife()
      const { nextHost, reach } = this.#options
      const expiresAt = this.#clock.now() + lifeMs
      const address = { ...(await openUpstream({ host: nextHost(), place, expiresAt, reach }, this.#clock)), deadline }
      this.#held.set(address, this.#timerFor(address))
      if (this.#closed) this.#stop(address)
      return address
    } finally {
      this.#opening.set(place, (this.#opening.get(place) ?? 1) - 1)
    }
  }

  /** The deadline has whole seconds, so the upstream ends exactly then, not up to a second later. */
  #pickLife(): { lifeMs: number; deadline: string } {
    const [shortest, longest] = this.#options.life
    const wall = this.#clock.wall()
    const wanted = wall + randomInt(shortest, longest + 1)
    const before = Math.floor(wanted / 1000) * 1000
    const until = before < wall + shortest ? before + 1000 : before
    return { lifeMs: until - wall, deadline: deadlineText(until) }
  }

  #timerFor(address: SoldAddress): Timer {
    return this.#clock.after(address.expiresAt - this.#clock.now(), () => this.#stop(address))
  }

  /** The machine slept: addresses past their deadline end now, the other timers are set again. */
  #rearm(): void {
    for (const [address, timer] of this.#held) {
      timer.clear()
      this.#held.set(address, this.#timerFor(address))
    }
  }

  #stop(address: SoldAddress): void {
    this.#held.get(address)?.clear()
    this.#held.delete(address)
    this.#track(address.close())
  }

  /** Registers work that `close()` must wait for. A failure is handled by its caller, and harmless here: the socket is closed either way. */
  #track<T>(work: Promise<T>): Promise<T> {
    const settled: Promise<unknown> = work.then(
      () => this.#pending.delete(settled),
      () => this.#pending.delete(settled),
    )
    this.#pending.add(settled)
    return work
  }
}
