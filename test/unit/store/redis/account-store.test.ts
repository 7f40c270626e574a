import { RedisAccountStore } from '../../../../src/store/redis/redis-account-store.ts'
import { describeAccountStore } from '../../../support/describe-account-store.ts'
import { LuaRedis } from '../../../support/redis/lua-redis.ts'
import { openedOnRedis } from '../../../support/redis/opened-store.ts'

describeAccountStore('Redis scripts', async (clock) => {
  const redis = new LuaRedis(() => clock.now())
  redis.settleIn()
  redis.lead('t')
  return openedOnRedis(
    () =>
      new RedisAccountStore({
        host: 'h',
        clock,
        runner: redis,
        token: () => 't',
        leaveMs: 1_000_000_000,
        settleMs: 1_000_000_000,
      }),
  )
})
