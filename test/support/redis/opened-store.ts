import type { RedisAccountStore } from '../../../src/store/redis/redis-account-store.ts'
import type { OpenedStore } from '../describe-account-store.ts'

/** @param open an account store of a host, all on the same server */
export function openedOnRedis(open: () => RedisAccountStore): OpenedStore {
  const store = open()
  const stores = [store]
  return {
    store,
    successor: async () => {
      const next = open()
      stores.push(next)
      // A host is told of the accounts that it has asked about.
      next.view.pendingLines('a')
      await next.refresh()
      return next
    },
    flush: async () => {
      await Promise.all(stores.map((each) => each.flush(AbortSignal.timeout(5_000))))
    },
    close: async () => {
      for (const each of stores) each.close()
    },
  }
}
