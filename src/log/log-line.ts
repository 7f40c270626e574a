/** A log record for people: one line an event, `time LEVEL message key=value ...`; only a stack trace adds lines. */
import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

interface LevelWord {
  readonly word: string
  readonly style: Style
}

/** By pino's numbers. */
const levels: Readonly<Record<number, LevelWord>> = {
  10: { word: 'TRACE', style: 'gray' },
  20: { word: 'DEBUG', style: 'gray' },
  30: { word: 'INFO ', style: 'green' },
  40: { word: 'WARN ', style: 'yellow' },
  50: { word: 'ERROR', style: 'red' },
  60: { word: 'FATAL', style: ['red', 'bold'] },
}

/** They have a place of their own in the line. */
const PLACED = new Set(['time', 'level', 'msg', 'mod', 'stack', 'err'])

/**
 * @param json one record as pino writes it
 * @param isColoured whether escape sequences may be written
 * @returns the line with a line feed; a line that is no record is returned as it is
 */
export function formatLogLine(json: string, isColoured: boolean): string {
  const record = parse(json)
  if (record === undefined) return json
  // The stream is not the one that styleText would look at: the caller has decided.
  const style = (format: Style, text: string) =>
    isColoured ? styleText(format, text, { validateStream: false }) : text
  const { word, style: levelStyle } = levels[Number(record['level'])] ?? { word: '?    ', style: 'gray' as const }
  const facts = Object.entries(record)
    .filter(([key]) => !PLACED.has(key))
    .map(([key, value]) => `${style('cyan', `${key}=`)}${written(value)}`)
  const { stack, facts: errorFacts } = errorOf(record)
  const words = [
    style('gray', timeOf(record['time'])),
    style(levelStyle, word),
    String(record['msg'] ?? ''),
    ...facts,
    ...errorFacts.map((text) => style('red', text)),
  ]
  return `${words.join(' ')}\n${stack}`
}

function parse(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** Time of day at this place, with milliseconds. */
function timeOf(time: unknown): string {
  const date = new Date(String(time))
  if (Number.isNaN(date.getTime())) return String(time)
  const two = (n: number) => String(n).padStart(2, '0')
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${milliseconds}`
}

/** A word is written as it is; what contains spaces, quotes or control characters is quoted as in JSON. */
function written(value: unknown): string {
  if (typeof value !== 'string') return escapeControls(JSON.stringify(value) ?? '')
  return /^[^\s"=\p{Cc}]+$/u.test(value) ? value : escapeControls(JSON.stringify(value))
}

/** JSON leaves DEL and the C1 controls as they are; they could move the cursor. */
function escapeControls(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

interface ErrorParts {
  /** Indented lines, each with its line feed. */
  readonly stack: string
  readonly facts: readonly string[]
}

function errorOf({ stack, err }: Readonly<Record<string, unknown>>): ErrorParts {
  const error = typeof err === 'object' && err !== null ? (err as Readonly<Record<string, unknown>>) : undefined
  const trace = typeof stack === 'string' ? stack : error?.['stack']
  const facts =
    error === undefined ? [] : [`error=${written(`${String(error['type'] ?? 'Error')}: ${String(error['message'])}`)}`]
  if (typeof trace !== 'string') return { stack: '', facts }
  const lines = trace.split(/\r?\n/).map((line) => `    ${escapeControls(line.replaceAll(/\p{Cc}/gu, ' ')).trim()}\n`)
  return { stack: lines.join(''), facts }
}
