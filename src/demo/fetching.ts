/**
 * `fetch: true`: an upstream that connects to the real target, from this machine.
 *
 * proxy-chain can do that by itself, but its own dialling leaves Nagle's algorithm on (44 ms for a request in two
 * segments), has no time-out, and answers 59x for an unreachable target. So the target is dialled here, before proxy-chain
 * answers, and proxy-chain receives the open socket.
 */
import type { Agent, IncomingMessage, Server } from 'node:http'
import { connect, isIP, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type PrepareRequestFunctionResult, RequestError } from 'proxy-chain'
import type { Clock } from '../clock.ts'
import { type ConnectGuard, FORBIDDEN_ADDRESS, forbiddenAddress } from '../network/connect-guard.ts'
import { http } from '../node/http.ts'

/** Shorter than the gateway's `dial.timeout`: a slow target must be reported as such, not appear as a silent upstream. */
const DIAL_TIMEOUT_MS = 6_000

interface FetchTarget {
  /** As in the request: a name, an IPv4 address, or an IPv6 address in brackets. */
  readonly hostname: string
  readonly port: number
  /** A request in absolute-form rather than CONNECT. */
  readonly isHttp: boolean
  readonly request: IncomingMessage
}

/** What targets may be. */
export interface Reach {
  readonly guard: ConnectGuard
  /** Targets may be on this machine and in its network: every client of the gateway can reach them. */
  readonly allowPrivate: boolean
}

/**
 * Opens the way to the target; the client's leaving ends the attempt, as does the upstream's deadline, which destroys the client's socket.
 * @throws {RequestError} 403 for a target on this machine or in its network unless allowed, 502 when the target cannot be reached, 504 when it stays silent, 411 for a body that proxy-chain would not frame
 */
export async function fetchForReal(
  target: FetchTarget,
  clock: Clock,
  reach: Reach,
): Promise<PrepareRequestFunctionResult> {
  if (target.isHttp && !canFrame(target.request))
    throw new RequestError('A body with this method needs a Content-Length.\n', 411)
  const socket = await dial(target, clock, reach)
  const release = tie(target.request.socket, socket)
  return target.isHttp ? { httpAgent: agentOver(socket) } : { customConnectServer: tunnelInto(socket, release) }
}

/** Node sends a body without chunks for methods that usually have none: the target would read it as a second request. */
function canFrame({ method, headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined || ['POST', 'PUT', 'PATCH'].includes(method ?? '')
}

function dial({ hostname, port, request }: FetchTarget, clock: Clock, reach: Reach): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const host = hostname.replace(/^\[|\]$/g, '')
    const socket = open(host, port, reach)
    const timer = clock.after(DIAL_TIMEOUT_MS, () => fail(504, 'did not answer'))
    const fail = (status: number, what: string) => {
      settle()
      socket.destroy()
      reject(new RequestError(`${hostname}:${port} ${what} from this machine.\n`, status))
    }
    const onClientGone = () => fail(502, 'was given up')
    const settle = () => {
      timer.clear()
      request.socket.off('close', onClientGone)
    }
    request.socket.once('close', onClientGone)
    // Never removed: until another listener is added, an error without a listener would end the process.
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      code === FORBIDDEN_ADDRESS ? fail(403, FORBIDDEN) : fail(502, 'cannot be reached'),
    )
    socket.once('connect', () => {
      settle()
      resolve(socket)
    })
  })
}

const FORBIDDEN =
  'is on this machine or in its network, which the demo does not fetch (allowPrivate: true on the demo provider accepts it); it was not contacted'

/** A forbidden target ends in ERR_FORBIDDEN_ADDRESS, also when only its name resolves to one. */
function open(host: string, port: number, { guard, allowPrivate }: Reach): Socket {
  const rule = { port, allowPrivate, group: 'demo' }
  if (isIP(host) !== 0 && guard.forbids(host, rule)) return new Socket().destroy(forbiddenAddress())
  return connect({ host, port, lookup: guard.lookup(rule), noDelay: true, allowHalfOpen: true })
}

/** Until the hand-over nothing else listens to the two sockets: the target's must close with the client's. Returns the undo. */
function tie(client: Socket, target: Socket): () => void {
  const drop = () => target.destroy()
  const release = () => client.off('close', drop)
  if (client.destroyed) drop()
  client.once('close', drop)
  target.once('close', release) // a client that keeps its connection for many requests must not collect listeners
  return release
}

/** An agent that knows one connection, and closes it after one request. */
function agentOver(socket: Socket): Agent {
  const agent = new http.Agent({ keepAlive: false })
  agent.createConnection = () => socket
  return agent
}

/** proxy-chain writes the 200 and then passes the client's socket to the HTTP server that it is given. */
function tunnelInto(target: Socket, release: () => void): Server {
  return http
    .createServer()
    .removeAllListeners('connection')
    .once('connection', (client: Duplex) => {
      release()
      join(client, target)
      join(target, client)
    })
}

function join(from: Duplex, to: Duplex): void {
  const onClose = () => {
    // After a normal end `to` may still have octets that its reader has not taken.
    if (!from.readableEnded || !from.writableFinished) to.destroy()
  }
  from.on('error', () => to.destroy())
  from.on('close', onClose)
  if (from.destroyed) onClose()
  from.pipe(to)
}
