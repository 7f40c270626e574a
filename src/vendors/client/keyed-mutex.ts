/** Tasks of one key run one after the other, whoever starts them: two providers may share an account. */
export class KeyedMutex {
  /** Of each key the last task that stands in line. */
  readonly #last = new Map<string, Promise<void>>()

  /**
   * Runs the task when those before it have ended, however that was.
   * @throws the signal's reason at once when it aborts while the task waits, else what the task throws
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
