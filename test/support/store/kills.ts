import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SystemClock } from '../../../src/clock.ts'
import { createLog } from '../../../src/log/log.ts'
import { openStore } from '../../../src/store/sqlite/store.ts'
import { LogCapture } from '../log-capture.ts'
import { disagreement, missing } from './writing.ts'

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url))

export interface Child {
  readonly process: ChildProcessByStdio<Writable, Readable, null>
  /** The next line it says; undefined when it has ended. */
  next(): Promise<string | undefined>
  /** The signal that ended it, else its exit code. */
  readonly end: Promise<NodeJS.Signals | number | null>
  /** Every line that was not asked for, once it has ended. */
  rest(): Promise<string[]>
}

/**
 * Starts test/support/store/child.ts.
 * @param wrap makes the command another one: a shell that sets limits first, say
 */
export function startChild(args: readonly string[], wrap = (command: string[]) => command): Child {
  const [program = '', ...rest] = wrap([process.execPath, CHILD, ...args])
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    return done === true ? undefined : value
  }
  return {
    process: child,
    end: new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code))),
    next,
    rest: async () => {
      const all: string[] = []
      for (let line = await next(); line !== undefined; line = await next()) all.push(line)
      return all
    },
  }
}

/** When a process is killed: so long after it was started, or after it had opened the store. */
interface Moment {
  readonly after: 'start' | 'open'
  readonly ms: number
}

interface Kills {
  readonly dir: string
  readonly kills: number
  /** Asked before each. */
  readonly moment: () => Moment
}

/**
 * Kills a writing process again and again (SIGKILL, by its pid); after each kill the store must open undamaged and hold
 * everything that any of the processes was told.
 * @returns how many things they were told in all
 * @throws {Error} naming what is lost
 */
export async function killAndCheck({ dir, kills, moment }: Kills): Promise<number> {
  const said: string[] = []
  for (let kill = 0; kill < kills; kill++) {
    said.push(...(await writeAndKill(dir, `run${kill}`, moment())))
    await check(dir, kill, said)
  }
  return said.length
}

/** @returns what it said after `open` */
async function writeAndKill(dir: string, run: string, { after, ms }: Moment): Promise<string[]> {
  const child = startChild(['write', dir, run])
  const opened = child.next()
  if (after === 'open') await opened
  const rest = opened.then((first) => {
    if (first !== undefined && first !== 'open') throw new Error(`the writing process says "${first}"`)
    return child.rest()
  })
  await sleep(ms)
  child.process.kill('SIGKILL')
  const lines = await rest
  if ((await child.end) !== 'SIGKILL') throw new Error('the writing process has ended by itself')
  return lines
}

async function check(dir: string, kill: number, said: readonly string[]): Promise<void> {
  const clock = new SystemClock()
  const lines = new LogCapture()
  const { store, restored } = await openStore(dir, { clock, log: createLog({ level: 'info', format: 'json' }, lines) })
  await store.close()
  clock.close()
  const lost = missing(said, restored)
  if (lost.length > 0) throw new Error(`kill ${kill}: lost ${lost.length} of ${said.length}: ${lost.slice(0, 5)}`)
  const wrong = disagreement(restored)
  if (wrong !== undefined) throw new Error(`kill ${kill}: ${wrong}`)
  if (lines.lines.length > 0) throw new Error(`kill ${kill}: ${lines.text}`)
}
