/**
 * Connections for the event stream: those that began, opened or ended in the last second. When there are thousands, a sample is
 * sent and the rest is counted; but the end of a connection that was sent as open is always sent.
 */
import type { Clock } from '../../clock.ts'
import type { ConnectionLog, OpenConnection } from '../../proxy/connection-log.ts'
import type { ConnectionReport } from '../api/schemas/connections.ts'
import type { ConnectionsEvent } from '../api/schemas/events.ts'
import { closedReport, openReport } from '../connection-reports.ts'
import type { Feed } from './feed.ts'

const PIECE = 100
/** Most new rows of one second, for those that are open and for those that have ended. */
const MAX_OPEN = 100
const MAX_CLOSED = 100
/** How many of each a new reader gets; GET /v1/connections has more. */
const FIRST_OPEN = 2_000
const FIRST_CLOSED = 200

/** Octets of open ones in one second; the others follow in the next. */
const MAX_MOVED = 500

interface SentConnection {
  /** It was sent as open, not as waiting. */
  readonly isOpen: boolean
  /** Octets both ways, as sent. */
  bytes: number
}

export class ConnectionFeed implements Feed {
  readonly #log: ConnectionLog
  readonly #clock: Clock
  /** Sent and not ended yet. */
  readonly #sent = new Map<number, SentConnection>()
  /** Where in the list of open ones the next search for moved octets begins, so that each gets its turn. */
  #turn = 0
  #lastId = 0
  #endedCount = 0

  constructor(log: ConnectionLog, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  begin(): void {
    this.#lastId = this.#log.lastId
    this.#endedCount = this.#log.endedCount
  }

  *first(): Iterable<ConnectionsEvent> {
    let connections: ConnectionReport[] = []
    let isFirst = true
    for (const report of this.#firstReports()) {
      connections.push(report)
      if (connections.length < PIECE) continue
      yield this.#event({ isFirst, connections })
      connections = []
      isFirst = false
    }
    if (isFirst || connections.length > 0) yield this.#event({ isFirst, connections })
  }

  *#firstReports(): Iterable<ConnectionReport> {
    const open = this.#log.open.toSorted((a, b) => a.trace.id - b.trace.id).slice(-FIRST_OPEN)
    const closed = [...this.#log.closed().take(FIRST_CLOSED)].map((each) => closedReport(each, this.#clock)).reverse()
    yield* closed
    for (const connection of open) {
      // It may have ended since the previous pieces were sent: then it comes with the changes.
      if (connection.trace.index < 0) continue
      this.#note(connection)
      yield openReport(connection, this.#clock)
    }
  }

  *changes(): Iterable<ConnectionsEvent> {
    const ended = this.#ended()
    const opened = this.#opened()
    const omitted = ended.omitted + opened.omitted
    const connections = [...ended.reports, ...opened.reports]
    const moved = this.#moved()
    if (connections.length + omitted + moved.length > 0) yield this.#event({ connections, omitted, moved })
  }

  #ended(): { reports: ConnectionReport[]; omitted: number } {
    const reports: ConnectionReport[] = []
    let others = 0
    for (const closed of this.#log.closed(this.#endedCount)) {
      if (this.#sent.delete(closed.id) || ++others <= MAX_CLOSED) reports.push(closedReport(closed, this.#clock))
    }
    const passed = this.#log.endedCount - this.#endedCount
    // Also those that are not kept: too many ended in a second.
    const omitted = passed - reports.length
    if (passed > this.#log.closedCount) this.#forgetEnded()
    this.#endedCount = this.#log.endedCount
    return { reports: reports.reverse(), omitted }
  }

  /** For those whose end was missed. */
  #forgetEnded(): void {
    const open = new Set(this.#log.open.map(({ trace }) => trace.id))
    for (const id of this.#sent.keys()) if (!open.has(id)) this.#sent.delete(id)
  }

  #opened(): { reports: ConnectionReport[]; omitted: number } {
    const news: OpenConnection[] = []
    let omitted = 0
    for (const connection of this.#log.open) {
      const { id, openedAt } = connection.trace
      const sent = this.#sent.get(id)
      const isNews = sent === undefined ? id > this.#lastId : !sent.isOpen && openedAt > 0
      if (!isNews) continue
      if (news.length < MAX_OPEN) news.push(connection)
      else omitted++
    }
    this.#lastId = this.#log.lastId
    for (const connection of news) this.#note(connection)
    const reports = news.toSorted((a, b) => a.trace.id - b.trace.id).map((each) => openReport(each, this.#clock))
    return { reports, omitted }
  }

  #moved(): ConnectionsEvent['moved'] {
    const moved: ConnectionsEvent['moved'] = []
    const { open } = this.#log
    for (let n = 0; n < open.length && moved.length < MAX_MOVED; n++) {
      this.#turn = (this.#turn + 1) % open.length
      const connection = open[this.#turn]
      const sent = connection && this.#sent.get(connection.trace.id)
      if (connection === undefined || sent === undefined) continue
      const { bytesFromClient, bytesToClient } = connection
      if (bytesFromClient + bytesToClient === sent.bytes) continue
      sent.bytes = bytesFromClient + bytesToClient
      moved.push({ id: connection.trace.id, bytesFromClient, bytesToClient })
    }
    return moved
  }

  #note({ trace, bytesFromClient, bytesToClient }: OpenConnection): void {
    this.#sent.set(trace.id, { isOpen: trace.openedAt > 0, bytes: bytesFromClient + bytesToClient })
  }

  #event(members: Partial<ConnectionsEvent>): ConnectionsEvent {
    return { isFirst: false, open: this.#log.open.length, connections: [], moved: [], omitted: 0, ...members }
  }

  end(): void {
    this.#sent.clear()
  }
}
