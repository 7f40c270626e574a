/** Real programs, run to their end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { homedir } from 'node:os'

/** Below the test's own guard, so that what the program said until then is shown. */
const HANG_MS = 50_000
const SHOWN_BYTES = 4_000

export interface RunOptions {
  /** Added to a small environment that names no proxy. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Standard input; empty by default. */
  readonly input?: Buffer | string
  readonly timeoutMs?: number
}

export interface Outcome {
  /** The exit code; `null` when a signal ended it. */
  readonly code: number | null
  readonly bytes: Buffer
  /** Standard output as text. */
  readonly out: string
  readonly err: string
}

/** The programs and the Debian package that each is in. */
const PACKAGES = {
  '/usr/bin/python3': 'python3',
  chromium: 'chromium',
  curl: 'curl',
  git: 'git',
  proxychains4: 'proxychains4',
  wget: 'wget',
} as const

export type Program = keyof typeof PACKAGES

/**
 * Runs a program and returns however it ended.
 * @throws {Error} when it is not installed, naming the package, or when it hangs, with what it had said
 */
export async function run(program: Program, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const child = spawn(program, args, {
    env: { PATH: `${process.env['PATH']}:/usr/bin:/bin`, HOME: homedir(), LANG: 'C.UTF-8', ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true, // a group of its own, so that a browser's helpers end with it
  })
  child.stdin.on('error', () => {}) // a program may leave before it has read everything
  child.stdin.end(options.input ?? '')
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => out.push(piece))
  child.stderr.on('data', (piece: Buffer) => err.push(piece))
  const code = await ended(program, child, options.timeoutMs ?? HANG_MS)
  const outcome = {
    code,
    bytes: Buffer.concat(out),
    out: Buffer.concat(out).toString(),
    err: Buffer.concat(err).toString(),
  }
  if (code === 'hung') throw new Error(`${program} hung; it had said: ${shown(outcome)}`)
  return { ...outcome, code }
}

/**
 * As `run`, for programs that are expected to succeed.
 * @throws {Error} with everything that the program said when its exit code is not 0
 */
export async function succeed(program: Program, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const outcome = await run(program, args, options)
  if (outcome.code !== 0) throw new Error(`${program} ended with ${outcome.code}: ${shown(outcome)}`)
  return outcome
}

async function ended(program: Program, child: ChildProcess, timeoutMs: number): Promise<number | null | 'hung'> {
  let hung = false
  const guard = setTimeout(() => {
    hung = true
    endGroup(child)
  }, timeoutMs)
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return hung ? 'hung' : code
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(`${program} is missing: install the Debian package ${PACKAGES[program]} (.ci/run does it)`)
  } finally {
    clearTimeout(guard)
  }
}

function endGroup(child: ChildProcess): void {
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
}

function shown({ out, err }: Pick<Outcome, 'out' | 'err'>): string {
  return `${err.slice(-SHOWN_BYTES)}\n${out.slice(0, SHOWN_BYTES)}`
}
