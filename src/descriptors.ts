/** How many connections this process can hold: every tunnel takes two descriptors. */

/** Descriptors that are not tunnels: listeners, logs, the store, vendor calls. */
const RESERVED = 64

/** @returns the soft limit on open descriptors; undefined where the system has none (Windows) */
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

/** Client connections that fit into half the descriptor limit; Infinity where there is none. */
export function connectionRoom(limit: number | undefined = descriptorLimit()): number {
  if (limit === undefined) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.floor((limit - RESERVED) / 2))
}
