/** `turnpike start`: runs the gateway until a signal. */
import type { Clock } from '../clock.ts'
import type { Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { createLog, type Log } from '../log.ts'
import { ignoredVariables } from './ignored-variables.ts'
import { type SignalSource, watchSignals } from './signals.ts'
import { describe, exitCodes, explainFailure } from './words.ts'

/** A running gateway. */
export interface App {
  /** Stops accepting, lets open connections finish for `stop.drain`, closes the rest. */
  stop(reason: string): Promise<void>
  /** Drops everything at once. */
  abort(): void
}

/** Resolves when the gateway listens. `app.ts` has it; it is handed in, because parts do not import the root. */
export type StartApp = (config: Config, deps: { readonly clock: Clock; readonly log: Log }) => Promise<App>

export interface StartDeps {
  readonly startApp: StartApp
  readonly environment: Environment
  readonly clock: Clock
  readonly process: SignalSource & CrashSource
  readonly err: (text: string) => void
  /** Gives back the memory that only the start has needed. Called once, when the gateway listens. */
  readonly tidy: () => void
  /** Ends the process without waiting for anything. */
  readonly exit: (code: number) => void
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
  const config = loadConfig(file, deps.environment)
  const log = createLog(config.log)
  for (const { name, because } of ignoredVariables(deps.environment)) log.warn({ variable: name }, because)
  const asked = Promise.withResolvers<string>()
  let app: App | undefined
  const unwatch = watchSignals(deps.process, deps.clock, {
    stop: asked.resolve,
    abort(signal) {
      log.warn({ signal }, 'stopped without waiting')
      app?.abort()
      deps.exit(exitCodes.failed)
    },
  })
  const crash = (error: unknown) => {
    log.fatal({ error: describe(error) }, 'unexpected error, stopping')
    deps.exit(exitCodes.failed)
  }
  deps.process.on('uncaughtException', crash)
  try {
    app = await deps.startApp(config, { clock: deps.clock, log })
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
  }
}
