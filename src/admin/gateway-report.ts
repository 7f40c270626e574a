/** Ports and configuration in force: what a page needs once. */
import { readFileSync } from 'node:fs'
import { type Address, reachableHost } from '../address.ts'
import { type ConfigSource, parseConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { isMaskedAt, shownConfig, shownYaml } from '../config/shown.ts'
import { ConfigError } from '../errors.ts'
import type { CheckReport, ConfigReport, GatewayReport } from './api/schemas/gateway.ts'
import type { TryPort } from './try-request.ts'

export interface GatewayParts {
  readonly config: Config
  /** Undefined: the gateway was started without a file. */
  readonly source: ConfigSource | undefined
  /** The actual addresses, in the order of `listen:`. */
  readonly addresses: readonly Address[]
}

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** Added by the admin server: whether the reader may make changes. */
export type GatewayFacts = Omit<GatewayReport, 'mayChange' | 'readsNeedToken' | 'upSeconds' | 'startedAt'>

export function gatewayFacts({ config, source, addresses }: GatewayParts): GatewayFacts {
  return {
    version,
    pid: process.pid,
    file: source?.file ?? null,
    listeners: config.listen.map(({ name, tls, users = [], session, provider }, index) => ({
      name: name ?? null,
      host: addresses[index]?.host ?? '',
      port: addresses[index]?.port ?? 0,
      isTls: tls !== undefined,
      users: users.map((user) => user.name),
      session,
      provider: provider ?? null,
    })),
    directRules: config.routes.filter(({ to }) => to.kind === 'direct').length,
  }
}

export function configReport({ config, source }: GatewayParts): ConfigReport {
  return {
    file: source?.file ?? null,
    yaml: source === undefined ? null : shownYaml(source.text),
    effective: shownConfig(config),
  }
}

/** The result of `turnpike check` for a text; mistakes at masked values are left out. */
export function checkReport(text: string, { source }: GatewayParts): CheckReport {
  try {
    parseConfig(text, source?.file ?? 'gateway.yaml', source?.environment ?? {})
    return { valid: true, problems: [] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problems = error.problems
      .filter(({ line, column }) => line === undefined || !isMaskedAt(text, line, column ?? 1))
      .map(({ path, message, line, column }) => ({ path, message, line: line ?? null, column: column ?? null }))
    return { valid: problems.length === 0, problems }
  }
}

/** A listener as this machine reaches it. @returns undefined when no port has this number */
export function tryPort({ config, addresses }: GatewayParts, listener: number): TryPort | undefined {
  const address = addresses[listener]
  if (address === undefined) return undefined
  const { users = [], tls } = config.listen[listener] ?? {}
  return { host: reachableHost(address.host), port: address.port, users, isTls: tls !== undefined }
}
