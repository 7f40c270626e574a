/** Connections of a worker for the log of connections in the control process: open ones and those that have ended. */
import { toTarget } from '../address.ts'
import type { ErrorCode } from '../errors.ts'
import { Upstream } from '../pool/upstream.ts'
import {
  type ClosedConnection,
  type ConnectionLog,
  type FailedTry,
  newTrace,
  type OpenConnection,
} from '../proxy/connection-log.ts'
import { DirectUpstream, isDirect } from '../upstream/direct.ts'
import type { ConnectionChanges, PlainConnection, PlainTry, UpstreamName } from './messages.ts'

/** Most closed ones in one message; of more the latest are sent. */
const MAX_CLOSED = 2_000
/** Most open ones that are sent again in one message; the others follow. */
const MAX_OPEN = 1_000

interface SentConnection {
  readonly connection: OpenConnection
  isOpened: boolean
  bytes: number
}

export class ConnectionReporter {
  readonly #log: ConnectionLog
  readonly #sent = new Map<number, SentConnection>()
  #endedCount = 0

  constructor(log: ConnectionLog) {
    this.#log = log
  }

  /** What has changed since the last call. @param counts whether octets are compared too, O(open) */
  take(now: number, counts: boolean): ConnectionChanges {
    const passed = this.#log.endedCount - this.#endedCount
    const closed = [...this.#log.closed(this.#endedCount).take(MAX_CLOSED)].reverse()
    this.#endedCount = this.#log.endedCount
    for (const { id } of closed) this.#sent.delete(id)
    const open = this.#opened(now)
    const moved = counts ? this.#moved() : []
    return { open, moved, closed: closed.map((one) => closedOf(one, now)), omitted: passed - closed.length }
  }

  #opened(now: number): PlainConnection[] {
    const open: PlainConnection[] = []
    for (const connection of this.#log.open) {
      const { id, openedAt } = connection.trace
      const sent = this.#sent.get(id)
      const isOpened = openedAt > 0
      if (sent?.isOpened === isOpened || open.length >= MAX_OPEN) continue
      this.#sent.set(id, { connection, isOpened, bytes: 0 })
      open.push(openOf(connection, now))
    }
    return open
  }

  #moved(): ConnectionChanges['moved'] {
    const moved: [number, number, number][] = []
    for (const [id, sent] of this.#sent) {
      const { trace, bytesFromClient, bytesToClient } = sent.connection
      // Its end was among those that were too many to send.
      if (trace.index < 0) this.#sent.delete(id)
      else if (bytesFromClient + bytesToClient !== sent.bytes) {
        sent.bytes = bytesFromClient + bytesToClient
        moved.push([id, bytesFromClient, bytesToClient])
      }
    }
    return moved
  }

  /** Another control process has come: it knows nothing. */
  forget(): void {
    this.#sent.clear()
  }
}

type Named = Pick<
  OpenConnection,
  'protocol' | 'account' | 'sessionKey' | 'sessionName' | 'target' | 'beganAt' | 'servedBy'
> & { readonly bytesFromClient: number; readonly bytesToClient: number }

function plainOf(id: number, one: Named, tries: readonly FailedTry[] | undefined, now: number) {
  const { protocol, account, sessionKey, sessionName, target, beganAt, servedBy } = one
  return {
    ...{ id, protocol, target, beganAgoMs: now - beganAt },
    ...(account === undefined ? {} : { account }),
    ...(sessionKey === undefined ? {} : { sessionKey }),
    ...(sessionName === undefined ? {} : { sessionName }),
    ...(servedBy === undefined ? {} : { servedBy: nameOf(servedBy) }),
    ...(tries === undefined ? {} : { tries: tries.map((failed) => tryOf(failed, now)) }),
    ...{ bytesFromClient: one.bytesFromClient, bytesToClient: one.bytesToClient },
  }
}

function openOf(connection: OpenConnection, now: number): PlainConnection {
  const { trace, clientAddress } = connection
  return {
    ...plainOf(trace.id, connection, trace.tries, now),
    ...(clientAddress === '' ? {} : { client: clientAddress }),
    tryBeganAgoMs: now - trace.tryBeganAt,
    ...(trace.openedAt > 0 ? { openedAgoMs: now - trace.openedAt } : {}),
  }
}

function closedOf(connection: ClosedConnection, now: number): PlainConnection {
  const { id, tries, tryBeganAt, openedAt, endedAt, end, code } = connection
  return {
    ...plainOf(id, connection, tries, now),
    ...{ tryBeganAgoMs: now - tryBeganAt, endedAgoMs: now - endedAt, end },
    ...(openedAt > 0 ? { openedAgoMs: now - openedAt } : {}),
    ...(code === undefined ? {} : { code }),
  }
}

