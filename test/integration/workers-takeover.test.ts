/** `turnpike start --takeover` with several workers, before and after: clients come all the time, against a vendor that keeps a referee's book. */
import { expect, it } from 'vitest'
import { closeClients } from '../support/client.ts'
import { header } from '../support/http-wire.ts'
import type { KillableGateway } from '../support/killable-gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { connectTo, hanging, load, patiently, TEST_MS, takeoverWorld } from '../support/takeover-world.ts'
import { launchedBy, processesOf } from '../support/worker-processes.ts'

const here = takeoverWorld()
/** For a gateway that is to refuse. */
const impatient = { wait: { timeout: '1s' } }
const upstreamOf = ({ headers }: Awaited<ReturnType<typeof connectTo>>) => header(headers, 'x-turnpike-upstream')

it('refuses no client and keeps sessions and tunnels, whatever the number of workers becomes', {
  timeout: TEST_MS,
}, async () => {
  const configOf = (workers: number) => here.configOf({ floor: 4, ceiling: 8 }, { workers })
  let gateway = await here.start(configOf(2))
  const { port } = gateway
  const headers = [['X-Turnpike-Session', 'basket'] as const]
  const clients = load(port, 6)
  const first = upstreamOf(await connectTo(port, { headers }))
  const held: Awaited<ReturnType<typeof connectTo>>[] = []
  const former: KillableGateway[] = []
  for (const workers of [2, 3, 1, 2]) {
    held.push(...(await Promise.all(Array.from({ length: 8 }, () => connectTo(port)))))
    former.push(gateway)
    gateway = await here.startAnew(configOf(workers))
    expect(gateway.port).toBe(port)
    if (workers > 1) expect(processesOf(gateway, launchedBy(gateway)).workers.length).toBe(workers)
    expect(upstreamOf(await connectTo(port, { headers }))).toBe(first)
    const before = clients.opened()
    await expect.poll(clients.opened, patiently).toBeGreaterThan(before + 40)
  }
  expect((await clients.stop()).failures).toEqual([])
  for (const one of held) await expectEcho(one, 'through the process that opened it')
  await closeClients()
  expect(await Promise.all(former.map(({ ended }) => ended))).toEqual([0, 0, 0, 0])
  gateway.process.kill('SIGTERM')
  expect(await gateway.ended).toBe(0)
  expect(here.vendor.sales.length).toBeLessThanOrEqual(8)
  expect(here.vendor.violations).toEqual([])
})

it('counts what is open in the old processes in the limits of addresses', { timeout: TEST_MS }, async () => {
  const pool = { floor: 1, ceiling: 1, perUpstream: { connections: 2 } }
  const old = await here.start(here.configOf(pool, { workers: 2 }))
  const held = [await connectTo(old.port), await connectTo(old.port)]
  const { port } = await here.startAnew(here.configOf(pool, { workers: 2, ...impatient }))
  const next = async () => {
    const { status, socket } = await connectTo(port)
    if (status !== 200) socket.destroy()
    return status
  }
  expect(await Promise.all([next(), next(), next()])).toEqual([503, 503, 503])
  held[0]?.socket.destroy()
  await expect.poll(next, patiently).toBe(200)
  expect(await next()).toBe(503)
  if (held[1] !== undefined) await expectEcho(held[1], 'still here')
  held[1]?.socket.destroy()
  await expect.poll(next, patiently).toBe(200)
  await closeClients()
  expect(await old.ended).toBe(0)
  expect(here.vendor.sales.length).toBe(1)
})

it('hands over what only the owner of an address knows', { timeout: TEST_MS }, async () => {
  const pool = { floor: 1, ceiling: 1, perUpstream: { hostRest: '1h' } }
  const old = await here.start(here.configOf(pool, { workers: 2 }))
  expect((await connectTo(old.port)).status).toBe(200)
  await closeClients()
  const { port } = await here.startAnew(here.configOf(pool, { workers: 2, ...impatient }))
  expect((await connectTo(port)).status).toBe(503)
})

it('goes on when the process that was to take over fails or hangs', { timeout: TEST_MS }, async () => {
  const config = here.configOf({ floor: 2, ceiling: 4, perUpstream: { connections: 8 } }, { workers: 2 })
  const gateway = await here.start(config)
  const { control, workers } = processesOf(gateway)
  const held = await Promise.all(Array.from({ length: 6 }, () => connectTo(gateway.port)))
  const clients = load(gateway.port, 4)
  const taken = { listen: [{ port: 0 }, { port: here.world.site.port }] }
  await expect(here.startAnew({ ...config, ...taken })).rejects.toThrow('is in use')
  await expect(here.startAnew(config, hanging('[]'))).rejects.toThrow('did not serve within 15 s and was ended')
  const before = clients.opened()
  await expect.poll(clients.opened, patiently).toBeGreaterThan(before + 40)
  // Not even those who connected while no process accepted.
  expect((await clients.stop()).failures).toEqual([])
  for (const one of held) await expectEcho(one, 'as before')
  expect(processesOf(gateway)).toEqual({ control, workers })
  expect(gateway.log.records().filter(({ stack }) => stack !== undefined)).toEqual([])
  const next = await here.startAnew(config)
  expect((await connectTo(next.port)).status).toBe(200)
  await closeClients()
  expect(await gateway.ended).toBe(0)
  expect(here.vendor.violations).toEqual([])
})

it('refuses to share out the ports of one worker, before anything is changed', { timeout: TEST_MS }, async () => {
  const config = here.configOf({ floor: 1, ceiling: 2 })
  const gateway = await here.start(config)
  const clients = load(gateway.port, 2)
  await expect(here.startAnew({ ...config, workers: 2 })).rejects.toThrow('the running gateway has one worker')
  expect(gateway.log.text).not.toContain('another process takes over')
  const before = clients.opened()
  await expect.poll(clients.opened, patiently).toBeGreaterThan(before + 10)
  expect((await clients.stop()).failures).toEqual([])
})
