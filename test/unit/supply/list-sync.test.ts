/** A list is a set: with a ceiling of 10 the pool grew to 10, 20, 30, and a line that was taken out was lent for ever. */
import { expect, it } from 'vitest'
import { createLog } from '../../../src/log/log.ts'
import { Pool } from '../../../src/pool/pool.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { Accounts } from '../../../src/supply/account.ts'
import { Provider } from '../../../src/supply/provider.ts'
import type { Life } from '../../../src/vendors/contract/delivery.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import type { Source } from '../../../src/vendors/contract/source.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'
import { account } from './supply-world.ts'

function setUp(ceiling?: number) {
  const clock = new FakeClock({ now: 0 })
  const lines: { ports: number[]; pending: number; life: Life; isAllowed: boolean } = {
    ...{ ports: [1, 2, 3, 4, 5], pending: 0, isAllowed: true },
    life: { kind: 'endless' },
  }
  const pool: Pool = new Pool(
    { minLife: 'auto', perUpstream: { connections: 0, uses: 0, hostRest: 0 } },
    { lendable: () => {}, rescheduled: () => {}, gone: (upstream, reason) => provider.left(upstream, reason) },
  )
  const none = () => Promise.reject(new Error('a list has no calls'))
  const source: Source = {
    vendor: 'static',
    product: 'list',
    account: 'list',
    maxPerCall: 1_000,
    isList: true,
    byChannel: false,
    channels: undefined,
    extractOperation: 'read',
    queryOperation: undefined,
    operations: {},
    limitOf: () => ({ key: 'list', calls: 1, perMs: 1_000, statedBy: 'list' }),
    extract: async (count) => {
      if (!lines.isAllowed) throw new VendorError('whitelist', '403', '198.51.100.7 may not call')
      return {
        sold: lines.ports
          .slice(0, count)
          .map((port) => ({ host: '192.0.2.1', port, protocol: 'http', life: lines.life })),
        pending: Array.from({ length: lines.pending }, (_, i) => ({ ref: `line-${i}` })),
        rejected: [],
        sentAt: clock.now(),
      }
    },
    whitelist: {
      isMissing: () => true,
      addressFromError: () => '198.51.100.7',
      add: async () => {
        lines.isAllowed = true
      },
    },
    follow: { everyMs: 20_000, pendingEveryMs: 3_000, ask: none },
    query: none,
    call: none,
  }
  const accounts = new Accounts(clock, new LocalAccountStore(clock, forgetfulStore()))
  const log = createLog({ level: 'silent', format: 'json' }, new LogCapture())
  const provider: Provider = new Provider(account('list', { ceiling, whitelist: 'auto' }), source, {
    clock,
    pool,
    accounts,
    log,
  })
  const read = async () => {
    clock.advance(60_000)
    await provider.loadList(new AbortController().signal, false)
    return [...pool.members()].map(({ facts }) => facts.port).toSorted((a, b) => a - b)
  }
  const nextInMs = () => provider.state.until - clock.now()
  return { lines, provider, read, nextInMs }
}

it('lends what the last reading lists, and nothing that it does not', async () => {
  const { lines, read } = setUp()
  expect(await read()).toEqual([1, 2, 3, 4, 5])
  lines.ports = [2, 4, 6]
  expect(await read()).toEqual([2, 4, 6])
  lines.ports = [1, 2, 4, 6]
  expect(await read()).toEqual([1, 2, 4, 6])
})

it('holds no more than the ceiling, however often it is read, and keeps what it holds', async () => {
  const { lines, read } = setUp(3)
  expect([await read(), await read()]).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ])
  lines.ports = [9, 5, 4, 3, 2]
  expect(await read()).toEqual([2, 3, 9])
})

it('is read again soon while lines are dialled, less often each time that they are not done, at last once a minute', async () => {
  const { lines, read, nextInMs } = setUp()
  Object.assign(lines, { ports: [], pending: 2 })
  const pauses: number[] = []
  for (let reading = 0; reading < 7; reading++) {
    await read()
    pauses.push(nextInMs())
  }
  expect(pauses).toEqual([3_000, 6_000, 12_000, 24_000, 48_000, 60_000, 60_000])
  Object.assign(lines, { ports: [1], pending: 1 })
  await read()
  expect(nextInMs()).toBe(3_000)
  lines.pending = 0
  await read()
  expect(nextInMs()).toBe(60_000)
})

it('is read again before all that it lists has ended, at most once a second', async () => {
  const { lines, read, nextInMs } = setUp()
  const pauses: number[] = []
  for (const ms of [40_000, 500, 600_000]) {
    lines.life = { kind: 'for', ms, isTerm: true }
    await read()
    pauses.push(nextInMs())
  }
  lines.ports = []
  await read()
  expect([...pauses, nextInMs()]).toEqual([20_000, 1_000, 60_000, 60_000])
})

it('is read again at once for clients that wait, when its vendor has let this machine in', async () => {
  const { lines, provider, read } = setUp()
  let hasNews = false
  provider.onNews = () => {
    hasNews = true
  }
  lines.isAllowed = false
  expect([await read(), hasNews, provider.state.kind]).toEqual([[], true, 'ready'])
  expect(await read()).toEqual([1, 2, 3, 4, 5])
})
