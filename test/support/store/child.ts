/**
 * A process with a store, for the tests that kill one, or that need two. It is told what to do by its arguments and by
 * lines on standard input, and says what has become durable by lines on standard output, written at once.
 *
 *   node child.ts hold DIR            opens, says `open` (or the reason why not), closes when told anything
 *   node child.ts write DIR RUN       opens, says `open`, records without end; see writing.ts for what it says
 *   node child.ts fill DIR            answers to each line on standard input: `order` with what becomes of one, `calls`
 *                                     with how many are on record since before, `free` after deleting `ballast` beside DIR
 */
import { rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { SystemClock } from '../../../src/clock.ts'
import { createLog } from '../../../src/log/log.ts'
import type { Store } from '../../../src/store/contract.ts'
import { StoreError } from '../../../src/store/errors.ts'
import { openStore } from '../../../src/store/sqlite/store.ts'
import { writeForEver } from './writing.ts'

const STANDARD_OUTPUT = 1

/** At once and whole, also when the other end is slow to read: what is durable must not stay unsaid, nor half said. */
function say(line: string): void {
  let bytes = Buffer.from(`${line}\n`)
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(STANDARD_OUTPUT, bytes))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
  }
}

const reasonOf = (error: unknown) => (error instanceof StoreError ? error.reason : String(error))

async function fill(store: Store, dir: string, calls: number): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'calls') say(String(calls))
    else if (line === 'free') {
      rmSync(join(dir, '..', 'ballast'))
      say('freed')
    } else {
      const order = store.callBegins({ limiterKey: 'k', windowMs: 3_600_000, provider: 'p', booked: 1 })
      say(await order.then(() => 'done', reasonOf))
    }
  }
}

const [mode, dir = '', run = ''] = process.argv.slice(2)
const clock = new SystemClock()
try {
  const log = createLog({ level: 'silent', format: 'json' }, { write: () => {} })
  const { store, restored } = await openStore(dir, { clock, log, eager: mode === 'write' })
  say('open')
  if (mode === 'write') await writeForEver(store, run, say)
  else if (mode === 'fill') await fill(store, dir, restored.calls.length)
  else for await (const _ of createInterface({ input: process.stdin })) break
  await store.close()
  say('closed')
} catch (error) {
  say(reasonOf(error))
}
clock.close()
process.stdin.destroy()
