/**
 * How old is a record of an earlier life of this process?
 *
 * The process clock begins anew with every process, so records carry milliseconds since boot: no one can set that clock,
 * and it counts while the machine sleeps. With every change the store also keeps one reading of all three clocks (which
 * boot, how long since, what time of day), and a reading is enough to carry every record over:
 *
 *   same boot                       nothing to do: the records' clock has only gone on
 *   other boot, wall time went on   shift by the wall time that passed between the two readings
 *   other boot, wall time ran back  the time in between is unknown, but not less than none
 */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import type { Clock } from '../../clock.ts'

/** Milliseconds since boot, sleep included, and which boot it was. */
export interface BootClock {
  /** Equal ids mean the same boot; different ids mean nothing. */
  readonly id: string
  sinceBootMs(): number
}

/** The clocks at one moment. */
export interface Reading {
  readonly bootId: string
  readonly bootMs: number
  readonly wallMs: number
}

/** What vouches for the time between two readings. */
export type Proof = 'boot' | 'wall' | 'none'

export interface Passage {
  readonly proof: Proof
  /**
   * To be added to an instant since the earlier boot, so that it lies right on the clock since the present one.
   * Without proof nothing counts as passed in between: ages are the least, remaining lives the most they can be.
   */
  readonly shiftMs: number
}

/** `os.uptime()` has steps of 10 ms: an age is known to one step, and two readings may be out of order by one. */
export const BOOT_STEP_MS = 10
/** Wall clocks are corrected by so much all the time; more is somebody setting the time, or an empty battery. */
const WALL_JITTER_MS = 2_000
/** 2025-01-01. A machine that believes in an earlier day has no battery and starts every boot with the same time. */
const EARLIEST_SANE_WALL_MS = 1_735_689_600_000
/** Where the boot has no name, its own instant is one, as long as nobody sets the time. */
const DERIVED_GRAIN_MS = 10_000

export function read(clock: Pick<Clock, 'wall'>, boot: BootClock): Reading {
  return { bootId: boot.id, bootMs: boot.sinceBootMs(), wallMs: clock.wall() }
}

/** @param last the newest reading of the earlier process */
export function passage(last: Reading, now: Reading): Passage {
  if (last.bootId === now.bootId && now.bootMs >= last.bootMs - BOOT_STEP_MS) return { proof: 'boot', shiftMs: 0 }
  const betweenBootsMs = now.bootMs - last.bootMs
  const awayMs = now.wallMs - last.wallMs
  if (awayMs < -WALL_JITTER_MS) return { proof: 'none', shiftMs: betweenBootsMs }
  return { proof: 'wall', shiftMs: betweenBootsMs - Math.max(0, awayMs) }
}

/**
 * The boot of this machine. Linux names it. Elsewhere its instant by wall time (rounded) serves as the name: it changes
 * when somebody sets the time, and then ages are merely not proven. Where the wall time cannot be right, a random name
 * says that nothing can be compared.
 * @param idFile where Linux tells the name
 */
export async function systemBoot(
  clock: Pick<Clock, 'wall'>,
  idFile = '/proc/sys/kernel/random/boot_id',
): Promise<BootClock> {
  const sinceBootMs = () => uptime() * 1000
  const named = await readFile(idFile, 'utf8').then(
    (text) => text.trim(),
    () => '',
  )
  return { id: named === '' ? derivedBootId(clock.wall(), sinceBootMs()) : named, sinceBootMs }
}

export function derivedBootId(wallMs: number, sinceBootMs: number): string {
  if (wallMs < EARLIEST_SANE_WALL_MS) return `unknown-${randomUUID()}`
  return `since-${Math.floor((wallMs - sinceBootMs) / DERIVED_GRAIN_MS)}`
}
