/** What compiled Lua needs at run time: tables, operators with Lua's conversions and errors, and its library as far as it is used. */

export class LuaTable {
  readonly fields = new Map<unknown, unknown>()

  get length(): number {
    let length = 0
    while (this.fields.has(length + 1)) length++
    return length
  }
}

type LuaFunction = (...args: unknown[]) => unknown[]

function number(value: unknown): number {
  const result = toNumber(value)
  if (result === undefined) throw new Error(`attempt to perform arithmetic on ${String(value)}`)
  return result
}

function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (typeof value !== 'string' || value.trim() === '') return undefined
  // As strtod of Redis reads it.
  if (/^[+-]?inf$/.test(value)) return value.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  const result = Number(value)
  return Number.isNaN(result) ? undefined : result
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  // %.14g: what is longer loses digits, as it would in Redis.
  if (typeof value === 'number')
    return Math.abs(value) >= 1e15 ? value.toExponential() : String(Number(value.toPrecision(14)))
  throw new Error(`attempt to concatenate ${String(value)}`)
}

function isLess(a: unknown, b: unknown, orEqual: boolean): boolean {
  if (typeof a === 'number' && typeof b === 'number') return orEqual ? a <= b : a < b
  if (typeof a === 'string' && typeof b === 'string') return orEqual ? a <= b : a < b
  throw new Error(`attempt to compare ${String(a)} with ${String(b)}`)
}

function get(base: unknown, name: unknown): unknown {
  if (!(base instanceof LuaTable)) throw new Error(`attempt to index ${String(base)} (field ${String(name)})`)
  return base.fields.get(name)
}

function set(base: unknown, name: unknown, value: unknown): void {
  if (!(base instanceof LuaTable)) throw new Error(`attempt to index ${String(base)} (field ${String(name)})`)
  if (value === undefined) base.fields.delete(name)
  else base.fields.set(name, value)
}

const truth = (value: unknown) => value !== undefined && value !== false

function table(items: readonly unknown[], named: readonly (readonly [unknown, unknown])[]): LuaTable {
  const result = new LuaTable()
  for (const [index, item] of items.entries()) set(result, index + 1, item)
  for (const [name, value] of named) set(result, name, value)
  return result
}

export const runtime = {
  ...{ number, truth, get, set, table },
  global: (globals: Readonly<Record<string, unknown>>, name: string) => {
    if (!(name in globals)) throw new Error(`there is no global ${name}`)
    return globals[name]
  },
  call: (fn: unknown, args: readonly unknown[]): unknown[] => {
    if (typeof fn !== 'function') throw new Error(`attempt to call ${String(fn)}`)
    return (fn as LuaFunction)(...args)
  },
  and: (left: unknown, right: () => unknown) => (truth(left) ? right() : left),
  or: (left: unknown, right: () => unknown) => (truth(left) ? left : right()),
  /** What `ipairs` and `pairs` return. */
  entries: (entries: Iterable<readonly [unknown, unknown]>) => entries,
  unary: {
    '-': (value: unknown) => -number(value),
    not: (value: unknown) => !truth(value),
    '#': (value: unknown) => (value instanceof LuaTable ? value.length : text(value).length),
  },
  binary: {
    '+': (a: unknown, b: unknown) => number(a) + number(b),
    '-': (a: unknown, b: unknown) => number(a) - number(b),
    '*': (a: unknown, b: unknown) => number(a) * number(b),
    '/': (a: unknown, b: unknown) => number(a) / number(b),
    '%': (a: unknown, b: unknown) => number(a) - Math.floor(number(a) / number(b)) * number(b),
    '..': (a: unknown, b: unknown) => text(a) + text(b),
    '==': (a: unknown, b: unknown) => a === b,
    '~=': (a: unknown, b: unknown) => a !== b,
    '<': (a: unknown, b: unknown) => isLess(a, b, false),
    '<=': (a: unknown, b: unknown) => isLess(a, b, true),
    '>': (a: unknown, b: unknown) => isLess(b, a, false),
    '>=': (a: unknown, b: unknown) => isLess(b, a, true),
  },
}

/** `%x`, `%S` and `%d`, groups and `+`: what the scripts use of Lua's patterns. */
function regExp(pattern: string): RegExp {
  const known = regExps.get(pattern)
  if (known !== undefined) return known
  const compiled = new RegExp(pattern.replaceAll('%x', '[0-9a-fA-F]').replaceAll('%', '\\'))
  regExps.set(pattern, compiled)
  return compiled
}

const regExps = new Map<string, RegExp>()

function* inOrder(list: LuaTable): Generator<[unknown, unknown]> {
  for (let at = 1; list.fields.has(at); at++) yield [at, list.fields.get(at)]
}

export const library: Readonly<Record<string, unknown>> = {
  tonumber: (value: unknown) => [toNumber(value)],
  tostring: (value: unknown) => [text(value)],
  ipairs: (list: LuaTable) => [inOrder(list)],
  pairs: (list: LuaTable) => [list.fields.entries()],
  math: table(
    [],
    [
      ['floor', (value: unknown) => [Math.floor(number(value))]],
      ['ceil', (value: unknown) => [Math.ceil(number(value))]],
      ['min', (...all: unknown[]) => [Math.min(...all.map(number))]],
      ['max', (...all: unknown[]) => [Math.max(...all.map(number))]],
      ['huge', Number.POSITIVE_INFINITY],
    ],
  ),
  string: table(
    [],
    [
      [
        'format',
        (format: unknown, value: unknown) => {
          if (format !== '%.0f') throw new Error(`not known here: format ${String(format)}`)
          return [Object.is(number(value), -0) ? '-0' : number(value).toFixed(0)]
        },
      ],
      [
        'match',
        (subject: unknown, pattern: unknown) => {
          const found = regExp(text(pattern)).exec(text(subject))
          return found === null ? [undefined] : found.length === 1 ? [found[0]] : found.slice(1)
        },
      ],
      [
        'sub',
        (subject: unknown, from: unknown, to: unknown) => [
          text(subject).slice(number(from) - 1, to === undefined ? undefined : number(to)),
        ],
      ],
    ],
  ),
}

/** A reply, or what was read from JSON, as Lua sees it. */
export function toLua(value: unknown): unknown {
  if (value === null) return false
  if (Array.isArray(value)) return table(value.map(toLua), [])
  if (typeof value === 'object' && value !== undefined)
    return table(
      [],
      Object.entries(value).map(([name, field]) => [name, toLua(field)] as const),
    )
  return value
}

/** What Lua hands to `cjson.encode`: an empty table is an object there. */
export function toJs(value: unknown): unknown {
  if (!(value instanceof LuaTable)) return value
  const { length } = value
  if (length > 0) return Array.from({ length }, (_, index) => toJs(value.fields.get(index + 1)))
  return Object.fromEntries([...value.fields].map(([name, field]) => [name, toJs(field)]))
}
