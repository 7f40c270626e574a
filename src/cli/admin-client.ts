/** How commands speak with a running gateway: its admin port, as the configuration has it. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { formatAuthority } from '../address.ts'
import type { AdminConfig, Config } from '../config/schema.ts'
import { http } from '../node-http.ts'
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
export function adminToken({ admin, state }: Pick<Config, 'admin' | 'state'>): Secret | undefined {
  const configured = admin === 'off' ? undefined : admin.token
  if (configured !== undefined || state === 'off') return configured
  try {
    return new Secret(readFileSync(join(state.path, 'admin-token'), 'utf8').trim())
  } catch {
    return undefined
  }
}

/**
 * Asks over a connection of its own, straight to the place: `fetch` and Node's shared agent would hand the token to a proxy
 * that the environment names (http_proxy with NODE_USE_ENV_PROXY or --use-env-proxy). Redirects are not followed.
 * @throws {NoGateway} when nobody listens there; {CommandError} when nobody answers
 */
export async function askAdmin(place: string, path: string, ask: AdminAsk): Promise<AdminAnswer> {
  const { token, body, timeoutMs } = ask
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  }
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), timeoutMs)
  try {
    const method = body === undefined ? 'GET' : 'POST'
    const agent = new http.Agent({ keepAlive: false })
    const request = http.request(`http://${place}${path}`, { method, headers, agent, signal: deadline.signal })
    // Told through the promise below, and once more when it is no longer waited for.
    request.on('error', () => {})
    const [response] = (await once(request.end(text), 'response')) as [IncomingMessage]
    const chunks = await response.toArray(deadline)
    return { status: response.statusCode ?? 0, body: parseJson(Buffer.concat(chunks).toString()) }
  } catch (error) {
    throw failure(error, place, deadline.signal.aborted ? timeoutMs : undefined)
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

/** @param timeoutMs when that was what ended it */
function failure(error: unknown, place: string, timeoutMs: number | undefined): CommandError {
  if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') {
    const words = `no gateway answers at ${place}: start it with "turnpike start", or name the file of the one that runs with --config FILE`
    return new NoGateway(words, { cause: error })
  }
  if (timeoutMs !== undefined)
    return new CommandError(`the gateway at ${place} has not answered for ${timeoutMs / 1_000} s`, { cause: error })
  return new CommandError(notAGateway(place), { cause: error })
}

export function notAGateway(place: string): string {
  return `what listens at ${place} does not answer like a gateway`
}
