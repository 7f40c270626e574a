import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createLog } from '../../../src/log/log.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import type { Change, Request } from '../../../src/store/sqlite/messages.ts'
import { openStore } from '../../../src/store/sqlite/store.ts'
import { describeAccountStore } from '../../support/describe-account-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'
import { inProcessThread } from '../../support/store/in-process-thread.ts'

describeAccountStore('memory', async (clock) => ({
  store: new LocalAccountStore(clock, forgetfulStore()),
  close: async () => {},
}))

describeAccountStore('SQLite', async (clock: FakeClock) => {
  const dir = mkdtempSync(join(tmpdir(), 'turnpike-account-store-'))
  const log = createLog({ level: 'silent', format: 'json' }, new LogCapture())
  const boot = { id: 'boot', sinceBootMs: () => clock.now() }
  const open = () => openStore(dir, { clock, log, boot, spawn: inProcessThread })
  let { store } = await open()
  const restart = async () => {
    await store.close()
    const next = await open()
    store = next.store
    return new LocalAccountStore(clock, store, next.restored)
  }
  return {
    store: new LocalAccountStore(clock, store),
    restart,
    successor: restart,
    close: async () => {
      await store.close()
      rmSync(dir, { recursive: true })
    },
  }
})

it('an order is one record on the disk before its call leaves, and its outcome another one', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'turnpike-account-store-'))
  const clock = new FakeClock({ now: 0 })
  const log = createLog({ level: 'silent', format: 'json' }, new LogCapture())
  const batches: (readonly Change['kind'][])[] = []
  const spawn = () => {
    const thread = inProcessThread()
    const post = thread.postMessage.bind(thread)
    thread.postMessage = (request: Request) => {
      if (request.kind === 'commit') batches.push(request.changes.map(({ kind }) => kind))
      post(request)
    }
    return thread
  }
  const boot = { id: 'boot', sinceBootMs: () => clock.now() }
  const { store } = await openStore(dir, { clock, log, boot, spawn })
  const accounts = new LocalAccountStore(clock, store)
  const [budget, channels] = [{ perHour: 10 }, { account: 'a', total: 6 }]
  const order = { window: { key: 'w', calls: 5, perMs: 1_000 }, provider: 'p', count: 2, budget, channels }
  const reserved = await accounts.reserve({ ...order, ceilings: [], isDurable: true })
  expect(batches).toEqual([['call-began']])
  if (reserved.kind === 'reserved') accounts.settle(reserved.id, { kind: 'sold', count: 2 })
  await clock.run(1_000)
  expect(batches).toEqual([['call-began'], ['call-ended']])
  await store.close()
  rmSync(dir, { recursive: true })
})
