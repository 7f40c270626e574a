/**
 * Connections for the operator: the open ones, and the last closed ones with their tries.
 *
 * Called for every client, so it must be very cheap: an open connection is an entry of an array, a closed one is copied into a
 * reused record of a ring, and only a failed try allocates memory. Host and port only: paths and queries are never recorded.
 */
import type { ErrorCode } from '../errors.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { DialFailure } from '../upstream/connection.ts'
import type { RelayEnd } from './relay.ts'

/** `opened` is not among them: a connection has members for its one such try. */
export type TryResult =
  | Extract<DialFailure, { kind: 'broken' }>['how']
  | Exclude<DialFailure['kind'], 'broken'>
  | 'abandoned'

/** A try that did not become the connection's upstream. Times are clock ms. */
export interface FailedTry {
  readonly upstream: Upstream
  readonly beganAt: number
  readonly endedAt: number
  readonly result: TryResult
  /** HTTP status, or `SOCKS_REPLY` + REP; undefined when the upstream sent nothing. */
  readonly answer: number | undefined
}

/** The log's state in an open connection. */
export interface ConnectionTrace {
  /** 0 until it is in the log. */
  id: number
  /** Position among the open ones. */
  index: number
  /** When the latest try began, or the one that serves it. */
  tryBeganAt: number
  openedAt: number
  tries: FailedTry[] | undefined
}

export function newTrace(): ConnectionTrace {
  return { id: 0, index: -1, tryBeganAt: 0, openedAt: 0, tries: undefined }
}

/** An open connection. */
export interface OpenConnection {
  readonly trace: ConnectionTrace
  readonly protocol: 'connect' | 'socks5' | 'socks4' | 'http'
  readonly clientAddress: string
  readonly account: string | undefined
  readonly sessionKey: string | undefined
  /** As the client named it; undefined where the port made the session. */
  readonly sessionName: string | undefined
  /** host:port */
  readonly target: string
  readonly beganAt: number
  readonly servedBy: Upstream | undefined
  /** The try in progress: a dial, or a request that an upstream has not answered. */
  readonly underWay: { readonly upstream: Upstream; readonly startedAt: number } | undefined
  /** Octets so far. */
  readonly bytesFromClient: number
  readonly bytesToClient: number
  /** By order of an operator: whatever it is doing ends at once, and no party is blamed. */
  close(): void
}

/** What is known of a request that was refused before it was served. */
export type RefusedRequest = Pick<
  OpenConnection,
  'protocol' | 'clientAddress' | 'account' | 'sessionName' | 'target' | 'beganAt'
>

type ConnectionEnd = RelayEnd | 'client-gone' | 'refused'

/** A connection that has ended. The log reuses the record: callers must copy what they keep. */
export interface ClosedConnection {
  id: number
  protocol: OpenConnection['protocol']
  account: string | undefined
  sessionKey: string | undefined
  sessionName: string | undefined
  target: string
  beganAt: number
  tryBeganAt: number
  openedAt: number
  endedAt: number
  servedBy: Upstream | undefined
  tries: readonly FailedTry[] | undefined
  end: ConnectionEnd
  code: ErrorCode | undefined
  bytesFromClient: number
  bytesToClient: number
}

/** Limit for a client that tries without end; the last tries are kept. */
const MAX_TRIES = 16
const DEFAULT_CAPACITY = 10_000

export class ConnectionLog {
  readonly #capacity: number
  readonly #open: OpenConnection[] = []
  readonly #ring: ClosedConnection[] = []
  #began = 0
  #ended = 0

  /** @param capacity how many closed connections are remembered */
  constructor(capacity = DEFAULT_CAPACITY) {
    this.#capacity = capacity
  }

  /** Open connections, without order. The array belongs to the log. */
  get open(): readonly OpenConnection[] {
    return this.#open
  }

