/**
 * The workers of a gateway, as the control process knows them.
 *
 *   connects ─▶ joined ─▶ serves ─▶ drained ─▶ its process ends: left
 */

import type { Clock } from '../clock.ts'

interface Member {
  isServing: boolean
  isDrained: boolean
  /** False: the socket has ended; the process may live on and come again. */
  isConnected: boolean
  hasExited: boolean
}

/** A worker that does not come to another control process is awaited for so long, ms. */
const AWAITED_MS = 3_000

export class Members {
  readonly #members = new Map<number, Member>()
  /** Workers that were there before this process and have not come to it. */
  readonly #awaited: Set<number>
  readonly #whenReported: (() => void)[] = []

  /** @param running workers that were there before this process */
  constructor(running: readonly number[]) {
    this.#awaited = new Set(running)
  }

  /** The socket is open: from now on the time of those that do not come counts. */
  mayCome(clock: Pick<Clock, 'after'>): void {
    if (this.#awaited.size > 0) clock.after(AWAITED_MS, () => this.#came(...this.#awaited))
  }

  #came(...workers: readonly number[]): void {
    for (const worker of workers) this.#awaited.delete(worker)
    if (this.#awaited.size === 0) for (const task of this.#whenReported.splice(0)) task()
  }

  /** For what all workers must have said first. Calls back at once, but soon after the start of another control process. */
  whenAllHaveReported(task: () => void): void {
    if (this.#awaited.size === 0) task()
    else this.#whenReported.push(task)
  }

  /** What a worker knows has been read. */
  reported(worker: number): void {
    this.#came(worker)
  }

  /** @returns whether it is new; false: it was here already, and reports again what runs in it */
  joined(worker: number): boolean {
    if (this.#members.get(worker)?.isConnected === true) return false
    this.#members.set(worker, { isServing: false, isDrained: false, isConnected: true, hasExited: false })
    return true
  }

  serves(worker: number): void {
    this.#change(worker, { isServing: true })
  }

  drained(worker: number): void {
    this.#change(worker, { isDrained: true })
  }

  #change(worker: number, change: Partial<Member>): void {
    const member = this.#members.get(worker)
    if (member !== undefined) Object.assign(member, change)
  }

  /** All that it has sent has been read. @returns whether its process has ended */
  disconnected(worker: number): boolean {
    this.#change(worker, { isConnected: false, isServing: false })
    return this.#members.get(worker)?.hasExited ?? false
  }

  /** Its process has ended. @returns whether all that it has sent has been read */
  exited(worker: number): boolean {
    if (this.#members.get(worker)?.isConnected !== true) return true
    this.#change(worker, { hasExited: true })
    return false
  }

  left(worker: number): void {
    this.#members.delete(worker)
    this.#came(worker)
  }

  get connected(): number[] {
    return this.#those(({ isConnected }) => isConnected)
  }

  get serving(): number[] {
    return this.#those(({ isServing }) => isServing)
  }

  /** Whether clients are served. */
  get isBusy(): boolean {
    return this.#those(({ isDrained, isConnected }) => isConnected && !isDrained).length > 0
  }

  #those(are: (member: Member) => boolean): number[] {
    return [...this.#members].filter(([, member]) => are(member)).map(([worker]) => worker)
  }
}
