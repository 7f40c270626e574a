/**
 * Tasks of several groups that share a few places: each group has its own queue and a bound of its own, and the groups are
 * served in turn, so one whose tasks never end holds up itself alone.
 */
interface FairTaskQueueSettings {
  /** Tasks that run at the same time, over all groups and of one group. */
  readonly total: number
  readonly perGroup: number
}

interface Group {
  running: number
  readonly waiting: Set<() => void>
}

export class FairTaskQueue {
  readonly #settings: FairTaskQueueSettings
  /** In the order of their turns: a group that is served goes to the end. Only groups with tasks are in it. */
  readonly #groups = new Map<string, Group>()
  #running = 0

  constructor(settings: FairTaskQueueSettings) {
    this.#settings = settings
  }

  /**
   * Starts `task` now or when its turn comes; whoever adds it calls `done` with the same group once it has ended.
   * @returns takes the task out again if it has not started
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
