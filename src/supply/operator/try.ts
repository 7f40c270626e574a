/**
 * A second opinion about one proxy address: one GET through it with libraries that are not part of Turnpike's data path,
 * undici's `ProxyAgent` for HTTP and HTTPS proxies and the package `socks` for SOCKS5. When it fails here as well, the gateway
 * is not the cause: it is the proxy, its login or the target.
 */

import { isIP, type LookupFunction, type Socket } from 'node:net'
import type { buildConnector, Dispatcher, Pool } from 'undici'
import { formatAuthority } from '../../address.ts'
import { given } from '../../given.ts'
import { type ConnectGuard, type ConnectRule, FORBIDDEN_ADDRESS } from '../../network/connect-guard.ts'
import type { UpstreamFacts } from '../../pool/upstream.ts'

type ProxyAddress = Pick<UpstreamFacts, 'protocol' | 'host' | 'port' | 'username' | 'password' | 'tls'> & {
  /** Header fields that its vendor wants in each request. */
  readonly fields?: Readonly<Record<string, string>>
}

export interface TriedRequest {
  readonly address: string
  readonly protocol: string
  /** The package that carried the request. */
  readonly library: 'undici' | 'socks'
  readonly seconds: number
  /** Status of the answer, which for a plain request may come from the proxy itself; null: none arrived. */
  readonly status: number | null
  /** Octets of the answer's body, at most `MAX_BODY_BYTES`. */
  readonly bytes: number
  /** The beginning of the body. */
  readonly text: string
  /** Null: an answer arrived. */
  readonly failure: { readonly code: string | null; readonly words: string } | null
}

interface TryOptions {
  readonly signal?: AbortSignal
  /** Where it may connect; absent: the user chose the address, which may be anywhere. */
  readonly guard?: ConnectGuard
  /** For the guard. */
  readonly rule?: Omit<ConnectRule, 'port'>
}

/** Like a client's default time-out: for the proxy, the login, the target and the beginning of the body together. */
const TIMEOUT_MS = 20_000
const MAX_BODY_BYTES = 65_536
const MAX_TEXT = 200

/** @returns undefined unless it is an absolute http or https URL without a login */
export function requestUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  const isWeb = url.protocol === 'http:' || url.protocol === 'https:'
  return isWeb && url.username === '' && url.password === '' ? url : undefined
}

/** Sends one GET. Failures are part of the report. @throws the signal's reason on abort */
export async function tryAddress(proxy: ProxyAddress, url: URL, options: TryOptions = {}): Promise<TriedRequest> {
  const { signal } = options
  const startedAt = performance.now()
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), TIMEOUT_MS)
  const both = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal])
  const report = (told: Pick<TriedRequest, 'status' | 'bytes' | 'text' | 'failure'>): TriedRequest => ({
    address: formatAuthority(proxy.host, proxy.port),
    protocol: proxy.protocol,
    library: proxy.protocol === 'socks5' ? 'socks' : 'undici',
    seconds: Math.round(performance.now() - startedAt) / 1_000,
    ...told,
  })
  let dispatcher: Dispatcher | undefined
  try {
    dispatcher = await dispatcherOf(proxy, lookupOf(proxy, options))
    return report({ ...(await get(url, dispatcher, both)), failure: null })
  } catch (error) {
    signal?.throwIfAborted()
    if (isLoginRefusal(error)) return report({ status: PROXY_LOGIN, bytes: 0, text: '', failure: null })
    const failure = deadline.signal.aborted ? lateFailure : failureOf(error, proxy)
    return report({ status: null, bytes: 0, text: '', failure })
  } finally {
    clearTimeout(timer)
    await dispatcher?.destroy()
  }
}

const lateFailure = { code: null, words: `no answer within ${TIMEOUT_MS / 1_000} s` }

class ForbiddenAddress extends Error {
  readonly code = FORBIDDEN_ADDRESS
}

/** @throws {ForbiddenAddress} */
function lookupOf({ host, port }: ProxyAddress, { guard, rule }: TryOptions): LookupFunction | undefined {
  if (guard === undefined || rule === undefined) return undefined
  if (isIP(host) === 0) return guard.lookup({ ...rule, port })
  if (guard.forbids(host, { ...rule, port })) throw new ForbiddenAddress('a private address, or the gateway itself')
  return undefined
}

