/** The load of a process that is going to be killed, and the check that nothing it was told is lost. */
import type { Restored, Store, StoredUpstream } from '../../../src/store/contract.ts'

const HOUR_MS = 3_600_000
const WRITERS = 8
/** Addresses of one order, and how many of them were sold in the end. */
const BOOKED = 5
const SOLD = 2

function address(id: string): StoredUpstream {
  const facts = { id, provider: 'p', protocol: 'http', host: '192.0.2.1', port: 8080 } as const
  return { facts: { ...facts, boughtAt: 0, deadline: 24 * HOUR_MS }, vendorDeadline: 24 * HOUR_MS }
}

/**
 * Many writers at once; each says, in order and only when it is durable:
 * `call KEY`, `bought ID` (twice), and every third time round `ended KEY`, `session KEY ID`, `released ID`, `left ID`.
 * @param run makes the names unique
 */
export async function writeForEver(store: Store, run: string, say: (line: string) => void): Promise<void> {
  let number = 0
  const turn = async () => {
    const mine = number++
    const name = `${run}-${mine}`
    const call = { limiterKey: name, windowMs: 24 * HOUR_MS, provider: 'p', booked: BOOKED }
    const id = await store.callBegins(call)
    say(`call ${name}`)
    await store.bought([address(`${name}-a`), address(`${name}-b`)])
    say(`bought ${name}-a`)
    say(`bought ${name}-b`)
    store.callEnded(id, true, SOLD)
    store.session(name, `${name}-b`)
    if (mine % 3 !== 2) return
    store.released(`${name}-a`)
    store.left(`${name}-b`, 'blamed')
    await store.flush()
    for (const line of [`ended ${name}`, `session ${name}`, `released ${name}-a`, `left ${name}-b`]) say(line)
  }
  const writer = async () => {
    for (;;) await turn()
  }
  await Promise.all(Array.from({ length: WRITERS }, writer))
}

/** @returns what was said to be durable and is not there, in words; empty when all is well */
export function missing(said: readonly string[], restored: Restored): string[] {
  const calls = new Map(restored.calls.map((call) => [call.limiterKey, call]))
  const upstreams = new Map(restored.upstreams.map((upstream) => [upstream.facts.id, upstream]))
  const sessions = new Map(restored.sessions.map(({ key, upstreamId }) => [key, upstreamId]))
  const released = new Set(said.filter((line) => line.startsWith('released ')).map((line) => line.slice(9)))
  const holds: Record<string, (name: string) => boolean> = {
    call: (name) => calls.has(name),
    ended: (name) => calls.get(name)?.answered === true,
    bought: (name) => upstreams.has(name) || released.has(name) || wasReleased(name, calls),
    released: (name) => !upstreams.has(name),
    left: (name) => upstreams.get(name)?.state === 'gone',
    session: (name) => sessions.get(name) === `${name}-b`,
  }
  return said.filter((line) => {
    const [kind = '', name = ''] = line.split(' ')
    return holds[kind]?.(name) !== true
  })
}

/** A release can be durable before anybody is told: then the address is missing, and its call has ended. */
function wasReleased(id: string, calls: ReadonlyMap<string, { answered: boolean }>): boolean {
  const name = id.replace(/-[ab]$/, '')
  const number = Number(name.split('-').at(-1))
  return id.endsWith('-a') && number % 3 === 2 && calls.get(name)?.answered === true
}

/** @returns why the sums do not agree with the calls; undefined when they do */
export function disagreement(restored: Restored): string | undefined {
  const total = restored.totals.find(({ provider }) => provider === 'p')?.total ?? 0
  const purchases = restored.purchases.reduce((sum, { count }) => sum + count, 0)
  const calls = restored.calls.reduce((sum, { answered }) => sum + (answered ? SOLD : BOOKED), 0)
  return total === purchases && total === calls ? undefined : `total ${total}, purchases ${purchases}, calls ${calls}`
}
