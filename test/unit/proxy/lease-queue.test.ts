import { beforeEach, describe, expect, it } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import { internalErrors } from '../../../src/internal-errors.ts'
import type { PoolSettings } from '../../../src/pool/members.ts'
import { Pool } from '../../../src/pool/pool.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import type { LeaseRequest, SessionDirectory, WaitingDemand } from '../../../src/proxy/lease-contract.ts'
import { LeaseQueue } from '../../../src/proxy/lease-queue.ts'
import { SessionTable } from '../../../src/proxy/session-table.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { plainClient } from '../../support/plain-client.ts'
import { facts, inArea } from '../pool/pool-fixture.ts'

const WAIT_MS = 10_000
const ENDLESS = Number.POSITIVE_INFINITY

let clock: FakeClock
let pool: Pool
let queue: LeaseQueue
let demand: readonly WaitingDemand[]
let hopeless: GatewayError | undefined
/** What happened to whom, in order. */
let events: string[]
/** How often the pool was asked for an upstream. */
let leaseCalls: number

/** A client: what it was lent, and how to give that back. */
interface Client extends LeaseRequest {
  readonly lent: Upstream | undefined
  release(): void
}

function build(limits: Partial<PoolSettings['perUpstream']> = { connections: 1 }, places = 10): void {
  clock = new FakeClock()
  events = []
  demand = []
  hopeless = undefined
  leaseCalls = 0
  const perUpstream = { connections: 0, uses: 0, hostRest: 0, ...limits }
  pool = new Pool(
    { minLife: 0, perUpstream },
    {
      lendable: (upstream) => queue.serve(upstream),
      rescheduled: () => {},
      gone: (upstream) => queue.upstreamGone(upstream),
    },
  )
  const lease = pool.lease.bind(pool)
  pool.lease = (wanted, now) => {
    leaseCalls++
    return lease(wanted, now)
  }
  const supply = {
    asked: () => {},
    queueChanged: (waiting: readonly WaitingDemand[]) => {
      demand = waiting
    },
    outlook: () => hopeless,
  }
  const sessionTable = new SessionTable(pool, { idle: 600_000, max: 20_000 }, clock, forgetfulStore())
  queue = new LeaseQueue(pool, sessionTable, supply, { timeoutMs: WAIT_MS, queue: places }, clock)
}

beforeEach(() => build())

function add(id: string, rest: Parameters<typeof facts>[1] = {}): Upstream {
  pool.add(facts(id, { deadline: ENDLESS, ...rest }), clock.now())
  const upstream = pool.get(id)
  if (upstream === undefined) throw new Error(`${id} was not taken in`)
  return upstream
}

function client(name: string, rest: Partial<LeaseRequest> = {}): Client {
  let lent: Upstream | undefined
  const request: Client = {
    ...{ ...plainClient, user: name.charAt(0) },
    ...rest,
    get lent() {
      return lent
    },
    granted(upstream) {
      lent = upstream
      pool.opened(upstream, request.host, true, 1, clock.now())
      events.push(`${name} ${upstream.id}`)
    },
    denied: (error) => void events.push(`${name} ${error.code}`),
    failInternally: () => void events.push(`${name} failed`),
    release() {
      if (lent !== undefined) pool.release(lent, true, clock.now())
    },
  }
  queue.apply(request)
  return request
}

/** Applies for several clients, whose users are their first letters. */
const clients = (...names: string[]) => names.map((name) => client(name))
const happened = () => events.splice(0)

describe('turns', () => {
  it('go from user to user: a thousand waiting clients of one do not delay the first of another', () => {
    build({ connections: 1 }, 10_000)
    add('x')
    const holder = client('holder')
    for (let n = 0; n < 1_000; n++) client(`a${n}`)
    client('b0')
    client('b1')
    happened()
    expect(queue.waitingCount).toBe(1_002)
    const served: string[] = []
    for (let n = 0; n < 4; n++) {
      leaseCalls = 0
      // Whoever holds it gives it back.
      holder.release()
      served.push(...happened())
      // One look for each turn, however many wait.
      expect(leaseCalls).toBe(1)
    }
    expect(served).toEqual(['a0 x', 'b0 x', 'a1 x', 'b1 x'])
  })

  it('are taken also when the users want different places', () => {
    add('x', { area: 'north' })
    const holder = client('holder')
    const anywhere = clients('a0', 'a1', 'a2')
    const north = client('b0', { filter: inArea('north') })
    happened()
    holder.release()
    anywhere[0]?.release()
    north.release()
    expect(happened()).toEqual(['a0 x', 'b0 x', 'a1 x'])
  })

  it('pass by those whom the upstream does not suit', () => {
    const x = add('x')
    const holder = client('holder')
    client('a0', { tried: [x] })
    client('a1')
    happened()
    holder.release()
    expect([happened(), queue.waitingCount]).toEqual([['a1 x'], 1])
  })
})