/** Loads undici and `socks` on first use: a gateway without such requests does not need them. */
async function dispatcherOf(proxy: ProxyAddress, lookup: LookupFunction | undefined): Promise<Dispatcher> {
  const { Agent, buildConnector, Pool, ProxyAgent } = await import('undici')
  const reach = given({ lookup })
  if (proxy.protocol === 'socks5') {
    const overTls = buildConnector({ allowH2: false })
    return new Agent({ connect: (target, done) => void throughSocks(proxy, target, reach, overTls, done) })
  }
  const { host, port, protocol, username, password, tls } = proxy
  const login = Buffer.from(`${username}:${password?.reveal() ?? ''}`).toString('base64')
  const open = (origin: URL, options: Pool.Options) => new Pool(origin, withoutAddressNames(options))
  return new ProxyAgent({
    factory: open,
    clientFactory: open,
    uri: `${protocol}://${formatAuthority(host, port)}`,
    // As curl and Turnpike do: absolute-form for plain requests, a tunnel for others.
    proxyTunnel: false,
    allowH2: false,
    ...(username === undefined ? {} : { token: `Basic ${login}` }),
    headers: Object.fromEntries(Object.entries(proxy.fields ?? {}).map(([name, value]) => [name, latin1(value)])),
    proxyTls: {
      ...reach,
      rejectUnauthorized: tls?.verify ?? true,
      ...given({ servername: tls?.serverName, ca: tls?.ca }),
    },
  })
}

/** As latin1 that stands for UTF-8: undici takes no other characters. */
const latin1 = (text: string): string => Buffer.from(text).toString('latin1')

/**
 * For a proxy at an IP address undici sends the address as the server name, which RFC 6066 section 3 forbids: Node prints a
 * warning (DEP0123). Without the name Node checks the certificate against the address.
 */
function withoutAddressNames(options: Pool.Options): Pool.Options {
  const { connect } = options
  if (typeof connect !== 'function') return options
  return {
    ...options,
    connect: (target, done) =>
      connect(isIP(target.servername ?? '') === 0 ? target : { ...target, servername: '' }, done),
  }
}

async function throughSocks(
  { host, port, username, password }: ProxyAddress,
  target: buildConnector.Options,
  reach: { readonly lookup?: LookupFunction },
  overTls: buildConnector.connector,
  done: buildConnector.Callback,
): Promise<void> {
  try {
    const { SocksClient } = await import('socks')
    const isTls = target.protocol === 'https:'
    const { socket } = await SocksClient.createConnection({
      proxy: {
        host,
        port,
        type: 5,
        ...(username === undefined ? {} : { userId: username, password: password?.reveal() ?? '' }),
      },
      command: 'connect',
      destination: { host: target.hostname, port: target.port === '' ? (isTls ? 443 : 80) : Number(target.port) },
      timeout: TIMEOUT_MS,
      // Host and port are the package's own.
      socket_options: { ...reach, host, port },
    })
    if (isTls) overTls({ ...target, httpSocket: socket as Socket }, done)
    else done(null, socket as Socket)
  } catch (error) {
    done(error instanceof Error ? error : new Error('the SOCKS connection failed'), null)
  }
}

async function get(url: URL, dispatcher: Dispatcher, signal: AbortSignal) {
  const { request } = await import('undici')
  const { statusCode, body } = await request(url, { dispatcher, signal, headers: { 'user-agent': 'turnpike-try' } })
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of body as AsyncIterable<Buffer>) {
    pieces.push(piece)
    bytes += piece.length
    if (bytes >= MAX_BODY_BYTES) break
  }
  const text = Buffer.concat(pieces).toString('utf8').trim().slice(0, MAX_TEXT)
  return { status: statusCode, bytes: Math.min(bytes, MAX_BODY_BYTES), text }
}

/** The library's own message, with the login removed. */
function failureOf(error: unknown, { username, password }: ProxyAddress): NonNullable<TriedRequest['failure']> {
  const { code, message } = error as NodeJS.ErrnoException
  const words = [password?.reveal(), username].reduce(
    (text: string, secret) => (secret === undefined || secret === '' ? text : text.replaceAll(secret, '***')),
    message ?? 'an unknown error',
  )
  return { code: code ?? null, words }
}

/**
 * undici makes an error of a proxy's status 407, with the code of a wrong argument (plain requests) or of an abort (tunnels); only
 * its words tell.
 */
function isLoginRefusal(error: unknown): boolean {
  return error instanceof Error && /^Proxy (Authentication Required|response) \(407\)/.test(error.message)
}

/** Whether the address returned an answer other than the proxy's refusal of the login. */
export function carried({ status, failure }: TriedRequest): boolean {
  return failure === null && status !== PROXY_LOGIN
}

const PROXY_LOGIN = 407
