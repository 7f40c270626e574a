/** `turnpike areas`: lists the places or lines of a provider's vendor, as values for `request:` with their names. */

import { UsageError } from '../command-error.ts'
import { loadConfig } from '../config/load.ts'
import { commandLog } from '../log/log.ts'
import { translate } from '../messages/translate.ts'
import type { NamedValue } from '../vendors/contract/vendor.ts'
import { type CallDeps, findProvider, sendOrder } from './call.ts'
import { renderTable } from './table.ts'

export interface AreasOptions {
  readonly provider: string
  /** Filter: words in the value or the name; case is ignored. */
  readonly words: readonly string[]
  readonly config: string
  readonly json: boolean
}

/**
 * Makes one call to the vendor, which buys nothing.
 * @returns what to print
 * @throws as `call` (call.ts)
 */
export async function areas(options: AreasOptions, deps: CallDeps): Promise<string> {
  const config = loadConfig(options.config, deps.environment)
  const provider = findProvider(config, options.provider, options.config)
  const log = commandLog('warn', deps.err)
  const source = await (await deps.offline()).openTableOf(config, provider, log)
  if (source.areas === undefined)
    throw new UsageError(translate('the vendor of {provider} lists no areas', { provider: provider.name }))
  const { operation, params, read } = source.areas
  const order = { provider: provider.name, operation, params, yes: false }
  const { data } = await sendOrder(config, provider, order, { offline: deps.offline, log })
  const found = read(data).filter((one) => isMeant(one, options.words))
  if (options.json) return `${JSON.stringify({ provider: provider.name, areas: found }, null, 2)}\n`
  return found.length === 0 ? `${translate('nothing is listed')}\n` : renderTable(found.map((one) => ({ ...one })))
}

function isMeant({ param, value, name }: NamedValue, words: readonly string[]): boolean {
  const text = `${param} ${value} ${name}`.toLowerCase()
  return words.every((word) => text.includes(word.toLowerCase()))
}
