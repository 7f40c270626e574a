/** The kinds of servers that cluster.url may name: with TLS, a node of Redis Cluster, a master that Sentinel names and replaces. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { createClient } from '@redis/client'
import { afterEach, expect, it } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { Secret } from '../../src/secret.ts'
import { refreshScript } from '../../src/store/redis/account-scripts.ts'
import { RedisConnection } from '../../src/store/redis/connection.ts'
import { makeCertificate } from '../support/certificate.ts'
import { freePort } from '../support/free-port.ts'
import { type RedisServer, startRedis, startSentinel } from '../support/redis/redis-server.ts'

const clock = new SystemClock()
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'turnpike-redis-'))
  closers.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function started(server: RedisServer): RedisServer {
  closers.push(() => server.close())
  return server
}

function connect(url: string): RedisConnection {
  const connection = new RedisConnection({ url: new Secret(url), name: 'n' }, clock)
  closers.push(() => connection.close())
  return connection
}

interface Answer {
  readonly view: { readonly now: number; readonly since: number }
}
const refresh = { windows: ['w'], providers: ['p'], accounts: ['a'], net: {}, host: 'h' }
const ask = (connection: RedisConnection) => connection.run(refreshScript, refresh) as Promise<Answer>

/** As soon as the server answers; what it answered before stays out of it. */
async function answer(connection: RedisConnection, until = (_: Answer) => true): Promise<Answer> {
  for (;;) {
    const found = await ask(connection).catch(() => undefined)
    if (found !== undefined && until(found)) return found
    await clock.sleep(100)
  }
}

it('TLS: a server with a certificate of a known authority, and no other', async () => {
  const path = folder()
  const { cert, key } = makeCertificate('redis')
  writeFileSync(join(path, 'cert.pem'), cert)
  writeFileSync(join(path, 'key.pem'), key)
  const port = await freePort()
  const files = ['--tls-cert-file', join(path, 'cert.pem'), '--tls-key-file', join(path, 'key.pem')]
  const tls = ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no']
  started(await startRedis({ args: tls }))
  const url = `rediss://127.0.0.1:${port}`
  await expect(ask(connect(url))).rejects.toThrow(/^the cluster's store does not answer \(.*CERT.*\)/)
  const known = getCACertificates('default')
  closers.push(() => setDefaultCACertificates(known))
  setDefaultCACertificates([...known, cert])
  expect((await ask(connect(url))).view.now).toBeGreaterThan(0)
})

it('Redis Cluster: the keys of a cluster of gateways are in one slot', async () => {
  const path = folder()
  const server = started(await startRedis({ args: ['--cluster-enabled', 'yes', '--dir', path] }))
  const admin = await createClient({ url: server.url }).connect()
  await admin.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'])
  admin.destroy()
  const connection = connect(`redis+cluster://127.0.0.1:${server.port}`)
  const first = await answer(connection)
  expect((await ask(connection)).view.since).toBe(first.view.since)
})

it('Sentinel: the replica that takes over is followed, and told from the former master', async () => {
  const master = started(await startRedis({ args: ['--dir', folder()] }))
  const replica = started(await startRedis({ args: ['--dir', folder(), '--replicaof', `127.0.0.1 ${master.port}`] }))
  const sentinel = started(await startSentinel(folder(), master.port))
  const connection = connect(`redis+sentinel://127.0.0.1:${sentinel.port}/main`)
  const before = await answer(connection)
  const admin = await createClient({ url: replica.url }).connect()
  while (!(await admin.info('replication')).includes('master_link_status:up')) await clock.sleep(50)
  admin.destroy()
  await master.close()
  const after = await answer(connection, ({ view }) => view.since !== before.view.since)
  expect(after.view.since).toBeGreaterThan(before.view.since)
}, 90_000)
