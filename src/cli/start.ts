/** `turnpike start`: runs the gateway until a signal. */
import type { Clock } from '../clock.ts'
import type { Environment } from '../config/environment.ts'
import { type ConfigSource, loadConfigSource } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { stackOf } from '../internal-errors.ts'
import { type Log, openLog } from '../log.ts'
import type { LogWriter } from '../log-writer.ts'
import { ignoredVariables } from './ignored-variables.ts'
import { type SignalSource, watchSignals } from './signals.ts'
import { exitCodes, explainFailure } from './words.ts'

/** A running gateway. */
export interface App {
  /** Stops accepting, lets open connections finish for `stop.drain`, closes the rest. */
  stop(reason: string): Promise<void>
  /** Reads the configuration again, and logs the outcome. @throws when nothing has changed */
  reload(trigger: string): Promise<unknown>
  /** Drops everything at once. */
  abort(): void
}

/** Resolves when the gateway listens. `app.ts` has it; it is handed in, because parts do not import the root. */
export type StartApp = (config: Config, deps: StartAppDeps) => Promise<App>

interface StartAppDeps {
  readonly clock: Clock
  readonly log: Log
  readonly source: ConfigSource
  readonly read: () => { readonly config: Config; readonly source: ConfigSource }
  readonly logLinesLost: () => number
}

export interface StartDeps {
  readonly startApp: StartApp
  readonly environment: Environment
  readonly clock: Clock
  readonly process: SignalSource & CrashSource
  readonly err: (text: string) => void
  /** Gives back the memory that only the start has needed. Called once, when the gateway listens. */
  readonly tidy: () => void
  /** Ends the process without waiting for anything but writes that are under way in a thread. */
  readonly exit: (code: number) => void
  /** Ends the process although such a write does not return. */
  readonly kill: () => void
}

interface CrashSource {
  on(event: 'uncaughtException', listener: (error: unknown) => void): unknown
  off(event: 'uncaughtException', listener: (error: unknown) => void): unknown
}

/**
 * Runs the gateway of a configuration file.
 * @returns the exit code, once the gateway has stopped or could not be started
 * @throws {ConfigError} when the file has mistakes
 */
export async function start(file: string, deps: StartDeps): Promise<number> {
  const read = () => loadConfigSource(file, deps.environment)
  const { config, source } = read()
  const { log, writer } = openLog(config.log, deps.clock)
  for (const { name, because } of ignoredVariables(deps.environment)) log.warn({ variable: name }, because)
  const asked = Promise.withResolvers<string>()
  let app: App | undefined
  const unwatch = watchSignals(deps.process, deps.clock, {
    stop: asked.resolve,
    reload: (signal) => void app?.reload(signal).catch(() => {}),
    abort(signal) {
      log.warn({ signal }, 'stopped without waiting')
      app?.abort()
      leave(writer, deps)
    },
  })
  let isCrashing = false
  const crash = (error: unknown) => {
    if (isCrashing) return
    isCrashing = true
    log.fatal({ stack: stackOf(error) }, 'unexpected error, stopping')
    leave(writer, deps)
  }
  deps.process.on('uncaughtException', crash)
  try {
    app = await deps.startApp(config, { clock: deps.clock, log, source, read, logLinesLost: () => writer.lost })
    deps.tidy()
    await app.stop(await asked.promise)
    return exitCodes.ok
  } catch (error) {
    const { text, exitCode } = explainFailure(error, config)
    deps.err(text)
    return exitCode
  } finally {
    unwatch()
    deps.process.off('uncaughtException', crash)
    await writer.flush()
    if (writer.blocksExit) deps.kill()
  }
}

/** Ends the process with the code of a failure, as soon as the log is written, at the latest after a second. */
function leave(writer: LogWriter, { exit, kill }: StartDeps): void {
  const end = () => (writer.blocksExit ? kill() : exit(exitCodes.failed))
  if (writer.isIdle) end()
  else void writer.flush().then(end)
}
