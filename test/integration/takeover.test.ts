/**
 * `turnpike start --takeover` with real processes: ports and state change hands while clients come, against a vendor that
 * keeps a referee's book.
 */
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFailed, onTestFinished } from 'vitest'
import { closeClients } from '../support/client.ts'
import { header } from '../support/http-wire.ts'
import type { KillableGateway } from '../support/killable-gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { connectTo, hanging, load, TEST_MS, takeoverWorld } from '../support/takeover-world.ts'

const here = takeoverWorld()

it('refuses no client, keeps sessions, open tunnels and what was bought', { timeout: TEST_MS }, async () => {
  const config = here.configOf({ floor: 4, ceiling: 8 })
  let gateway = await here.start(config)
  const { port } = gateway
  const headers = [['X-Turnpike-Session', 'basket'] as const]
  const session = async () => header((await connectTo(port, { headers })).headers, 'x-turnpike-upstream')
  const held = await connectTo(port, { headers })
  const first = header(held.headers, 'x-turnpike-upstream')
  const clients = load(port, 6)
  const former: KillableGateway[] = []
  for (let n = 0; n < 2; n++) {
    former.push(gateway)
    gateway = await here.startAnew(config)
    expect(gateway.port).toBe(port)
    expect(await session()).toBe(first)
    const before = clients.opened()
    await expect.poll(clients.opened, { timeout: TEST_MS }).toBeGreaterThan(before + 20)
  }
  expect((await clients.stop()).failures).toEqual([])
  await expectEcho(held, 'through the first process')
  await closeClients()
  expect(await Promise.all(former.map(({ ended }) => ended))).toEqual([0, 0])
  gateway.process.kill('SIGTERM')
  expect(await gateway.ended).toBe(0)
  expect(here.vendor.sales.length).toBeLessThanOrEqual(8)
  expect(here.vendor.violations).toEqual([])
})

