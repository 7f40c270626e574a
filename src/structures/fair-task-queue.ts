/**
 * Tasks of several groups that share a limited number of slots. Each group has its own queue and its own limit, and the groups
 * are served in turn, so a group whose tasks never end blocks only itself.
 */
interface FairTaskQueueSettings {
  /** How many tasks may run at the same time, in total and per group. */
  readonly total: number
  readonly perGroup: number
}

interface Group {
  running: number
  readonly waiting: Set<() => void>
}

export class FairTaskQueue {
  readonly #settings: FairTaskQueueSettings
  /** In the order of turns: a group that was served moves to the end. Those without a task are not listed. */
  readonly #groups = new Map<string, Group>()
  #running = 0

  constructor(settings: FairTaskQueueSettings) {
    this.#settings = settings
  }

  /**
   * Starts `task` now or when its turn comes; the caller calls `done` with the same group when it has ended.
   * @returns a function that removes the task if it has not started
   */
  add(group: string, task: () => void): () => void {
    const own = this.#groups.get(group) ?? { running: 0, waiting: new Set() }
    this.#groups.set(group, own)
    own.waiting.add(task)
    this.#serve()
    return () => {
      own.waiting.delete(task)
      this.#drop(group, own)
    }
  }

  done(group: string): void {
    const own = this.#groups.get(group)
    if (own === undefined) return
    own.running--
    this.#running--
    this.#drop(group, own)
    this.#serve()
  }

  #drop(name: string, group: Group): void {
    if (group.running === 0 && group.waiting.size === 0 && this.#groups.get(name) === group) this.#groups.delete(name)
  }

  #serve(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) next()
  }

  /** Takes the first task of the first group that may start one. */
  #next(): (() => void) | undefined {
    if (this.#running >= this.#settings.total) return undefined
    for (const [name, group] of this.#groups) {
      const [task] = group.waiting
      if (task === undefined || group.running >= this.#settings.perGroup) continue
      group.waiting.delete(task)
      group.running++
      this.#running++
      this.#groups.delete(name)
      this.#groups.set(name, group)
      return task
    }
    return undefined
  }
}
