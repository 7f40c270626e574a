/**
 * One request through the gateway's own port, as a client would send it: for the page's *Try a request*. It connects only to the
 * listener; what leaves the machine leaves through an upstream.
 */
import { once } from 'node:events'
import type { Agent, IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http'
import type { Socket } from 'node:net'
import { addAbortSignal } from 'node:stream'
import { formatAuthority } from '../address.ts'
import type { Clock } from '../clock.ts'
import { http } from '../node/http.ts'
import type { Secret } from '../secret.ts'
import type { TryOrder, TryReply } from './api/schemas/gateway.ts'

/** A port of the gateway, as it can be reached from this machine. */
export interface TryPort {
  readonly host: string
  readonly port: number
  /** Clients speak TLS to it. */
  readonly isTls: boolean
  readonly users: readonly { readonly name: string; readonly password: Secret }[]
}

/** Loaded with the first request: most gateways never load TLS, and save 1 MB. */
const builtin = process.getBuiltinModule

const MAX_BODY_BYTES = 65_536
/** Longer than `dial.deadline` and `wait.timeout` of any usual configuration. */
const TIMEOUT_MS = 60_000
/** Without users any account name is accepted before the options. */
const ANY_ACCOUNT = 'client'

/** @param signal aborted when the page cancels */
export async function tryRequest(port: TryPort, order: TryOrder, clock: Clock, signal: AbortSignal): Promise<TryReply> {
  const began = clock.now()
  const seconds = () => Math.round(clock.now() - began) / 1_000
  const proxy = formatAuthority(port.host, port.port)
  const base = { ...EMPTY, proxy }
  // The port is the gateway's own: its certificate is not verified.
  const agent = port.isTls
    ? new (builtin('node:https').Agent)({ maxSockets: 1, rejectUnauthorized: false })
    : new http.Agent({ maxSockets: 1 })
  const late = new AbortController()
  const timer = clock.after(TIMEOUT_MS, () => late.abort(new Error(`no answer within ${TIMEOUT_MS / 1_000} s`)))
  try {
    const stop = AbortSignal.any([signal, late.signal])
    const target = new URL(order.url)
    const login = loginHeader(port, order)
    if (target.protocol === 'http:') {
      const { host } = target
      const path = target.href.replace(/#.*$/s, '')
      const answer = await ask({
        agent,
        protocol: port.isTls ? 'https:' : 'http:',
        host: port.host,
        port: port.port,
        path,
        method: order.method,
        headers: { Host: host, ...login },
        signal: stop,
      })
      return await replyOf(answer, { ...base, seconds, setupSeconds: null })
    }
    const opened = await openTunnel(port, target, login, agent, stop)
    if ('refusal' in opened) return await replyOf(opened.refusal, { ...base, seconds, setupSeconds: null }, opened.body)
    const setupSeconds = seconds()
    const answer = await askThrough(opened.socket, target, order.method, stop)
    return { ...(await replyOf(answer, { ...base, seconds, setupSeconds })), upstream: opened.upstream }
  } catch (error) {
    if (signal.aborted) throw error
    const cause = late.signal.aborted ? late.signal.reason : error
    return { ...base, error: (cause as Error).message, seconds: seconds() }
  } finally {
    timer.clear()
    agent.destroy()
  }
}

const EMPTY: Omit<TryReply, 'proxy' | 'seconds'> = {
  ...{ status: null, isGatewayAnswer: false, code: null, error: null, upstream: null, setupSeconds: null },
  ...{ headers: [], body: '', bodyBytes: 0, isCut: false },
}

function loginHeader({ users }: TryPort, { user, options }: TryOrder): Record<string, string> {
  const account = user ?? (options === undefined || options === '' ? '' : ANY_ACCOUNT)
  if (account === '') return {}
  const password = users.find(({ name }) => name === user)?.password.reveal() ?? ''
  const name = [account, options].filter(Boolean).join('-')
  return { 'Proxy-Authorization': `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }
}

async function ask(options: RequestOptions): Promise<IncomingMessage> {
  const [answer] = (await once(http.request(options).end(), 'response')) as [IncomingMessage]
  return answer
}

type Opened =
  | { readonly socket: Socket; readonly upstream: string | null }
  | { readonly refusal: IncomingMessage; readonly body: AsyncIterable<Buffer> }

async function openTunnel(
  port: TryPort,
  target: URL,
  login: Record<string, string>,
  agent: Agent,
  signal: AbortSignal,
): Promise<Opened> {
  const path = `${target.hostname}:${target.port || 443}`
  const request = http.request({
    agent,
    protocol: port.isTls ? 'https:' : 'http:',
    host: port.host,
    port: port.port,
    method: 'CONNECT',
    path,
    headers: { Host: path, ...login },
    signal,
  })
  request.end()
  const [answer, socket, early] = (await once(request, 'connect')) as [IncomingMessage, Socket, Buffer]
  socket.unshift(early)
  if (answer.statusCode !== 200) return { refusal: answer, body: bodyOf(answer, socket, signal) }
  return { socket, upstream: textOf(answer.headers, 'x-turnpike-upstream') }
}

/** Node leaves the body of a refused CONNECT to the caller, and its signal ends the request no more. */
async function* bodyOf(answer: IncomingMessage, socket: Socket, signal: AbortSignal): AsyncGenerator<Buffer> {
  let left = Number(answer.headers['content-length'] ?? 0)
  socket.on('error', () => {})
  addAbortSignal(signal, socket)
  try {
    if (left === 0) return
    for await (const piece of socket as AsyncIterable<Buffer>) {
      yield piece.subarray(0, left)
      left -= piece.length
      if (left <= 0) return
    }
  } finally {
    socket.destroy()
  }
}

async function askThrough(socket: Socket, target: URL, method: string, signal: AbortSignal): Promise<IncomingMessage> {
  const secure = builtin('node:tls').connect({ socket, servername: target.hostname.replace(/^\[|\]$/g, '') })
  // `once` has no listener for errors after it has thrown.
  secure.on('error', () => {})
  try {
    await once(secure, 'secureConnect', { signal })
  } catch (error) {
    secure.destroy()
    throw error
  }
  const path = target.pathname + target.search
  return ask({
    createConnection: () => secure,
    host: target.hostname,
    path,
    method,
    headers: { Host: target.host, Connection: 'close' },
    signal,
  })
}

interface ReplyBase extends Omit<TryReply, 'seconds'> {
  readonly seconds: () => number
}

async function replyOf(
  answer: IncomingMessage,
  { seconds, ...base }: ReplyBase,
  octets: AsyncIterable<Buffer> = answer,
): Promise<TryReply> {
  const { body, bytes, isCut } = await readStart(octets)
  answer.destroy()
  const code = /details="(GW_\w+)"/.exec(textOf(answer.headers, 'proxy-status') ?? '')?.[1] ?? null
  const headers: [string, string][] = []
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2)
    headers.push([answer.rawHeaders[i] ?? '', answer.rawHeaders[i + 1] ?? ''])
  return {
    ...base,
    ...{
      status: answer.statusCode ?? null,
      isGatewayAnswer: code !== null,
      code,
      error: code === null ? null : body.trim(),
    },
    ...{
      upstream: textOf(answer.headers, 'x-turnpike-upstream'),
      headers,
      body,
      bodyBytes: bytes,
      isCut,
      seconds: seconds(),
    },
  }
}

async function readStart(octets: AsyncIterable<Buffer>): Promise<{ body: string; bytes: number; isCut: boolean }> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of octets) {
    pieces.push(piece)
    bytes += piece.length
    if (bytes > MAX_BODY_BYTES) break
  }
  const isCut = bytes > MAX_BODY_BYTES
  return {
    body: Buffer.concat(pieces).subarray(0, MAX_BODY_BYTES).toString(),
    bytes: Math.min(bytes, MAX_BODY_BYTES),
    isCut,
  }
}

function textOf(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name]
  return typeof value === 'string' ? value : null
}
