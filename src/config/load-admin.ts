/** The part of a configuration that a command needs to connect to a running gateway. */

import { stringify } from 'yaml'
import { ConfigError } from '../errors.ts'
import { given } from '../given.ts'
import { type Environment, environmentOf } from './environment.ts'
import { loadConfig, parseConfig, readText } from './load.ts'
import type { Config } from './schema.ts'
import { plainValue, readYamlText } from './yaml-text.ts'

/** The schema requires a provider; this one is never called. */
const NO_PROVIDER = { name: 'none', vendor: 'static', list: ['192.0.2.1:1'] }

/**
 * `admin` and `state` of a configuration file. Other keys are ignored, so that their `${NAME}` need no value in the
 * environment of the command.
 * @throws {ConfigError} when the file or one of the two keys has a mistake
 */
export function loadAdmin(file: string, environment: Environment): Pick<Config, 'admin' | 'state'> {
  const source = readText(file)
  const text = readYamlText(source)
  const plain = text.readable ? plainValue(text, source) : { problem: undefined }
  if ('problem' in plain || typeof plain.value !== 'object' || plain.value === null)
    return loadConfig(file, environment)
  const { admin, state } = plain.value as Readonly<Record<string, unknown>>
  try {
    const part = given({ admin, state })
    // Port 0 conflicts with no port of the admin server.
    return parseConfig(
      stringify({ listen: [{ port: 0 }], providers: [NO_PROVIDER], ...part }),
      file,
      environmentOf(file, environment),
    )
  } catch (error) {
    // Parsing the whole file reports the mistake with its place.
    if (error instanceof ConfigError) return loadConfig(file, environment)
    throw error
  }
}
