/** `turnpike reload`: makes a running gateway read its configuration again, through its admin port. */
import { z } from 'zod'
import { CommandError } from '../command-error.ts'
import type { Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import { ConfigError } from '../errors.ts'
import { translate } from '../messages/translate.ts'
import { adminPlace, adminToken, askAdmin, gatewaySays, notAGateway } from './admin-client.ts'

/** Generous: a demo vendor may have to be started, and names of ports resolved. */
const ANSWER_TIMEOUT_MS = 30_000
const names = z.array(z.string())
const reloaded = z.object({ changed: names, needsRestart: names })
const place = z.int().nullish()
const refused = z.object({
  detail: z.string(),
  file: z.string().optional(),
  problems: z.array(z.object({ path: z.string(), message: z.string(), line: place, column: place })).optional(),
})

/**
 * @returns what to print
 * @throws {ConfigError} when the file has mistakes, found by this process or by the gateway; {CommandError} when the gateway
 *   could not apply it. In both cases nothing has changed
 */
export async function reload(file: string, environment: Environment): Promise<string> {
  const config = loadConfig(file, environment)
  if (config.admin === 'off')
    throw new CommandError(
      translate('{file} has no admin port (admin: off): send SIGHUP to the gateway instead', { file }),
    )
  const at = adminPlace(config.admin)
  const ask = { token: adminToken(config), timeoutMs: ANSWER_TIMEOUT_MS, body: {} }
  const { status, body } = await askAdmin(at, '/v1/reload', ask)
  const report = reloaded.safeParse(body).data
  if (status === 200 && report !== undefined) return wordsOf(report)
  const refusal = refused.safeParse(body).data
  if (refusal === undefined) throw new CommandError(notAGateway(at))
  if (refusal.problems !== undefined) throw new ConfigError(refusal.file ?? file, refusal.problems.map(asProblem))
  throw new CommandError(gatewaySays(at, refusal.detail))
}

type Problem = NonNullable<z.infer<typeof refused>['problems']>[number]

function asProblem({ path, message, line, column }: Problem) {
  return { path, message, ...(line == null ? {} : { line }), ...(column == null ? {} : { column }) }
}

function wordsOf({ changed, needsRestart }: z.infer<typeof reloaded>): string {
  if (changed.length === 0) return `${translate('Nothing has changed.')}\n`
  const later = needsRestart.map(
    (path) => `${translate('{path} needs a restart: until then the former value holds.', { path })}\n`,
  )
  return `${translate('In force now: {keys}.', { keys: changed.join(', ') })}\n${later.join('')}`
}
