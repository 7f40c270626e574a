import { it, type TestContext } from 'vitest'
import { ClusterHost } from '../support/cluster/host.ts'
import { hold, Referee, type RefereeLimits, visit } from '../support/cluster/referee.ts'
import { type RedisServer, startRedis } from '../support/redis/redis-server.ts'

/** Hooks of one test run in reverse order: the tests of this file run side by side, because most of each is waiting. */
type OnFinished = TestContext['onTestFinished']

async function world(onFinished: OnFinished, hosts: number, limits: Partial<RefereeLimits> = {}) {
  const redis = await startRedis()
  onFinished(() => redis.close())
  const referee = await new Referee({ calls: 2, perMs: 1_000, lifeSeconds: 60, ...limits }).open()
  onFinished(() => referee.close())
  return { redis, referee, hosts: await startHosts(onFinished, hosts, redis, referee) }
}

async function startHosts(
  onFinished: OnFinished,
  count: number,
  redis: RedisServer,
  referee: Referee,
): Promise<ClusterHost[]> {
  const hosts = Array.from({ length: count }, () => new ClusterHost(redis.url, referee))
  for (const host of hosts) onFinished(() => host.kill())
  await Promise.all(hosts.map((host) => host.ready()))
  return hosts
}

/** @returns what came of it, as soon as the gateway serves at all */
async function served(host: ClusterHost, referee: Referee, session?: string): Promise<number> {
  for (;;) {
    const port = await visit(host.port, referee.targetPort, session)
    if (port !== undefined) return port
  }
}

it.concurrent('lends on every host what one of them bought, keeps the window, and gives a session the same address everywhere', async ({
  expect,
  onTestFinished,
}) => {
  const { redis, referee, hosts } = await world(onTestFinished, 3)
  const [first, second, third] = hosts as [ClusterHost, ClusterHost, ClusterHost]
  await served(first, referee)
  for (const host of hosts) for (let i = 0; i < 4; i++) await served(host, referee)
  const sold = referee.sold
  expect(hosts.filter((host) => host.says('this host buys for the cluster'))).toHaveLength(1)
  const seen = new Set<number>()
  for (let i = 0; i < 6; i++) {
    seen.add(await served(first, referee, 'basket'))
    seen.add(await served(second, referee, 'basket'))
    seen.add(await served(third, referee, 'basket'))
  }
  // Another gateway of the machine on the same port.
  const beside = new ClusterHost(redis.url, referee, { listen: [{ port: first.port, shared: true }] })
  onTestFinished(() => beside.kill())
  await beside.ready()
  for (let i = 0; i < 20; i++) seen.add(await served(beside, referee, 'basket'))
  await first.kill()
  seen.add(await served(beside, referee, 'basket'))
  expect([...seen]).toHaveLength(1)
  expect(sold).toBeLessThanOrEqual(10)
  expect(referee.breaches).toEqual([])
})

it.concurrent('uses each address as often as it may be over all hosts, and by one client at a time', async ({
  expect,
  onTestFinished,
}) => {
  const { referee, hosts } = await world(onTestFinished, 3, { uses: 3, connections: 1 })
  await served(hosts[0] as ClusterHost, referee)
  const clients = hosts.flatMap((host) => [host, host])
  const visits = clients.map(async (host) => {
    for (let i = 0; i < 6; i++) await served(host, referee)
  })
  await Promise.all(visits)
  expect(referee.breaches).toEqual([])
  // 37 tunnels at 3 uses: what was bought is used.
  expect(referee.sold).toBeLessThan(30)
})

it.concurrent('gives a session its address on another host although it has limits', async ({
  expect,
  onTestFinished,
}) => {
  const { referee, hosts } = await world(onTestFinished, 2, { connections: 1 })
  const [first, second] = hosts as [ClusterHost, ClusterHost]
  const port = await served(first, referee, 'basket')
  expect(await served(second, referee, 'basket')).toBe(port)
  expect(await served(first, referee, 'basket')).toBe(port)
  expect(referee.breaches).toEqual([])
})

it.concurrent('plans on another host when the planner dies, and refuses one that was stopped meanwhile', async ({
  expect,
  onTestFinished,
}) => {
  const { referee, hosts } = await world(onTestFinished, 2)
  await served(hosts[0] as ClusterHost, referee)
  const planner = hosts.find((host) => host.says('this host buys for the cluster')) as ClusterHost
  const other = hosts.find((host) => host !== planner) as ClusterHost
  planner.signal('SIGSTOP')
  await expect.poll(() => other.says('this host buys for the cluster'), { timeout: 30_000 }).toBe(true)
  await served(other, referee)
  planner.signal('SIGCONT')
  await expect.poll(() => planner.says('another host buys for the cluster'), { timeout: 30_000 }).toBe(true)
  await served(planner, referee)
  expect(referee.breaches).toEqual([])
})

it.concurrent('while Redis does not answer: lends what it holds, buys nothing, logs the reason; buys again afterwards', async ({
  expect,
  onTestFinished,
}) => {
  const { redis, referee, hosts } = await world(onTestFinished, 2)
  for (const host of hosts) await served(host, referee)
  redis.signal('SIGSTOP')
  for (const host of hosts)
    await expect.poll(() => host.says('the store of the cluster does not answer'), { timeout: 30_000 }).toBe(true)
  const { sold } = referee
  for (const host of hosts) for (let i = 0; i < 5; i++) expect(await visit(host.port, referee.targetPort)).toBeDefined()
  expect(referee.sold).toBe(sold)
  redis.signal('SIGCONT')
  for (const host of hosts)
    await expect.poll(() => host.says('the store of the cluster answers again'), { timeout: 30_000 }).toBe(true)
  expect(referee.breaches).toEqual([])
})

it.concurrent('goes on as the same host in a process that takes over: lease, addresses, open tunnels', async ({
  expect,
  onTestFinished,
}) => {
  const { redis, referee, hosts } = await world(onTestFinished, 2, { connections: 1, uses: 6 })
  const [old, other] = hosts as [ClusterHost, ClusterHost]
  await served(old, referee)
  await served(other, referee)
  const planner = hosts.find((host) => host.says('this host buys for the cluster')) as ClusterHost
  const follower = planner === old ? other : old
  const held = await hold(planner.port, referee.targetPort)
  onTestFinished(() => void held.destroy())
  const heir = new ClusterHost(redis.url, referee, {}, planner)
  onTestFinished(() => heir.kill())
  await heir.ready()
  expect(heir.port).toBe(planner.port)
  for (let i = 0; i < 8; i++) await Promise.all([served(heir, referee), served(follower, referee)])
  // The lease has not been anybody else's, and no address was bought for one that was lost.
  expect(follower.says('this host buys for the cluster')).toBe(false)
  expect(heir.says('this host buys for the cluster')).toBe(true)
  expect(referee.sold).toBeLessThan(12)
  held.destroy()
  expect(await planner.ended()).toBe(0)
  for (let i = 0; i < 4; i++) await served(heir, referee)
  expect(referee.breaches).toEqual([])
})
