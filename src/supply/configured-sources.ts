/** From the configuration to its accounts: opens the source of each provider, and keeps those that a reload does not change. */

import type { Clock } from '../clock.ts'
import type { PastedLink } from '../config/provider-yaml.ts'
import { type Config, type DemoProviderConfig, isDemo, type ProviderConfig } from '../config/schema.ts'
import type { DemoWorld } from '../demo/world.ts'
import { given } from '../given.ts'
import type { Log } from '../log/log.ts'
import { isSame } from '../same.ts'
import { type MemoryFile, memoryFile, memoryOfProcess } from '../store/memory-file.ts'
import type { Source } from '../vendors/contract/source.ts'
import {
  type CallGate,
  KeyedMutex,
  openSource,
  type SourceDeps,
  type SourceMemory,
  type VendorHttp,
} from '../vendors/registry.ts'
import { providerSettings, sourceSettings } from './configured-settings.ts'
import type { SupplySource } from './supply.ts'

interface OpenDeps {
  readonly clock: Clock
  readonly log: Log
  readonly http: VendorHttp
  readonly gate: CallGate
  /** State of a credential; absent when there is no vendor's API. */
  readonly learnedOf?: NonNullable<SourceDeps['learnedOf']>
}

/** Sources of a configuration that are open beside the former ones. Exactly one of the two is called. */
interface SourcesChange {
  /** In the order of the configuration. A provider that has not changed keeps its very source. */
  readonly opened: readonly SupplySource[]
  /** @returns what ends the vendors inside this process that are no longer configured, to be called when no tunnel needs them */
  commit(): () => Promise<void>
  cancel(): Promise<void>
}

interface KnownSource {
  /** All that it depends on. */
  readonly spec: unknown
  readonly source: Source
  readonly world: DemoWorld | undefined
}

/** The opened sources of the configuration in force. */
export class ConfiguredSources {
  readonly #deps: OpenDeps & Pick<SourceDeps, 'inTurn'>
  #byName: ReadonlyMap<string, KnownSource> = new Map()
  /** Provider -> what its sources must not forget, whichever of them is in use. */
  readonly #memories = new Map<string, SourceMemory>()
  readonly #worlds = new Set<DemoWorld>()

  constructor(deps: OpenDeps) {
    this.#deps = { ...deps, inTurn: new KeyedMutex().inTurn }
  }

  /**
   * Opens what a configuration has and the one in force has not.
   * @throws {VendorError} for a link that cannot be used; the system's error when the demo vendor cannot listen
   */
  async prepare(config: Config): Promise<SourcesChange> {
    const next = new Map<string, KnownSource>()
    const opened: SupplySource[] = []
    const endAllBut = async (kept: ReadonlyMap<string, KnownSource>) => {
      const inUse = new Set([...kept.values()].map(({ world }) => world))
      await Promise.all([...this.#worlds].map(async (world) => !inUse.has(world) && this.#end(world)))
    }
    try {
      for (const provider of config.providers) {
        const settings = providerSettings(config, provider)
        const known = await this.#knownOr(config, provider, settings)
        next.set(provider.name, known)
        const { source, world } = known
        opened.push({ settings, source, isEphemeral: world !== undefined, registered: registeredOf(config, provider) })
      }
    } catch (error) {
      await endAllBut(this.#byName)
      throw error
    }
    return {
      opened,
      commit: () => {
        this.#byName = next
        return () => endAllBut(this.#byName)
      },
      cancel: () => endAllBut(this.#byName),
    }
  }

  async #knownOr(
    config: Config,
    provider: ProviderConfig,
    { whitelist, arrival }: SupplySource['settings'],
  ): Promise<KnownSource> {
    const spec = [sourceSettings(config, provider), whitelist, arrival.tls, demoOptions(provider)]
    const known = this.#byName.get(provider.name)
    if (known !== undefined && isSame(known.spec, spec)) return known
    if (!isDemo(provider)) {
      const { source } = openConfiguredSource(config, provider, {
        ...this.#deps,
        memory: this.#memoryOf(config, provider),
      })
      return { spec, source, world: undefined }
    }
    const world = await openDemoWorld(provider, this.#deps)
    this.#worlds.add(world)
    return { spec, source: demoSource(config, provider, world, this.#deps), world }
  }

  #memoryOf(config: Config, provider: ProviderConfig): SourceMemory {
    const memory = this.#memories.get(provider.name) ?? memoryOf(config, provider)
    this.#memories.set(provider.name, memory)
    return memory
  }

  async #end(world: DemoWorld): Promise<void> {
    await world.close()
    this.#worlds.delete(world)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#worlds].map((world) => this.#end(world)))
  }
}

/** Opens the account of one provider that has a vendor outside of this process. */
export function openConfiguredSource(
  config: Config,
  provider: ProviderConfig,
  deps: OpenDeps & Pick<SourceDeps, 'inTurn' | 'memory'>,
): SupplySource {
  return {
    settings: providerSettings(config, provider),
    source: openSource(sourceSettings(config, provider), { memory: memoryOf(config, provider), ...deps }),
  }
}

const LINK_TIMEOUT_MS = 10_000

/** @throws {VendorError} class bad_request for a link that cannot be used */
export function openLink(
  config: Config,
  link: PastedLink & { readonly channels: number | undefined },
  deps: Pick<OpenDeps, 'clock' | 'http' | 'gate' | 'learnedOf'>,
): Source {
  const { url, product = '', channels } = link
  // Addresses of a trial are not lent: private ones are shown, and marked as such.
  const common = { name: 'link', vendor: 'link', product, credentials: {}, request: {}, url, allowPrivate: true }
  const limits = { limit: { share: 1 }, callTimeoutMs: LINK_TIMEOUT_MS, maxBodyBytes: config.supply.bodyBytes }
  return openSource({ ...common, ...limits, ...given({ channels }) }, deps)
}

const demoOptions = (provider: ProviderConfig) =>
  isDemo(provider) ? [provider.channels, provider.life, provider.fetch] : undefined

/** The demo vendor is a company of its own on loopback, started with the gateway; loaded only where it is wanted. */
async function openDemoWorld(
  { channels, life, fetch, allowPrivate }: DemoProviderConfig,
  { clock, log }: OpenDeps,
): Promise<DemoWorld> {
  const { startDemoWorld } = await import('../demo/world.ts')
  const options = { channels, life: [life[0], life[1]] as const, fetch, allowPrivate }
  return startDemoWorld(options, { clock, log: log.child({ mod: 'demo' }) })
}

function demoSource(config: Config, provider: DemoProviderConfig, world: DemoWorld, deps: OpenDeps): Source {
  const settings = {
    ...sourceSettings(config, provider),
    credentials: { key: world.key },
    baseUrl: world.baseUrl,
    allowPrivate: true,
    channels: provider.channels,
  }
  return openSource(settings, deps)
}

/** The file with the address of this machine that a provider has put on its vendor's whitelist. */
function registeredOf({ state }: Config, { name }: ProviderConfig): MemoryFile | undefined {
  return state === 'off' ? undefined : memoryFile(state.path, name, 'whitelist')
}

/** Where a provider keeps what must not be forgotten between an order and its answer. */
function memoryOf({ state }: Config, { name }: ProviderConfig): SourceMemory {
  return state === 'off' ? memoryOfProcess() : memoryFile(state.path, name)
}
