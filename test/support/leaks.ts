import { createHook } from 'node:async_hooks'

/** Kinds of `process.getActiveResourcesInfo()` that the gateway or a test can leave behind. */
const COUNTED = new Set([
  'GetAddrInfoReqWrap',
  'PipeWrap',
  'ProcessWrap',
  'TCPConnectWrap',
  'TCPServerWrap',
  'TCPSocketWrap',
  'UDPWrap',
])

/** The same things by the names async_hooks has for them; here unref'd ones count too, and the place is known. */
const TRACKED = new Map([
  ['PIPEWRAP', 'pipe'],
  ['PROCESSWRAP', 'child process'],
  ['TCPSERVERWRAP', 'server'],
  ['TCPWRAP', 'socket'],
  ['Timeout', 'timer'],
  ['UDPWRAP', 'UDP socket'],
  ['WORKER', 'worker'],
])

const POLL_MS = 20

export interface LeakGuard {
  /** What exists now and did not at the start, in words; empty when nothing leaked. */
  differences(): string[]
  /**
   * Waits until everything made since the start is gone, then stops watching.
   * @param settleMs how long closing may take
   * @throws {Error} that lists what is left and where it was made
   */
  check(settleMs?: number): Promise<void>
}

/** Timers of this file, while they are made: the watcher does not report itself. */
let makingOwnTimer = false

interface LeakGuardOptions {
  /** Timers that such a frame made do not count: packages whose unref'd timers nobody can stop. */
  readonly tolerated?: RegExp
}

/**
 * Watches sockets, servers, timers (unref'd ones too), child processes and the listeners of `process` from now on.
 * What existed before, and what vitest makes for itself, does not count.
 */
export function leakGuard({ tolerated }: LeakGuardOptions = {}): LeakGuard {
  const alive = new Map<number, string>()
  const countsBefore = activeCounts()
  const listenersBefore = listenerCounts()
  const hook = createHook({
    init(id, type, triggerId) {
      const name = TRACKED.get(type)
      if (name === undefined || makingOwnTimer) return
      const place = whereMade(name === 'timer' ? tolerated : undefined)
      const cause = alive.get(triggerId)
      if (place !== undefined)
        alive.set(id, `${name} made ${place === '' && cause ? `by ${cause}` : `at ${place || 'a place inside Node'}`}`)
    },
    destroy(id) {
      alive.delete(id)
    },
  }).enable()

  const differences = () => [
    ...grown(countsBefore, activeCounts(), 'active'),
    ...grown(listenersBefore, listenerCounts(), 'listeners of process'),
    ...tally(alive.values()),
  ]
  const check = async (settleMs = 2_000) => {
    const deadline = performance.now() + settleMs
    while (differences().length > 0 && performance.now() < deadline) await pause()
    hook.disable()
    const left = differences()
    if (left.length > 0) throw new Error(`left behind:\n  ${left.join('\n  ')}`)
  }
  return { differences, check }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    makingOwnTimer = true
    setTimeout(resolve, POLL_MS)
    makingOwnTimer = false
  })
}

function activeCounts(): Map<string, number> {
  return countBy(process.getActiveResourcesInfo().filter((kind) => COUNTED.has(kind)))
}

function listenerCounts(): Map<string, number> {
  return new Map(process.eventNames().map((name) => [String(name), process.listenerCount(name)]))
}

function grown(before: Map<string, number>, now: Map<string, number>, what: string): string[] {
  const more = [...now].filter(([kind, count]) => count > (before.get(kind) ?? 0))
  return more.map(([kind, count]) => `${kind} (${what}): ${before.get(kind) ?? 0} before, ${count} now`)
}

function tally(descriptions: Iterable<string>): string[] {
  return [...countBy(descriptions)].map(([text, count]) => (count === 1 ? text : `${count} times: ${text}`))
}

function countBy(items: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}

/** The nearest frame of the project, else of a package, else of Node; empty without any; `undefined` for vitest's own things and tolerated ones. */
function whereMade(tolerated: RegExp | undefined): string | undefined {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 40
  const frames = (new Error().stack ?? '').split('\n').slice(1)
  Error.stackTraceLimit = limit
  const outside = frames.filter((frame) => !/test\/support\/leaks\.ts|node:internal\/async_hooks/.test(frame))
  const owns = outside.filter((frame) => !/node_modules|node:/.test(frame) && /[/\\]/.test(frame))
  // The clock makes every timer of the gateway: who asked it to?
  const own = owns.find((frame) => !/src[/\\](clock|net[/\\]deadlines)\.ts/.test(frame)) ?? owns[0]
  if (own === undefined && outside.some((frame) => /node_modules\/@?vitest/.test(frame))) return undefined
  if (tolerated?.test(outside.find((frame) => !frame.includes('node:')) ?? '')) return undefined
  const library = outside.find((frame) => frame.includes('node_modules'))
  return (own ?? library ?? outside[0] ?? '').trim().replace(/^at /, '')
}
