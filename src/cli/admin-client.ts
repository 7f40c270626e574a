/** How commands speak with a running gateway: its admin port, as the configuration has it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatAuthority } from '../address.ts'
import type { AdminConfig, Config } from '../config/schema.ts'
import { Secret } from '../secret.ts'
import { CommandError } from './words.ts'

export interface AdminAnswer {
  readonly status: number
  /** Undefined when it is no JSON. */
  readonly body: unknown
}

export interface AdminAsk {
  readonly token: Secret | undefined
  readonly timeoutMs: number
  /** Makes it a POST. */
  readonly body?: object
}

/** Nobody listens there. */
export class NoGateway extends CommandError {}

/** A listener on every address is asked on loopback. */
export function adminPlace({ host, port }: AdminConfig): string {
  return formatAuthority(host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host, port)
}

/** The configured token, else what the gateway made at its first start. */
export function adminToken({ admin, state }: Config): Secret | undefined {
  const configured = admin === 'off' ? undefined : admin.token
  if (configured !== undefined || state === 'off') return configured
  try {
    return new Secret(readFileSync(join(state.path, 'admin-token'), 'utf8').trim())
  } catch {
    return undefined
  }
}

/** @throws {NoGateway} when nobody listens there; {CommandError} when nobody answers */
export async function askAdmin(place: string, path: string, ask: AdminAsk): Promise<AdminAnswer> {
  const { token, body, timeoutMs } = ask
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(new DOMException('too late', 'TimeoutError')), timeoutMs)
  try {
    const response = await fetch(`http://${place}${path}`, {
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      headers,
      redirect: 'error',
      signal: deadline.signal,
    })
    return { status: response.status, body: parseJson(await response.text()) }
  } catch (error) {
    throw failure(error, place, timeoutMs)
  } finally {
    clearTimeout(timer)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function failure(error: unknown, place: string, timeoutMs: number): CommandError {
  const { cause, name } = error as Error
  if ((cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED') {
    const words = `no gateway answers at ${place}: start it with "turnpike start", or name the file of the one that runs with --config FILE`
    return new NoGateway(words, { cause: error })
  }
  if (name === 'TimeoutError')
    return new CommandError(`the gateway at ${place} has not answered for ${timeoutMs / 1_000} s`, { cause: error })
  return new CommandError(notAGateway(place), { cause: error })
}

export function notAGateway(place: string): string {
  return `what listens at ${place} does not answer like a gateway`
}
