/** A redis-server of the test's own: a free loopback port, nothing kept on disk. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { freePort } from '../free-port.ts'

export interface RedisServer {
  readonly port: number
  readonly url: string
  readonly pid: number
  /** The process gets a signal; SIGKILL ends it. */
  signal(name: NodeJS.Signals): void
  close(): Promise<void>
}

/** @param options further options of redis-server; `port` to take the place of an earlier one */
export async function startRedis(options: { port?: number; args?: readonly string[] } = {}): Promise<RedisServer> {
  const port = options.port ?? (await freePort())
  const replication = ['--repl-diskless-sync-delay', '0', '--repl-diskless-load', 'swapdb']
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()]
  return start([...args, ...replication, ...(options.args ?? [])], port)
}

/** A replica that has caught up with a server, and follows it no more: what the server acknowledges from now on is not on it. */
export async function startBehind({ port }: RedisServer): Promise<RedisServer> {
  const replica = await startRedis({ args: ['--replicaof', `127.0.0.1 ${port}`] })
  const client = await createClient({ url: replica.url }).connect()
  while (!(await client.info('replication')).includes('master_link_status:up'))
    await new Promise((resolve) => setTimeout(resolve, 20))
  await client.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  client.destroy()
  return replica
}

/**
 * A Sentinel that watches one master under the name `main`, and lets a replica take over after a second.
 * @param folder where it keeps its configuration
 */
export async function startSentinel(folder: string, masterPort: number): Promise<RedisServer> {
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  const settings = [
    ...[`port ${port}`, 'bind 127.0.0.1', `dir ${folder}`, `sentinel monitor main 127.0.0.1 ${masterPort} 1`],
    ...['sentinel down-after-milliseconds main 1000', 'sentinel failover-timeout main 5000'],
  ]
  writeFileSync(file, `${settings.join('\n')}\n`)
  return start([file, '--sentinel'], port)
}

async function start(args: readonly string[], port: number): Promise<RedisServer> {
  const child = spawn('redis-server', args, { stdio: 'ignore' })
  const failed = once(child, 'error').then(([error]) => {
    throw error as Error
  })
  await Promise.race([answers(port, child), failed])
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    signal: (name) => void child.kill(name),
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGCONT')
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** Resolves when it answers PING. */
async function answers(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
      socket.once('data', (data) => resolve(String(data).startsWith('+PONG')))
      socket.once('error', () => resolve(false))
      socket.setTimeout(1_000, () => resolve(false))
      socket.once('close', () => resolve(false))
    }).catch(() => false)
    if (isUp) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`redis-server has ended with code ${child.exitCode}`)
}
