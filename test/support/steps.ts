/**
 * Counts the work that code does, so that a test can bound it without a clock.
 *
 * A step is a block of src that runs (V8's precise coverage counts them, loops included) or a character that is handed to a
 * built-in function which may look at all of its text or list. What a built-in costs beyond that is not seen: patterns that
 * backtrack are the matter of test/redos.
 */
import { Session } from 'node:inspector'

/** The bound is passed: the code is stopped at its next call of a built-in. */
class TooManySteps extends Error {}

export interface StepCounter {
  /**
   * Runs code that does not wait.
   * @param limit stops it where its calls alone take more
   * @returns how many steps it took; what it throws is part of its work
   */
  count(run: () => unknown, limit: number): number
  close(): void
}

/** Counters cannot be nested: there is one coverage for each thread. */
export function openStepCounter(): StepCounter {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  return {
    count: (run, limit) => {
      blocksOf(session)
      const charged = charging(run, limit)
      return charged + blocksOf(session)
    },
    close: () => session.disconnect(),
  }
}

/** Blocks of src that ran since the last call. */
function blocksOf(session: Session): number {
  let blocks = 0
  // In the thread of the session itself the answer comes before `post` returns.
  session.post('Profiler.takePreciseCoverage', (_error, { result }) => {
    const ours = result.filter(({ url }) => url.includes('/src/') && !url.includes('/node_modules/'))
    for (const { functions } of ours) {
      for (const { ranges } of functions) for (const { count } of ranges) blocks += count
    }
  })
  return blocks
}

const TEXT_FUNCTIONS = [
  ...['split', 'replace', 'replaceAll', 'match', 'matchAll', 'search', 'includes', 'trim', 'trimStart', 'trimEnd'],
  ...['toLowerCase', 'toUpperCase', 'padStart', 'padEnd', 'normalize', 'localeCompare'],
]
const LIST_FUNCTIONS = ['indexOf', 'lastIndexOf', 'includes', 'slice', 'concat', 'join', 'splice', 'shift', 'unshift']

function charging(run: () => unknown, limit: number): number {
  let charged = 0
  /** The text that a built-in looks through now: it has paid for it, and may call `exec` for each match. */
  let searched: unknown
  const charge = (steps: number) => {
    charged += steps
    if (charged > limit) throw new TooManySteps(`more than ${limit} steps`)
  }
  const whole: Wrapper = (original, self) => {
    charge(lengthOf(self))
    return original()
  }
  const text: Wrapper = (original, self) => {
    charge(lengthOf(self))
    const outer = searched
    searched = self
    try {
      return original()
    } finally {
      searched = outer
    }
  }
  const argument: Wrapper = (original, _self, [value]) => {
    if (value !== searched) charge(lengthOf(value))
    return original()
  }
  const passedOver: Wrapper = (original, self, [, from]) => {
    const found = original() as number
    charge((found === -1 ? lengthOf(self) : found) - (typeof from === 'number' ? Math.max(from, 0) : 0) + 1)
    return found
  }
  const passedBack: Wrapper = (original, self, [, from]) => {
    const found = original() as number
    charge((typeof from === 'number' ? Math.min(from, lengthOf(self)) : lengthOf(self)) - Math.max(found, 0) + 1)
    return found
  }
  const restore = [
    ...TEXT_FUNCTIONS.map((name) => wrap(String.prototype, name, text)),
    ...LIST_FUNCTIONS.map((name) => wrap(Array.prototype, name, whole)),
    ...['exec', 'test'].map((name) => wrap(RegExp.prototype, name, argument)),
    wrap(JSON, 'parse', argument),
    wrap(Buffer.prototype, 'toString', whole),
    wrap(Buffer.prototype, 'indexOf', passedOver),
    wrap(String.prototype, 'indexOf', passedOver),
    wrap(String.prototype, 'lastIndexOf', passedBack),
  ]
  try {
    run()
  } catch {
    // A reader may refuse what it is given.
  } finally {
    for (const undo of restore) undo()
  }
  return charged
}

const lengthOf = (value: unknown): number => (value as { length?: number } | undefined)?.length ?? 0

/** @param original runs the built-in as it was called */
type Wrapper = (original: () => unknown, self: unknown, args: unknown[]) => unknown

/** @returns puts the built-in back */
function wrap(place: object, name: string, wrapper: Wrapper): () => void {
  const before = Object.getOwnPropertyDescriptor(place, name)
  if (before === undefined) throw new Error(`there is no ${name} to count`)
  const original = before.value as (...args: unknown[]) => unknown
  function counted(this: unknown, ...args: unknown[]): unknown {
    return wrapper(() => original.apply(this, args), this, args)
  }
  Object.defineProperty(place, name, { ...before, value: counted })
  return () => void Object.defineProperty(place, name, before)
}
