/**
 * Another configuration while the gateway runs. What can fail comes first (read the file, open sources and ports); then
 * everything changes in one synchronous step, so that each connection is served by one configuration or by the other.
 * docs/adr/0014-reload.md says why.
 */
import { basename } from 'node:path'
import type { Address } from '../address.ts'
import type { Clock, Timer } from '../clock.ts'
import { CommandError } from '../command-error.ts'
import { applicable, changesOf, type ReloadState } from '../config/difference.ts'
import { dotEnvOf } from '../config/environment.ts'
import { type ConfigSource, readText } from '../config/load.ts'
import { poolSettings } from '../config/pool-limits.ts'
import { referencedFiles } from '../config/referenced-files.ts'
import type { Config } from '../config/schema.ts'
import { warningsOf } from '../config/warnings.ts'
import { type FileWatch, watchFiles } from '../config/watch.ts'
import { ConfigError } from '../errors.ts'
import { versionOf } from '../file-version.ts'
import { runInBackground } from '../internal-errors.ts'
import { type Log, setLogLevel } from '../log/log.ts'
import type { Health } from '../pool/health.ts'
import type { Pool } from '../pool/pool.ts'
import type { DataPlaneChange } from '../proxy/data-plane.ts'
import type { StreamCounters } from '../proxy/stream-counters.ts'
import { isSame } from '../same.ts'
import { plannerSettings } from '../supply/configured-settings.ts'
import type { ConfiguredSources } from '../supply/configured-sources.ts'
import type { Supply } from '../supply/supply.ts'
import { VendorError } from '../vendors/contract/error.ts'
import type { ClientSide } from './client-side.ts'
import type { DescriptorBudget } from './descriptors.ts'
import { sentenceOf } from './failure-sentence.ts'
import { budgetOf } from './settings.ts'

/** A configuration, and what it was read from where that is a file. */
export interface LoadedConfig {
  readonly config: Config
  readonly source: ConfigSource | undefined
}

export interface ReloadReport {
  /** First keys of what has changed, as in `pool` or `providers.qg`. */
  readonly changed: string[]
  /** Of what has changed: what only a restart takes up. */
  readonly needsRestart: string[]
}

interface ReloadParts {
  readonly clock: Clock
  readonly log: Log
  readonly pool: Pool
  readonly health: Health
  readonly supply: Supply
  readonly clients: ClientSide
  readonly traffic: StreamCounters
  readonly sources: ConfiguredSources
}

/** How often it is looked whether the tunnels of what was withdrawn are over. */
const DRAIN_POLL_MS = 1_000

export class Reload {
  readonly #parts: ReloadParts
  readonly #log: Log
  readonly #read: (() => LoadedConfig) | undefined
  #loaded: LoadedConfig
  #latest: Promise<unknown> = Promise.resolve()
  #draining: Timer | undefined
  #watch: FileWatch | undefined
  /** What is watched beside the configuration and `.env`. */
  #referenced: readonly string[] = []
  /** The state of the files when they were read last. */
  #version = { own: '', referenced: '' }
  readonly #onApplied: ((config: Config) => void)[] = []
  #isClosed = false
  #state: ReloadState = { refusal: undefined, needsRestart: [] }

  /** @param read reads the configuration again; undefined: there is no file */
  constructor(loaded: LoadedConfig, read: (() => LoadedConfig) | undefined, parts: ReloadParts) {
    this.#loaded = loaded
    this.#read = read
    this.#parts = parts
    this.#log = parts.log.child({ mod: 'reload' })
  }

  /** The configuration in force. */
  get config(): Config {
    return this.#loaded.config
  }

  get source(): ConfigSource | undefined {
    return this.#loaded.source
  }

  get state(): ReloadState {
    return this.#state
  }

  /** Where clients connect, in the order of `listen:`. */
  get addresses(): readonly Address[] {
    return this.#parts.clients.addresses
  }

