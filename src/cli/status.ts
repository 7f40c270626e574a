/** `turnpike status`: shows the state of a running gateway, through its admin port. */
import { z } from 'zod'
import { CommandError } from '../command-error.ts'
import type { Environment } from '../config/environment.ts'
import { loadAdmin } from '../config/load-admin.ts'
import { currentLanguage, say } from '../messages/language.ts'
import { statusColumns } from '../messages/terminal.ts'
import { translate, translateSentence } from '../messages/translate.ts'
import { adminPlace, adminToken, askAdmin, notAGateway } from './admin-client.ts'
import { exitCodes } from './exit-codes.ts'
import { verdict as liveVerdict } from './live-reports.ts'
import { type Row, renderTable } from './table.ts'
import { stateText, verdictLines } from './watch-view.ts'

export interface StatusOptions {
  readonly config: string
  readonly json?: boolean
}

/** Generous for a local request; a slower gateway has a problem. */
const ANSWER_TIMEOUT_MS = 5_000

/**
 * Reads only `admin` and `state` of the configuration: its other secrets need not be in the environment.
 * @returns what to print, and 0 when the gateway is ready
 * @throws {ConfigError} when the file has mistakes; CommandError when no gateway answers
 */
export async function status(
  { config: file, json: isJson = false }: StatusOptions,
  environment: Environment,
): Promise<{ text: string; exitCode: number }> {
  const config = loadAdmin(file, environment)
  const { admin } = config
  if (admin === 'off') throw new CommandError(noAdminPort(file))
  const place = adminPlace(admin)
  const ask = { token: adminToken(config), timeoutMs: ANSWER_TIMEOUT_MS }
  const ready = await askAdmin(place, '/readyz', ask)
  const providers = await askAdmin(place, '/v1/providers', ask)
  const exitCode = ready.status === 200 ? exitCodes.ok : exitCodes.failed
  if (isJson) {
    const report = {
      gateway: place,
      ready: exitCode === exitCodes.ok,
      reasons: reasonsOf(ready.body),
      ...read(providers.body, place),
    }
    return { text: `${JSON.stringify(report, null, 2)}\n`, exitCode }
  }
  const verdict = await askAdmin(place, '/v1/verdict', ask)
  const sentence =
    ready.status === 200
      ? translate('The gateway at {place} is ready.', { place })
      : translate('The gateway at {place} is not ready{reasons}.', { place, reasons: reasonOf(ready.body) })
  const findings = verdictLines(liveVerdict.safeParse(verdict.body).data).map(({ text }) => `${text}\n`)
  return { text: `${sentence}\n${findings.join('')}\n${renderTable(rowsOf(providers.body, place))}`, exitCode }
}

export const noAdminPort = (file: string): string =>
  translate('{file} has no admin port (admin: off), so the gateway cannot be asked', { file })

const notReady = z.object({ reasons: z.array(z.string()) })

function reasonsOf(body: unknown): readonly string[] {
  return notReady.safeParse(body).data?.reasons ?? []
}

function reasonOf(body: unknown): string {
  const reasons = reasonsOf(body)
  return reasons.length === 0 ? '' : `: ${reasons.map(translateSentence).join('; ')}`
}

const answer = z.object({ providers: z.array(z.record(z.string(), z.unknown())) })

function read(body: unknown, place: string): z.infer<typeof answer> {
  const { data } = answer.safeParse(body)
  if (data === undefined) throw new CommandError(notAGateway(place))
  return data
}

/** As many rows as fit on a screen; the admin API has all of them. */
const columns = Object.entries(statusColumns)

function rowsOf(body: unknown, place: string): readonly Row[] {
  return read(body, place).providers.map((provider) =>
    Object.fromEntries(
      columns.filter(([name]) => name in provider).map(([name, title]) => [say(title), cellOf(name, provider[name])]),
    ),
  )
}

/** The names of states are not translated: scripts read them. */
function cellOf(column: string, value: unknown): unknown {
  if (typeof value !== 'string' || currentLanguage() === 'en') return value
  return column === 'state' ? stateText(value) : value
}
