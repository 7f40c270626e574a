/** From the keys of gateway.yaml to what planner, provider and source are set to. */

import { readFileSync } from 'node:fs'
import { poolSettings } from '../config/pool-limits.ts'
import {
  type ApiProviderConfig,
  type Config,
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
import { given } from '../given.ts'
import type { UpstreamTls } from '../pool/upstream.ts'
import type { Secret } from '../secret.ts'
import type { SourceSettings } from '../vendors/contract/source.ts'
import { ownKeysOf, requestFields } from '../vendors/registry.ts'
import type { PlannerSettings } from './planner-settings.ts'
import type { ProviderSettings } from './provider-context.ts'

/** What the demand that is seen makes the supply buy. */
export function plannerSettings(config: Config): PlannerSettings {
  const { pool, wait } = config
  const { floor, ceiling, targetLoad, idleAfter, minLife } = pool
  const { uses } = poolSettings(config).perUpstream
  return { floor, ceiling, targetLoad, idleAfter, minLife, uses, waitTimeout: wait.timeout }
}

const DEMO_PRODUCT = 'channel'
const GATEWAY_PRODUCT = 'sessions'

/** What the vendor's engine needs of a provider's configuration. */
export function sourceSettings(config: Config, provider: ProviderConfig): SourceSettings {
  const { username, password, protocol, tls } = provider.upstream
  return {
    name: provider.name,
    vendor: provider.vendor,
    product: productOf(provider),
    credentials: isApi(provider) || isLink(provider) ? given(provider.credentials ?? {}) : {},
    request: isApi(provider) ? provider.request : {},
    ...(isApi(provider) ? { own: ownSettings(provider, provider.product) } : {}),
    ...(isGeneric(provider) || isGateway(provider) ? { own: ownSettings(provider, productOf(provider)) } : {}),
    upstream: {
      ...given({ username: username?.reveal(), password, protocol }),
      tls: tls !== false,
    },
    allowPrivate: provider.allowPrivate,
    limit: provider.limit,
    callTimeoutMs: provider.callTimeout,
    maxBodyBytes: config.supply.bodyBytes,
    ...given({
      ttlMs: provider.ttl,
      baseUrl: isApi(provider) || isGeneric(provider) || isLink(provider) ? provider.baseUrl : undefined,
      channels: isApi(provider) || isLink(provider) || isDemo(provider) ? provider.channels : undefined,
      list: isStatic(provider) ? provider.list : undefined,
      file: isStatic(provider) ? provider.file : undefined,
      url: isStatic(provider) || isLink(provider) ? provider.url : undefined,
    }),
  }
}

/** A link tells its product itself, unless the entry chooses one. */
function productOf(provider: ProviderConfig): string {
  if (isApi(provider)) return provider.product
  if (isDemo(provider)) return DEMO_PRODUCT
  if (isGateway(provider)) return GATEWAY_PRODUCT
  return isLink(provider) ? (provider.product ?? '') : 'list'
}

/** The values of the keys that only this product has. */
function ownSettings(
  provider: ApiProviderConfig | GenericProviderConfig | GatewayProviderConfig,
  product: string,
): Readonly<Record<string, unknown>> {
  const names = Object.keys(ownKeysOf(provider.vendor, product))
  return given(Object.fromEntries(Object.entries(provider).filter(([name]) => names.includes(name))))
}

function tlsOf(provider: ProviderConfig): UpstreamTls | undefined {
  const { tls } = provider.upstream
  if (tls === false) return undefined
  const { servername, ca } = tls as { servername?: string; ca?: string }
  return {
    verify: tls.verify,
    ...given({ serverName: servername, ca: ca === undefined ? undefined : readFileSync(ca, 'utf8') }),
  }
}

/** @throws the system's error when the file of a certificate cannot be read */
export function providerSettings(config: Config, provider: ProviderConfig): ProviderSettings {
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
    requestFields: isGateway(provider) ? requestFields(provider) : undefined,
    arrival: {
      provider: provider.name,
      ttlMs: provider.ttl,
      marginMs: config.pool.margin,
      username: username?.reveal(),
      password,
      tls: tlsOf(provider),
    },
    backoffMs: config.supply.backoff,
    maxBackoffMs: config.supply.maxBackoff,
    reprobeMs: config.supply.reprobe,
    whitelistReprobeMs: config.supply.whitelistReprobe,
  }
}