it('keeps sessions on addresses of a list that is read slowly, also after a stop', { timeout: TEST_MS }, async () => {
  const SLOW_MS = 300
  const lines = here.world.lines().join('\n')
  const site = createServer((_, response) => setTimeout(() => response.end(lines), SLOW_MS)).listen(0, '127.0.0.1')
  onTestFinished(() => void site.close())
  await once(site, 'listening')
  const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/`
  const config = here.configOf({}, { providers: [{ name: 'own', vendor: 'static', allowPrivate: true, url }] })
  let gateway = await here.start(config)
  const upstreamOf = async (name: string) => {
    const { headers } = await connectTo(gateway.port, { headers: [['X-Turnpike-Session', name]] })
    return header(headers, 'x-turnpike-upstream')
  }
  // The first address of the list is that of neither.
  await upstreamOf('other')
  const before = [await upstreamOf('one'), await upstreamOf('two')]
  const upstreams = async () => [await upstreamOf('one'), await upstreamOf('two')]
  gateway = await here.startAnew(config)
  expect(await upstreams()).toEqual(before)
  await closeClients()
  gateway.process.kill('SIGTERM')
  await gateway.ended
  gateway = await here.start(config)
  expect(await upstreams()).toEqual(before)
})

it('counts what is open in the old process in the limits of its addresses', { timeout: TEST_MS }, async () => {
  const pool = { floor: 1, ceiling: 1, perUpstream: { connections: 1 } }
  const old = await here.start(here.configOf(pool))
  const held = await connectTo(old.port)
  const { port } = await here.startAnew(here.configOf(pool, { wait: { timeout: '1s' } }))
  const next = async () => (await connectTo(port)).status
  expect([await next(), await next()]).toEqual([503, 503])
  await expectEcho(held, 'still here')
  held.socket.destroy()
  await expect.poll(next, { timeout: TEST_MS }).toBe(200)
  await closeClients()
  expect(await old.ended).toBe(0)
  expect(here.vendor.sales.length).toBe(1)
})

it('records the uses of the addresses of a provider that the next process does not have', {
  timeout: TEST_MS,
}, async () => {
  const pool = { floor: 1, ceiling: 1, perUpstream: { uses: 4 } }
  const config = here.configOf(pool)
  const old = await here.start(config)
  const ids: (string | undefined)[] = []
  const use = async (port: number) => {
    ids.push(header((await connectTo(port)).headers, 'x-turnpike-upstream'))
    await closeClients()
  }
  for (let n = 0; n < 3; n++) await use(old.port)
  const other = [{ name: 'other', vendor: 'static', list: here.world.lines() }]
  const between = await here.startAnew(here.configOf(pool, { providers: other }))
  expect(await old.ended).toBe(0)
  const next = await here.startAnew(config)
  expect(await between.ended).toBe(0)
  for (let n = 0; n < 2; n++) await use(next.port)
  const [id] = ids
  expect(ids.map((one) => one === id)).toEqual([true, true, true, true, false])
})

it('goes on when the process that was to take over fails', { timeout: TEST_MS }, async () => {
  const config = here.configOf({ floor: 2, ceiling: 4 })
  const gateway = await here.start(config)
  const held = await connectTo(gateway.port)
  const clients = load(gateway.port, 4)
  const taken = { listen: [{ port: 0 }, { port: here.world.site.port }] }
  await expect(here.startAnew({ ...config, ...taken })).rejects.toThrow('is in use')
  const admin = { admin: { port: here.world.site.port } }
  await expect(here.startAnew({ ...config, ...admin })).rejects.toThrow('is in use')
  const before = clients.opened()
  await expect.poll(clients.opened, { timeout: TEST_MS }).toBeGreaterThan(before + 20)
  // Not even those who connected while neither process accepted.
  expect((await clients.stop()).failures).toEqual([])
  await expectEcho(held, 'as before')
  expect(here.vendor.sales.length).toBeLessThanOrEqual(4)
  expect(here.vendor.violations).toEqual([])
  const next = await here.startAnew(config)
  expect((await connectTo(next.port)).status).toBe(200)
  await closeClients()
  expect(await gateway.ended).toBe(0)
})

it('starts as usual where nothing runs, and ends with its launcher', { timeout: TEST_MS }, async () => {
  const config = here.configOf({ floor: 1, ceiling: 2 })
  const first = await here.startAnew(config)
  expect((await connectTo(first.port)).status).toBe(200)
  await closeClients()
  const second = await here.startAnew(config)
  expect(await first.ended).toBe(0)
  await second.kill()
  // Its folder is free.
  await here.start(config)
})

/** The processes that have stopped, the one with the state folder last. */
function stopped(): number[] {
  const file = join(here.folder, 'stopped.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as number[]) : []
}

/** Those that still run: a process may have ended by itself. */
function wake(ids: readonly number[]): void {
  for (const id of ids) {
    try {
      process.kill(id, 'SIGCONT')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

it('goes on when the process that was to take over hangs: its launcher ends it', { timeout: TEST_MS }, async () => {
  const config = here.configOf({ floor: 2, ceiling: 4 })
  const gateway = await here.start(config)
  const held = await connectTo(gateway.port)
  const clients = load(gateway.port, 4)
  await expect(here.startAnew(config, hanging('[]'))).rejects.toThrow('did not serve within 15 s and was ended')
  const before = clients.opened()
  await expect.poll(clients.opened, { timeout: TEST_MS }).toBeGreaterThan(before + 20)
  expect((await clients.stop()).failures).toEqual([])
  await expectEcho(held, 'as before')
  const next = await here.startAnew(config)
  expect((await connectTo(next.port)).status).toBe(200)
  await closeClients()
  expect(await gateway.ended).toBe(0)
  expect(here.vendor.violations).toEqual([])
})

it('goes on when the launcher hangs too; buys nothing until the state folder is free', {
  timeout: TEST_MS,
}, async () => {
  const config = here.configOf({ floor: 1, ceiling: 2, perUpstream: { connections: 1 } })
  const gateway = await here.start(config)
  const held = await connectTo(gateway.port)
  onTestFailed(() => wake(stopped()))
  const refusal = expect(here.startAnew(config, hanging('[process.ppid]'))).rejects.toThrow(
    'it has waited too long, and serves again',
  )
  const says = (text: string) => expect.poll(() => gateway.log.text, { timeout: TEST_MS }).toContain(text)
  await says('does not serve: this one continues')
  // The address that is known is lent again.
  held.socket.destroy()
  const again = await connectTo(gateway.port)
  expect(again.status).toBe(200)
  const waiting = connectTo(gateway.port)
  await says('nothing is bought until the state folder is free again')
  expect(here.vendor.sales.length).toBe(1)
  wake(stopped().slice(-1))
  expect((await waiting).status).toBe(200)
  wake(stopped())
  await refusal
  await expectEcho(again, 'as before')
  expect([here.vendor.sales.length, here.vendor.violations]).toEqual([2, []])
})
