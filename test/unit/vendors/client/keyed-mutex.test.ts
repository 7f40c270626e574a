import { describe, expect, it } from 'vitest'
import { KeyedMutex } from '../../../../src/vendors/client/keyed-mutex.ts'

/** A task that ends when it is told to. */
function task(log: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  return {
    end: () => resolve(name),
    fail: () => reject(new Error(name)),
    run: () => {
      log.push(name)
      return promise
    },
  }
}

const never = new AbortController().signal
/** Lets every promise that can go on go on. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('turns', () => {
  it('tasks of one key run one after the other, also behind one that failed', async () => {
    const { inTurn } = new KeyedMutex()
    const log: string[] = []
    const tasks = ['a', 'b', 'c'].map((name) => task(log, name))
    const results = tasks.map(({ run }) => inTurn('key', never, run).catch((error: Error) => `failed ${error.message}`))
    await settle()
    expect(log).toEqual(['a'])
    tasks[0]?.fail()
    await settle()
    expect(log).toEqual(['a', 'b'])
    for (const { end } of tasks) end()
    expect(await Promise.all(results)).toEqual(['failed a', 'b', 'c'])
  })

  it('another key waits for nobody', async () => {
    const { inTurn } = new KeyedMutex()
    const log: string[] = []
    const [a, b] = [task(log, 'a'), task(log, 'b')]
    const results = [inTurn('one', never, a.run), inTurn('other', never, b.run)]
    await settle()
    expect(log).toEqual(['a', 'b'])
    a.end()
    b.end()
    await Promise.all(results)
  })

  it('who stops waiting is told at once, never runs, and keeps nobody waiting', async () => {
    const { inTurn } = new KeyedMutex()
    const log: string[] = []
    const [a, b, c] = [task(log, 'a'), task(log, 'b'), task(log, 'c')]
    const stop = new AbortController()
    const first = inTurn('key', never, a.run)
    const second = inTurn('key', stop.signal, b.run)
    const third = inTurn('key', never, c.run)
    stop.abort(new Error('gone'))
    await expect(second).rejects.toThrow('gone')
    a.end()
    c.end()
    expect(await Promise.all([first, third])).toEqual(['a', 'c'])
    expect(log).toEqual(['a', 'c'])
  })

  it('a task that runs ends by itself when the signal aborts', async () => {
    const { inTurn } = new KeyedMutex()
    const log: string[] = []
    const a = task(log, 'a')
    const stop = new AbortController()
    const result = inTurn('key', stop.signal, a.run)
    await settle()
    stop.abort(new Error('gone'))
    await settle()
    a.end()
    expect(await result).toBe('a')
  })
})