describe('places in the queue', () => {
  it('may all be of one user, but for half of them as soon as another comes', () => {
    clients(...Array.from({ length: 11 }, (_, n) => `a${n}`))
    expect([happened(), queue.waitingCount]).toEqual([['a10 GW_QUEUE_FULL'], 10])
    client('b0')
    const latest = ['a5', 'a6', 'a7', 'a8', 'a9'].map((name) => `${name} GW_QUEUE_FULL`)
    expect([happened(), queue.waitingCount]).toEqual([latest, 6])
    client('a11')
    expect(happened()).toEqual(['a11 GW_QUEUE_FULL'])
  })

  it('are shared when there are more users: the one with most places makes room', () => {
    clients('a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3', 'b3', 'a4', 'b4')
    client('c0')
    expect(happened()).toEqual(['a4 GW_QUEUE_FULL'])
    client('c1')
    expect(happened()).toEqual(['b4 GW_QUEUE_FULL'])
    clients('c2', 'c3')
    expect([happened(), queue.waitingCount]).toEqual([['a3 GW_QUEUE_FULL', 'c3 GW_QUEUE_FULL'], 10])
  })

  it('are free again when those who waited have gone', () => {
    const [first] = clients('a0', 'a1', 'a2', 'a3', 'a4', 'b0')
    client('a5')
    expect(happened()).toEqual(['a5 GW_QUEUE_FULL'])
    if (first !== undefined) queue.withdraw(first)
    client('a6')
    expect([happened(), queue.waitingCount]).toEqual([[], 6])
  })

  it('are none with `queue: 0`', () => {
    build({}, 0)
    client('a0')
    expect(happened()).toEqual(['a0 GW_QUEUE_FULL'])
  })
})

describe('a session whose upstream is full', () => {
  const inSession = (name: string, rest: Partial<LeaseRequest> = {}) => client(name, { sessionKey: 'basket', ...rest })

  it('waits for its own upstream, also a strict one, although others are free', () => {
    add('x')
    const first = inSession('a0')
    add('y')
    const second = inSession('a1')
    inSession('a2', { strict: true })
    expect([happened(), demand]).toEqual([['a0 x'], []])
    first.release()
    second.release()
    expect(happened()).toEqual(['a1 x', 'a2 x'])
  })

  it('takes turns with strangers on that upstream', () => {
    add('x')
    const holder = inSession('a0')
    const waiting = [inSession('a1'), inSession('a2'), client('b0'), client('b1')]
    happened()
    holder.release()
    for (const index of [0, 2, 1]) waiting[index]?.release()
    expect(happened()).toEqual(['a1 x', 'b0 x', 'a2 x', 'b1 x'])
  })

  it('is served while that upstream rests', () => {
    const x = add('x')
    const first = inSession('a0')
    inSession('a1')
    pool.rest(x, clock.now() + 60_000)
    first.release()
    expect(happened()).toEqual(['a0 x', 'a1 x'])
  })

  it('moves when that upstream goes; a strict one is lost', () => {
    const x = add('x')
    inSession('a0')
    inSession('a1')
    add('y')
    client('b0', { sessionKey: 'other', sessionUse: 'own' })
    client('c0', { sessionKey: 'basket', strict: true })
    expect(happened()).toEqual(['a0 x', 'b0 y'])
    pool.remove(x, 'expired')
    expect([happened(), queue.waitingCount]).toEqual([['c0 GW_SESSION_LOST'], 1])
    add('z')
    expect(happened()).toEqual(['a1 z'])
  })

  it('is told so when no room comes in time', () => {
    add('x')
    inSession('a0')
    inSession('a1')
    clock.advance(WAIT_MS)
    expect(happened()).toEqual(['a0 x', 'a1 GW_POOL_EMPTY'])
  })
})

