/**
 * Sends requests that must arrive, in order, and repeats them after a failure until they have. While the server answers, each is
 * sent at once after the previous one.
 */
import type { Clock, Timer } from '../../clock.ts'

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2_000

type Task = () => Promise<void>

export class SendQueue {
  readonly #clock: Clock
  /** Not sent, or sent without an answer. */
  #waiting: Task[] = []
  #underWay = 0
  #pauseMs = 0
  #timer: Timer | undefined
  #isClosed = false
  readonly #idle = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param task may run more than once */
  send(task: Task): void {
    if (this.#pauseMs > 0 || this.#isClosed) this.#waiting.push(task)
    else void this.#attempt(task, (failed) => this.#waiting.push(failed))
  }

  async #attempt(task: Task, putBack: (task: Task) => void): Promise<void> {
    this.#underWay++
    try {
      await task()
      this.#pauseMs = 0
    } catch {
      putBack(task)
      this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, 2 * this.#pauseMs))
      this.#timer ??= this.#isClosed ? undefined : this.#clock.after(this.#pauseMs, () => this.#again())
    } finally {
      this.#underWay--
      this.#tellIdle()
    }
  }

  /** One at a time: while the first one fails, the others need not be tried. */
  #again(): void {
    this.#timer = undefined
    const [first, ...rest] = this.#waiting
    if (first === undefined) return
    this.#waiting = rest
    void this.#attempt(first, (failed) => this.#waiting.unshift(failed)).then(() => {
      if (this.#pauseMs > 0 || this.#isClosed) return
      for (const task of this.#waiting.splice(0)) this.send(task)
    })
  }

  /** Resolves when the queue is empty; rejects with the signal's reason. */
  idle(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason)
      const onIdle = () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      if (signal.aborted) return onAbort()
      if (this.#isIdle) return resolve()
      this.#idle.add(onIdle)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  get #isIdle(): boolean {
    return this.#underWay === 0 && this.#waiting.length === 0
  }

  #tellIdle(): void {
    if (!this.#isIdle) return
    for (const onIdle of this.#idle) onIdle()
    this.#idle.clear()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.clear()
  }
}
