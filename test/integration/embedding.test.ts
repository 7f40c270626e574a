/** The gateway as a library: what `import { startGateway } from 'turnpike'` gives. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fetch, ProxyAgent } from 'undici'
import { expect, it, onTestFinished } from 'vitest'
import { ConfigError, type GatewayConfig, type LogRecord, startGateway } from '../../src/gateway.ts'

const demo: GatewayConfig = {
  listen: [{ port: 0 }],
  admin: 'off',
  state: 'off',
  providers: [{ name: 'demo', vendor: 'demo' }],
}

async function start(config: GatewayConfig | string = demo, onLog?: (record: LogRecord) => void) {
  const gateway = await startGateway({ config, environment: {}, ...(onLog !== undefined && { onLog }) })
  onTestFinished(() => gateway.abort())
  return gateway
}

async function ask(url: string): Promise<string> {
  const dispatcher = new ProxyAgent(url)
  try {
    const response = await fetch('http://whoami.demo/', { dispatcher })
    return `${response.status} ${await response.text()}`
  } finally {
    await dispatcher.close()
  }
}

it('serves clients, and reports what it holds', async () => {
  const gateway = await start()
  expect(gateway.url).toBe(`http://127.0.0.1:${gateway.addresses[0]?.port}`)
  expect(await ask(gateway.url)).toMatch(/^200 upstream 127\./)
  expect(gateway.adminUrl).toBeUndefined()
  expect(gateway.providers()).toMatchObject([{ name: 'demo', state: 'ready' }])
  expect(gateway.upstreams().length).toBeGreaterThan(0)
  expect(gateway.verdict()).toMatchObject({ level: 'ok' })
})

it('takes what the admin port takes', async () => {
  const gateway = await start()
  await ask(gateway.url)
  expect([gateway.pause('demo'), gateway.providers()[0]?.state]).toEqual([true, 'paused'])
  expect([gateway.resume('demo'), gateway.retry('demo'), gateway.pause('nobody')]).toEqual([true, true, false])
  expect(gateway.refill('nobody')).toBe('unknown')
  const [{ id = '' } = {}] = gateway.upstreams()
  expect([gateway.evict(id), gateway.evict(id)]).toEqual([true, false])
})

it('lends an address to a program that connects to it itself, until it is given back', async () => {
  const gateway = await start()
  const taken = await gateway.take({ session: 'one', hold: '30s' })
  expect(await ask(taken.url)).toMatch(`200 upstream ${taken.address}`)
  const again = await gateway.take({ session: 'one' })
  expect([again.id, again.lease === taken.lease]).toEqual([taken.id, false])
  const leases = () => gateway.upstreams().find(({ id }) => id === taken.id)?.leases
  expect(leases()).toBe(2)
  expect([taken.release(), taken.release(), leases()]).toEqual([true, false, 1])
  await expect(gateway.take({ country: 'atlantis', hold: '1s' })).rejects.toMatchObject({ code: 'GW_NO_MATCH' })
  await expect(gateway.take({ hold: 'long' })).rejects.toMatchObject({
    code: 'GW_BAD_OPTION',
    message: expect.stringMatching(/^hold: write a whole number and a unit [^\n]*$/) as string,
  })
  const signal = AbortSignal.abort(new Error('no longer wanted'))
  await expect(gateway.take({ signal })).rejects.toThrow('no longer wanted')
  await gateway.close()
  await expect(gateway.take()).rejects.toMatchObject({ code: 'GW_STOPPING' })
})

it('tells what happens until the loop is left, the signal aborts or the gateway closes', async () => {
  const gateway = await start()
  let asked: Promise<string> | undefined
  for await (const { topic, data } of gateway.events(['connections', 'verdict'])) {
    if (topic === 'verdict') asked ??= ask(gateway.url)
    else if (data.connections.some(({ target }) => target === 'whoami.demo:80')) break
  }
  expect(await asked).toMatch(/^200/)
  const none = gateway.events(['nothing' as 'pool'])[Symbol.asyncIterator]()
  await expect(none.next()).rejects.toThrow('there is no topic nothing: verdict, counters, ')
  const stop = new AbortController()
  for await (const { topic } of gateway.events(['pool'], { signal: stop.signal })) {
    expect(topic).toBe('pool')
    stop.abort()
  }
  for await (const { data } of gateway.events(['pool'])) {
    expect(data.isFirst).toBe(true)
    await gateway.close()
  }
})

it('applies another configuration while it runs, or none that has mistakes', async () => {
  const gateway = await start()
  const failure = await gateway.reload({ ...demo, pool: { floor: -1 } }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ConfigError)
  expect(await gateway.reload()).toEqual({ changed: [], needsRestart: [] })
  expect(await gateway.reload({ ...demo, pool: { floor: 2 } })).toEqual({ changed: ['pool'], needsRestart: [] })
  expect(await gateway.reload()).toEqual({ changed: [], needsRestart: [] })
  expect(await ask(gateway.url)).toMatch(/^200/)
})

it('reads a file as the command does', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-embedding-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, JSON.stringify(demo))
  const gateway = await start(file)
  expect(await ask(gateway.url)).toMatch(/^200/)
  writeFileSync(file, JSON.stringify({ ...demo, pool: { floor: 3 } }))
  expect(await gateway.reload()).toEqual({ changed: ['pool'], needsRestart: [] })
})

it('names the key of a mistake in an object, and no line of a text that the program has not written', async () => {
  const wrong = { ...demo, providers: [{ name: 'demo', vendor: 'demo', channels: 0 }] } as GatewayConfig
  const failure = await start(wrong).catch((error: unknown) => error)
  expect(String(failure)).toBe('ConfigError: configuration: providers[0].channels: must be at least 1')
  await expect(start(undefined as unknown as GatewayConfig)).resolves.toBeDefined()
  await expect(startGateway({} as Parameters<typeof startGateway>[0])).rejects.toBeInstanceOf(ConfigError)
})

it('hands its log to the program, and writes nothing itself', async () => {
  const records: LogRecord[] = []
  const gateway = await start({ ...demo, log: { access: 'on' } }, (record) => records.push(record))
  await ask(gateway.url)
  await gateway.close()
  expect(records).toContainEqual(expect.objectContaining({ level: 30, msg: 'connection', target: 'whoami.demo:80' }))
})

it('serves with one process, and says so where the configuration wants several', async () => {
  const records: LogRecord[] = []
  const gateway = await start({ ...demo, workers: 2 }, (record) => void records.push(record))
  expect(await ask(gateway.url)).toMatch(/^200 /)
  expect(records.map(({ msg }) => msg)).toContain(
    'workers: a gateway inside another program serves clients with one process',
  )
})

it('several run in one process, and end by themselves at the end of a block', async () => {
  const other = await start()
  let url = ''
  {
    await using gateway = await startGateway({ config: demo, environment: {} })
    url = gateway.url
    expect(url).not.toBe(other.url)
    expect(await ask(url)).toMatch(/^200/)
  }
  await expect(ask(url)).rejects.toThrow()
  expect(await ask(other.url)).toMatch(/^200/)
})
