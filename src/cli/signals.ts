/** Signal handling. SIGINT and SIGTERM: the first one asks to stop, a later one stops at once. SIGHUP: reload. */
import type { Clock } from '../clock.ts'

type StopSignal = 'SIGINT' | 'SIGTERM'
type Signal = StopSignal | 'SIGHUP'

/** The part of `process` that is used here. */
export interface SignalSource {
  on(signal: Signal, listener: () => void): unknown
  off(signal: Signal, listener: () => void): unknown
}

interface SignalHandlers {
  /** Called once, by the first signal. */
  stop(signal: StopSignal): void
  /** Called by each later signal. */
  abort(signal: StopSignal): void
  reload(signal: 'SIGHUP'): void
}

const SIGNALS: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** Ctrl-C in `npm start` arrives twice: from the terminal, and forwarded by npm. Within this time they count as one. */
const SAME_WISH_MS = 1_000

/** @returns a function that restores Node's default signal handling */
export function watchSignals(source: SignalSource, clock: Pick<Clock, 'now'>, handlers: SignalHandlers): () => void {
  let firstAt: number | undefined
  const asked = (signal: StopSignal) => {
    if (firstAt === undefined) {
      firstAt = clock.now()
      handlers.stop(signal)
    } else if (clock.now() - firstAt >= SAME_WISH_MS) handlers.abort(signal)
  }
  const listeners = {
    SIGINT: () => asked('SIGINT'),
    SIGTERM: () => asked('SIGTERM'),
    SIGHUP: () => handlers.reload('SIGHUP'),
  }
  for (const signal of SIGNALS) source.on(signal, listeners[signal])
  return () => {
    for (const signal of SIGNALS) source.off(signal, listeners[signal])
  }
}
