/** Reports of connections from the log of connections. */
import { formatAuthority } from '../address.ts'
import { type Clock, isoTime } from '../clock.ts'
import { SOCKS_REPLY, type Upstream } from '../pool/upstream.ts'
import type { ClosedConnection, ConnectionLog, FailedTry, OpenConnection } from '../proxy/connection-log.ts'
import type { ConnectionReport, ConnectionsQuery, ConnectionsReport, TryReport } from './api/schemas/connections.ts'

export function openReport(connection: OpenConnection, clock: Clock): ConnectionReport {
  const { trace, clientAddress, bytesFromClient, bytesToClient } = connection
  const now = clock.now()
  return {
    ...named(connection, clock),
    id: trace.id,
    state: trace.openedAt === 0 ? 'waiting' : 'open',
    client: clientAddress === '' ? null : clientAddress,
    endedAt: null,
    seconds: seconds(now - connection.beganAt),
    setupSeconds: setupOf(connection.beganAt, trace.openedAt),
    end: null,
    code: null,
    bytesFromClient,
    bytesToClient,
    tries: triesOf(connection.beganAt, trace.tries, servingTry(connection, now)),
  }
}

export function closedReport(connection: ClosedConnection, clock: Clock): ConnectionReport {
  const { id, beganAt, openedAt, endedAt, end, code, bytesFromClient, bytesToClient } = connection
  return {
    ...named(connection, clock),
    id,
    state: 'closed',
    client: null,
    endedAt: timeOfDay(endedAt, clock),
    seconds: seconds(endedAt - beganAt),
    setupSeconds: setupOf(beganAt, openedAt),
    end,
    code: code ?? null,
    bytesFromClient,
    bytesToClient,
    tries: triesOf(beganAt, connection.tries, openedTry(connection.servedBy, connection.tryBeganAt, openedAt)),
  }
}

type Named = Pick<
  OpenConnection,
  'protocol' | 'target' | 'account' | 'sessionKey' | 'sessionName' | 'servedBy' | 'beganAt'
>

function named({ protocol, target, account, sessionKey, sessionName, servedBy, beganAt }: Named, clock: Clock) {
  return {
    protocol,
    target,
    user: account === undefined || account === '' ? null : account,
    session: sessionName ?? null,
    sessionKey: sessionKey ?? null,
    provider: servedBy?.facts.provider ?? null,
    upstream: servedBy?.id ?? null,
    beganAt: timeOfDay(beganAt, clock),
  }
}

function setupOf(beganAt: number, openedAt: number): number | null {
  return openedAt === 0 ? null : seconds(openedAt - beganAt)
}

/** The try that serves it, or the one in progress. */
function servingTry({ servedBy, trace, underWay }: OpenConnection, now: number): Try | undefined {
  if (trace.openedAt > 0) return openedTry(servedBy, trace.tryBeganAt, trace.openedAt)
  if (underWay === undefined) return undefined
  return { upstream: underWay.upstream, beganAt: underWay.startedAt, endedAt: now, result: 'dialling' }
}

function openedTry(upstream: Upstream | undefined, beganAt: number, endedAt: number): Try | undefined {
  return upstream === undefined || endedAt === 0 ? undefined : { upstream, beganAt, endedAt, result: 'opened' }
}

interface Try extends Pick<FailedTry, 'upstream' | 'beganAt' | 'endedAt'> {
  readonly result: TryReport['result']
  readonly answer?: number | undefined
}

function triesOf(beganAt: number, failed: readonly FailedTry[] = [], last: Try | undefined): TryReport[] {
  const tries: readonly Try[] = last === undefined ? failed : [...failed, last]
  return tries.map(({ upstream: { id, facts }, beganAt: at, endedAt, result, answer }) => ({
    upstream: id,
    address: formatAuthority(facts.host, facts.port),
    provider: facts.provider,
    // A request over a kept connection has no dial of its own.
    startedAfterSeconds: seconds(Math.max(0, at - beganAt)),
    seconds: seconds(Math.max(0, endedAt - Math.max(at, beganAt))),
    result,
    status: answer === undefined ? null : answer >= SOCKS_REPLY ? answer - SOCKS_REPLY : answer,
  }))
}

/** The latest first. */
export function searchConnections(log: ConnectionLog, query: ConnectionsQuery, clock: Clock): ConnectionsReport {
  const matches = matcher(query, clock)
  const open = query.state === 'closed' ? [] : log.open.filter(matches).toSorted((a, b) => b.trace.id - a.trace.id)
  const inState = open.filter(({ trace }) => query.state === undefined || stateOf(trace.openedAt) === query.state)
  const connections = inState.slice(0, query.limit).map((connection) => openReport(connection, clock))
  let matched = inState.length
  if (query.state === undefined || query.state === 'closed') {
    for (const connection of log.closed()) {
      if (!matches(connection)) continue
      matched++
      if (connections.length < query.limit) connections.push(closedReport(connection, clock))
    }
  }
  return { open: log.open.length, closed: log.closedCount, matched, connections }
}

const stateOf = (openedAt: number) => (openedAt === 0 ? 'waiting' : 'open')

type Searched = Named & {
  readonly trace?: OpenConnection['trace']
  readonly underWay?: OpenConnection['underWay']
  readonly tries?: readonly FailedTry[] | undefined
  readonly end?: string
  readonly code?: string | undefined
}

function matcher(query: ConnectionsQuery, clock: Clock): (connection: Searched) => boolean {
  const { provider, upstream, match } = query
  const host = textMatcher(query.host, 'part')
  const user = textMatcher(query.user, match)
  const session = textMatcher(query.session, match)
  const code = textMatcher(query.code, match)
  const providerName = textMatcher(provider, match)
  const since = sinceOf(query, clock)
  return (connection) => {
    const { target, account, sessionName, beganAt } = connection
    if (beganAt < since) return false
    if (!host(target) || !user(account) || !session(sessionName)) return false
    if (!code(connection.code) && !code(connection.end)) return false
    if (provider !== undefined && !upstreamsOf(connection).some(({ facts }) => providerName(facts.provider)))
      return false
    return upstream === undefined || upstreamsOf(connection).some(({ id }) => id === upstream)
  }
}

/** Whether a text fits a parameter; every text fits one that is not given. */
function textMatcher(wanted: string | undefined, match: ConnectionsQuery['match']): (text?: string) => boolean {
  if (wanted === undefined) return () => true
  if (match === 'exact') return (text) => text === wanted
  const part = wanted.toLowerCase()
  return (text) => text?.toLowerCase().includes(part) === true
}

function upstreamsOf({ servedBy, underWay, trace, tries = trace?.tries }: Searched): readonly Upstream[] {
  const failed = tries?.map(({ upstream }) => upstream) ?? []
  const last = servedBy ?? underWay?.upstream
  return last === undefined ? failed : [...failed, last]
}

/** Clock ms. */
function sinceOf({ since }: ConnectionsQuery, clock: Clock): number {
  if (since === undefined) return Number.NEGATIVE_INFINITY
  return clock.now() - ('agoMs' in since ? since.agoMs : clock.wall() - since.wallMs)
}

function timeOfDay(at: number, clock: Clock): string {
  return isoTime(clock.wall() - (clock.now() - at))
}

function seconds(ms: number): number {
  return Math.round(ms) / 1_000
}
