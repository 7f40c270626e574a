/**
 * `node test/bench/account-store.ts [seconds]`: how many calls to vendors can be reserved and settled a second, with the
 * record on disk and without. A reservation resolves when its record is durable, so the disk decides. Prints a table.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SystemClock } from '../../src/clock.ts'
import { createLog } from '../../src/log/log.ts'
import type { Reservation } from '../../src/store/account-store.ts'
import type { Store } from '../../src/store/contract.ts'
import { LocalAccountStore } from '../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../src/store/memory.ts'
import { openStore } from '../../src/store/sqlite/store.ts'

const SECONDS = Number(process.argv[2] ?? 3)
const AT_ONCE = [1, 16]

const clock = new SystemClock()
const log = createLog({ level: 'warn', format: 'json' }, process.stdout)

/** @returns calls a second */
async function callsOf(store: Store, atOnce: number): Promise<number> {
  const accounts = new LocalAccountStore(clock, store)
  const until = performance.now() + SECONDS * 1_000
  let calls = 0
  const call = async (n: number) => {
    // A window of its own for each: limits are not what is measured, and a short one keeps few ended calls.
    const window = { key: `w${n}`, calls: 1e9, perMs: 100 }
    const none = { budget: {}, channels: undefined, ceilings: [], isDurable: true }
    const reservation: Reservation = { window, provider: 'p', count: 0, ...none }
    while (performance.now() < until) {
      const reserved = await accounts.reserve(reservation)
      if (reserved.kind === 'reserved') accounts.settle(reserved.id, { kind: 'sold', count: 0 })
      calls++
      // The memory store never waits: timers must run all the same.
      if (calls % 1_000 === 0) await new Promise(setImmediate)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, (_, n) => call(n)))
  return Math.round(calls / SECONDS)
}

async function row(name: string, open: () => Promise<Store>): Promise<string> {
  const figures: number[] = []
  for (const atOnce of AT_ONCE) {
    const store = await open()
    figures.push(await callsOf(store, atOnce))
    await store.close()
  }
  return `${name.padEnd(10)}${figures.map((figure) => String(figure).padStart(12)).join('')}`
}

const dirs: string[] = []
const onDisk = async () => {
  dirs.push(mkdtempSync(join(tmpdir(), 'turnpike-bench-')))
  return (await openStore(join(dirs.at(-1) ?? '', 'state'), { clock, log, eager: true })).store
}
const lines = [await row('disk', onDisk), await row('memory', async () => forgetfulStore())]
process.stdout.write(`calls/s   ${AT_ONCE.map((n) => `${n} at once`.padStart(12)).join('')}\n${lines.join('\n')}\n`)
for (const dir of dirs) rmSync(dir, { recursive: true })
clock.close()