describe('a session that waits for its first upstream', () => {
  it('brings its other clients along, though nobody else may have that upstream', () => {
    build({ uses: 1 })
    for (const name of ['a0', 'a1', 'a2']) client(name, { sessionKey: 'page' })
    expect(demand).toEqual([{ providers: undefined, count: 1, limited: { count: 0, addresses: 0 } }])
    add('x')
    expect([happened(), queue.waitingCount, demand]).toEqual([['a0 x', 'a1 x', 'a2 x'], 0, []])
  })

  it('leaves those behind who wait for its old upstream no longer', () => {
    const x = add('x')
    const first = client('a0', { sessionKey: 'basket' })
    client('a1', { sessionKey: 'basket' })
    add('y')
    client('a2', { sessionKey: 'basket', sessionUse: 'move', tried: [x] })
    expect(happened()).toEqual(['a0 x', 'a2 y'])
    first.release()
    expect(happened()).toEqual([])
    pool.release(pool.get('y') as Upstream, true, clock.now())
    expect(happened()).toEqual(['a1 y'])
  })
})

describe('those who would wait for nothing', () => {
  it('are denied when the outlook changes', () => {
    clients('a0', 'b0')
    hopeless = new GatewayError('GW_NO_SUPPLY', 'nothing will come')
    queue.review()
    expect([happened(), queue.waitingCount, demand]).toEqual([['a0 GW_NO_SUPPLY', 'b0 GW_NO_SUPPLY'], 0, []])
  })

  it('are denied when the last upstream of their place goes', () => {
    const north = add('x', { area: 'north' })
    add('y', { area: 'south' })
    client('a0', { filter: inArea('north') })
    client('a1', { filter: inArea('north') })
    expect(happened()).toEqual(['a0 x'])
    pool.remove(north, 'expired')
    expect(happened()).toEqual(['a1 GW_NO_MATCH'])
  })

  it('hear which places are live', () => {
    const north = add('x', { area: 'north' })
    add('y', { area: 'south' })
    client('a0', { filter: inArea('north') })
    const messages: string[] = []
    const late = client('a1', { filter: inArea('north') })
    Object.assign(late, { denied: ({ message }: GatewayError) => void messages.push(message) })
    pool.remove(north, 'expired')
    expect(messages).toEqual(['no live address fits; area of live addresses: south'])
  })

  it('hear in time that nothing came', () => {
    client('a0')
    clock.advance(WAIT_MS)
    expect([happened(), queue.waitingCount, demand]).toEqual([['a0 GW_POOL_EMPTY'], 0, []])
  })
})

it('what one client throws as it is served, or denied, keeps no other from its turn', () => {
  build({ connections: 1 }, 10)
  add('x')
  const holder = client('holder')
  const bug = () => {
    throw new TypeError('a bug of this test')
  }
  Object.assign(client('a'), { granted: bug })
  client('b')
  Object.assign(client('c'), { denied: bug })
  client('d')
  happened()
  const before = internalErrors.count
  holder.release()
  expect([happened(), internalErrors.count - before]).toEqual([['a failed'], 1])
  pool.release(pool.get('x') as Upstream, true, clock.now())
  expect(happened()).toEqual(['b x'])
  clock.advance(WAIT_MS)
  expect([happened(), internalErrors.count - before]).toEqual([['c failed', 'd GW_POOL_EMPTY'], 2])
})

it('10,000 sessions that rotate at once with 5 addresses: each hears once, and the truth', () => {
  build({ connections: 0 }, 10)
  for (let n = 0; n < 5; n++) add(`u${n}`)
  const sessions = Array.from({ length: 10_000 }, (_, n) => `s${n}`)
  const first = sessions.map((sessionKey) => client(`a ${sessionKey}`, { sessionKey }))
  const moved = sessions.map((sessionKey, n) => {
    const had = first[n]?.lent
    return client(`b ${sessionKey}`, { sessionKey, sessionUse: 'move', tried: had === undefined ? [] : [had] })
  })
  // In another order: a rotation alone would not bring each its own.
  const own = sessions.toReversed().map((sessionKey) => client(`c ${sessionKey}`, { sessionKey }))
  own.reverse()
  const isTrue = sessions.map((_, n) => {
    const [before, after, now] = [first[n]?.lent, moved[n]?.lent, own[n]?.lent]
    return before !== undefined && after !== undefined && after !== before && now === after
  })
  expect([isTrue.every(Boolean), events.length, queue.waitingCount]).toEqual([true, 30_000, 0])
})

