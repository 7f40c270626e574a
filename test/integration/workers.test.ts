/** `workers: 2` with real processes: limits of addresses hold over all of them, and what dies takes nothing of the others along. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import { SystemClock } from '../../src/clock.ts'
import { closeClients } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { eventually } from '../support/gateway.ts'
import { startKillable } from '../support/killable-gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { SimulatedJuliangip } from '../support/vendors/juliangip.ts'
import { processesOf } from '../support/worker-processes.ts'
import {
  inSession,
  killWorker,
  patiently,
  TEST_MS,
  TOKEN,
  tunnel,
  tunnels,
  upstreamOf,
  workersWorld,
} from '../support/workers-world.ts'

const UPSTREAMS = 12
const TRADE = { trade_no: '1000000000000001', key: 'an-invented-trade-key' }
const here = workersWorld(UPSTREAMS, '5s')

it('shares out the clients of one port, and reports the sum', { timeout: TEST_MS }, async () => {
  const admin = await freePort()
  const gateway = await startKillable(here.folder, here.configOf({ admin: { port: admin, token: TOKEN } }))
  const ask = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${admin}${path}`, { headers: { Authorization: `Bearer ${TOKEN}` } })
    return answer.text()
  }
  const open = await tunnels(gateway.port, 40)
  expect(open.map(({ status }) => status)).toEqual(open.map(() => 200))
  await expect.poll(() => ask('/metrics'), patiently).toContain('turnpike_tunnels 40\n')
  const leases = async () => /^turnpike_pool_leases.* (\d+)$/m.exec(await ask('/metrics'))?.[1]
  await expect.poll(leases, patiently).toBe('40')
  // An address that both workers use is one address.
  expect(await ask('/metrics')).toMatch(new RegExp(`^turnpike_provider_addresses_used_total\\S* ${UPSTREAMS}$`, 'm'))
  for (const { socket } of open.slice(10)) socket.destroy()
  await expect.poll(() => ask('/metrics'), patiently).toMatch(/^turnpike_tunnels 10$/m)
  const connections = async () => JSON.parse(await ask('/v1/connections?limit=100'))
  await expect.poll(connections, patiently).toMatchObject({ open: 10, closed: 30, matched: 40 })
  expect(await ask('/metrics')).toContain('turnpike_opened_total 40\n')
  expect(processesOf(gateway).workers.length).toBe(2)
})

it('keeps a limit of connections over all processes, while upstreams move between them', {
  timeout: TEST_MS,
}, async () => {
  const gateway = await startKillable(here.folder, here.configOf({ pool: { perUpstream: { connections: 1 } } }))
  let most = 0
  const client = async () => {
    for (let n = 0; n < 12; n++) {
      const opened = await tunnel(gateway.port)
      expect(opened.status).toBe(200)
      most = Math.max(most, ...here.world.upstreams.map(({ tunnelsOpen }) => tunnelsOpen))
      await expectEcho(opened, 'ping')
      opened.socket.destroy()
    }
  }
  // More clients than upstreams: each of them is in use nearly always.
  await Promise.all(Array.from({ length: UPSTREAMS + 8 }, client))
  // The gateway may open the next tunnel before an upstream has noticed the end of the one before.
  const held = await tunnels(gateway.port, UPSTREAMS)
  expect(new Set(held.map(upstreamOf)).size).toBe(UPSTREAMS)
  const open = () => here.world.upstreams.map(({ tunnelsOpen }) => tunnelsOpen)
  await eventually(open).toEqual(here.world.upstreams.map(() => 1))
  expect(most).toBeLessThanOrEqual(2)
  await expect(tunnel(gateway.port)).resolves.toMatchObject({ status: 503 })
})

it('keeps a session on its upstream, whichever process its clients come to', { timeout: TEST_MS }, async () => {
  for (const perUpstream of [{}, { connections: 2 }]) {
    const gateway = await startKillable(here.folder, here.configOf({ pool: { perUpstream } }))
    const sessions = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        const used = new Set<string | undefined>()
        for (let n = 0; n < 12; n++) {
          const [one, other] = await Promise.all([
            tunnel(gateway.port, inSession(name)),
            tunnel(gateway.port, inSession(name)),
          ])
          used.add(upstreamOf(one)).add(upstreamOf(other))
          one.socket.destroy()
          other.socket.destroy()
        }
        return used
      }),
    )
    expect(sessions.map(({ size }) => size)).toEqual([1, 1, 1])
    await gateway.kill()
  }
})

it('loses the tunnels of a worker that is killed, and no others; another one is started', {
  timeout: TEST_MS,
}, async () => {
  const config = here.configOf({ pool: { perUpstream: { connections: 4 } } })
  const gateway = await startKillable(here.folder, config)
  const open = await tunnels(gateway.port, 24)
  const [, survivor] = processesOf(gateway).workers
  const replaced = killWorker(gateway)
  const alive = async () => {
    const echoes = await Promise.allSettled(open.map((one) => expectEcho(one, 'ping')))
    return echoes.filter(({ status }) => status === 'fulfilled').length
  }
  const left = await alive()
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThan(24)
  await replaced
  expect(processesOf(gateway).workers).toContain(survivor)
  // All that the dead one held is lent again, and no more than the limit.
  const more = await tunnels(gateway.port, 4 * UPSTREAMS - left)
  expect(more.map(({ status }) => status)).toEqual(more.map(() => 200))
  await expect(tunnel(gateway.port)).resolves.toMatchObject({ status: 503 })
  expect(await alive()).toBe(left)
})

it('replaces a worker that hangs', { timeout: TEST_MS }, async () => {
  const gateway = await startKillable(here.folder, here.configOf({ pool: { perUpstream: { connections: 1 } } }))
  const open = await tunnels(gateway.port, UPSTREAMS)
  expect(open.map(({ status }) => status)).toEqual(open.map(() => 200))
  const [hanging = 0, other = 0] = processesOf(gateway).workers
  process.kill(hanging, 'SIGSTOP')
  const others = () => processesOf(gateway).workers.filter((pid) => pid !== hanging)
  await expect.poll(() => others().length, patiently).toBe(2)
  expect(others()).toContain(other)
  expect(gateway.log.text).toContain('a worker does not answer: its process is ended')
  await closeClients()
  // All upstreams are lent again: those of the worker that was ended have other owners.
  const again = await tunnels(gateway.port, UPSTREAMS)
  expect(again.map(({ status }) => status)).toEqual(again.map(() => 200))
  expect(new Set(again.map(upstreamOf)).size).toBe(UPSTREAMS)
})

it('starts workers anew until they can open a port that another program had taken', { timeout: TEST_MS }, async () => {
  const gateway = await startKillable(here.folder, here.configOf())
  const intruder = createServer()
  const isTaken = async () => {
    for (const worker of processesOf(gateway).workers) process.kill(worker, 'SIGKILL')
    intruder.listen(gateway.port, '127.0.0.1')
    return once(intruder, 'listening').then(
      () => true,
      () => false,
    )
  }
  await expect.poll(isTaken, patiently).toBe(true)
  const refusals = () =>
    gateway.log.records().filter(({ msg }) => String(msg).startsWith('a worker cannot open its ports'))
  await expect.poll(() => refusals().length, patiently).toBeGreaterThan(2)
  intruder.close()
  const status = () =>
    tunnel(gateway.port).then(
      (opened) => opened.status,
      () => 0,
    )
  await expect.poll(status, patiently).toBe(200)
})

it('serves on when the control process is killed, and another one finds the workers', {
  timeout: TEST_MS,
}, async () => {
  const admin = await freePort()
  const config = here.configOf({ admin: { port: admin, token: TOKEN }, pool: { perUpstream: { connections: 1 } } })
  const gateway = await startKillable(here.folder, config)
  const open = await tunnels(gateway.port, UPSTREAMS - 2)
  const session = await tunnel(gateway.port, inSession('basket'))
  session.socket.destroy()
  const { control, workers } = processesOf(gateway)
  process.kill(control, 'SIGKILL')
  for (const one of open) await expectEcho(one, 'ping')
  const served = await tunnel(gateway.port)
  expect(served.status).toBe(200)
  served.socket.destroy()
  await expect.poll(() => processesOf(gateway).control, patiently).not.toBe(control)
  const metrics = async () => {
    const answer = await fetch(`http://127.0.0.1:${admin}/metrics`, { headers: { Authorization: `Bearer ${TOKEN}` } })
    return answer.text()
  }
  await expect.poll(() => metrics().catch(() => ''), patiently).toMatch(/^turnpike_pool_leases.* 10$/m)
  expect(processesOf(gateway).workers).toEqual(workers)
  const again = await tunnel(gateway.port, inSession('basket'))
  expect(upstreamOf(again)).toBe(upstreamOf(session))
  expect((await tunnel(gateway.port)).status).toBe(200)
  await expect(tunnel(gateway.port)).resolves.toMatchObject({ status: 503 })
  for (const one of open) await expectEcho(one, 'ping')
})

it('spends each use once, even when workers and the control process are killed', { timeout: TEST_MS }, async () => {
  const clock = new SystemClock()
  let sold = 0
  const supplyAddress = () => {
    const { host = '', port = 0 } = here.world.upstreams[sold++] ?? { host: '127.0.0.99', port: 9 }
    return { host, port }
  }
  const account = { tradeNo: TRADE.trade_no, key: TRADE.key }
  const vendor = await new SimulatedJuliangip({ clock, ...account, supplyAddress, lifeMs: () => 300_000 }).start()
  try {
    const provider = { name: 'paid', vendor: 'juliangip', product: 'dynamic', credentials: TRADE, baseUrl: vendor.url }
    const gateway = await startKillable(here.folder, {
      ...here.configOf({
        state: { path: './state' },
        pool: { floor: UPSTREAMS, ceiling: UPSTREAMS, perUpstream: { uses: 1 } },
      }),
      providers: [{ ...provider, allowPrivate: true, budget: { total: UPSTREAMS } }],
    })
    const uses = () => here.world.upstreams.map(({ tunnelsOpened }) => tunnelsOpened)
    const open = async (count: number) => {
      const opened = await Promise.allSettled(Array.from({ length: count }, () => tunnel(gateway.port)))
      expect(Math.max(...uses())).toBeLessThanOrEqual(1)
      return opened.filter((one) => one.status === 'fulfilled' && one.value.status === 200).length
    }
    expect(await open(4)).toBe(4)
    const first = processesOf(gateway)
    const during = open(4)
    await Promise.all([during, killWorker(gateway)])
    process.kill(first.control, 'SIGKILL')
    await open(2)
    await expect.poll(() => processesOf(gateway).control, patiently).not.toBe(first.control)
    // How many are left is not certain: what no living worker owned by then counts as used up (ADR 0018).
    await open(UPSTREAMS)
    await open(UPSTREAMS)
  } finally {
    await vendor.close()
    clock.close()
  }
})

it('takes up another configuration in all processes, or in none', { timeout: TEST_MS }, async () => {
  const gateway = await startKillable(here.folder, here.configOf())
  await tunnels(gateway.port, UPSTREAMS)
  const second = await freePort()
  const write = (more: object) => writeFileSync(join(here.folder, 'gateway.yaml'), stringify(here.configOf(more)))
  const reloaded = (count: number) =>
    expect
      .poll(() => gateway.log.records().filter(({ msg }) => String(msg).includes('reloaded')).length, patiently)
      .toBe(count)
  write({ listen: [{ port: 0 }, { port: second }], pool: { perUpstream: { connections: 1 } } })
  gateway.process.kill('SIGHUP')
  await reloaded(1)
  // Those that are open count: of the others each has one more at most.
  const before = here.world.upstreams.map(({ tunnelsOpen }) => tunnelsOpen)
  await tunnels(second, UPSTREAMS)
  expect(here.world.upstreams.map(({ tunnelsOpen }) => tunnelsOpen)).toEqual(before.map((count) => Math.max(1, count)))
  await closeClients()
  const opened = await tunnels(second, UPSTREAMS)
  expect(new Set(opened.map(upstreamOf)).size).toBe(UPSTREAMS)
  write({ listen: [{ port: 0 }, { port: second }, { port: here.world.echo.port }] })
  gateway.process.kill('SIGHUP')
  await reloaded(2)
  expect(gateway.log.text).toContain('not reloaded')
  for (const one of opened) await expectEcho(one, 'ping')
  await expect(tunnel(gateway.port)).resolves.toMatchObject({ status: 503 })
})

it('keeps ports that the system chose, and moves a port to another address', { timeout: TEST_MS }, async () => {
  const own = { admin: { host: '127.0.0.1', port: await freePort(), token: TOKEN } }
  const [narrow, wide] = [{ port: await freePort() }, { host: '0.0.0.0', allow: ['127.0.0.0/8'] }]
  const listen = [{ port: 0 }, { port: 0, name: 'second' }, narrow]
  const gateway = await startKillable(here.folder, here.configOf({ ...own, listen }))
  const portsAfter = async (change: object) => {
    writeFileSync(join(here.folder, 'gateway.yaml'), stringify(here.configOf({ ...own, ...change })))
    const reloads = () => gateway.log.records().filter(({ trigger }) => trigger !== undefined).length
    const before = reloads()
    gateway.process.kill('SIGHUP')
    await expect.poll(reloads, patiently).toBe(before + 1)
    const place = `http://127.0.0.1:${own.admin.port}/v1/gateway`
    const { listeners } = (await (await fetch(place)).json()) as { listeners: { host: string; port: number }[] }
    return listeners.map(({ host, port }) => `${host}:${port}`)
  }
  const [first, second, third] = await portsAfter({ listen, wait: { timeout: '9s' } })
  expect(first).not.toBe(second)
  expect(third).toBe(`127.0.0.1:${narrow.port}`)
  expect((await tunnel(Number(second?.split(':')[1]))).status).toBe(200)
  const moved = await portsAfter({ listen: [...listen.slice(0, 2), { ...narrow, ...wide }] })
  expect(moved).toEqual([first, second, `0.0.0.0:${narrow.port}`])
  expect((await tunnel(narrow.port)).status).toBe(200)
})

it('lets open tunnels finish when it stops, and leaves no process behind', { timeout: TEST_MS }, async () => {
  const gateway = await startKillable(here.folder, here.configOf({ stop: { drain: '60s' } }))
  const open = await tunnels(gateway.port, 6)
  const { control, workers } = processesOf(gateway)
  gateway.process.kill('SIGTERM')
  const late = async () => (await tunnel(gateway.port)).socket.destroy()
  await expect
    .poll(
      () =>
        late().then(
          () => 'served',
          () => 'refused',
        ),
      patiently,
    )
    .toBe('refused')
  for (const one of open) {
    await expectEcho(one, 'ping')
    one.socket.destroy()
  }
  expect(await gateway.ended).toBe(0)
  for (const pid of [control, ...workers]) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
})

it('ends all its processes when the first one is killed', { timeout: TEST_MS }, async () => {
  const gateway = await startKillable(here.folder, here.configOf({ stop: { drain: '0' } }))
  const { control, workers } = processesOf(gateway)
  await gateway.kill()
  const alive = () =>
    [control, ...workers].filter((pid) => {
      try {
        return process.kill(pid, 0)
      } catch {
        return false
      }
    })
  await expect.poll(alive, patiently).toEqual([])
})
