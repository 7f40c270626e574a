/** `turnpike retry`: ends the pause of a provider of a running gateway, through its admin port. */

import { z } from 'zod'
import { CommandError } from '../command-error.ts'
import type { Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import { translate } from '../messages/translate.ts'
import { adminPlace, adminToken, askAdmin, gatewaySays, notAGateway } from './admin-client.ts'
import { findProvider } from './call.ts'
import { noAdminPort } from './status.ts'

const ANSWER_TIMEOUT_MS = 5_000
const problem = z.object({ detail: z.string() })

/**
 * @returns what to print
 * @throws {ConfigError} when the file has mistakes; {UsageError} for an unknown provider; {CommandError} when it cannot be done
 */
export async function retry(file: string, name: string, environment: Environment): Promise<string> {
  const config = loadConfig(file, environment)
  findProvider(config, name, file)
  if (config.admin === 'off') throw new CommandError(noAdminPort(file))
  const place = adminPlace(config.admin)
  const ask = { token: adminToken(config), timeoutMs: ANSWER_TIMEOUT_MS, body: {} }
  const { status, body } = await askAdmin(place, `/v1/providers/${encodeURIComponent(name)}/retry`, ask)
  if (status === 200)
    return `${translate('"{name}" may buy again at once, when addresses are needed, within its budget and calls.', { name })}\n`
  const { data } = problem.safeParse(body)
  throw new CommandError(data === undefined ? notAGateway(place) : gatewaySays(place, data.detail))
}
