/**
 * The age of records of an earlier process.
 *
 * The process clock begins at each start, so records contain milliseconds since boot: that clock cannot be set, and it counts
 * while the machine sleeps. With every change the store also records one reading of all three clocks (boot id, time since boot,
 * time of day), and one reading is enough to convert every record:
 *
 *   same boot                       no change: the same clock continues
 *   other boot, wall time went on   shift by the wall time between the two readings
 *   other boot, wall time ran back  the time in between is unknown; assumed to be 0
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

/** What proves the time between two readings. */
type Proof = 'boot' | 'wall' | 'none'

export interface Passage {
  readonly proof: Proof
  /**
   * To be added to an instant since the earlier boot to convert it to the present boot.
   * Without proof no time counts as passed in between: ages are minimal, remaining lives maximal.
   */
  readonly shiftMs: number
}

/** `os.uptime()` has steps of 10 ms: an age is known to one step, and two readings may be out of order by one. */
export const BOOT_STEP_MS = 10
/** Normal corrections of a wall clock are smaller; a larger difference means that the time was set, or an empty battery. */
const WALL_JITTER_MS = 2_000
/** 2025-01-01. A machine with an earlier date has no battery-backed clock and starts every boot with the same time. */
const EARLIEST_SANE_WALL_MS = 1_735_689_600_000
/** Without a boot id, the time of the boot identifies it, as long as the time is not set. */
const DERIVED_GRAIN_MS = 10_000

export function readClocks(clock: Pick<Clock, 'wall'>, boot: BootClock): Reading {
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
 * The id of this boot. Linux has one. Elsewhere the wall time of the boot (rounded) is used: it changes when the time is set,
 * and then ages are only unproven. Where the wall time is certainly wrong, a random id prevents every comparison.
 * @param idFile the file with Linux's boot id
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
