/** `turnpike check`: reports whether a configuration is valid, and what it does. */

import { formatAuthority } from '../address.ts'
import type { Environment } from '../config/environment.ts'
import { formatDuration } from '../config/fields.ts'
import { loadConfig } from '../config/load.ts'
import { warningsOf } from '../config/warnings.ts'
import { say } from '../messages/language.ts'
import { terminal } from '../messages/terminal.ts'
import { translate, translateSentence } from '../messages/translate.ts'
import { describeListener, describeProvider } from './describe-config.ts'
import { padEnd } from './table.ts'

/** In columns of the terminal. */
const TITLE_WIDTH = 10

/**
 * @returns what to print: the verdict, a summary and the warnings
 * @throws {ConfigError} with every mistake of the file
 */
export function check(file: string, environment: Environment): string {
  const config = loadConfig(file, environment)
  const { pool, state } = config
  const rows: (readonly [title: string, text: string])[] = [
    ...config.listen.map((listener): [string, string] => [translate('listen'), describeListener(listener)]),
    [
      translate('admin'),
      config.admin === 'off' ? say(terminal.off) : formatAuthority(config.admin.host, config.admin.port),
    ],
    ...config.providers.map((provider): [string, string] => [say(terminal.provider), describeProvider(provider)]),
    [
      translate('pool'),
      translate('{floor} to {ceiling} addresses, nothing bought after {idle} without traffic', {
        floor: pool.floor,
        ceiling: pool.ceiling,
        idle: formatDuration(pool.idleAfter),
      }),
    ],
    [say(terminal.state), state === 'off' ? translate('in memory only') : state.path],
    ...warningsOf(config).map(({ path, message }): [string, string] => [
      say(terminal.warning),
      `${path} ${translateSentence(message)}`,
    ]),
  ]
  const lines = rows.map(([title, text]) => `  ${padEnd(title, TITLE_WIDTH)}${text}`)
  return [translate('{file} is valid', { file }), ...lines, ''].join('\n')
}
