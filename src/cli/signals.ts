/** What SIGINT and SIGTERM mean: the first asks to stop, a later one does not wait any longer. */
import type { Clock } from '../clock.ts'

type StopSignal = 'SIGINT' | 'SIGTERM'

/** The part of `process` that is used here. */
export interface SignalSource {
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown
}

export interface SignalHandlers {
  /** Called once, by the first signal. */
  stop(signal: StopSignal): void
  /** Called by each signal that comes later. */
  abort(signal: StopSignal): void
}

/** Ctrl-C in `npm start` arrives twice: from the terminal, and forwarded by npm. Within this time they are one wish. */
const SAME_WISH_MS = 1_000

/** @returns the undo: signals mean again what they mean to Node */
export function watchSignals(source: SignalSource, clock: Pick<Clock, 'now'>, handlers: SignalHandlers): () => void {
  let firstAt: number | undefined
  const listener = (signal: StopSignal) => {
    if (firstAt === undefined) {
      firstAt = clock.now()
      handlers.stop(signal)
    } else if (clock.now() - firstAt >= SAME_WISH_MS) handlers.abort(signal)
  }
  source.on('SIGINT', listener)
  source.on('SIGTERM', listener)
  return () => {
    source.off('SIGINT', listener)
    source.off('SIGTERM', listener)
  }
}
