/** From the configuration to its accounts: what each provider is set to, and its opened source. */
import { readFileSync } from 'node:fs'
import type { Clock } from '../clock.ts'
import { poolSettings } from '../config/pool-limits.ts'
import {
  type ApiProviderConfig,
  type Config,
  type DemoProviderConfig,
  type GatewayProviderConfig,
  type GenericProviderConfig,
  isApi,
  isDemo,
  isGateway,
  isGeneric,
  isLink,
  isStatic,
  type ProviderConfig,
} from '../config/schema.ts'
import type { DemoWorld } from '../demo/world.ts'
import type { Log } from '../log.ts'
import type { UpstreamTls } from '../pool/upstream.ts'
import { isSame } from '../same.ts'
import type { Secret } from '../secret.ts'
import { memoryFile } from '../store/memory-file.ts'
import type { Source, SourceSettings } from '../vendors/contract/source.ts'
import {
  type CallGate,
  KeyedMutex,
  openSource,
  ownKeysOf,
  type SourceDeps,
  type SourceMemory,
  type VendorHttp,
} from '../vendors/registry.ts'
import type { PlannerSettings } from './planner.ts'
import type { ProviderSettings } from './provider-contract.ts'
import type { SupplySource } from './supply.ts'

/** One provider of the configuration: what refill must know of it, and its source. */
export type ConfiguredSource = SupplySource

interface OpenDeps {
  readonly clock: Clock
  readonly log: Log
  readonly http: VendorHttp
  readonly gate: CallGate
  /** What is known of a credential; absent where nobody is called. */
  readonly learnedOf?: NonNullable<SourceDeps['learnedOf']>
}

