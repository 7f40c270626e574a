/** Plain text tables for the terminal. */

/** A row as an API returns it: scalars, and objects of scalars. */
export type Row = Readonly<Record<string, unknown>>

/** Longer texts are printed below the table, because they would widen the columns. */
const LONGEST_CELL = 32

/**
 * One line per row under a line of column names. The first column names the row and always stays; other long texts follow below,
 * one line each, after the name of their row. Unknown members become columns.
 */
export function renderTable(rows: readonly Row[]): string {
  const flat = rows.map(flatten)
  const columns = [...new Set(flat.flatMap((row) => [...row.keys()]))].filter(
    (column, index) => index === 0 || flat.every((row) => (row.get(column) ?? '').length <= LONGEST_CELL),
  )
  const lines = [columns, ...flat.map((row) => columns.map((column) => row.get(column) ?? ''))]
  const widths = columns.map((_, c) => Math.max(...lines.map((line) => displayWidth(line[c] ?? ''))))
  const table = lines.map((line) =>
    line
      .map((cell, c) => padEnd(cell, widths[c] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const notes = flat.flatMap((row) =>
    [...row]
      .filter(([column, text]) => !columns.includes(column) && text !== '')
      .map(([column, text]) => `${[...row.values()][0] ?? ''} ${column}: ${text}`.trim()),
  )
  return [...table, ...notes, ''].join('\n')
}

function flatten(row: Row): Map<string, string> {
  const cells = new Map<string, string>()
  for (const [key, value] of Object.entries(row)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [inner, cell] of flatten(value as Row)) cells.set(`${key}.${inner}`, cell)
    } else cells.set(key, oneLine(Array.isArray(value) ? value.join(', ') : value))
  }
  return cells
}

/** Characters that occupy two columns of a terminal, such as Chinese ones (Unicode Standard Annex 11, Wide and Fullwidth). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g

/** Columns that a text without control characters occupies. */
export function displayWidth(text: string): number {
  return text.length + (text.match(WIDE)?.length ?? 0)
}

/** Cuts a text to a width in columns of the terminal; a cut text ends with an ellipsis. @param width may be Infinity */
export function fitWidth(text: string, width: number): string {
  if (displayWidth(text) <= width) return text
  let cut = ''
  let columns = 0
  for (const character of text) {
    columns += displayWidth(character)
    if (columns > width - 1) break
    cut += character
  }
  return width < 1 ? '' : `${cut}…`
}

/**
 * Breaks a text into lines of a width in columns of the terminal, between words and between wide characters. Further lines are
 * indented by two columns more than the first; what is too long for a line of its own is cut.
 */
export function wrapWidth(text: string, width: number): string[] {
  const indent = `${/^ */.exec(text)?.[0]}  `
  const lines: string[] = []
  let line = ''
  for (const piece of unbroken(text)) {
    if (line !== '' && displayWidth(line + piece) > width) {
      lines.push(line)
      line = indent + piece.trimStart()
    } else line += piece
  }
  return [...lines, line].map((each) => fitWidth(each, width))
}

/** What a line is not broken in: one wide character, or a word; each with the spaces before it. */
function* unbroken(text: string): Generator<string> {
  let piece = ''
  let wasWide = false
  for (const character of text) {
    const isWide = displayWidth(character) > character.length
    if (piece.trim() !== '' && (isWide || wasWide || character === ' ')) {
      yield piece
      piece = ''
    }
    piece += character
    wasWide = isWide
  }
  yield piece
}

/** As `String.padEnd`, in columns of the terminal. */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)))
}

/** Removes control characters from the text of an API: they could move the cursor. */
export function oneLine(value: unknown): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  return value === null || value === undefined ? '' : String(value).replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
}
