/** How often qg.net may be called: both of its documents count by the minute. */
import type { Operation } from '../contract/operation.ts'

export const MINUTE_MS = 60_000

export const byChannels: Operation['limit'] = ({ channels: count }) => ({ calls: count * 5 + 10, perMs: MINUTE_MS })
export const perMinute =
  (calls: number): Operation['limit'] =>
  () => ({ calls, perMs: MINUTE_MS })
