/** Pool, health, supply and data plane, and how they are connected. */
import type { Clock } from '../clock.ts'
import type { MemberParts } from '../cluster/contract.ts'
import type { Cluster } from '../cluster/open.ts'
import { poolSettings } from '../config/pool-limits.ts'
import type { Config } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import type { ConnectGuard } from '../network/connect-guard.ts'
import type { InheritedSockets } from '../network/inherited-sockets.ts'
import { Health } from '../pool/health.ts'
import type { PoolObserver } from '../pool/members.ts'
import { Pool } from '../pool/pool.ts'
import { DataPlane } from '../proxy/data-plane.ts'
import { StreamCounters } from '../proxy/stream-counters.ts'
import { UserLimits } from '../proxy/user-limits.ts'
import type { Store } from '../store/contract.ts'
import type { Accounts } from '../supply/account.ts'
import { plannerSettings } from '../supply/configured-settings.ts'
import { OperatorCalls } from '../supply/operator/call.ts'
import { SourceTrials } from '../supply/operator/test-source.ts'
import type { SupplySource } from '../supply/supply.ts'
import { Supply } from '../supply/supply.ts'
import type { Workers } from '../workers/control.ts'
import type { DescriptorBudget } from './descriptors.ts'
import { dataSettings } from './settings.ts'

export interface Parts {
  readonly pool: Pool
  readonly health: Health
  readonly traffic: StreamCounters
  readonly supply: Supply
  readonly data: DataPlane
  readonly users: UserLimits
  readonly operatorCalls: OperatorCalls
  readonly trials: SourceTrials
}

interface JoinDeps {
  readonly clock: Clock
  readonly log: Log
  readonly accounts: Accounts
  readonly store: Store
  readonly guard: ConnectGuard
  readonly budget: DescriptorBudget
  readonly inherited: InheritedSockets | undefined
  readonly cluster: Cluster | undefined
  /** Undefined: this process serves the clients. */
  readonly workers: (() => Workers | undefined) | undefined
}

/** Nothing of it listens or buys yet. */
export function joinParts(config: Config, sources: readonly SupplySource[], deps: JoinDeps): Parts {
  const { clock, log, accounts, store, guard, budget, inherited, cluster, workers } = deps
  const pool = new Pool(
    poolSettings(config),
    poolObserver(deps, () => parts),
  )
  const health = new Health(pool, config.health, {
    firstUse: (upstream, worked, cause) => {
      supply.firstUse(upstream, worked, cause)
      cluster?.firstUse(upstream, worked, cause)
    },
    lineDown: (provider, broken) => supply.lineDown(provider, broken),
    lineUp: (provider) => supply.lineUp(provider),
  })
  const traffic = new StreamCounters(log, clock, { access: config.log.access === 'on' })
  const supply: Supply = new Supply(plannerSettings(config), sources, {
    ...{ clock, pool, log, accounts, store },
    onSettled: () => {
      data.leaseQueue.review()
      workers?.()?.outlooks.review()
    },
    ...(cluster === undefined ? {} : { role: cluster.member }),
  })
  const users = new UserLimits(clock, { store })
  const data: DataPlane = new DataPlane(dataSettings(config, budget), {
    ...{ clock, pool, health, store, guard, inherited, users },
    supply: supply.planner,
    observer: traffic,
    directory: cluster?.sessions,
    opening: workers === undefined ? 'alone' : 'elsewhere',
  })
  const operator = {
    ...{ clock, accounts, guard, log: log.child({ mod: 'operator' }) },
    // Others after a reload.
    get providers() {
      return supply.providers
    },
    get allowPrivate() {
      return data.allowPrivate
    },
  }
  const parts: Parts = {
    ...{ pool, health, traffic, supply, data, users },
    operatorCalls: new OperatorCalls(operator),
    trials: new SourceTrials(operator),
  }
  return parts
}

/** Passes the events of the pool to the other parts. @param parts they exist when the first event comes */
function poolObserver({ cluster, workers }: JoinDeps, parts: () => Parts): PoolObserver {
  return {
    lendable: (upstream) => parts().data.leaseQueue.serve(upstream),
    rescheduled: () => parts().supply.poolRescheduled(),
    added: (upstream) => cluster?.owners?.added(upstream),
    spent: (upstream) => cluster?.spent(upstream),
    wanted: () => cluster?.owners?.needed(),
    endedHere: (upstream) => cluster?.owners?.leaseEnded(upstream),
    gone: (upstream, reason) => {
      cluster?.owners?.gone(upstream)
      parts().supply.upstreamGone(upstream, reason)
      parts().data.upstreamGone(upstream, reason)
      workers?.()?.gone(upstream, reason)
    },
    rested: (upstream, until) => {
      cluster?.rested(upstream, until)
      workers?.()?.feed.rested(upstream, until)
    },
    banned: (upstream, host, until) => {
      cluster?.banned(upstream, host, until)
      workers?.()?.feed.banned(upstream, host, until)
    },
    ...(workers === undefined ? {} : { changed: (upstream) => workers()?.changed(upstream) }),
  }
}

/** What a host of a cluster works for. */
export function memberParts({ pool, supply, data }: Parts): MemberParts {
  return {
    pool,
    supply,
    review: () => data.leaseQueue.review(),
    wants: () => data.leaseQueue.wants,
    aloneOn: (upstream) => data.sessionTable.aloneOn(upstream),
    leaveTo: (key, upstream) => {
      const isHere = data.sessionTable.leaveTo(key, upstream)
      data.leaseQueue.serve(upstream)
      return isHere
    },
    handedOver: (upstream) => data.handedOver(upstream),
    endLeases: (upstream) => data.endLeases(upstream),
    markSessionsUnconfirmed: () => data.sessionTable.markAllUnconfirmed(),
    markSessionUnconfirmed: (key) => data.sessionTable.markUnconfirmed(key),
    sessionMoved: (key, upstream) => {
      if (data.sessionTable.peek(key)?.upstream === upstream) return
      data.sessionTable.bind(key, upstream, true)
      data.leaseQueue.sessionMoved(key, upstream)
    },
  }
}
