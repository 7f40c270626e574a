import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '../../../src/log.ts'
import { LocalAccountStore } from '../../../src/store/local-account-store.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { openStore } from '../../../src/store/sqlite/store.ts'
import { describeAccountStore } from '../../support/describe-account-store.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
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
