/** `turnpike try`: sends one request through an address of the user. For a provider's name it is `test-source --try`. */

import { UsageError } from '../command-error.ts'
import { carried, requestUrl, tryAddress } from '../supply/operator/try.ts'
import { parseEndpoint } from '../vendors/registry.ts'
import { exitCodes } from './exit-codes.ts'
import { badUrl, type TestSourceDeps, testSource } from './test-source.ts'
import { triedLines } from './trial-words.ts'

interface TryOptions {
  /** An address, the name of a provider, or `-` for either on standard input. */
  readonly what: string
  readonly url: string
  readonly config: string
  readonly json: boolean
}

/**
 * @returns the exit code: 0 when the request succeeded
 * @throws {UsageError} for invalid arguments; for a provider as `testSource`
 */
export async function tryOut({ what, url, config, json }: TryOptions, deps: TestSourceDeps): Promise<number> {
  const named = (what === '-' ? await deps.input() : what).trim()
  const target = requestUrl(url)
  if (target === undefined) throw new UsageError(badUrl())
  const address = parseEndpoint(named, { bareNames: true })
  if (address === undefined) {
    const options = { source: named, config, json, try: url, product: undefined, yaml: false, dryRun: false }
    return testSource({ ...options, expected: 'address' }, deps)
  }
  const tried = await tryAddress({ protocol: 'http', ...address }, target)
  deps.out(json ? `${JSON.stringify({ tried }, null, 2)}\n` : `${triedLines(tried).join('\n')}\n`)
  return carried(tried) ? exitCodes.ok : exitCodes.failed
}
