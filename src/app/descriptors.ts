/**
 * How this process shares out its file descriptors, so that clients can never take the last one.
 *
 * A reservation and no spare descriptors to be released in need: what needs a descriptor late (a look-up of a name, a
 * call to a vendor, the store, a module that is loaded for the first request of its kind) mostly needs it in another
 * thread or after an await, where nothing keeps a client from taking what was released a moment before. A reservation
 * works for all of them, and needs no code where they are.
 */
import { readdirSync } from 'node:fs'

/** Look-ups of names (4 threads), the store and its thread, calls to vendors, modules and certificates that are read. */
const RESERVED = 48
const RESERVED_PER_PROVIDER = 2

/** The demand for descriptors, in addition to those that are open already. */
export interface DescriptorDemand {
  /** `limits.connections`. */
  readonly connections: number
  /** Sockets that one client connection may take: its own and one to an upstream, and those of upstreams in this process. */
  readonly socketsPerConnection: number
  readonly listeners: number
  readonly providers: number
  readonly hasAdmin: boolean
  readonly hasCallback: boolean
  readonly hedges: boolean
  readonly preconnects: boolean
}

/** Most sockets of each kind at the same time. */
export interface DescriptorBudget {
  readonly connections: number
  /** In addition to clients without a login, and clients that are refused because there are too many. */
  readonly unidentified: number
  readonly admin: number
  readonly callback: number
  /** Second dials beside a silent first one. */
  readonly hedges: number
  /** Connections to upstreams that are opened ahead of need. */
  readonly preconnects: number
}

/** However low `limits.connections` is, this many clients can send their request, and receive the reason of a refusal. */
const MIN_UNIDENTIFIED = 128
const MOST = { unidentified: MIN_UNIDENTIFIED, admin: 256, callback: 64, hedges: 512, preconnects: 512 } as const

/**
 * @param limit soft limit on open descriptors; undefined where the system has none
 * @param used descriptors that are open already
 */
export function descriptorBudget(
  demand: DescriptorDemand,
  limit: number | undefined = descriptorLimit(),
  used: number = descriptorsInUse(),
): DescriptorBudget {
  const free = (limit ?? Number.POSITIVE_INFINITY) - used - RESERVED - RESERVED_PER_PROVIDER * demand.providers
  const part = (isWanted: boolean, share: number, least: number, most: number) =>
    isWanted ? Math.max(least, Math.min(most, Math.floor(free * share))) : 0
  const others = {
    unidentified: part(true, 1 / 4, 2, MOST.unidentified),
    admin: part(demand.hasAdmin, 1 / 8, 4, MOST.admin),
    callback: part(demand.hasCallback, 1 / 16, 2, MOST.callback),
    hedges: part(demand.hedges, 1 / 16, 1, MOST.hedges),
    preconnects: part(demand.preconnects, 1 / 8, 0, MOST.preconnects),
  }
  const taken = Object.values(others).reduce((sum, count) => sum + count, demand.listeners)
  const room = Math.floor((free - taken) / demand.socketsPerConnection)
  return { ...others, connections: Math.max(1, Math.min(demand.connections, room)) }
}

/** @returns undefined where the system has no limit (Windows) */
function descriptorLimit(): number | undefined {
  // Not in the type declarations of Node 24 yet. Without it the report looks up the name of every open connection.
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report
  const wasExcluded = report.excludeNetwork ?? false
  report.excludeNetwork = true
  const { userLimits } = report.getReport() as { userLimits?: { open_files?: { soft: number | 'unlimited' } } }
  report.excludeNetwork = wasExcluded
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : undefined
}

/** Node's own, the log, the store; and what a parent process has left open. */
const USUALLY_IN_USE = 32

function descriptorsInUse(): number {
  try {
    return readdirSync('/dev/fd').length
  } catch {
    return USUALLY_IN_USE
  }
}
