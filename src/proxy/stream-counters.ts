/** Counts the events of clients, and writes the access log. Plain numbers, which the metrics page reads on request. */
import type { Clock } from '../clock.ts'
import type { ErrorCode, GatewayError } from '../errors.ts'
import type { Log } from '../log/log.ts'
import { NO_ANSWER, type Upstream } from '../pool/upstream.ts'
import type { DialFailure } from '../upstream/connection.ts'
import { ConnectionLog, type RefusedRequest, type TryResult } from './connection-log.ts'
import type { RelayEnd } from './relay.ts'
import { SETUP_BUCKETS, setupBucket } from './setup-times.ts'
import type { StreamInfo, StreamObserver } from './stream-observer.ts'

/** Upper bounds of the histogram of times to an open tunnel, seconds; the last bucket is everything above. */
export const OPEN_SECONDS_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20] as const

type FailureKind = DialFailure['kind']

export class StreamCounters implements StreamObserver {
  readonly requests: Record<StreamInfo['protocol'], number> = { connect: 0, socks5: 0, socks4: 0, http: 0 }
  openedCount = 0
  /** The same by provider. */
  readonly openedBy = new Map<string, number>()
  clientsGone = 0
  readonly endedCounts: Record<RelayEnd, number> = {
    done: 0,
    'client-reset': 0,
    'upstream-reset': 0,
    idle: 0,
    closed: 0,
  }
  /** Octets from clients, and to clients, of connections that have ended. */
  upBytes = 0
  downBytes = 0
  acceptFailures = 0
  /** Logins with a wrong name or password. */
  loginFailures = 0
  readonly errors = new Map<ErrorCode, number>()
  readonly triesFailed: Record<FailureKind, number> = {
    broken: 0,
    unanswered: 0,
    login: 0,
    refused: 0,
    local: 0,
  }
  readonly openSeconds = { counts: new Array<number>(OPEN_SECONDS_BOUNDS.length + 1).fill(0), sum: 0 }
  /** The same times with finer buckets: see setup-times.ts. */
  readonly setupCounts = new Uint32Array(SETUP_BUCKETS)
  /** Requests refused, whatever the code. */
  refusedCount = 0
  readonly connections = new ConnectionLog()
  readonly #clock: Clock
  readonly #log: Log
  /** Whether each connection gets a line in the log. */
  accessLog: boolean

  constructor(log: Log, clock: Clock, options: { access: boolean }) {
    this.#clock = clock
    this.#log = log.child({ mod: 'traffic' })
    this.accessLog = options.access
  }

  /** Octets of all tunnels and exchanges, of those too that are open now. O(open). */
  bytes(): { readonly fromClients: number; readonly toClients: number } {
    const { fromClients, toClients } = this.connections.openBytes()
    return { fromClients: this.upBytes + fromClients, toClients: this.downBytes + toClients }
  }

