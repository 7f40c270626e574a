/**
 * Workers that hang: each reports ten times a second, and one that sends nothing for long is to be ended, so that another one takes
 * its clients. Time is counted in turns of this process's own timer: nothing counts while the machine sleeps or all processes are
 * stopped, and on a machine under load the turns are late as well.
 */

/** 20 s of `TICK_MS`: longer than a collection of garbage or a configuration takes. */
const LONGEST_TURNS = 200

export class Silence {
  /** Worker -> turns since its last message. */
  readonly #turns: Map<number, number>

  /** @param running workers that have been there before this process */
  constructor(running: readonly number[]) {
    this.#turns = new Map(running.map((worker) => [worker, 0]))
  }

  reported(worker: number): void {
    this.#turns.set(worker, 0)
  }

  left(worker: number): void {
    this.#turns.delete(worker)
  }

  /** @returns workers that have been silent for too long, each once */
  tick(): readonly number[] {
    for (const [worker, turns] of this.#turns) this.#turns.set(worker, turns + 1)
    return [...this.#turns].filter(([, turns]) => turns === LONGEST_TURNS).map(([worker]) => worker)
  }
}
