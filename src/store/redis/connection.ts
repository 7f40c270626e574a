/** The connection to Redis or Valkey, loaded only where `cluster:` is configured. */

import { createHash } from 'node:crypto'
import { ClientOfflineError, createClient, createCluster, createSentinel } from '@redis/client'
import type { Clock } from '../../clock.ts'
import { given } from '../../given.ts'
import { runInBackground } from '../../internal-errors.ts'
import type { Secret } from '../../secret.ts'
import { StoreError } from '../errors.ts'
import type { Script, ScriptRunner } from './script.ts'
import { parseRedisUrl } from './url.ts'

/** A command without an answer for this time has failed; whether it was executed is unknown, ms. */
const COMMAND_TIMEOUT_MS = 2_000
const CONNECT_TIMEOUT_MS = 2_000
/** The client library tries to connect without end: the first requests wait at most this time, ms. */
const FIRST_CONNECT_MS = 5_000
/** Between two attempts to connect, ms. */
const RECONNECT_MS = 500
/** A connection that leaves a command without an answer for this time is closed, ms: the socket's own time-out begins again with each write. */
const SILENT_MS = 5_000

interface RedisSettings {
  readonly url: Secret
  /** The name of the cluster: part of every key, as its hash tag. */
  readonly name: string
}

/** The common interface of the three kinds of client. */
interface Client {
  evalSha(sha: string, args: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(lua: string, args: { keys: string[]; arguments: string[] }): Promise<unknown>
  connect(): Promise<unknown>
  destroy(): unknown
  on(event: 'error', listener: (error: unknown) => void): unknown
}

export class RedisConnection implements ScriptRunner {
  readonly #clock: Clock
  readonly #url: string
  readonly #prefix: string
  #client: Client
  /** Scripts that were sent with their source, and their digests. */
  readonly #digests = new Map<Script, string>()
  /** Undefined: not requested yet. */
  #connecting: Promise<unknown> | undefined
  #isClosed = false
  #isConnected = false
  #wasConnected = false
  /** Why the latest attempt to connect failed. */
  #trouble: unknown
  /** Commands without an answer, the oldest first. */
  readonly #unanswered = new Set<{ readonly sentAt: number }>()

  constructor({ url, name }: RedisSettings, clock: Clock) {
    this.#clock = clock
    this.#url = url.reveal()
    this.#prefix = `turnpike:{${name}}`
    this.#client = this.#open()
  }

  #open(): Client {
    const client = clientFor(this.#url)
    // Each failed command reports its error; an event without a listener would end the process.
    client.on('error', (error) => {
      this.#trouble = error
    })
    return client
  }

