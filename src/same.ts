/** Whether two settings say the same. `isDeepStrictEqual` of Node does not look into secrets. */
import { Secret } from './secret.ts'

const plainPrototypes: readonly unknown[] = [Object.prototype, Array.prototype, null]

const isPlain = (value: object): boolean => plainPrototypes.includes(Object.getPrototypeOf(value))

/** For plain data: values, arrays, sets and objects at any depth, regular expressions and secrets. Anything else, as functions, the same only as itself. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Secret || b instanceof Secret)
    return a instanceof Secret && b instanceof Secret && a.reveal() === b.reveal()
  if (a instanceof Set || b instanceof Set) return a instanceof Set && b instanceof Set && isSame([...a], [...b])
  if (a instanceof RegExp && b instanceof RegExp) return String(a) === String(b)
  if (!isPlain(a) || !isPlain(b) || Array.isArray(a) !== Array.isArray(b)) return false
  const [own, other] = [Object.entries(a), new Map(Object.entries(b))]
  return own.length === other.size && own.every(([key, value]) => other.has(key) && isSame(value, other.get(key)))
}
