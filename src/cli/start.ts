/** `turnpike start`: runs the gateway until a signal. */
import { type Address, formatAuthority } from '../address.ts'
import type { Clock } from '../clock.ts'
import { UsageError } from '../command-error.ts'
import type { Environment } from '../config/environment.ts'
import { type ConfigSource, loadConfigSource } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { stackOf } from '../internal-errors.ts'
import { type Log, openLog } from '../log/log.ts'
import type { LogWriter } from '../log/log-writer.ts'
import { say } from '../messages/language.ts'
import { terminal } from '../messages/terminal.ts'
import { translate } from '../messages/translate.ts'
import type { InheritedSockets } from '../network/inherited-sockets.ts'
import { Secret } from '../secret.ts'
import type { Predecessor } from '../takeover/client.ts'
import type { ControlProcess } from '../workers/role.ts'
import { adminToken } from './admin-client.ts'
import { exitCodes } from './exit-codes.ts'
import { explainFailure } from './explain-failure.ts'
import { ignoredVariables } from './ignored-variables.ts'
import { type SignalSource, watchSignals } from './signals.ts'
import { startSummary, tryText } from './summary.ts'
import type { Takeover } from './takeover.ts'
import { version } from './version.ts'
import type { WorkersOfProcess } from './workers.ts'

/** A running gateway. */
export interface App {
  /** Where clients connect, in the order of `listen`. */
  readonly addresses: readonly Address[]
  readonly admin: Address | undefined
  /** Clients that are connected now. */
  openConnections(): number
  /** Stops accepting, lets open connections finish for `stop.drain` or `stop.takeover`, closes the rest. A later call may shorten the time. */
  stop(reason: StopReason): Promise<void>
  /** Reads the configuration again, and logs the result. @throws when nothing has changed */
  reload(trigger: string): Promise<unknown>
  /** Closes everything at once. */
  abort(): void
}

/** Why a gateway stops. `takeover`: another process already serves. */
type StopReason = 'SIGINT' | 'SIGTERM' | 'takeover' | 'launcher ended'

/** Resolves when the gateway listens. Implemented in `app.ts` and passed in, because parts do not import the root. */
export type StartApp = (config: Config, deps: StartAppDeps) => Promise<App>

interface StartAppDeps {
  readonly clock: Clock
  readonly log: Log
  readonly source: ConfigSource
  readonly read: () => { readonly config: Config; readonly source: ConfigSource }
  readonly logLinesLost: () => number
  readonly inherited: InheritedSockets | undefined
  readonly predecessor: Predecessor | undefined
  /** Another process serves: this one must stop. */
  readonly onTakenOver?: () => void
  readonly control?: ControlProcess & { readonly writeLog: (line: string) => void }
}

export interface StartDeps {
  readonly startApp: StartApp
  readonly environment: Environment
  readonly clock: Clock
  readonly process: SignalSource & CrashSource
  readonly takeover: Takeover
  readonly workers: WorkersOfProcess
  readonly err: (text: string) => void
  /** Whether standard output is a terminal: the summary contains the admin token and is never written to a file. */
  readonly isTerminal: boolean
  /** Frees memory that only the start needed. Called once, when the gateway listens. */
  readonly tidy: () => void
  /** Ends the process; waits only for writes that a thread is performing. */
  readonly exit: (code: number) => void
  /** Ends the process even when such a write does not return. */
  readonly kill: () => void
}

interface CrashSource {
  on(event: 'uncaughtException', listener: (error: unknown) => void): unknown
  off(event: 'uncaughtException', listener: (error: unknown) => void): unknown
}

export interface StartOptions {
  readonly config: string
  readonly port?: number
  /** Take over from the gateway that runs on the same state folder. */
  readonly takeover?: boolean
}

/**
 * Runs the gateway of a configuration file.
 * @param port replaces the port of the first listener
 * @returns the exit code, after the gateway has stopped or could not be started
 * @throws {ConfigError} when the file has mistakes
 */
export async function start(options: StartOptions, deps: StartDeps): Promise<number> {
  const read = () => readConfig(options, deps)
  const first = read()
  const { config, count } = first
  const { control } = deps.workers
  const takesOver = options.takeover === true && control === undefined
  const launched = takesOver ? await deps.takeover.launch(config, deps.clock) : undefined
  if (launched !== undefined) return launched
  if (count > 1 && control === undefined) return superviseWorkers(count, config, deps)
  return run(first, read, deps)
}

