/** `turnpike status`: asks a running gateway how it is, through its admin port. */
import { z } from 'zod'
import type { Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import { adminPlace, askAdmin, notAGateway } from './admin-client.ts'
import { type Row, renderTable } from './table.ts'
import { CommandError, exitCodes } from './words.ts'

/** Generous for a local call; a gateway that takes longer has a problem of its own. */
const ANSWER_TIMEOUT_MS = 5_000

/**
 * @returns what to print, and 0 when the gateway is ready
 * @throws {ConfigError} when the file has mistakes; CommandError when no gateway answers
 */
export async function status(file: string, environment: Environment): Promise<{ text: string; exitCode: number }> {
  const { admin } = loadConfig(file, environment)
  if (admin === 'off') throw new CommandError(`${file} has no admin port (admin: off): there is nobody to ask`)
  const place = adminPlace(admin)
  const ask = { token: admin.token, timeoutMs: ANSWER_TIMEOUT_MS }
  const ready = await askAdmin(place, '/readyz', ask)
  const providers = await askAdmin(place, '/v1/providers', ask)
  const verdict = ready.status === 200 ? 'ready' : `not ready${reasonOf(ready.body)}`
  return {
    text: `The gateway at ${place} is ${verdict}.\n${renderTable(rowsOf(providers.body, place))}`,
    exitCode: ready.status === 200 ? exitCodes.ok : exitCodes.failed,
  }
}

const notReady = z.object({ reasons: z.array(z.string()) })

function reasonOf(body: unknown): string {
  const { data } = notReady.safeParse(body)
  return data === undefined ? '' : `: ${data.reasons.join('; ')}`
}

/** What fits on a screen; the admin port tells the rest. */
const COLUMNS = [
  'name',
  'vendor',
  'product',
  'state',
  'alive',
  'leased',
  'bought',
  'used',
  'wasted',
  'callsLeft',
  'channelsFree',
  'budgetLeft',
  'balance',
  'reason',
]

const answer = z.object({ providers: z.array(z.record(z.string(), z.unknown())) })

function rowsOf(body: unknown, place: string): readonly Row[] {
  const { data } = answer.safeParse(body)
  if (data === undefined) throw new CommandError(notAGateway(place))
  return data.providers.map((provider) =>
    Object.fromEntries(COLUMNS.filter((column) => column in provider).map((column) => [column, provider[column]])),
  )
}
