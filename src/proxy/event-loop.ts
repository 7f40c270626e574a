/** Whether this process is the one that clients wait for. */

/** The part of the time in which the event loop runs callbacks instead of waiting for events. */
const BUSY = 0.9
/** Shortest time over which the part is measured, ms. */
const WINDOW_MS = 200

let since = performance.eventLoopUtilization()
let isBusy = false

/** Over the time since the previous measurement. Costs a microsecond, so it is not for every tunnel. */
export function isEventLoopBusy(): boolean {
  const now = performance.eventLoopUtilization()
  const { active, idle, utilization } = performance.eventLoopUtilization(now, since)
  if (active + idle < WINDOW_MS) return isBusy
  since = now
  isBusy = utilization > BUSY
  return isBusy
}
