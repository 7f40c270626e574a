/** The part of the configuration that a worker needs, as JSON: without the keys of vendors' APIs. */
import { type Config, isGateway } from '../config/schema.ts'
import { Secret } from '../secret.ts'

/** What one worker is set to. */
export interface WorkerSettings {
  readonly config: Config
  /** Whether each upstream belongs to one worker at a time. */
  readonly isOwned: boolean
}

interface PlainSettings {
  readonly config: Partial<Config>
  readonly isOwned: boolean
}

/** In the place of a secret. */
const SECRET = '$secret'

/**
 * @param ports the numbers of the ports, in the order of the configuration, where it says 0
 * @param share which part of what is limited for the whole gateway is this worker's
 */
export function writeSettings(
  config: Config,
  isOwned: boolean,
  ports: readonly number[],
  share: { readonly worker: number; readonly workers: number },
): unknown {
  const { listen, groups, routes, pool, rotation, session, dial, wait, relay, bans, limits, health, stop, log } = config
  const { workers } = config
  const plain: PlainSettings = {
    isOwned,
    config: {
      ...{ workers, groups, routes, pool, rotation, session, dial, relay, bans, health, stop, log },
      listen: listen.map((port, index) => ({ ...port, port: ports[index] ?? port.port })),
      wait: { ...wait, queue: partOf(wait.queue, share) },
      limits: { ...limits, connections: partOf(limits.connections, share) },
      ...{ admin: 'off', callback: 'off', state: 'off' },
      providers: config.providers.map(withoutKeys),
    },
  }
  return withoutSecrets(plain)
}

/** @param text what `writeSettings` has returned, after its way as JSON */
export function readSettings(text: unknown): WorkerSettings {
  // Both ends are of one version: the members that are left out are not read by `dataSettings`.
  return withSecrets(text) as WorkerSettings
}

/** All parts together are the whole, but that each is one at least. */
function partOf(whole: number, { worker, workers }: { readonly worker: number; readonly workers: number }): number {
  return Math.max(Math.min(1, whole), Math.floor(whole / workers) + (worker < whole % workers ? 1 : 0))
}

/** What `privateProviders` reads; gateways have no API, and their keys fill in the header fields of requests. */
function withoutKeys(provider: Config['providers'][number]): Config['providers'][number] {
  if (isGateway(provider)) return provider
  const { name, vendor, allowPrivate } = provider
  const url = 'url' in provider && provider.url !== undefined ? { url: '' } : {}
  return { name, vendor, allowPrivate, ...url } as unknown as Config['providers'][number]
}

function withoutSecrets(value: unknown): unknown {
  if (value instanceof Secret) return { [SECRET]: value.reveal() }
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutSecrets(member)]))
}

function withSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSecrets)
  if (typeof value !== 'object' || value === null) return value
  if (SECRET in value) return new Secret(String(value[SECRET]))
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withSecrets(member)]))
}
