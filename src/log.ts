/** One pino root. Secrets are objects that print as [redacted] (secret.ts); `redact` below is only the second net. */
import { createRequire } from 'node:module'
import { isatty } from 'node:tty'
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import type { Clock } from './clock.ts'
import { LogWriter } from './log-writer.ts'

export type Log = Logger

export interface LogSettings {
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  /** `auto`: pretty on a terminal, JSON lines elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty'
}

const SECOND_NET = ['password', 'key', 'token', 'sign', '*.password', '*.key', '*.token', '*.sign', 'err.options']
const STANDARD_OUTPUT = 1

/** @param destination where JSON lines go, one with each call */
export function createLog(settings: LogSettings, destination: DestinationStream): Log {
  return pino(
    {
      level: settings.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      redact: { paths: SECOND_NET, censor: '[redacted]' },
    },
    destination,
  )
}

/** The log of the process, on standard output. */
export function openLog(settings: LogSettings, clock: Clock): { readonly log: Log; readonly writer: LogWriter } {
  const writer = new LogWriter(clock)
  const isPretty = settings.format === 'pretty' || (settings.format === 'auto' && isatty(STANDARD_OUTPUT))
  const log = createLog(settings, isPretty ? prettyInto(writer) : writer)
  writer.onResumed = (lines) => log.warn({ lines }, 'lines of this log are missing: they could not be written')
  return { log, writer }
}

const require = createRequire(import.meta.url)

/** Loaded only for people: a service that writes JSON saves its memory. */
function prettyInto(writer: LogWriter): DestinationStream {
  const { prettyFactory } = require('pino-pretty') as typeof import('pino-pretty')
  const format = prettyFactory({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' })
  return { write: (line) => writer.write(format(line)) }
}
