/**
 * By hand: node test/bench/store-event-loop.ts [seconds]
 *
 * How long does the store hold up the event loop? Prints the delay of a timer of 1 ms (perf_hooks) while nothing happens,
 * while a store is used as hard as a gateway can, while a hundred thousand sessions are waiting to be written, and while
 * a store of that size is opened. Whatever the first line shows is the machine's own; on a busy machine look at the last
 * figure instead: the most CPU time that the thread took between two ticks, which nobody else's load can add to.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { SystemClock } from '../../src/clock.ts'
import { createLog } from '../../src/log/log.ts'
import type { Store, StoredUpstream } from '../../src/store/contract.ts'
import { openStore } from '../../src/store/sqlite/store.ts'

const SECONDS = Number(process.argv[2] ?? 5)
const TICK_MS = 10
/** Of each tick: uses of a known session, new sessions, and addresses opened. 10,000, 1,000 and 500 a second. */
const USES = 100
const NEW = 10
const OPENED = 5
/** Orders at once, each waiting for the disk twice. */
const ORDERS = 8

const clock = new SystemClock()
const log = createLog({ level: 'warn', format: 'json' }, process.stdout)
const dir = mkdtempSync(join(tmpdir(), 'turnpike-bench-'))

async function measure(name: string, work: () => Promise<unknown>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  let [last, longest] = [process.threadCpuUsage(), 0]
  const ticks = setInterval(() => {
    const now = process.threadCpuUsage()
    longest = Math.max(longest, now.user + now.system - last.user - last.system)
    last = now
  }, 1)
  delay.enable()
  const result = await work()
  delay.disable()
  clearInterval(ticks)
  const ms = (nanoseconds: number) => (nanoseconds / 1e6).toFixed(1).padStart(7)
  const facts = `p50 ${ms(delay.percentile(50))}  p99 ${ms(delay.percentile(99))}  max ${ms(delay.max)}  CPU ${ms(longest * 1e3)} ms`
  process.stdout.write(`${name.padEnd(34)} ${facts}  ${result ?? ''}\n`)
}

function address(id: string): StoredUpstream {
  const now = clock.now()
  const facts = {
    id,
    provider: 'p',
    protocol: 'http',
    host: '192.0.2.1',
    port: 8080,
    area: '北京',
    isp: '电信',
  } as const
  return { facts: { ...facts, boughtAt: now, deadline: now + 3_600_000 }, vendorDeadline: now + 3_600_000 }
}

async function useHard(store: Store): Promise<string> {
  const until = performance.now() + SECONDS * 1_000
  let sessions = 0
  let orders = 0
  const order = async () => {
    while (performance.now() < until) {
      const call = await store.callBegins({ limiterKey: 'k', windowMs: 1_000, provider: 'p', booked: 10 })
      await store.bought(Array.from({ length: 10 }, (_, n) => address(`${call % 1_000}-${n}`)))
      store.callEnded(call, true, 10)
      orders++
    }
  }
  const traffic = async () => {
    while (performance.now() < until) {
      for (let n = 0; n < USES; n++) store.sessionUsed(`session-${n % Math.max(1, sessions)}`)
      for (let n = 0; n < NEW; n++) store.session(`session-${sessions++}`, `${n}-0`)
      for (let n = 0; n < OPENED; n++) store.opened(`${n}-${n}`)
      await sleep(TICK_MS)
    }
  }
  await Promise.all([traffic(), ...Array.from({ length: ORDERS }, order)])
  await store.flush()
  return `${orders} orders, ${sessions} sessions`
}

async function manySessions(store: Store): Promise<string> {
  // As they come: a hundred at a time, faster than they are written.
  for (let n = 0; n < 100_000; n++) {
    store.session(`another-session-of-some-length-${n}`, '0-0')
    if (n % 100 === 0) await new Promise(setImmediate)
  }
  await store.flush()
  return '100,000 sessions'
}

try {
  await measure('nothing', () => sleep(SECONDS * 1_000))
  const { store } = await openStore(dir, { clock, log })
  await measure('orders, sessions, addresses', () => useHard(store))
  await measure('a backlog', () => manySessions(store))
  await measure('closing', () => store.close())
  await measure('opening', async () => {
    const { store: again, restored } = await openStore(dir, { clock, log })
    await again.close()
    return `${restored.sessions.length} sessions, ${restored.upstreams.length} addresses`
  })
} finally {
  clock.close()
  rmSync(dir, { recursive: true, force: true })
}