  async run(script: Script, ask: object): Promise<unknown> {
    try {
      if (this.#isClosed) throw new Error('CLOSED')
      this.#refuseWhileSilent()
      await this.#connected()
      return JSON.parse(String(await this.#inTime(this.#noted(this.#eval(script, [JSON.stringify(ask)])))))
    } catch (error) {
      // The client library says no more of a lost connection than that it is lost.
      const cause = error instanceof ClientOfflineError ? (this.#trouble ?? error) : error
      throw new StoreError('failed', `the cluster's store does not answer (${wordOf(cause)})`)
    }
  }

  /** After a command that has waited too long another one would wait as well: the client library queues without a limit. */
  #refuseWhileSilent(): void {
    const [oldest] = this.#unanswered
    if (oldest === undefined) return
    const silentMs = this.#clock.now() - oldest.sentAt
    if (silentMs >= SILENT_MS) this.#reopen()
    if (silentMs >= COMMAND_TIMEOUT_MS) throw new Error('TIMEOUT')
  }

  #reopen(): void {
    closeQuietly(this.#client)
    this.#unanswered.clear()
    this.#client = this.#open()
    this.#connecting = undefined
    this.#isConnected = false
  }

  /** Waits for the first connection; later none is waited for, and the client reconnects by itself. */
  async #connected(): Promise<void> {
    if (this.#isConnected) return
    this.#connecting ??= this.#connect(this.#client)
    if (this.#wasConnected) throw this.#trouble ?? new Error('TIMEOUT')
    await this.#inTime(this.#connecting, FIRST_CONNECT_MS).catch((error: unknown) => {
      throw this.#trouble ?? error
    })
  }

  #connect(client: Client): Promise<void> {
    const connecting = client.connect().then(
      () => {
        if (client !== this.#client) return
        this.#isConnected = true
        this.#wasConnected = true
      },
      (error: unknown) => {
        if (client === this.#client) this.#connecting = undefined
        throw error
      },
    )
    // No caller waits for a later connection: its failure is handled above.
    connecting.catch(() => {})
    return connecting
  }

  #noted<T>(reply: Promise<T>): Promise<T> {
    const command = { sentAt: this.#clock.now() }
    this.#unanswered.add(command)
    return reply.finally(() => this.#unanswered.delete(command))
  }

  /** The client's own time-out ends when the command is written. */
  #inTime<T>(reply: Promise<T>, ms = COMMAND_TIMEOUT_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(ms, () => reject(new Error('TIMEOUT')))
      reply.then(resolve, reject).finally(() => timer.clear())
    })
  }

  /** A script is sent with its source the first time, and later by its digest: so commands are executed in their order. */
  async #eval(script: Script, args: string[]): Promise<unknown> {
    const digest = this.#digests.get(script)
    const call = { keys: [this.#prefix], arguments: args }
    if (digest === undefined) {
      this.#digests.set(script, createHash('sha1').update(script.lua).digest('hex'))
      return this.#client.eval(script.lua, call)
    }
    try {
      return await this.#client.evalSha(digest, call)
    } catch (error) {
      // Another server, or the same one after a restart.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return this.#client.eval(script.lua, call)
    }
  }

  close(): void {
    this.#isClosed = true
    closeQuietly(this.#client)
  }
}

/** What is not open cannot be closed; that is no error. */
function closeQuietly(client: Client): void {
  runInBackground(
    Promise.resolve()
      .then(() => client.destroy())
      .catch(() => {}),
  )
}

/** The first word of a server's answer (`NOAUTH`, `READONLY`), the system's code, or the kind of error: never an address, nor a login. */
function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason'
  // Of a command in a script the user of an ACL may not run, `ERR` is all that the first word says.
  if (error.message.includes("can't run this command")) return 'NOPERM'
  if ('code' in error && typeof error.code === 'string' && /^\w+$/.test(error.code)) return error.code
  return /^[A-Z]{2,}\b/.exec(error.message)?.[0] ?? error.constructor.name
}

function clientFor(url: string): Client {
  const address = parseRedisUrl(url)
  const [first] = address?.nodes ?? []
  if (address === undefined || first === undefined) throw new StoreError('failed', 'cluster.url is no URL of Redis')
  const { kind, nodes, username, password, path, tls } = address
  const timing = { connectTimeout: CONNECT_TIMEOUT_MS, reconnectStrategy: RECONNECT_MS, socketTimeout: SILENT_MS }
  // TLS verifies the certificate for the host name; the client library sets it for each node.
  const socket = tls ? { ...timing, tls: true as const } : timing
  const options = { ...given({ username, password }), socket, disableOfflineQueue: true }
  if (kind === 'cluster') {
    const rootNodes = nodes.map((node) => ({ socket: { ...socket, ...node } }))
    return createCluster({ rootNodes, defaults: options }) as unknown as Client
  }
  if (kind === 'sentinel') {
    const sentinel = { name: path, sentinelRootNodes: [...nodes], nodeClientOptions: options }
    return createSentinel(sentinel) as unknown as Client
  }
  const database = path === '' ? {} : { database: Number(path) }
  return createClient({ ...options, ...database, socket: { ...socket, ...first } }) as unknown as Client
}
