/** The place of a value in a reply: the path of a member (`data.list`, `list[0].ip`, `groups.*.ips`) or the number of a column. */

/** One step of a path: the member with this name or index, or all members. */
type Step = { readonly key: string } | { readonly every: true }
export type Path = readonly Step[]
/**
 * Columns count from 1; a path begins at the item, at the whole reply, or at its header fields or cookies; `key` is the name under
 * which the item is found.
 */
export type Selector = number | 'key' | { readonly of: 'item' | 'reply' | 'header' | 'cookie'; readonly path: Path }

const KEY = '$key'
/** The beginning of a path outside of the item. */
const OUTSIDE = /^\$(reply|header|cookie)(?![^.[])/

const STEP = /\.?([^.[\]"\s]+)|\[(\d{1,6})\]|\["([^"]+)"\]/y

/** @returns undefined for an invalid path; an empty one, the whole reply, for `$` */
export function parsePath(text: string): Path | undefined {
  const body = text.replace(/^\$/, '')
  if (body === '') return text === '' ? undefined : []
  if (body.startsWith('.') && body === text) return undefined
  const steps: Step[] = []
  for (let at = 0; at < body.length; at = STEP.lastIndex) {
    STEP.lastIndex = at
    const match = STEP.exec(body)
    // Names are separated by dots; a bracket needs none.
    if (match === null || (at > 0 && match[1] !== undefined && body[at] !== '.')) return undefined
    steps.push(match[1] === '*' ? { every: true } : { key: match[1] ?? match[2] ?? match[3] ?? '' })
  }
  return steps
}

/** A selector that the schema has accepted. */
export function readSelector(written: string | number): Selector {
  if (typeof written === 'number') return written
  if (written === KEY) return 'key'
  const [start = '', of = 'item'] = OUTSIDE.exec(written) ?? []
  const path = readPath(start === '' ? written : `$${written.slice(start.length)}`)
  return { of: of as 'item' | 'reply' | 'header' | 'cookie', path }
}

export function readPath(written: string): Path {
  return parsePath(written) ?? []
}

/** A value at a path. */
export interface Placed {
  readonly value: unknown
  /** The names or indexes at which each `*` of the path stood. */
  readonly keys: readonly string[]
}

/** All values at a path: several only with a `*`. */
export function valuesAt(value: unknown, path: Path): readonly Placed[] {
  let found: readonly Placed[] = [{ value, keys: [] }]
  for (const step of path) found = found.flatMap((one) => membersAt(one, step))
  return found
}

/** The path with the item's own place: its names and indexes in place of each `*`, in their order. */
export function ownPlace(path: Path, keys: readonly string[]): Path {
  let used = 0
  return path.map((step) => {
    const key = 'every' in step ? keys[used++] : undefined
    return key === undefined ? step : { key }
  })
}

/** The value at a path; undefined when there is none. */
export function valueAt(value: unknown, path: Path): unknown {
  return valuesAt(value, path)[0]?.value
}

function membersAt({ value: written, keys }: Placed, step: Step): readonly Placed[] {
  const value = opened(written)
  if (typeof value !== 'object' || value === null) return []
  if ('every' in step) return Object.entries(value).map(([key, member]) => ({ value: member, keys: [...keys, key] }))
  if (!Object.hasOwn(value, step.key)) return []
  return [{ value: (value as Readonly<Record<string, unknown>>)[step.key], keys }]
}

/** Some vendors write a list or an object as a text that is JSON itself. */
export function opened(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[{[]/.test(value)) return value
  try {
    return JSON.parse(value)
  } catch {
    return value // an IPv6 address in brackets, and other texts
  }
}

/** Splits a text: by `line`, `space`, `tab`, or the given characters; `<br>` in all of its spellings. */
export type Cut = (text: string) => readonly string[]

const CUTS: ReadonlyMap<string, RegExp> = new Map([
  ['line', /[\r\n]+/],
  ['space', /\s+/],
  ['tab', /\t/],
  ['<br>', /[\r\n]+|<br\s*\/?>/i],
])
/** As vendors print them in their parameters, and as YAML reads them in double quotes. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ...['\r\n', '\n', '\r', '\\r\\n', '\\n', '\\r'].map((name) => [name, 'line'] as const),
  ...['\t', '\\t'].map((name) => [name, 'tab'] as const),
  [' ', 'space'],
  ...['<br/>', '<br />', '<BR>'].map((name) => [name, '<br>'] as const),
])

/** Between the fields of one item. */
export function fieldCut(separator: string): Cut {
  const name = OTHER_NAMES.get(separator) ?? separator
  const pattern = CUTS.get(name)
  return (text) => text.split(pattern ?? separator).map((field) => field.trim())
}

/** Between items: line breaks always separate too, so that a reply that ignores the separator is still read. */
export function itemCut(separator: string): Cut {
  const name = OTHER_NAMES.get(separator) ?? separator
  const pattern = CUTS.get(name)
  const cut: Cut = (text) => text.split(pattern ?? separator)
  return (text) =>
    text
      .split(/[\r\n]+/)
      .flatMap(cut)
      .map((item) => item.trim())
      .filter((item) => item !== '')
}
