/** A gateway's part in a cluster, opened before the rest of it. Loaded only with `cluster:`. */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { hasLimits, limitsOf, poolSettings } from '../config/pool-limits.ts'
import type { Config } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import type { Breakage, Upstream } from '../pool/upstream.ts'
import { nothingRestored } from '../store/contract.ts'
import { StoreError } from '../store/errors.ts'
import { RedisConnection } from '../store/redis/connection.ts'
import { PausableRunner } from '../store/redis/pausable-runner.ts'
import { RedisAccountStore } from '../store/redis/redis-account-store.ts'
import type { ScriptRunner } from '../store/redis/script.ts'
import type { ClusterHost } from '../takeover/messages.ts'
import { ClusterStore } from './cluster-store.ts'
import { ClusterMember } from './member.ts'
import { Ownership } from './ownership.ts'
import type { OwnershipSettings } from './ownership-contract.ts'
import { PoolEntries } from './pool-entry.ts'
import { Seal } from './seal.ts'
import { ClusterSessions } from './session-directory.ts'
import { Succession } from './succession.ts'

type ClusterConfig = NonNullable<Config['cluster']>

/** A connection may take so long (vendors/client/http.ts), and an aborted request arrives within another second, ms. */
const CONNECT_AND_ABORT_MS = 12_000

/** Longest wait for what was not said yet when the gateway ends, ms, for each of three. */
const FLUSH_MS = 2_000

interface ClusterDeps {
  readonly clock: Clock
  readonly log: Log
  readonly former: ClusterHost | undefined
}

export class Cluster {
  readonly store: ClusterStore
  /** What a host of its own would keep on disk is in the cluster's store, and comes with the first reading of it. */
  readonly restored = nothingRestored
  readonly accounts: RedisAccountStore
  readonly member: ClusterMember
  readonly sessions: ClusterSessions
  /** Undefined where addresses have no limits. */
  readonly owners: Ownership | undefined
  /** Undefined where no other process can go on as this host. */
  readonly succession: Succession | undefined
  readonly #runner: PausableRunner
  readonly #connection: { close(): void }

  /** @param config the gateway's whole configuration. @param former the host that it goes on as, after a takeover. @param connection a test hands in its own */
  constructor(
    config: Config & { readonly cluster: ClusterConfig },
    { clock, log, former }: ClusterDeps,
    connection: ScriptRunner & { close(): void } = new RedisConnection(config.cluster, clock),
  ) {
    const host = former?.name ?? randomUUID()
    const runner = new PausableRunner(connection)
    const callTimeoutMs = Math.max(...config.providers.map(({ callTimeout }) => callTimeout))
    const common = { clock, runner, host }
    this.#runner = runner
    this.#connection = connection
    const seal = new Seal(config.cluster.secret, config.cluster.name)
    this.accounts = new RedisAccountStore({
      ...common,
      token: () => this.member.token,
      leaveMs: callTimeoutMs,
      settleMs: callTimeoutMs + CONNECT_AND_ABORT_MS,
    })
    const entries = new PoolEntries(seal, this.accounts.time)
    const sessionIdleMs = () => config.session.idle
    this.store = new ClusterStore({ ...common, entries, seal, sessionIdleMs })
    const settings = () => ownershipSettings(config)
    const { store } = this
    this.owners = hasLimits(config)
      ? new Ownership({ ...common, store, time: this.accounts.time, settings })
      : undefined
    const own = { store, accounts: this.accounts, entries, owners: this.owners }
    const clusterLog = log.child({ mod: 'cluster' })
    const member = new ClusterMember({ ...common, ...own, token: former?.token, log: clusterLog })
    this.member = member
    this.succession = openSuccession(config, { ...common, ...own, name: host, member }, clusterLog)
    const knows = (id: string) => member.knows(id)
    this.sessions = new ClusterSessions({ ...common, seal, sessionIdleMs, knows, catchUp: () => member.catchUp() })
  }

  /** What a pool of this host sees, for the other hosts. */
  rested(upstream: Upstream, until: number): void {
    this.store.tell({ kind: 'rest', id: upstream.id, until: this.accounts.time.toServer(until) })
  }

  banned(upstream: Upstream, target: string, until: number): void {
    this.store.tell({ kind: 'ban', id: upstream.id, target, until: this.accounts.time.toServer(until) })
  }

  spent(upstream: Upstream): void {
    this.store.tell({ kind: 'spent', id: upstream.id })
  }

  firstUse(upstream: Upstream, worked: boolean, cause: Breakage | 'login' | undefined): void {
    this.store.tell({ kind: 'proof', id: upstream.id, worked, cause })
  }

  /** Never rejects. */
  async close(): Promise<void> {
    // After a takeover, the new process reports this.
    const signal = () => (this.#runner.isPaused ? AbortSignal.abort() : AbortSignal.timeout(FLUSH_MS))
    await this.member.close(signal())
    await this.store.close(signal())
    await this.accounts.flush(signal()).catch(() => {})
    this.accounts.close()
    this.succession?.close()
    this.#connection.close()
  }
}

/** Which gateway is taken over is found by the folder of its state. */
function openSuccession(
  { state }: Config,
  parts: ConstructorParameters<typeof Succession>[1],
  log: Log,
): Succession | undefined {
  if (state === 'off') return undefined
  try {
    return new Succession(state.path, parts)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    log.info({ reason: error.message }, 'start --takeover is not possible here')
    return undefined
  }
}

function ownershipSettings(config: Config): OwnershipSettings {
  const { uses, connections } = poolSettings(config).perUpstream
  const { targetLoad } = config.pool
  const limits = limitsOf(config)
  return {
    perAddress: Math.min(targetLoad, uses || targetLoad, connections || targetLoad),
    // By then a tunnel through which nothing moves has been closed.
    holdMs: Math.max(config.relay.idle, ...limits.map(({ hostRest = 0 }) => hostRest)),
    countsUses: limits.some((one) => (one.uses ?? 0) > 0),
  }
}
