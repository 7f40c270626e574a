/** Hands each message of a worker to the part of the control process that it is for. */
import type { Log } from '../log/log.ts'
import type { Pool } from '../pool/pool.ts'
import type { Supply } from '../supply/supply.ts'
import type { AcknowledgementsOfWorkers } from './acknowledgements.ts'
import type { HandlersOf } from './dispatch.ts'
import type { WorkersHandover } from './handover.ts'
import type { Members } from './members.ts'
import type { Hello, ToControl, ToWorker } from './messages.ts'
import type { OwnersOfPool } from './owners-of-pool.ts'
import type { PoolFeed } from './pool-feed.ts'
import type { Rollout } from './rollout.ts'
import type { SessionsOfWorkers } from './sessions.ts'
import type { UsersOfWorkers } from './users.ts'
import type { WorkerReports } from './worker-reports.ts'

export interface HandlerParts {
  readonly pool: Pool
  readonly supply: Supply
  readonly log: Log
  readonly writeLog: (line: string) => void
  readonly feed: PoolFeed
  readonly reports: WorkerReports
  readonly owners: OwnersOfPool
  readonly sessions: SessionsOfWorkers
  readonly users: UsersOfWorkers
  readonly acknowledgements: AcknowledgementsOfWorkers
  readonly members: Members
  readonly rollout: Rollout
  readonly handover: WorkersHandover
  readonly send: (worker: number, message: ToWorker) => void
  /** A worker serves the configuration in force. */
  readonly serves: (worker: number) => void
  /** From now on each upstream is to belong to one worker. */
  readonly ownEach: () => void
}

export function handlersFor(worker: number, parts: HandlerParts): HandlersOf<Exclude<ToControl, Hello>> {
  const { pool, supply, feed, reports, owners, sessions, users, members, handover, writeLog } = parts
  const owns = (id: string) => owners.ownerOf(id) === worker
  return {
    ...feed.handlersFor(worker),
    ...settingsHandlers(worker, parts),
    report: (report) => {
      reports.add(worker, report, owns)
      users.moved(report.octets)
      owners.demand(worker, { leases: reports.leasesOf(worker) })
    },
    loads: ({ loads }) => reports.addLoads(worker, loads, owns),
    waiting: ({ waiting }) => {
      reports.waits(worker, waiting)
      owners.demand(worker, { waiting })
    },
    line: ({ provider, broken }) =>
      broken === undefined ? supply.lineUp(provider) : supply.lineDown(provider, broken),
    find: ({ question, key }) => members.whenAllHaveReported(() => sessions.find(worker, question, key)),
    session: ({ key, id }) => sessions.bound(worker, key, id),
    'sessions-used': ({ keys }) => sessions.used(keys),
    acknowledge: ({ question }) => void parts.acknowledgements.ask(worker, question),
    acknowledged: ({ asker, question }) => parts.acknowledgements.answered(asker, question),
    'user-request': ({ connection, user, limits }) => users.request(worker, connection, user, limits),
    'user-left': ({ connection }) => users.left(worker, connection),
    'user-lent': ({ user, id }) => users.lent(user, id),
    log: ({ lines }) => {
      for (const line of lines) writeLog(line)
    },
    paused: ({ upstreams }) => handover.paused(worker, upstreams),
    drained: () => members.drained(worker),
    'each-owned': () => parts.ownEach(),
    wanted: ({ id }) => owners.wanted(worker, id),
    ended: ({ id }) => owners.ended(worker, id),
    disowned: ({ upstream }) => {
      const known = pool.get(upstream.id)
      if (known !== undefined) known.uses = upstream.uses
      owners.disowned(worker, upstream)
    },
  }
}

function settingsHandlers(
  worker: number,
  { rollout, log, serves, send }: HandlerParts,
): Pick<HandlersOf<ToControl>, 'prepared' | 'unprepared'> {
  return {
    prepared: ({ number }) => {
      if (rollout.prepared(worker, number)) serves(worker)
    },
    unprepared: ({ number, error }) => {
      if (!rollout.failed(worker, number, error)) return
      const { message: reason, ...facts } = error
      log.error({ ...facts, reason, worker }, 'a worker cannot open its ports: another one is started')
      send(worker, { kind: 'end' })
    },
  }
}
