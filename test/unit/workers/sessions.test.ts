/** The directory of sessions in the control process, and two workers that ask it. */
import { expect, it } from 'vitest'
import type { Pool } from '../../../src/pool/pool.ts'
import { SessionSearch } from '../../../src/proxy/session-search.ts'
import { isSpent, SessionTable } from '../../../src/proxy/session-table.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import type { ToControl, ToWorker } from '../../../src/workers/messages.ts'
import { SessionsOfWorkers, WorkerSessions } from '../../../src/workers/sessions.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { facts, watchedPool } from '../pool/pool-fixture.ts'

const SETTINGS = { idle: 600_000, max: 100 }
const IDS = ['u1', 'u2', 'u3', 'u4']

function twoWorkers() {
  const clock = new FakeClock()
  const poolOfOne = () => {
    const { pool } = watchedPool()
    for (const id of IDS) pool.add(facts(id, { deadline: Number.POSITIVE_INFINITY }), 0)
    return pool
  }
  const deliver = (worker: number, message: ToWorker) => queueMicrotask(() => workers[worker]?.receive(message))
  const controlOf = (pool: Pool, isReading = false) =>
    new SessionsOfWorkers({
      ...{ clock, upstreamOf: (id) => pool.get(id), isReading: () => isReading, send: deliver },
      table: new SessionTable(pool, SETTINGS, clock, forgetfulStore()),
      sendAll: (message) => {
        for (const worker of workers.keys()) deliver(worker, message)
      },
    })
  let control = controlOf(poolOfOne())
  /** Another control process comes, which has not read the lists of its providers. */
  const restart = () => {
    control = controlOf(watchedPool().pool, true)
  }
  const workerOf = (index: number) => {
    const own = poolOfOne()
    let [isConnected, hasJoined] = [true, false]
    const send = (message: ToControl) => {
      if (!isConnected) return false
      if (message.kind === 'find') control.find(index, message.question, message.key)
      if (message.kind === 'session') control.bound(index, message.key, message.id)
      return true
    }
    const sessions = new WorkerSessions(clock, send, () => true)
    const ownTable = new SessionTable(own, SETTINGS, clock, sessions)
    const search = new SessionSearch(ownTable, sessions)
    return {
      receive(message: ToWorker) {
        if (message.kind === 'found') sessions.answer(message.question, message.id, message.left)
        // Before, the messages between workers do not come at all.
        if (message.kind === 'session' && sessions.isCurrent(message.key, message.id) && hasJoined)
          ownTable.learn(message.key, message.id)
      },
      /** The control process has ended. */
      lose() {
        isConnected = false
        sessions.disconnected()
      },
      /** Another control process has come. */
      join() {
        isConnected = hasJoined = true
        const places = Array.from(ownTable.list(), ({ key, upstream: { id } }) => [key, id] as const)
        control.known(index, places, sessions.takeUntold())
        sessions.connected()
      },
      async move(id: string) {
        await this.find()
        const upstream = own.get(id)
        if (upstream !== undefined) ownTable.bind('basket', upstream)
      },
      /** @param uses after so many the session leaves its upstream */
      async find(uses = 0) {
        await new Promise<void>((found) => search.lookUp('basket', found, uses))
        const { upstream, left = [] } = ownTable.find('basket') ?? {}
        return [upstream?.id, left.map(({ id }) => id)]
      },
      /** A connection of the session, which leaves its upstream after one. @param next where it goes then */
      connect(next: string, served: (id: string) => void) {
        const serve = () => {
          const session = ownTable.find('basket')
          const upstream = session !== undefined && !isSpent(session, 1) ? session.upstream : own.get(next)
          if (upstream === undefined) return
          if (session?.upstream !== upstream) ownTable.bind('basket', upstream)
          this.use()
          served(upstream.id)
        }
        search.lookUp('basket', serve, 1)
      },
      use() {
        const session = ownTable.find('basket')
        if (session !== undefined) session.uses++
      },
    }
  }
  const workers = [workerOf(0), workerOf(1)] as const
  return Object.assign(workers, { restart })
}

it('a worker that meets a session late knows which upstreams it has had', async () => {
  const [first, second] = twoWorkers()
  for (const id of ['u1', 'u2', 'u3']) await first.move(id)
  expect(await second.find()).toEqual(['u3', ['u1', 'u2']])
})

