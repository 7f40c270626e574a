/** Hosts that can be paused, cut off or killed, and the network between them and the cluster's store. All on one fake clock. */
import { type Clock, sleepOn, type Timer } from '../../../src/clock.ts'
import { StoreError } from '../../../src/store/errors.ts'
import type { ScriptRunner } from '../../../src/store/redis/script.ts'
import type { FakeClock } from '../fake-clock.ts'
import type { LuaRedis } from './lua-redis.ts'

/** As in connection.ts. */
const COMMAND_TIMEOUT_MS = 2_000

/** The same numbers for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The clock of one host: while the host is paused nothing runs, and afterwards everything that is late. */
export class HostClock implements Clock {
  readonly #clock: FakeClock
  readonly #late: (() => void)[] = []
  #state: 'running' | 'paused' | 'dead' = 'running'

  constructor(clock: FakeClock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  wall(): number {
    return this.#clock.wall()
  }

  after(ms: number, fn: () => void): Timer {
    let isCleared = false
    const run = () => {
      if (!isCleared) fn()
    }
    const timer = this.#clock.after(ms, () => this.run(run))
    return {
      clear: () => {
        isCleared = true
        timer.clear()
      },
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  onWake(): () => void {
    return () => {}
  }

  /** Runs now, when the host goes on, or never. */
  run(fn: () => void): void {
    if (this.#state === 'running') fn()
    else if (this.#state === 'paused') this.#late.push(fn)
  }

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused'
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'running'
    for (const fn of this.#late.splice(0)) fn()
  }

  kill(): void {
    this.#state = 'dead'
  }
}

export interface SimNetwork {
  readonly clock: FakeClock
  readonly redis: LuaRedis
  readonly random: () => number
}

/** One host's connection: questions and answers arrive in their order, as over TCP; late, or not at all. */
export class SimLink implements ScriptRunner {
  readonly #network: SimNetwork
  readonly #host: HostClock
  #lastArrival = 0
  #lastAnswer = 0
  isCut = false

  constructor(network: SimNetwork, host: HostClock) {
    this.#network = network
    this.#host = host
  }

  run(...[script, ask]: Parameters<ScriptRunner['run']>): Promise<unknown> {
    const { clock, redis, random } = this.#network
    return new Promise((resolve, reject) => {
      const timeout = this.#host.after(COMMAND_TIMEOUT_MS, () => reject(new StoreError('failed', 'no answer')))
      if (this.#isLost()) return
      this.#lastArrival = Math.max(this.#lastArrival, clock.now() + this.#delayMs())
      clock.after(this.#lastArrival - clock.now(), () => {
        if (this.isCut) return
        const answer = redis.runNow(script, ask)
        if (this.#isLost()) return
        const answered = () => {
          timeout.clear()
          resolve(answer)
        }
        this.#lastAnswer = Math.max(this.#lastAnswer, clock.now() + random() * 20)
        clock.after(this.#lastAnswer - clock.now(), () => this.#host.run(answered))
      })
    })
  }

  #isLost(): boolean {
    return this.isCut || this.#network.random() < 0.01
  }

  /** Now and then far longer than the time-out. */
  #delayMs(): number {
    const { random } = this.#network
    return random() < 0.02 ? random() * 4_000 : random() * 20
  }
}
