/** This program, started once more as a child process that it passes signals on to. */

type PassedSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'
const PASSED: readonly PassedSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** The part of `process` that is used here. */
export interface ThisProcess {
  readonly execPath: string
  readonly execArgv: readonly string[]
  readonly argv: readonly string[]
  on(signal: PassedSignal, listener: (signal: NodeJS.Signals) => void): unknown
  off(signal: PassedSignal, listener: (signal: NodeJS.Signals) => void): unknown
}

/** Arguments for `execPath` that start the same program with the same command line. */
export function sameArguments({ execArgv, argv }: ThisProcess): string[] {
  return [...execArgv, ...argv.slice(1)]
}

/** @returns the undo */
export function passSignals(process: ThisProcess, pass: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of PASSED) process.on(signal, pass)
  return () => {
    for (const signal of PASSED) process.off(signal, pass)
  }
}