it('10,000 that rotate with one address: those without a place in the queue and those whose time is over hear why', () => {
  build({ connections: 0 }, 10)
  const only = add('u0')
  const sessions = Array.from({ length: 10_000 }, (_, n) => `s${n}`)
  for (const sessionKey of sessions) client(`a ${sessionKey}`, { sessionKey })
  events = []
  for (const sessionKey of sessions) client(`b ${sessionKey}`, { sessionKey, sessionUse: 'move', tried: [only] })
  clock.advance(WAIT_MS)
  const answers = Map.groupBy(events, (event) => event.split(' ')[2] ?? '')
  expect([answers.get('GW_QUEUE_FULL')?.length, answers.get('GW_POOL_EMPTY')?.length]).toEqual([9_990, 10])
  expect([events.length, queue.waitingCount]).toEqual([10_000, 0])
  events = []
  for (const sessionKey of sessions.slice(0, 3)) client(`c ${sessionKey}`, { sessionKey })
  expect(events).toEqual(['c s0 u0', 'c s1 u0', 'c s2 u0'])
})

it('a queue that is closed lends what is free, and lets nobody wait', () => {
  const x = add('x')
  client('a')
  client('b')
  const stopping = new GatewayError('GW_STOPPING', 'the gateway is stopping')
  queue.close(stopping)
  client('c')
  client('d', { lastError: new GatewayError('GW_UPSTREAM_REFUSED', 'tried before') })
  pool.release(x, true, clock.now())
  client('e')
  expect([happened(), queue.waitingCount]).toEqual([
    ['a x', 'b GW_STOPPING', 'c GW_STOPPING', 'd GW_UPSTREAM_REFUSED', 'e x'],
    0,
  ])
})

it('asks others for a session also where no client waits for an address (wait.timeout: 0)', () => {
  const supply = { asked: () => {}, queueChanged: () => {}, outlook: () => undefined }
  const sessionTable = new SessionTable(pool, { idle: 600_000, max: 20_000 }, clock, forgetfulStore())
  const find: SessionDirectory['find'] = (_key, found) => void clock.after(5, () => found('b'))
  queue = new LeaseQueue(pool, sessionTable, supply, { timeoutMs: 0, queue: 10 }, clock, { find })
  add('a')
  add('b')
  const elsewhere = client('elsewhere', { sessionKey: 's' })
  queue.apply(elsewhere)
  clock.advance(10)
  expect(elsewhere.lent?.id).toBe('b')
})

it('the time in which other processes are asked for a session is part of its wait', () => {
  const supply = { asked: () => {}, queueChanged: () => {}, outlook: () => undefined }
  const sessionTable = new SessionTable(pool, { idle: 600_000, max: 10 }, clock, forgetfulStore())
  // Another one chooses, and has found nothing.
  const find: SessionDirectory['find'] = (_key, found) => void clock.after(3_000, () => found(undefined))
  queue = new LeaseQueue(pool, sessionTable, supply, { timeoutMs: WAIT_MS, queue: 10 }, clock, { find })
  client('asked', { sessionKey: 's' })
  clock.advance(WAIT_MS - 1)
  expect(happened()).toEqual([])
  clock.advance(1)
  expect([happened(), queue.waitingCount]).toEqual([['asked GW_POOL_EMPTY'], 0])
})

it('nothing is kept of clients that have left after other processes were asked for their sessions', () => {
  const supply = { asked: () => {}, queueChanged: () => {}, outlook: () => undefined }
  const sessionTable = new SessionTable(pool, { idle: 600_000, max: 10 }, clock, forgetfulStore())
  const find: SessionDirectory['find'] = (_key, found) => found(undefined)
  queue = new LeaseQueue(pool, sessionTable, supply, { timeoutMs: WAIT_MS, queue: 10 }, clock, { find })
  for (let n = 0; n < 100; n++) queue.withdraw(client('gone', { sessionKey: `s${n}` }))
  queue.close(new GatewayError('GW_STOPPING', 'the gateway is stopping'))
  expect(clock.pendingTimers).toBe(0)
})