  /**
   * Reads the configuration again and applies it; one at a time. Success and failure are logged.
   * @param trigger what asked for it, for the log
   * @param read in place of reading what the gateway was started with
   * @throws {ConfigError} for a file with mistakes; else an error with a sentence for a person: there is no file, a port
   *   cannot be had, a link cannot be used. Then nothing has changed
   */
  reload(trigger: string, read = this.#read): Promise<ReloadReport> {
    const outcome = this.#latest.then(() => this.#reload(trigger, read))
    this.#latest = outcome.catch(() => {})
    return outcome
  }

  /** Reloads that are asked for from now on wait until then. */
  hold(until: Promise<void>): void {
    this.#latest = this.#latest.then(() => until)
  }

  async #reload(trigger: string, read: (() => LoadedConfig) | undefined): Promise<ReloadReport> {
    let wanted: LoadedConfig | undefined
    this.#version = this.#versionNow()
    try {
      if (this.#isClosed) throw new CommandError('the gateway is stopping')
      if (read === undefined) throw new CommandError('the gateway was started without a file')
      wanted = read()
      const report = await this.#apply(wanted)
      this.#state = { refusal: undefined, needsRestart: report.needsRestart }
      this.watch()
      this.#announce(trigger, report)
      return report
    } catch (error) {
      const failure = explained(error, wanted?.config)
      this.#state = { ...this.#state, refusal: this.#refusalOf(failure) }
      this.#logFailure(trigger, failure)
      if (!this.#isClosed) this.watch()
      throw failure
    }
  }

  async #apply({ config: wanted, source }: LoadedConfig): Promise<ReloadReport> {
    const { sources, clients } = this.#parts
    const former = this.config
    const { config, needsRestart } = applicable(former, wanted)
    const budget = budgetOf(config)
    const nextSources = await sources.prepare(config)
    let ports: DataPlaneChange
    try {
      ports = await clients.prepare(config, budget)
    } catch (error) {
      await nextSources.cancel()
      throw error
    }
    if (this.#isClosed) {
      await ports.cancel()
      await nextSources.cancel()
      throw new CommandError('the gateway is stopping')
    }
    this.#commit(config, ports, nextSources)
    this.#loaded = { config, source }
    for (const listener of this.#onApplied) listener(config)
    return { changed: changesOf(former, wanted), needsRestart }
  }

  /** Synchronous, and nothing in it fails. */
  #commit(config: Config, ports: DataPlaneChange, sources: Awaited<ReturnType<ConfiguredSources['prepare']>>): void {
    const { pool, health, traffic, supply, clock, log } = this.#parts
    setLogLevel(log, config.log.level)
    traffic.accessLog = config.log.access === 'on'
    health.configure(config.health)
    pool.configure(poolSettings(config), clock.now())
    ports.commit()
    supply.configure(plannerSettings(config), sources.opened)
    this.#endWhenDrained(sources.commit())
  }

  /** Vendors inside this process serve the tunnels of what they have sold. */
  #endWhenDrained(end: () => Promise<void>): void {
    this.#draining?.clear()
    if (this.#parts.supply.isDrained) runInBackground(end())
    else this.#draining = this.#parts.clock.after(DRAIN_POLL_MS, () => this.#endWhenDrained(end))
  }

  #announce(trigger: string, { changed, needsRestart }: ReloadReport): void {
    this.#log.info({ trigger, changed }, changed.length === 0 ? 'reloaded: nothing has changed' : 'reloaded')
    for (const path of needsRestart)
      this.#log.warn({ path }, 'this change needs a restart: until then the former value holds')
    logAdvice(this.config, budgetOf(this.config), this.#log)
  }

