/** Reports of sessions from the table of sessions; their names from the log of connections, since the table holds digests. */
import { formatAuthority } from '../address.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { ConnectionLog } from '../proxy/connection-log.ts'
import type { Session, SessionTable } from '../proxy/session-table.ts'
import type { SessionReport, SessionsQuery, SessionsReport } from './api/schemas/sessions.ts'

interface SessionName {
  readonly user: string | null
  readonly session: string | null
}

const NO_NAME: SessionName = { user: null, session: null }

/** Without words to search for only `limit` sessions are examined; with them all. */
export function sessionsReport(
  table: SessionTable,
  connections: ConnectionLog,
  { search, limit }: SessionsQuery,
): SessionsReport {
  const names = namesOf(connections)
  const words = search?.toLowerCase().split(/\s+/).filter(Boolean) ?? []
  const found = words.length === 0 ? [...table.list().take(limit)] : [...table.list().filter(matcher(words, names))]
  return {
    count: table.size,
    matched: words.length === 0 ? table.size : found.length,
    sessions: found.slice(0, limit).map((session) => sessionReport(session, names, table.endsInMs(session))),
  }
}

/** Session key -> how its client named it last. */
function namesOf(connections: ConnectionLog): ReadonlyMap<string, SessionName> {
  const names = new Map<string, SessionName>()
  for (const list of [connections.open, connections.closed()]) {
    for (const { sessionKey, sessionName, account } of list) {
      if (sessionKey === undefined || names.has(sessionKey)) continue
      names.set(sessionKey, { user: account || null, session: sessionName ?? null })
    }
  }
  return names
}

/** Every word is part of the session's name, user, key, upstream or provider, in any case. */
function matcher(words: readonly string[], names: ReadonlyMap<string, SessionName>): (session: Session) => boolean {
  // Many sessions share an upstream.
  const texts = new Map<Upstream, string>()
  return ({ key, upstream }) => {
    let text = texts.get(upstream)
    if (text === undefined) {
      text = [upstream.id, addressOf(upstream), upstream.facts.provider].join('\n').toLowerCase()
      texts.set(upstream, text)
    }
    const { user, session } = names.get(key) ?? NO_NAME
    const own = [key, user, session].join('\n').toLowerCase()
    return words.every((word) => own.includes(word) || text.includes(word))
  }
}

function sessionReport(
  { key, upstream, uses, left, mustMove }: Session,
  names: ReadonlyMap<string, SessionName>,
  endsInMs: number,
): SessionReport {
  return {
    ...{ key, ...(names.get(key) ?? NO_NAME) },
    ...{ upstream: upstream.id, address: addressOf(upstream), provider: upstream.facts.provider, uses },
    ...{ formerUpstreams: left.filter(({ state }) => state !== 'gone').length, exclusive: upstream.isExclusive },
    ...{ moves: mustMove, endsInSeconds: Math.max(0, endsInMs / 1_000) },
  }
}

const addressOf = ({ facts: { host, port } }: Upstream) => formatAuthority(host, port)
