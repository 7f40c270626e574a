/** HTTP client of the commands for the admin port of a running gateway, as configured. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { formatAuthority, reachableHost } from '../address.ts'
import { CommandError } from '../command-error.ts'
import type { AdminConfig, Config } from '../config/schema.ts'
import { translate, translateSentence } from '../messages/translate.ts'
import { http } from '../node/http.ts'
import { Secret } from '../secret.ts'

export interface AdminAnswer {
  readonly status: number
  /** Undefined when it is not JSON. */
  readonly body: unknown
}

/** The file with the token could not be read. Not every request needs the token: the gateway decides. */
class UnreadToken {
  readonly file: string
  /** The system's. */
  readonly code: string

  constructor(file: string, code: string) {
    this.file = file
    this.code = code
  }
}

/** Undefined: the configuration has none, and no place for one. */
export type AdminToken = Secret | UnreadToken | undefined

interface AdminAsk {
  readonly token: AdminToken
  readonly timeoutMs: number
  /** With a body the request is a POST. */
  readonly body?: object
}

/** No process listens on the admin port. */
export class NoGateway extends CommandError {}

/** Where to connect to. */
export function adminPlace({ host, port }: AdminConfig): string {
  return formatAuthority(reachableHost(host), port)
}

/** The configured token, or the one that the gateway made at its first start. */
export function adminToken({ admin, state }: Pick<Config, 'admin' | 'state'>): AdminToken {
  const configured = admin === 'off' ? undefined : admin.token
  if (configured !== undefined || state === 'off') return configured
  const file = join(state.path, 'admin-token')
  try {
    return new Secret(readFileSync(file, 'utf8').trim())
  } catch (error) {
    return new UnreadToken(file, (error as NodeJS.ErrnoException).code ?? '')
  }
}

/**
 * Sends one request over its own, direct connection: `fetch` and Node's shared agent would send the token to a proxy
 * from the environment (http_proxy with NODE_USE_ENV_PROXY or --use-env-proxy). Redirects are not followed.
 * @throws {NoGateway} when no process listens there; {CommandError} without an answer
 */
export async function askAdmin(place: string, path: string, ask: AdminAsk): Promise<AdminAnswer> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), ask.timeoutMs)
  try {
    const response = await send(place, path, ask, deadline.signal)
    const chunks = await response.toArray(deadline)
    const body = parseJson(Buffer.concat(chunks).toString())
    demandToken(body, place, ask.token)
    return { status: response.statusCode ?? 0, body }
  } catch (error) {
    throw error instanceof CommandError
      ? error
      : failure(error, place, deadline.signal.aborted ? ask.timeoutMs : undefined)
  } finally {
    clearTimeout(timer)
  }
}

/** An answer that is read as a stream. */
interface AdminStream {
  /** Pieces of text until the end of the answer. @throws {CommandError} after `timeoutMs` without a piece, or when the connection breaks */
  readonly pieces: AsyncIterable<string>
  /** The whole text. */
  text(): Promise<string>
}

/**
 * As `askAdmin`, for an answer without an end.
 * @param ask.timeoutMs longest time without data
 * @throws {CommandError} with the gateway's message when it refuses; the reason of the signal
 */
export async function openAdmin(
  place: string,
  path: string,
  ask: Omit<AdminAsk, 'body'> & { readonly signal: AbortSignal },
): Promise<AdminStream> {
  const { timeoutMs, signal } = ask
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(), timeoutMs)
  const ends = AbortSignal.any([signal, silence.signal])
  const explained = (error: unknown) => {
    clearTimeout(timer)
    return signal.aborted ? signal.reason : failure(error, place, silence.signal.aborted ? timeoutMs : undefined)
  }
  try {
    const response = await send(place, path, ask, ends)
    response.setEncoding('utf8')
    const pieces = readPieces(response, timer, explained)
    const text = async () => (await Array.fromAsync(pieces)).join('')
    if (response.statusCode === 200) return { pieces, text }
    throw refusalOf(parseJson(await text()), place, ask.token)
  } catch (error) {
    throw error instanceof CommandError ? error : explained(error)
  }
}

/** @param timer ends the request after a time without data */
async function* readPieces(response: IncomingMessage, timer: NodeJS.Timeout, explained: (error: unknown) => unknown) {
  try {
    for await (const piece of response) {
      timer.refresh()
      yield piece as string
    }
  } catch (error) {
    throw explained(error)
  } finally {
    clearTimeout(timer)
  }
}

/** @throws {CommandError} when the gateway misses the token, and the reason is here */
function demandToken(body: unknown, place: string, token: AdminToken): void {
  if (
    !(token instanceof UnreadToken) ||
    (body as { code?: unknown } | null | undefined)?.code !== 'ADMIN_TOKEN_REQUIRED'
  )
    return
  const words = translate(
    'the gateway at {place} needs its token, and {file}, which holds it, cannot be read ({code}): run this as the user of the gateway, with its configuration, or set admin.token',
    { place, file: token.file, code: token.code },
  )
  throw new CommandError(words)
}

/** The message of the gateway. @throws {CommandError} as `demandToken` */
function refusalOf(body: unknown, place: string, token: AdminToken): CommandError {
  demandToken(body, place, token)
  const detail = typeof body === 'object' && body !== null && 'detail' in body ? body.detail : undefined
  if (typeof detail !== 'string') return new CommandError(notAGateway(place))
  return new CommandError(gatewaySays(place, detail))
}

/** What the gateway answered, in the language of this process. */
export function gatewaySays(place: string, detail: string): string {
  return translate('the gateway at {place}: {words}', { place, words: translateSentence(detail) })
}

async function send(
  place: string,
  path: string,
  { token, body }: Omit<AdminAsk, 'timeoutMs'>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = {
    ...(token instanceof Secret ? { authorization: `Bearer ${token.reveal()}` } : {}),
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  }
  const method = body === undefined ? 'GET' : 'POST'
  const agent = new http.Agent({ keepAlive: false })
  const request = http.request(`http://${place}${path}`, { method, headers, agent, signal })
  // The promise below reports it; without this listener it would be reported twice.
  request.on('error', () => {})
  const [response] = (await once(request.end(text), 'response')) as [IncomingMessage]
  return response
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** @param timeoutMs when the time-out ended the request */
function failure(error: unknown, place: string, timeoutMs: number | undefined): CommandError {
  if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') {
    const words = translate(
      'no gateway answers at {place}: start it with "turnpike start", or name its configuration with --config FILE',
      { place },
    )
    return new NoGateway(words, { cause: error })
  }
  if (timeoutMs !== undefined) {
    const words = translate('the gateway at {place} has not answered for {seconds} s', {
      place,
      seconds: timeoutMs / 1_000,
    })
    return new CommandError(words, { cause: error })
  }
  return new CommandError(notAGateway(place), { cause: error })
}

export function notAGateway(place: string): string {
  return translate('the program that listens at {place} does not answer like a gateway', { place })
}
