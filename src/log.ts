/** One pino root. Secrets are objects that print as [redacted] (secret.ts); `redact` below is only the second net. */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import { build as pretty } from 'pino-pretty'

export type Log = Logger

export interface LogSettings {
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  /** `auto`: pretty on a terminal, JSON lines elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty'
}

const SECOND_NET = ['password', 'key', 'token', 'sign', '*.password', '*.key', '*.token', '*.sign', 'err.options']

/** @param destination where lines go; default: standard output */
export function createLog(settings: LogSettings, destination?: DestinationStream): Log {
  const isPretty = settings.format === 'pretty' || (settings.format === 'auto' && process.stdout.isTTY)
  const stream =
    destination ?? (isPretty ? pretty({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }) : undefined)
  const options = {
    level: settings.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: SECOND_NET, censor: '[redacted]' },
  }
  return stream === undefined ? pino(options) : pino(options, stream)
}
