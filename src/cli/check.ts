/** `turnpike check`: says whether a configuration is valid, and what it would do. */

import { formatAuthority } from '../address.ts'
import type { Environment } from '../config/environment.ts'
import { formatDuration } from '../config/fields.ts'
import { loadConfig } from '../config/load.ts'
import { warningsOf } from '../config/warnings.ts'
import { describeListener, describeProvider } from './describe-config.ts'

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