/** Serves in this process. @param read for reloads @returns as `start` */
async function run(first: ReadConfig, read: () => ReadConfig, deps: StartDeps): Promise<number> {
  const { config, source, because } = first
  const { control } = deps.workers
  const { log, writer, write } = openLog(config.log, deps.clock)
  if (because !== undefined) log.warn(because)
  for (const { name, because } of ignoredVariables(deps.environment)) log.warn({ variable: name }, because)
  const asked = Promise.withResolvers<StopReason>()
  let app: App | undefined
  let isDraining = false
  let isReloadDue = false
  const reload = () => void app?.reload('SIGHUP').catch(() => {})
  const unwatch = watchSignals(deps.process, deps.clock, {
    stop(signal) {
      asked.resolve(signal)
      if (isDraining) void app?.stop(signal)
    },
    reload() {
      isReloadDue = app === undefined
      reload()
    },
    abort(signal) {
      log.warn({ signal }, 'stopped without waiting')
      app?.abort()
      leave(writer, deps)
    },
  })
  const crash = crashHandler(log, writer, deps)
  deps.process.on('uncaughtException', crash)
  try {
    const inheritance = await deps.takeover.inherit(config, () => asked.resolve('launcher ended'))
    const reading = { clock: deps.clock, log, source, read, logLinesLost: () => writer.lost }
    deps.workers.watch(() => asked.resolve('launcher ended'))
    const part = control === undefined ? {} : { control: { ...control, writeLog: write } }
    const onTakenOver = () => asked.resolve('takeover')
    app = await deps.startApp(config, { ...reading, ...inheritance, ...part, onTakenOver })
    deps.tidy()
    announce(config, app, { ...deps, log, writer })
    await deps.takeover.serves(log, deps.workers.mainPid)
    if (isReloadDue) reload()
    const reason = await asked.promise
    isDraining = true
    sayGoodbye(config, app, reason, { ...deps, log })
    await app.stop(reason)
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

type ReadConfig = ReturnType<typeof readConfig>

function readConfig({ config: file, port }: StartOptions, deps: StartDeps) {
  const { config, source } = loadConfigSource(file, deps.environment)
  const { count, because } = deps.workers.count(config.workers)
  return { config: { ...withPort(config, port), workers: count }, source, count, because }
}

/** For an exception that nothing has caught: the first one ends the process. */
function crashHandler(log: Log, writer: LogWriter, deps: StartDeps): (error: unknown) => void {
  let isCrashing = false
  return (error) => {
    if (isCrashing) return
    isCrashing = true
    log.fatal({ stack: stackOf(error) }, 'unexpected error, stopping')
    leave(writer, deps)
  }
}

async function superviseWorkers(count: number, config: Config, deps: StartDeps): Promise<number> {
  const { log, writer } = openLog(config.log, deps.clock)
  try {
    return await deps.workers.supervise(count, { clock: deps.clock, log, takeover: deps.takeover.started })
  } finally {
    await writer.flush()
  }
}

/** Ends the process with the code of a failure when the log is written, at the latest after a second. */
function leave(writer: LogWriter, { exit, kill }: StartDeps): void {
  const end = () => (writer.blocksExit ? kill() : exit(exitCodes.failed))
  if (writer.isIdle) end()
  else void writer.flush().then(end)
}

/** @throws {UsageError} when another port of the configuration already has this number */
function withPort(config: Config, port: number | undefined): Config {
  if (port === undefined) return config
  const { listen, admin } = config
  const others = [...listen.slice(1).map((other) => other.port), ...(admin === 'off' ? [] : [admin.port])]
  if (port !== 0 && others.includes(port))
    throw new UsageError(translate('--port {port}: the configuration has another port of this number', { port }))
  return { ...config, listen: listen.map((listener, index) => (index === 0 ? { ...listener, port } : listener)) }
}

type Announcing = Pick<StartDeps, 'isTerminal'> & { readonly log: Log; readonly writer: LogWriter }

/** Prints the ports and what to try next: a summary on a terminal, else one log line per port. */
function announce(config: Config, { addresses, admin }: App, { isTerminal, log, writer }: Announcing): void {
  if (isTerminal) {
    // Through the log's writer: both go to the terminal, in this order.
    const known = adminToken(config)
    const token = known instanceof Secret ? known : undefined
    writer.write(startSummary(config, { version: version(), addresses, admin, token }))
    return
  }
  addresses.forEach((address, index) => {
    const name = config.listen[index]?.name
    const words = `ready for HTTP and SOCKS; try: ${tryText(config, addresses, index)}`
    log.info({ listen: formatAuthority(address.host, address.port), name }, words)
  })
}

/** Tells the user what the stop waits for, and how to stop at once. */
function sayGoodbye(
  { stop }: Config,
  app: App,
  reason: StopReason,
  { isTerminal, err, log }: Pick<StartDeps, 'isTerminal' | 'err'> & { readonly log: Log },
): void {
  const count = app.openConnections()
  const waitMs = reason === 'takeover' ? stop.takeover : stop.drain
  const facts = { signal: reason, connections: count, waitsAtMostMs: count === 0 ? 0 : waitMs }
  if (reason === 'takeover') log.info(facts, 'another process serves: open connections may finish here')
  else log.info(facts, 'stopping: open connections may finish; another signal ends at once')
  if (isTerminal)
    err(`\n${count === 0 ? say(terminal.stopping) : say(terminal.waiting, { count, seconds: waitMs / 1_000 })}\n`)
}