  /** Octets so far through tunnels and exchanges that are open. O(open). */
  openBytes(): { readonly fromClients: number; readonly toClients: number } {
    let [fromClients, toClients] = [0, 0]
    for (const connection of this.#open) {
      // What a handshake took is not counted when the request is refused.
      if (connection.trace.openedAt === 0) continue
      fromClients += connection.bytesFromClient
      toClients += connection.bytesToClient
    }
    return { fromClients, toClients }
  }

  /** @returns false when no connection of this number is open */
  close(id: number): boolean {
    const connection = this.#open.find(({ trace }) => trace.id === id)
    connection?.close()
    return connection !== undefined
  }

  /** How many have ended: the number of the latest closed one. */
  get endedCount(): number {
    return this.#ended
  }

  /** How many closed ones are kept. */
  get closedCount(): number {
    return this.#ring.length
  }

  /** Id of the latest connection. */
  get lastId(): number {
    return this.#began
  }

  /** The latest first, back to (without) the one that ended as number `after`. */
  *closed(after = 0): Generator<ClosedConnection> {
    const oldest = Math.max(after, this.#ended - this.#ring.length)
    for (let number = this.#ended; number > oldest; number--) {
      const record = this.#ring[(number - 1) % this.#capacity]
      if (record !== undefined) yield record
    }
  }

  began(connection: OpenConnection): void {
    const { trace } = connection
    trace.id = ++this.#began
    trace.index = this.#open.push(connection) - 1
  }

  opened({ trace, beganAt }: OpenConnection, tookMs: number): void {
    trace.openedAt = beganAt + tookMs
  }

  /** The latest try has failed. */
  tryFailed({ trace }: OpenConnection, upstream: Upstream, now: number, result: TryResult, answer?: number): void {
    trace.tries ??= []
    trace.tries.push({ upstream, beganAt: trace.tryBeganAt, endedAt: now, result, answer })
    if (trace.tries.length > MAX_TRIES) trace.tries.shift()
  }

  /** No effect for a connection that is no longer open. */
  ended(
    connection: OpenConnection,
    now: number,
    end: ConnectionEnd,
    code: ErrorCode | undefined,
    bytesFromClient: number,
    bytesToClient: number,
  ): void {
    const { trace } = connection
    if (trace.index < 0) return
    this.#takeOut(trace)
    const place = this.#ended++ % this.#capacity
    const record = this.#ring[place] ?? this.#newRecord(connection)
    record.id = trace.id
    record.protocol = connection.protocol
    record.account = connection.account
    record.sessionKey = connection.sessionKey
    record.sessionName = connection.sessionName
    record.target = connection.target
    record.beganAt = connection.beganAt
    record.tryBeganAt = trace.tryBeganAt
    record.openedAt = trace.openedAt
    record.endedAt = now
    record.servedBy = connection.servedBy
    record.tries = trace.tries
    record.end = end
    record.code = code
    record.bytesFromClient = bytesFromClient
    record.bytesToClient = bytesToClient
  }

  /** It was never open. */
  refused(request: RefusedRequest, code: ErrorCode): void {
    const connection: OpenConnection = {
      ...{ ...request, trace: newTrace(), sessionKey: undefined, servedBy: undefined, underWay: undefined },
      ...{ bytesFromClient: 0, bytesToClient: 0, close: () => {} },
    }
    this.began(connection)
    this.ended(connection, request.beganAt, 'refused', code, 0, 0)
  }

  /** The last entry takes its position. */
  #takeOut(trace: ConnectionTrace): void {
    const last = this.#open.pop()
    if (last !== undefined && last.trace !== trace) {
      this.#open[trace.index] = last
      last.trace.index = trace.index
    }
    trace.index = -1
  }

  #newRecord({ protocol, target, beganAt }: OpenConnection): ClosedConnection {
    const record: ClosedConnection = {
      ...{ id: 0, protocol, account: undefined, sessionKey: undefined, sessionName: undefined, target, beganAt },
      ...{ tryBeganAt: 0, openedAt: 0, endedAt: 0, servedBy: undefined, tries: undefined },
      ...{ end: 'done', code: undefined, bytesFromClient: 0, bytesToClient: 0 },
    }
    this.#ring.push(record)
    return record
  }
}
