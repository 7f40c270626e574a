/** Clients of a simulated day: when each connection begins and how long it lasts, ms from the start. */
export interface Connection {
  readonly at: number
  readonly lastsMs: number
}

export type Random = () => number

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

/**
 * Connections that arrive at random at a rate that changes with time (thinned Poisson arrivals), each of a random length.
 * @param perSecond the rate at an instant, ms from the start; never above `peak`
 */
function arrivals(
  forMs: number,
  peak: number,
  perSecond: (at: number) => number,
  meanMs: number,
  random: Random,
): Connection[] {
  const connections: Connection[] = []
  const exponential = () => -Math.log(1 - random())
  for (let at = 0; ; ) {
    at += (exponential() * 1_000) / peak
    if (at >= forMs) return connections
    if (random() * peak < perSecond(at)) connections.push({ at, lastsMs: meanMs * exponential() })
  }
}

export function constantTraffic(random: Random): Connection[] {
  return arrivals(2 * HOUR_MS, 2, () => 2, 2_000, random)
}

/** Half a minute of 16 connections a second, then four and a half minutes of silence. */
export function burstyTraffic(random: Random): Connection[] {
  return arrivals(3 * HOUR_MS, 16, (at) => (at % (5 * MINUTE_MS) < 30_000 ? 16 : 0), 2_000, random)
}

/** Two days of two hours each: from nothing up to 8 connections a second and back. */
export function dayAndNight(random: Random): Connection[] {
  return arrivals(4 * HOUR_MS, 8, (at) => 4 * (1 - Math.cos((at / (2 * HOUR_MS)) * 2 * Math.PI)), 5_000, random)
}

export function oneAnHour(): Connection[] {
  return Array.from({ length: 24 }, (_, hour) => ({ at: hour * HOUR_MS + 1_000, lastsMs: 2_000 }))
}