function tryOf({ upstream, beganAt, endedAt, result, answer }: FailedTry, now: number): PlainTry {
  const when = { beganAgoMs: now - beganAt, endedAgoMs: now - endedAt }
  return { upstream: nameOf(upstream), ...when, result, ...(answer === undefined ? {} : { answer }) }
}

function nameOf(upstream: Upstream): UpstreamName {
  const { id, facts } = upstream
  return isDirect(upstream) ? { host: facts.host, port: facts.port } : id
}

/** An open connection of a worker, as the log of connections sees it. */
type RemoteConnection = { -readonly [K in keyof OpenConnection]: OpenConnection[K] }

export class ConnectionSums {
  readonly #log: ConnectionLog
  readonly #upstreamOf: (id: string) => Upstream | undefined
  readonly #close: (worker: number, id: number) => void
  /** Worker -> its number -> the connection. */
  readonly #open = new Map<number, Map<number, RemoteConnection>>()

  /**
   * @param upstreamOf also of those that have left the pool
   * @param close ends a connection, by its number in the worker
   */
  constructor(
    log: ConnectionLog,
    upstreamOf: (id: string) => Upstream | undefined,
    close: (worker: number, id: number) => void,
  ) {
    this.#log = log
    this.#upstreamOf = upstreamOf
    this.#close = close
  }

  add(worker: number, changes: ConnectionChanges, now: number): void {
    let open = this.#open.get(worker)
    if (open === undefined) {
      open = new Map()
      this.#open.set(worker, open)
    }
    for (const one of changes.open) this.#opened(worker, open, one, now)
    for (const [id, fromClient, toClient] of changes.moved) {
      const known = open.get(id)
      if (known !== undefined) Object.assign(known, { bytesFromClient: fromClient, bytesToClient: toClient })
    }
    for (const one of changes.closed) this.#closed(worker, open, one, now)
  }

  #opened(worker: number, open: Map<number, RemoteConnection>, plain: PlainConnection, now: number): RemoteConnection {
    let known = open.get(plain.id)
    if (known === undefined) {
      known = this.#connectionOf(worker, plain, now)
      this.#log.began(known)
      open.set(plain.id, known)
    }
    this.#update(known, plain, now)
    return known
  }

  #connectionOf(worker: number, plain: PlainConnection, now: number): RemoteConnection {
    const { id, protocol, client = '', account, sessionKey, sessionName, target, beganAgoMs } = plain
    return {
      ...{ trace: newTrace(), protocol, clientAddress: client, account, sessionKey, sessionName, target },
      ...{ beganAt: now - beganAgoMs, servedBy: undefined, underWay: undefined, bytesFromClient: 0, bytesToClient: 0 },
      close: () => this.#close(worker, id),
    }
  }

  #update(known: RemoteConnection, plain: PlainConnection, now: number): void {
    const { tryBeganAgoMs, openedAgoMs, servedBy, tries, bytesFromClient, bytesToClient } = plain
    const { trace } = known
    trace.tryBeganAt = now - tryBeganAgoMs
    trace.openedAt = openedAgoMs === undefined ? 0 : now - openedAgoMs
    trace.tries = tries?.map((one) => this.#tryOf(one, now))
    Object.assign(known, { servedBy: servedBy && this.#named(servedBy), bytesFromClient, bytesToClient })
  }

  #tryOf({ upstream, beganAgoMs, endedAgoMs, result, answer }: PlainTry, now: number): FailedTry {
    const when = { beganAt: now - beganAgoMs, endedAt: now - endedAgoMs }
    return { upstream: this.#named(upstream), ...when, result, answer }
  }

  #named(name: UpstreamName): Upstream {
    if (typeof name !== 'string') return new DirectUpstream(toTarget(name), false)
    return this.#upstreamOf(name) ?? unknownUpstream(name)
  }

  #closed(worker: number, open: Map<number, RemoteConnection>, plain: PlainConnection, now: number): void {
    const known = this.#opened(worker, open, plain, now)
    open.delete(plain.id)
    const { endedAgoMs = 0, end = 'done', code, bytesFromClient, bytesToClient } = plain
    this.#log.ended(known, now - endedAgoMs, end, code as ErrorCode | undefined, bytesFromClient, bytesToClient)
  }

  /** The worker has ended, and its connections with it. */
  ended(worker: number, now: number): void {
    for (const one of this.#open.get(worker)?.values() ?? [])
      this.#log.ended(one, now, 'closed', undefined, one.bytesFromClient, one.bytesToClient)
    this.#open.delete(worker)
  }
}

/** It left the pool so long ago that nothing else is known of it. */
function unknownUpstream(id: string): Upstream {
  const facts = { id, provider: '', protocol: 'http' as const, host: '', port: 0, boughtAt: 0, deadline: 0 }
  return new Upstream(facts)
}
