/**
 * The workers of a gateway, as the control process knows them.
 *
 *   connects ─▶ joined ─▶ serves ─▶ drained ─▶ its process ends: left
 */

interface Member {
  isServing: boolean
  isDrained: boolean
  /** False: the socket has ended; the process may live on and come again. */
  isConnected: boolean
  hasExited: boolean
}

export class Members {
  readonly #members = new Map<number, Member>()

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
