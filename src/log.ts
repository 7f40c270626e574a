/** One pino root. Secrets are objects that print as [redacted] (secret.ts); `redact` below is only the second net. */
import { createRequire } from 'node:module'
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'

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
  const stream = destination ?? (isPretty ? prettyStream() : undefined)
  const options = {
    level: settings.level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: SECOND_NET, censor: '[redacted]' },
  }
  return stream === undefined ? pino(options) : pino(options, stream)
}

const require = createRequire(import.meta.url)

/** Loaded only for people: a service that writes JSON saves its memory. */
function prettyStream(): DestinationStream {
  const { build } = require('pino-pretty') as typeof import('pino-pretty')
  return build({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' })
}
