/** Prints a vendor's reply on the terminal. Control characters are removed: they could move the cursor. */
import { z } from 'zod'
import { isoTime } from '../clock.ts'
import { translate } from '../messages/translate.ts'
import { displayWidth, oneLine, padEnd, type Row, renderTable } from './table.ts'

/** Longer texts do not fit in a column. */
const LONGEST_CELL = 32

/** Plain text, with a line feed at its end. */
export function renderReply(data: unknown): string {
  if (data === null || data === undefined) return `${translate('done; the reply holds nothing else')}\n`
  return `${block(withLives(data)).join('\n')}\n`
}

/** A copy in which every life (`Life` of vendors/contract/delivery.ts) is a text: its own form counts in ms. */
function withLives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withLives)
  if (typeof value !== 'object' || value === null) return value
  const found = life.safeParse(value).data
  if (found !== undefined) return lifeText(found)
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withLives(member)]))
}

/** The range of `Date` (ECMA-262 section 21.4.1.1). */
const LAST_TIME_MS = 8.64e15
const life = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('until'), wallMs: z.number().min(-LAST_TIME_MS).max(LAST_TIME_MS) }),
  z.strictObject({ kind: z.literal('for'), ms: z.number(), isTerm: z.literal(true).optional() }),
  z.strictObject({ kind: z.literal('endless') }),
  z.strictObject({ kind: z.literal('unknown') }),
])

function lifeText(known: z.infer<typeof life>): string {
  switch (known.kind) {
    case 'until':
      return translate('until {time}', { time: isoTime(known.wallMs) })
    case 'for':
      return translate('{seconds} s', { seconds: Math.round(known.ms / 1_000) })
    case 'endless':
      return translate('endless')
    case 'unknown':
      return translate('not stated')
  }
}

function block(value: unknown): string[] {
  if (Array.isArray(value)) return list(value)
  if (typeof value === 'object' && value !== null) return members(value as Row)
  return typeof value === 'string' ? value.split(/\r?\n/).map(oneLine) : [oneLine(value)]
}

function list(items: readonly unknown[]): string[] {
  if (items.length === 0) return [translate('none')]
  if (items.every(isScalar)) return items.map(oneLine)
  if (items.every(isFlat)) return renderTable(items.map(printable)).trimEnd().split('\n')
  return items.flatMap((item, index) => [...(index === 0 ? [] : ['']), ...block(item)])
}

function members(row: Row): string[] {
  const entries = Object.entries(row)
  if (entries.length === 0) return [translate('none')]
  const width = Math.max(...entries.map(([name]) => displayWidth(oneLine(name))))
  return entries.flatMap(([name, value]) => {
    if (isScalar(value)) return [`${padEnd(oneLine(name), width)}  ${oneLine(value)}`.trimEnd()]
    return [`${oneLine(name)}:`, ...block(value).map((line) => `  ${line}`.trimEnd())]
  })
}

/** Names are the vendor's text too. */
function printable(row: Row): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [oneLine(name), value]))
}

const isScalar = (value: unknown): boolean => typeof value !== 'object' || value === null

/** An object that is shown as one row of a table. */
function isFlat(value: unknown): value is Row {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((member) => isScalar(member) && oneLine(member).length <= LONGEST_CELL)
}
