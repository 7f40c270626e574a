/** Runs tasks of one key one after the other, also for different callers: two providers may share an account. */
export class KeyedMutex {
  /** The last waiting task of each key. */
  readonly #last = new Map<string, Promise<void>>()

  /**
   * Runs the task when the earlier ones have ended, whatever their result.
   * @throws the signal's reason at once when it aborts while the task waits, else the error of the task
   */
  readonly inTurn = <T>(key: string, signal: AbortSignal, task: () => Promise<T>): Promise<T> => {
    let hasBegun = false
    const mine = (this.#last.get(key) ?? Promise.resolve()).then(() => {
      hasBegun = true
      signal.throwIfAborted()
      return task()
    })
    const over = mine.then(
      () => {},
      () => {},
    )
    this.#last.set(key, over)
    void over.then(() => {
      if (this.#last.get(key) === over) this.#last.delete(key)
    })
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        if (!hasBegun) reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
      void over.then(() => signal.removeEventListener('abort', onAbort))
      mine.then(resolve, reject)
    })
  }
}
