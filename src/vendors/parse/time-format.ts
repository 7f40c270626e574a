/** Times of day in a format of letters, as vendors' documents write it: `yyyyMMddHHmmss`, `dd/MM/yyyy hh:mm a`. */

const [TWO, ONE_OR_TWO, WORD] = [/\d{2}/y, /\d{1,2}/y, /[A-Za-z]{3}/y]
/** What each group of letters stands for. */
const GROUPS: ReadonlyMap<string, RegExp> = new Map(
  Object.entries({
    ...{ yyyy: /\d{4}/y, yy: TWO, MMM: WORD, MM: TWO, M: ONE_OR_TWO, dd: TWO, d: ONE_OR_TWO, EEE: WORD },
    ...{ HH: TWO, H: ONE_OR_TWO, hh: TWO, h: ONE_OR_TWO, a: /[AP]M/iy, mm: TWO, ss: TWO, SSS: /\d{1,9}/y },
  }),
)
const PART = /yyyy|yy|MMM|MM?|dd?|HH?|hh?|mm|SSS|ss|EEE|a|'[^']*'|[^A-Za-z']/y
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** @returns year, month, day, hour, minute, second as written; undefined for a text that is not in the format */
export type FormatReader = (text: string) => readonly string[] | undefined

/** @param format its letters are those above; others stand in single quotes @returns undefined for a format without a whole date */
export function formatReader(format: string): FormatReader | undefined {
  const parts = partsOf(format)
  const names = parts?.filter((part) => GROUPS.has(part)) ?? []
  const isDate = ['y', 'M', 'd'].every((letter) => names.some((name) => name.startsWith(letter)))
  if (parts === undefined || !isDate) return undefined
  return (text) => readParts(text, parts)
}

function readParts(text: string, parts: readonly string[]): readonly string[] | undefined {
  const values = new Map<string, string>()
  let at = 0
  for (const part of parts) {
    const pattern = GROUPS.get(part)
    if (pattern !== undefined) pattern.lastIndex = at
    const value = pattern === undefined ? part.replace(/^'(.*)'$/, '$1') : pattern.exec(text)?.[0]
    if (value === undefined || !text.startsWith(value, at)) return undefined
    values.set(part, value)
    at += value.length
  }
  return at === text.length ? inOrder(values) : undefined
}

/** @param local `2026-02-25 15:38:36` */
export function formatTime(local: string, format: string): string {
  const [year = '', ...rest] = local.split(/\D/)
  const values = new Map(['MM', 'dd', 'HH', 'mm', 'ss'].map((name, i) => [name, rest[i] ?? '']))
  return format.replace(/yyyy|yy|MM|dd|HH|mm|ss/g, (name) => values.get(name) ?? year.slice(-name.length))
}

function partsOf(format: string): string[] | undefined {
  const parts: string[] = []
  for (PART.lastIndex = 0; PART.lastIndex < format.length; ) {
    const part = PART.exec(format)?.[0]
    if (part === undefined) return undefined
    parts.push(part)
  }
  return parts
}

function inOrder(values: ReadonlyMap<string, string>): readonly string[] {
  const one = (...names: readonly string[]) =>
    names.map((name) => values.get(name)).find((value) => value !== undefined)
  const year = values.has('yyyy') ? values.get('yyyy') : `20${values.get('yy')}`
  const named = MONTHS.indexOf(values.get('MMM')?.toLowerCase() ?? '') + 1
  const hour = Number(one('HH', 'H', 'hh', 'h') ?? 0)
  const half = values.get('a')?.toLowerCase()
  const hours = half === undefined ? hour : (hour % 12) + (half === 'pm' ? 12 : 0)
  return [
    year ?? '',
    one('MM', 'M') ?? String(named),
    one('dd', 'd') ?? '',
    String(hours),
    one('mm') ?? '0',
    one('ss') ?? '0',
  ]
}
