/** `turnpike status`: asks a running gateway how it is, through its admin port. */
import { z } from 'zod'
import type { Environment } from '../config/environment.ts'
import { loadConfig } from '../config/load.ts'
import type { AdminConfig } from '../config/schema.ts'
import { formatAuthority } from '../net/address.ts'
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
  const place = formatAuthority(reachable(admin.host), admin.port)
  const ready = await ask(place, '/readyz', admin)
  const providers = await ask(place, '/v1/providers', admin)
  const verdict = ready.status === 200 ? 'ready' : `not ready${reasonOf(ready.body)}`
  return {
    text: `The gateway at ${place} is ${verdict}.\n${renderTable(rowsOf(providers.body, place))}`,
    exitCode: ready.status === 200 ? exitCodes.ok : exitCodes.failed,
  }
}

/** A listener on every address is asked on loopback. */
function reachable(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
}

async function ask(place: string, path: string, { token }: AdminConfig): Promise<{ status: number; body: unknown }> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }
  try {
    const response = await fetch(`http://${place}${path}`, {
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    const text = await response.text()
    return { status: response.status, body: parseJson(text) }
  } catch (error) {
    throw new CommandError(explain(error, place), { cause: error })
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function explain(error: unknown, place: string): string {
  const { cause, name } = error as Error
  if ((cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED') {
    return `no gateway answers at ${place}: start it with "turnpike start", or name the file of the one that runs with --config FILE`
  }
  if (name === 'TimeoutError') return `the gateway at ${place} has not answered for ${ANSWER_TIMEOUT_MS / 1_000} s`
  return `what listens at ${place} does not answer like a gateway`
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
  if (data === undefined) throw new CommandError(`what listens at ${place} does not answer like a gateway`)
  return data.providers.map((provider) =>
    Object.fromEntries(COLUMNS.filter((column) => column in provider).map((column) => [column, provider[column]])),
  )
}