/** Sources of a configuration that are open beside the former ones. Exactly one of the two is called. */
export interface SourcesChange {
  /** In the order of the configuration. A provider that has not changed keeps its very source. */
  readonly opened: readonly ConfiguredSource[]
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
    const opened: ConfiguredSource[] = []
    const endAllBut = async (kept: ReadonlyMap<string, KnownSource>) => {
      const inUse = new Set([...kept.values()].map(({ world }) => world))
      await Promise.all([...this.#worlds].map(async (world) => !inUse.has(world) && this.#end(world)))
    }
    try {
      for (const provider of config.providers) {
        const known = await this.#knownOr(config, provider)
        next.set(provider.name, known)
        const isEphemeral = known.world !== undefined
        opened.push({
          settings: providerSettings(config, provider, tlsOf(provider)),
          source: known.source,
          isEphemeral,
        })
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

  async #knownOr(config: Config, provider: ProviderConfig): Promise<KnownSource> {
    const { whitelist } = providerSettings(config, provider, undefined)
    const spec = [sourceSettings(config, provider), whitelist, demoOptions(provider)]
    const known = this.#byName.get(provider.name)
    if (known !== undefined && isSame(known.spec, spec)) return known
    if (!isDemo(provider)) {
      const { source } = openConfiguredSource(config, provider, this.#deps)
      return { spec, source, world: undefined }
    }
    const world = await openDemoWorld(provider, this.#deps)
    this.#worlds.add(world)
    return { spec, source: demoSource(config, provider, world, this.#deps), world }
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
  deps: OpenDeps & Pick<SourceDeps, 'inTurn'>,
): ConfiguredSource {
  return {
    settings: providerSettings(config, provider, tlsOf(provider)),
    source: openSource(sourceSettings(config, provider), { ...deps, ...memoryOf(config, provider) }),
  }
}

/** A link that is tried and stands in no configuration. */
export interface PastedLink {
  readonly url: Secret
  readonly product: string | undefined
  readonly channels: number | undefined
}

const LINK_TIMEOUT_MS = 10_000

/** @throws {VendorError} class bad_request for a link that cannot be used */
export function openLink(
  config: Config,
  link: PastedLink,
  deps: Pick<OpenDeps, 'clock' | 'http' | 'gate' | 'learnedOf'>,
): Source {
  const { url, product = '', channels } = link
  // Nobody is lent what a trial brings: private addresses are shown, with a word on them.
  const common = { name: 'link', vendor: 'link', product, credentials: {}, request: {}, url, allowPrivate: true }
  const limits = { limit: { share: 1 }, callTimeoutMs: LINK_TIMEOUT_MS, maxBodyBytes: config.supply.bodyBytes }
  return openSource({ ...common, ...limits, ...(channels === undefined ? {} : { channels }) }, deps)
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

/** What the demand that is seen makes the supply buy. */
export function plannerSettings(config: Config): PlannerSettings {
  const { pool, wait } = config
  const { floor, ceiling, targetLoad, idleAfter, minLife } = pool
  const { uses } = poolSettings(config).perUpstream
  return { floor, ceiling, targetLoad, idleAfter, minLife, uses, waitTimeout: wait.timeout }
}

/** Where a provider keeps what must not be forgotten between an order and its answer. */
function memoryOf({ state }: Config, provider: ProviderConfig): { memory?: SourceMemory } {
  return state === 'off' ? {} : { memory: memoryFile(state.path, provider.name) }
}

const DEMO_PRODUCT = 'channel'
const GATEWAY_PRODUCT = 'sessions'

/** What the vendor's engine needs of a provider's configuration. */
function sourceSettings(config: Config, provider: ProviderConfig): SourceSettings {
  const { username, password, protocol, tls } = provider.upstream
  return {
    name: provider.name,
    vendor: provider.vendor,
    product: productOf(provider),
    credentials: isApi(provider) || isLink(provider) ? definedOnly(provider.credentials ?? {}) : {},
    request: isApi(provider) ? definedOnly(provider.request) : {},
    ...(isApi(provider) ? { own: ownSettings(provider, provider.product) } : {}),
    ...(isGeneric(provider) || isGateway(provider) ? { own: ownSettings(provider, productOf(provider)) } : {}),
    upstream: {
      ...(username === undefined ? {} : { username: username.reveal() }),
      ...(password === undefined ? {} : { password }),
      ...(protocol === undefined ? {} : { protocol }),
      tls: tls !== false,
    },
    allowPrivate: provider.allowPrivate,
    limit: provider.limit,
    callTimeoutMs: provider.callTimeout,
    maxBodyBytes: config.supply.bodyBytes,
    ...(provider.ttl === undefined ? {} : { ttlMs: provider.ttl }),
    ...((isApi(provider) || isGeneric(provider) || isLink(provider)) && provider.baseUrl !== undefined
      ? { baseUrl: provider.baseUrl }
      : {}),
    ...((isApi(provider) || isLink(provider)) && provider.channels !== undefined
      ? { channels: provider.channels }
      : {}),
    ...(isStatic(provider) && provider.list !== undefined ? { list: provider.list } : {}),
    ...(isStatic(provider) && provider.file !== undefined ? { file: provider.file } : {}),
    ...((isStatic(provider) || isLink(provider)) && provider.url !== undefined ? { url: provider.url } : {}),
  }
}

/** A link tells its product itself, unless the entry chooses one. */
function productOf(provider: ProviderConfig): string {
  if (isApi(provider)) return provider.product
  if (isDemo(provider)) return DEMO_PRODUCT
  if (isGateway(provider)) return GATEWAY_PRODUCT
  return isLink(provider) ? (provider.product ?? '') : 'list'
}

/** What stands under the keys that only this product has. */
function ownSettings(
  provider: ApiProviderConfig | GenericProviderConfig | GatewayProviderConfig,
  product: string,
): Readonly<Record<string, unknown>> {
  const names = Object.keys(ownKeysOf(provider.vendor, product))
  return definedOnly(Object.fromEntries(Object.entries(provider).filter(([name]) => names.includes(name))))
}

function definedOnly<T>(record: Readonly<Record<string, T | undefined>>): Record<string, T> {
  const entries = Object.entries(record).filter((entry): entry is [string, T] => entry[1] !== undefined)
  return Object.fromEntries(entries)
}

function tlsOf(provider: ProviderConfig): UpstreamTls | undefined {
  const { tls } = provider.upstream
  if (tls === false) return undefined
  const { servername, ca } = tls as { servername?: string; ca?: string }
  return {
    verify: tls.verify,
    ...(servername === undefined ? {} : { serverName: servername }),
    ...(ca === undefined ? {} : { ca: readFileSync(ca, 'utf8') }),
  }
}

function providerSettings(config: Config, provider: ProviderConfig, tls: UpstreamTls | undefined): ProviderSettings {
  const { username, password } = provider.upstream as { username?: Secret; password?: Secret }
  return {
    name: provider.name,
    priority: provider.priority,
    weight: provider.weight,
    ceiling: provider.ceiling,
    budget: provider.budget,
    lowStock: provider.lowStock,
    expiresSoonMs: provider.expiresSoon,
    price: provider.price,
    isRemembered: isApi(provider) || isGeneric(provider) || isGateway(provider) || isLink(provider),
    whitelist: isApi(provider) || isGeneric(provider) || isLink(provider) ? provider.whitelist : 'off',
    arrival: {
      provider: provider.name,
      ttlMs: provider.ttl,
      marginMs: config.pool.margin,
      username: username?.reveal(),
      password,
      tls,
    },
    backoffMs: config.supply.backoff,
    maxBackoffMs: config.supply.maxBackoff,
    reprobeMs: config.supply.reprobe,
    whitelistReprobeMs: config.supply.whitelistReprobe,
  }
}