  #logFailure(trigger: string, error: ConfigError | CommandError): void {
    if (error instanceof ConfigError) {
      const { file, problems } = error
      for (const { path, line, column, message } of problems) this.#log.error({ file, line, column, path }, message)
    }
    const reason = error instanceof ConfigError ? 'the file has mistakes' : error.message
    this.#log.error({ trigger, reason }, 'not reloaded: the former configuration stays in force')
  }

  #refusalOf(error: ConfigError | CommandError): NonNullable<ReloadState['refusal']> {
    const file = basename(error instanceof ConfigError ? error.file : (this.source?.file ?? ''))
    if (!(error instanceof ConfigError)) return { place: file, reason: error.message }
    const [first] = error.problems
    const position = [file, first?.line, first?.column].filter((part) => part !== undefined).join(':')
    const others = error.problems.length > 1 ? ` (1 of ${error.problems.length} mistakes)` : ''
    return { place: `${position} ${first?.path ?? ''}${others}`, reason: first?.message ?? '' }
  }

  /** @param listener called with each configuration that has come into force */
  onApplied(listener: (config: Config) => void): void {
    this.#onApplied.push(listener)
  }

  /** Watches the file, and those that it names, while `reload: auto`; after a mistake also those that the refused one names. */
  watch(): void {
    const { config, source } = this
    const isWanted = config.reload === 'auto' && source !== undefined && this.#read !== undefined
    if (!isWanted) {
      this.#unwatch()
      return
    }
    const { file, text } = source
    const refused = this.#state.refusal === undefined ? [] : referencedFiles(writtenText(file), file, true)
    const referenced = [...new Set([...referencedFiles(text, file), ...refused])]
    if (!isSame(referenced, this.#referenced)) {
      this.#unwatch()
      this.#referenced = referenced
      this.#version = this.#versionNow()
    }
    this.#watch ??= watchFiles([...ownFiles(file), ...referenced], this.#parts.clock, () => this.#written())
  }

  #versionNow(): { own: string; referenced: string } {
    const own = this.source === undefined ? [] : ownFiles(this.source.file)
    return { own: versionOf(own), referenced: versionOf(this.#referenced) }
  }

  /** One of the files was written, perhaps with the same contents, or with those in force after a mistake. */
  #written(): void {
    let found: ConfigSource | undefined
    try {
      found = this.#read?.().source
    } catch {
      // A mistake, or no file: the reload says which.
    }
    const { text, environment } = this.source ?? {}
    const isNew = found === undefined || found.text !== text || !isSame(found.environment, environment)
    const [former, version] = [this.#version, this.#versionNow()]
    // What was refused is tried again only when something has been written since.
    const isDue = this.#state.refusal === undefined ? isNew : version.own !== former.own
    if (isDue || version.referenced !== former.referenced) void this.reload('file').catch(() => {})
  }

  #unwatch(): void {
    this.#watch?.close()
    this.#watch = undefined
  }

  close(): void {
    this.#isClosed = true
    this.#draining?.clear()
    this.#unwatch()
  }
}

const ownFiles = (file: string) => [file, dotEnvOf(file)]

/** What the file says now, whether it is good or not. */
function writtenText(file: string): string {
  try {
    return readText(file)
  } catch {
    return ''
  }
}

/** @param wanted the configuration that could not be applied, if it was read: it says which key names a port */
function explained(error: unknown, wanted: Config | undefined): ConfigError | CommandError {
  if (error instanceof ConfigError) return error
  const words = error instanceof VendorError ? error.message : sentenceOf(error, wanted)
  return new CommandError(words, { cause: error })
}

/** Fewer connections than this are a limit that a crawler meets. */
const FEW_CONNECTIONS = 1_000

/** Tells what is allowed and still unwise. */
export function logAdvice(config: Config, { connections: room }: DescriptorBudget, log: Log): void {
  if (config.limits.connections > room) {
    log[room < FEW_CONNECTIONS ? 'warn' : 'debug'](
      { wanted: config.limits.connections, used: room },
      'limits.connections is more than half the descriptor limit: raise it with ulimit -n',
    )
  }
  for (const { path, message } of warningsOf(config)) log.warn({ path }, message)
}
