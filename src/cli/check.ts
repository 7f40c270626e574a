/** `turnpike check`: says whether a configuration is valid, and what it would do. */

import { formatAuthority } from '../address.ts'
import type { Environment } from '../config/environment.ts'
import { formatDuration } from '../config/fields.ts'
import { loadConfig } from '../config/load.ts'
import {
  type Config,
  isApi,
  isLink,
  type LinkProviderConfig,
  type ListenConfig,
  type ProviderConfig,
} from '../config/schema.ts'
import { warningsOf } from '../config/warnings.ts'
import { readLink } from '../vendors/registry.ts'

/**
 * @returns what to print: the verdict, a summary, and what is unwise
 * @throws {ConfigError} with every mistake of the file
 */
export function check(file: string, environment: Environment): string {
  const config = loadConfig(file, environment)
  const { pool, state } = config
  const rows = [
    ...config.listen.map((listener) => ['listen', describeListener(listener)]),
    ['admin', config.admin === 'off' ? 'off' : formatAuthority(config.admin.host, config.admin.port)],
    ...config.providers.map((provider) => ['provider', describeProvider(provider)]),
    [
      'pool',
      `${pool.floor} to ${pool.ceiling} addresses, nothing bought after ${formatDuration(pool.idleAfter)} without traffic`,
    ],
    ['state', state === 'off' ? 'in memory only' : state.path],
    ...warningsOf(config).map(({ path, message }) => ['warning', `${path} ${message}`]),
  ]
  return [`${file} is valid`, ...rows.map(([key = '', value = '']) => `  ${key.padEnd(10)}${value}`), ''].join('\n')
}

function describeListener({ host, port, users, allow, provider, session }: ListenConfig): string {
  const facts = [
    users === undefined ? 'no login' : `${users.length} ${users.length === 1 ? 'user' : 'users'}`,
    ...(allow === undefined ? [] : [`from ${allow.join(', ')}`]),
    ...(provider === undefined ? [] : [`provider ${provider}`]),
    ...(session === 'off' ? [] : [`one upstream per ${session}`]),
  ]
  return `${formatAuthority(host, port)} (${facts.join('; ')})`
}

function describeProvider(provider: ProviderConfig): string {
  const what = isApi(provider)
    ? `${provider.vendor} ${provider.product}`
    : isLink(provider)
      ? describeLink(provider)
      : provider.vendor
  return `${provider.name} (${what}; ${describeBudget(provider.budget)})`
}

/** What its link tells; the configuration is valid, so it tells something. */
function describeLink({ url, product, credentials }: LinkProviderConfig): string {
  const reading = readLink(url, product, credentials?.key)
  switch (reading.kind) {
    case 'table':
      return `link of ${reading.vendor.name} ${reading.product}`
    case 'signed':
      return `signed link of ${reading.vendor.name} ${reading.product}, ${reading.count ?? 1} addresses a call`
    case 'unknown':
      return `link to ${reading.host}, called as it is`
    case 'problem':
      return 'link'
  }
}

function describeBudget({ perHour, perDay, total }: Config['providers'][number]['budget']): string {
  const limits = [
    ...(perHour === undefined ? [] : [`${perHour} an hour`]),
    ...(perDay === undefined ? [] : [`${perDay} a day`]),
    ...(total === undefined ? [] : [`${total} in all`]),
  ]
  return limits.length === 0 ? 'no budget: it may buy without limit' : `buys at most ${limits.join(', ')}`
}
