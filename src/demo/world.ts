/**
 * A simulated vendor inside the process: `npm start` uses it, without any account.
 *
 * It behaves like a channel product: an extraction API over HTTP with its own limit (`api.ts` has its document), and addresses
 * that are real proxies with logins and really end at their deadlines. All of it is on loopback.
 * The gateway treats it like every vendor: nothing here imports the gateway's vendors, and they use only its HTTP API.
 */
import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../clock.ts'
import { openConnectGuard } from '../network/connect-guard.ts'
import { Secret } from '../secret.ts'
import { createApi } from './api.ts'
import type { DemoLog } from './log.ts'
import { loopbackHosts } from './loopback.ts'
import { Stock } from './stock.ts'

export interface DemoOptions {
  /** Most addresses held at once. Default 20. Also sets the limit of calls: channels * 5 + 10 in 60 s. */
  readonly channels?: number
  /** Shortest and longest life of an address, ms. Default 60 s to 120 s. In whole seconds, so up to 1 s more when the range is narrower. */
  readonly life?: readonly [number, number]
  /** Connect to real targets other than whoami.demo, from this machine. Default false. */
  readonly fetch?: boolean
  /** With `fetch`: also to targets on this machine and in its network. Default false. */
  readonly allowPrivate?: boolean
}

export interface DemoDeps {
  readonly clock: Clock
  readonly log: DemoLog
  /** Whether an address can be listened on; a test simulates a machine with one loopback address. */
  readonly canListen?: (host: string) => Promise<boolean>
}

export interface DemoWorld {
  /** The URL of the extraction API: `http://127.0.0.1:<port>`. */
  readonly baseUrl: string
  /** The account's key, new at every start. */
  readonly key: Secret
  /** Stops the API and every address, and resolves when every socket is closed and no timer is left. */
  close(): Promise<void>
}

const CHANNELS = 20
const LIFE_MS = [60_000, 120_000] as const

/** Starts the vendor; its addresses start when they are sold. Rejects when loopback cannot be listened on. */
export async function startDemoWorld(options: DemoOptions, { clock, log, canListen }: DemoDeps): Promise<DemoWorld> {
  const { channels = CHANNELS, life = LIFE_MS, fetch = false, allowPrivate = false } = options
  const key = new Secret(randomBytes(16).toString('hex'))
  const guard = openConnectGuard(clock)
  const reach = fetch ? { guard, allowPrivate } : undefined
  const stock = new Stock({ channels, life, reach, nextHost: await loopbackHosts(canListen) }, { clock, log })
  const api = createApi({ key, channels }, stock, { clock, log })
  const port = await listen(api)
  log.info({ port, channels, fetch }, 'demo vendor started')
  if (fetch) log.warn({}, 'the demo vendor fetches targets from this machine: they see its own address')
  let closing: Promise<void> | undefined
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    key,
    close: () => {
      guard.close()
      closing ??= Promise.all([closeApi(api), stock.close()]).then(() => {})
      return closing
    },
  }
}

function listen(api: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    api.once('error', reject)
    api.listen(0, '127.0.0.1', () => {
      api.off('error', reject)
      resolve((api.address() as AddressInfo).port)
    })
  })
}

function closeApi(api: Server): Promise<void> {
  return new Promise((resolve) => {
    api.close(() => resolve())
    api.closeAllConnections()
  })
}