  /** Read for each line: the level may change while the process runs. */
  get #isDebug(): boolean {
    return this.#log.isLevelEnabled('debug')
  }

  began(stream: StreamInfo): void {
    this.requests[stream.protocol]++
    this.connections.began(stream)
    // A socket keeps its peer's address only if it was requested while it was open.
    if (this.accessLog) void stream.clientAddress
  }

  opened(stream: StreamInfo, upstream: Upstream, tookMs: number): void {
    this.openedCount++
    const { provider } = upstream.facts
    this.openedBy.set(provider, (this.openedBy.get(provider) ?? 0) + 1)
    const seconds = tookMs / 1_000
    let bucket = 0
    while (bucket < OPEN_SECONDS_BOUNDS.length && seconds > (OPEN_SECONDS_BOUNDS[bucket] ?? 0)) bucket++
    this.openSeconds.counts[bucket] = (this.openSeconds.counts[bucket] ?? 0) + 1
    this.openSeconds.sum += seconds
    const fine = setupBucket(tookMs)
    this.setupCounts[fine] = (this.setupCounts[fine] ?? 0) + 1
    this.connections.opened(stream, tookMs)
  }

  tryFailed(stream: StreamInfo, upstream: Upstream, failure: DialFailure, now: number): void {
    this.triesFailed[failure.kind]++
    this.connections.tryFailed(stream, upstream, now, resultOf(failure), answerOf(failure))
    if (!this.#isDebug) return
    this.#log.debug(
      { target: stream.target, upstream: upstream.id, provider: upstream.facts.provider, ...failure },
      'try failed',
    )
  }

  tryAbandoned(stream: StreamInfo, upstream: Upstream): void {
    this.connections.tryFailed(stream, upstream, this.#clock.now(), 'abandoned')
  }

  refused(stream: StreamInfo, error: GatewayError): void {
    this.#count(error)
    this.connections.ended(stream, this.#clock.now(), 'refused', error.code, 0, 0)
    this.#logSocksRefusal(stream.protocol, error)
    if (this.accessLog) this.#logRefused(this.#facts(stream), error)
  }

  requestRefused(request: RefusedRequest, error: GatewayError): void {
    this.connections.refused(request, error.code)
    const { protocol, clientAddress, account, target } = request
    if (this.accessLog) this.#logRefused({ protocol, client: clientAddress, account, target, durationMs: 0 }, error)
  }

  #logRefused(facts: object, { code, spec }: GatewayError): void {
    this.#log.info({ ...facts, status: spec.http, code, end: code }, 'connection')
  }

  handshakeRefused(
    error: GatewayError,
    protocol?: StreamInfo['protocol'],
    client?: { readonly clientAddress: string },
  ): void {
    this.#count(error)
    this.#logSocksRefusal(protocol, error)
    if (client !== undefined && this.accessLog) this.#logRefused({ protocol, client: client.clientAddress }, error)
    if (error.detail['answerAfterMs'] !== undefined) this.loginFailures++
    if (this.#isDebug) this.#log.debug({ code: error.code, reason: error.message }, 'handshake refused')
  }

  ended(stream: StreamInfo, end: RelayEnd | undefined, upBytes: number, downBytes: number, now: number): void {
    if (end === undefined) this.clientsGone++
    else this.endedCounts[end]++
    this.upBytes += upBytes
    this.downBytes += downBytes
    this.connections.ended(stream, now, end ?? 'client-gone', undefined, upBytes, downBytes)
    if (this.accessLog)
      this.#log.info({ ...this.#facts(stream), end: end ?? 'client-gone', upBytes, downBytes }, 'connection')
  }

  acceptFailed(error: NodeJS.ErrnoException): void {
    this.acceptFailures++
    this.#log.error(
      { code: error.code },
      'a connection could not be accepted: raise the descriptor limit (ulimit -n) or lower limits.connections',
    )
  }

  /** SOCKS replies have one octet: only the log has the reason. HTTP clients receive it. */
  #logSocksRefusal(protocol: StreamInfo['protocol'] | undefined, { code, message }: GatewayError): void {
    if (protocol === 'socks5' || protocol === 'socks4')
      this.#log.info({ protocol, code, reason: message }, 'SOCKS refused')
  }

  certificateChanged(file: string): void {
    this.#log.info({ file }, 'the certificate has changed: new connections get the new one')
  }

  certificateRefused(file: string, reason: string): void {
    this.#log.warn({ file, reason }, 'the new certificate cannot be used: the one before stays')
  }

  loginsFailed(client: string, failures: number): void {
    this.#log.warn({ client, failures }, 'logins failed')
  }

  #facts(stream: StreamInfo): object {
    const { protocol, clientAddress, account, target, servedBy, life, beganAt, status } = stream
    return {
      protocol,
      client: clientAddress,
      account,
      target,
      upstream: servedBy?.id,
      provider: servedBy?.facts.provider,
      status,
      durationMs: Math.round(this.#clock.now() - beganAt),
      ...(life === undefined ? {} : { lifeAskedMs: life.askedMs, lifeLeftMs: Math.round(life.leftMs) }),
    }
  }

  #count(error: GatewayError): void {
    this.refusedCount++
    this.errors.set(error.code, (this.errors.get(error.code) ?? 0) + 1)
  }
}

function resultOf(failure: DialFailure): TryResult {
  if (failure.kind === 'broken') return failure.how
  return failure.kind === 'refused' && failure.answer === NO_ANSWER ? 'unanswered' : failure.kind
}

function answerOf(failure: DialFailure): number | undefined {
  if (failure.kind === 'login') return failure.status
  return failure.kind === 'refused' && failure.answer !== NO_ANSWER ? failure.answer : undefined
}
