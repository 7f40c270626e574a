import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Child, startChild } from '../support/store/kills.ts'

const folder = mkdtempSync(join(tmpdir(), 'turnpike-disk-'))
const children: Child[] = []
let dir: string
let folders = 0

function child(args: readonly string[], wrap?: (command: string[]) => string[]): Child {
  const started = startChild(args, wrap)
  children.push(started)
  return started
}

/** Answers to lines on its standard input. */
async function ask(of: Child, question = 'order'): Promise<string | undefined> {
  of.process.stdin.write(`${question}\n`)
  return of.next()
}

/** @returns how many orders went well before the first that did not, and what that one said */
async function orderUntilFull(of: Child): Promise<{ orders: number; answer: string | undefined }> {
  for (let orders = 0; orders < 5_000; orders++) {
    const answer = await ask(of)
    if (answer !== 'done') return { orders, answer }
  }
  throw new Error('the disk does not fill up')
}

/** Programs of util-linux. @returns whether it went well */
function run([program = '', ...args]: string[]): boolean {
  return spawnSync(program, args).status === 0
}

/** As root of a namespace of its own, where it may mount. */
const inNamespace = (script: string) => (command: string[]) => ['unshare', '-rm', 'sh', '-c', script, dir, ...command]

function mayMount(): boolean {
  const probe = join(folder, 'probe')
  mkdirSync(probe)
  return run(['unshare', '-rm', 'mount', '-t', 'tmpfs', 'tmpfs', probe])
}

beforeEach(() => {
  dir = join(folder, String(folders++))
  mkdirSync(dir, { mode: 0o700 })
})

afterEach(() => {
  for (const { process } of children.splice(0)) process.kill('SIGKILL')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a place that cannot be written', () => {
  it('any more (files may not grow): orders fail, the process lives, orders work when they may again', {
    timeout: 60_000,
  }, async () => {
    // The soft limit, in blocks of 1 KiB. Writing past it fails with EFBIG; Node ignores the signal that comes with it.
    const limited = (command: string[]) => ['bash', '-c', 'ulimit -S -f 200; exec "$@"', 'bash', ...command]
    const full = child(['fill', dir], limited)
    expect(await full.next()).toBe('open')
    const { orders, answer } = await orderUntilFull(full)
    expect(orders).toBeGreaterThan(5)
    expect(answer).toMatch(/^(full|failed)$/)
    expect(await ask(full)).toBe(answer)
    expect(run(['prlimit', `--pid=${full.process.pid}`, '--fsize=unlimited'])).toBe(true)
    expect(await ask(full)).toBe('done')
    full.process.stdin.end()
    expect(await full.next()).toBe('closed')
    const after = child(['fill', dir])
    expect(await after.next()).toBe('open')
    expect(await ask(after, 'calls')).toBe(String(orders + 1))
  })

  it('because it is a file', async () => {
    writeFileSync(join(dir, 'state'), '')
    expect(await child(['hold', join(dir, 'state')]).rest()).toEqual(['failed'])
    expect(await child(['hold', join(dir, 'state', 'deeper')]).rest()).toEqual(['failed'])
  })
})

// The test above proves the same without it, but for SQLite's own word that the disk is full.
describe.runIf(mayMount())('with a file system of its own', () => {
  it('a full disk: orders fail and say why, the process lives, orders work when there is room again', {
    timeout: 60_000,
  }, async () => {
    const script = 'mount -t tmpfs -o size=400k tmpfs "$0" && head -c 150k /dev/zero > "$0/ballast" && exec "$@"'
    const full = child(['fill', join(dir, 'state')], inNamespace(script))
    expect(await full.next()).toBe('open')
    const { orders, answer } = await orderUntilFull(full)
    expect(orders).toBeGreaterThan(5)
    expect(answer).toBe('full')
    expect(await ask(full)).toBe('full')
    expect(await ask(full, 'free')).toBe('freed')
    expect(await ask(full)).toBe('done')
    full.process.stdin.end()
    expect(await full.next()).toBe('closed')
  })

  it('a disk that is full from the start: the store does not open, and says why', async () => {
    const script = 'mount -t tmpfs -o size=40k tmpfs "$0" && head -c 36k /dev/zero > "$0/ballast" && exec "$@"'
    expect(await child(['hold', join(dir, 'state')], inNamespace(script)).rest()).toEqual(['full'])
  })

  it('a read-only one: the store does not open, and says why', async () => {
    const script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    expect(await child(['hold', dir], inNamespace(script)).rest()).toEqual(['read-only'])
    expect(await child(['hold', join(dir, 'state')], inNamespace(script)).rest()).toEqual(['read-only'])
  })
})
