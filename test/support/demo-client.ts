/**
 * The demo vendor as a stranger sees it: its HTTP API and its proxies, over real sockets. Only the clock is ours.
 */
import { get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type DemoDeps, type DemoOptions, type DemoWorld, startDemoWorld } from '../../src/demo/world.ts'
import { FakeClock } from './fake-clock.ts'
import { readBody, readResponseHead, responseFraming } from './http-wire.ts'
import { SocketReader, send } from './socket-io.ts'

/** 2025-12-18 03:33:20.400 +08:00: in the middle of a second, so that rounding shows. */
const WALL_MS = 1_766_000_000_400

export interface Item {
  readonly server: string
  readonly proxy_ip: string
  readonly country: string
  readonly area: string
  readonly city: string
  readonly isp: string
  readonly deadline: string
  readonly username: string
  readonly password: string
}

interface Reply {
  readonly status: number
  readonly date: string | undefined
  readonly retryAfter: string | undefined
  readonly code: string
  readonly message: string
  readonly data: readonly Item[]
  readonly request_id: string
}

/** A world that ends with the test. `lines` is what it logged. */
export async function start(options: DemoOptions = {}, deps: Partial<DemoDeps> = {}) {
  const clock = new FakeClock({ wall: WALL_MS })
  const lines: string[] = []
  const note = (facts: object, message: string) => lines.push(`${message} ${JSON.stringify(facts)}`)
  const world = await startDemoWorld(options, { clock, log: { info: note, warn: note }, ...deps })
  onTestFinished(() => world.close())
  return { clock, world, lines }
}

/** One API call on a connection of its own. `key` is the account's unless another is given. */
export function call(world: DemoWorld, path: string, params: Record<string, string> = {}): Promise<Reply> {
  const query = new URLSearchParams({ key: world.key.reveal(), ...params })
  return callRaw(`${world.baseUrl}${path}?${query}`)
}

export function callRaw(url: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, async (response) => {
      const { date, 'retry-after': retryAfter } = response.headers
      const text = Buffer.concat(await response.toArray()).toString()
      resolve({ ...JSON.parse(text), status: response.statusCode, date, retryAfter })
    }).on('error', reject)
  })
}

export async function buy(world: DemoWorld, params: Record<string, string> = {}): Promise<Item> {
  const item = (await call(world, '/get', params)).data[0]
  if (item === undefined) throw new Error('nothing was sold')
  return item
}

export interface Client {
  readonly socket: Socket
  readonly reader: SocketReader
}

/** A connection to an upstream; rejects when it is refused. */
export async function dial({ server }: Item): Promise<Client> {
  const { hostname, port } = new URL(`http://${server}`)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true })
  onTestFinished(() => {
    socket.destroy()
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return { socket, reader: new SocketReader(socket) }
}

export function login({ username, password }: Item): string {
  return `Proxy-Authorization: Basic ${Buffer.from(`${username}:${password}`).toString('base64')}\r\n`
}

export async function answer({ reader }: Client, method = 'GET') {
  const head = await readResponseHead(reader)
  const pieces: Buffer[] = []
  for await (const piece of readBody(reader, responseFraming(head, method))) pieces.push(piece)
  return {
    status: head.status,
    headers: new Map(head.headers.map(([name, value]) => [name.toLowerCase(), value])),
    body: Buffer.concat(pieces).toString(),
  }
}

/** A request in absolute-form over a connection that may be used again. */
export async function plain(client: Client, item: Item, url: string, { method = 'GET', headers = '', body = '' } = {}) {
  await send(
    client.socket,
    `${method} ${url} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n${login(item)}${headers}\r\n${body}`,
  )
  return answer(client, method)
}

export async function tunnel(client: Client, item: Item, target: string) {
  await send(client.socket, `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${login(item)}\r\n`)
  return answer(client, 'CONNECT')
}
