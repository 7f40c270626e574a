/** One pino root. Secrets are objects that print as [redacted] (secret.ts); `redact` below is only the second net. */
import { isatty } from 'node:tty'
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import type { Clock } from '../clock.ts'
import { formatLogLine } from './log-line.ts'
import { LogWriter } from './log-writer.ts'

export type Log = Logger

interface LogSettings {
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  /** `auto`: pretty on a terminal, JSON lines elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty'
}

const SECOND_NET = ['password', 'key', 'token', 'sign', '*.password', '*.key', '*.token', '*.sign', 'err.options']
const STANDARD_OUTPUT = 1

/** A child keeps the level that its parent had when it was made: to change the level, all of them must be known. */
const childrenOf = new WeakMap<Log, Set<WeakRef<Log>>>()

/** @param destination where JSON lines go, one with each call */
export function createLog(settings: LogSettings, destination: DestinationStream): Log {
  const children = new Set<WeakRef<Log>>()
  const log: Log = pino(
    {
      onChild: (child: Log) => void children.add(new WeakRef(child)),
      level: settings.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      redact: { paths: SECOND_NET, censor: '[redacted]' },
    },
    destination,
  )
  childrenOf.set(log, children)
  return log
}

/** Sets the level of a log of `createLog` and of every log that was derived from it. */
export function setLogLevel(log: Log, level: LogSettings['level']): void {
  const children = childrenOf.get(log) ?? new Set()
  log.level = level
  for (const reference of children) {
    const child = reference.deref()
    if (child === undefined) children.delete(reference)
    else child.level = level
  }
}

const writesToTerminal = (): boolean => isatty(STANDARD_OUTPUT)

/** What a command logs beside its output: lines for a person. @param write standard error */
export function commandLog(level: LogSettings['level'], write: (text: string) => void): Log {
  return createLog({ level, format: 'pretty' }, { write: (line) => write(formatLogLine(line, false)) })
}

interface OpenLog {
  readonly log: Log
  readonly writer: LogWriter
  /** Writes a line of JSON that another process has logged. */
  readonly write: (line: string) => void
}

/** The log of the process, on standard output. */
export function openLog(settings: LogSettings, clock: Clock): OpenLog {
  const writer = new LogWriter(clock)
  const isPretty = settings.format === 'pretty' || (settings.format === 'auto' && writesToTerminal())
  const destination = isPretty ? prettyInto(writer) : writer
  const log = createLog(settings, destination)
  writer.onResumed = (lines) => log.warn({ lines }, 'lines of this log are missing: they could not be written')
  return { log, writer, write: (line) => destination.write(line) }
}

/** Colours on a terminal, unless NO_COLOR (https://no-color.org/) or TERM=dumb is set. */
function prettyInto(writer: LogWriter): DestinationStream {
  const isColoured = writesToTerminal() && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
  return { write: (line) => writer.write(formatLogLine(line, isColoured)) }
}