it('a worker asks before it moves a session that has had its uses: another one may have done so', async () => {
  // The messages between workers come late here: they do not come at all.
  const [first, second] = twoWorkers()
  await first.move('u1')
  expect(await second.find()).toEqual(['u1', []])
  for (let n = 0; n < 2; n++) second.use()
  await first.move('u2')
  expect(await second.find(3)).toEqual(['u1', []])
  second.use()
  expect(await second.find(3)).toEqual(['u2', ['u1']])
  // No worker has moved it from u2: the one that asks may move it.
  for (let n = 0; n < 3; n++) second.use()
  expect(await second.find(3)).toEqual(['u2', ['u1']])
})

it.each([
  ['before it', [0, 1], () => {}],
  ['after it', [1, 0], () => {}],
  ['before it, where lists are read later', [0, 1], (workers) => workers.restart()],
  ['after it, where lists are read later', [1, 0], (workers) => workers.restart()],
] satisfies [string, (0 | 1)[], (workers: ReturnType<typeof twoWorkers>) => void][])(
  'what a worker moved without a control process holds for one that comes %s',
  async (_when, order, come) => {
    const workers = twoWorkers()
    const [mover, other] = workers
    await mover.move('u1')
    expect(await other.find()).toEqual(['u1', []])
    for (const worker of workers) worker.lose()
    await mover.move('u2')
    come(workers)
    for (const index of order) workers[index].join()
    expect([(await mover.find())[0], (await other.find())[0]]).toEqual(['u2', 'u2'])
  },
)

it.each([
  ['', () => {}],
  [', which has not read its lists', (workers) => workers.restart()],
] satisfies [string, (workers: ReturnType<typeof twoWorkers>) => void][])(
  'a worker that meets a session without a control process asks the next one%s',
  async (_when, come) => {
    const workers = twoWorkers()
    const [first, second] = workers
    await first.move('u1')
    for (const worker of workers) worker.lose()
    come(workers)
    const found = second.find()
    for (const worker of workers) worker.join()
    expect(await found).toEqual(['u1', []])
  },
)

it('a session that two workers move at the same moment has one upstream in both', async () => {
  const workers = twoWorkers()
  const [first, second] = workers
  await first.move('u1')
  await second.find()
  for (const worker of workers) worker.join()
  await Promise.all([first.move('u2'), second.move('u3')])
  expect([(await first.find())[0], (await second.find())[0]]).toEqual(['u3', 'u3'])
})

it('connections of a session that leaves each upstream after one have different upstreams, also when they come together', async () => {
  const [first] = twoWorkers()
  first.join()
  const served: string[] = []
  const connect = async (ids: readonly string[]) => {
    for (const id of ids) first.connect(id, (upstream) => void served.push(upstream))
    await new Promise((done) => void setImmediate(done))
  }
  await connect(['u1'])
  await connect(['u2', 'u3'])
  await connect(['u4'])
  expect(served).toEqual(IDS)
})

function controlWith(place: string, isReading: boolean) {
  const clock = new FakeClock()
  const { pool } = watchedPool()
  const add = (id: string) => pool.add(facts(id, { deadline: Number.POSITIVE_INFINITY }), 0)
  const table = new SessionTable(pool, SETTINGS, clock, forgetfulStore())
  const sent: [to: number | 'all', id: string | undefined][] = []
  const note = (to: number | 'all', message: ToWorker) =>
    void ((message.kind === 'found' || message.kind === 'session') && sent.push([to, message.id]))
  const sessions = new SessionsOfWorkers({
    ...{ clock, table, upstreamOf: (id) => pool.get(id), isReading: () => isReading, send: note },
    sendAll: (message) => note('all', message),
  })
  if (isReading) add(place)
  table.restore([{ key: 'basket', upstreamId: place, idleMs: 0 }])
  return { sessions, add, sent }
}

it('of two workers that ask for a session whose address has ended before the start, one chooses', () => {
  const { sessions, add, sent } = controlWith('ended', false)
  for (const worker of [0, 1]) sessions.find(worker, 1, 'basket')
  expect(sent).toEqual([[0, undefined]])
  add('u1')
  sessions.bound(0, 'basket', 'u1')
  expect(sent.slice(1)).toEqual([
    ['all', 'u1'],
    [1, 'u1'],
  ])
})

it('a session that a worker moved from a bought address to one of a list, which is read later, stays there', () => {
  const { sessions, add, sent } = controlWith('bought', true)
  sessions.known(0, [['basket', 'listed']], [['basket', 'listed']])
  sessions.known(1, [['basket', 'bought']], [])
  add('listed')
  sessions.find(2, 1, 'basket')
  expect(sent).toEqual([
    ['all', 'listed'],
    [1, 'listed'],
    [2, 'listed'],
  ])
})
