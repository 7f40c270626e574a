/**
 * A vendor on loopback that is the referee of a cluster: it counts the calls in each window and what it sold, or is qg with its channels.
 * Each address is a proxy of its own; the target answers with the port of the proxy that came.
 */
import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { SimulatedQg } from '../vendors/qg.ts'

export interface RefereeLimits {
  readonly calls: number
  readonly perMs: number
  readonly lifeSeconds: number
  /** Tunnels through one address, ever and at the same time; absent: no limit. */
  readonly uses?: number
  readonly connections?: number
  /** Addresses held at once, and sold ever: the vendor is qg then. */
  readonly channels?: number
  readonly budget?: number
}

/** Proxies that are open before they are sold by qg. */
const STOCK = 20

export class Referee {
  readonly limits: RefereeLimits
  readonly #breaches: string[] = []
  /** When each call came, ms. */
  readonly arrivals: number[] = []
  #sold = 0
  readonly #stock: number[] = []
  readonly #qg: SimulatedQg | undefined
  readonly #api: HttpServer
  readonly #target: HttpServer
  readonly #proxies: Server[] = []
  readonly #sockets = new Set<Socket>()

  constructor(limits: RefereeLimits) {
    this.limits = limits
    this.#qg = limits.channels === undefined ? undefined : this.#openQg(limits.channels)
    this.#api = createHttpServer((request, response) => {
      const wanted = Number(new URL(request.url ?? '/', 'http://vendor').searchParams.get('num'))
      this.#sell(wanted).then((text) => response.end(text))
    })
    this.#target = createHttpServer((request, response) => {
      response.setHeader('connection', 'close').end(request.headers['via-port'] ?? '')
    })
  }

  async open(): Promise<this> {
    for (const server of [this.#api, this.#target]) await once(server.listen(0, '127.0.0.1'), 'listening')
    await this.#qg?.start()
    for (let at = 0; this.#qg !== undefined && at < STOCK; at++) this.#stock.push(await this.#proxy())
    return this
  }

  #openQg(channels: number): SimulatedQg {
    return new SimulatedQg({
      ...{
        clock: { now: () => performance.now(), wall: () => performance.timeOrigin + performance.now() },
        key: 'key',
      },
      plan: { mode: 'channel', channels },
      supplyAddress: () => this.#fromStock(),
      lifeMs: () => this.limits.lifeSeconds * 1_000,
    })
  }

  #fromStock(): { readonly host: string; readonly port: number } {
    const port = this.#stock.shift()
    if (port === undefined) throw new Error('no proxy is open')
    void this.#proxy().then((next) => this.#stock.push(next))
    return { host: '127.0.0.1', port }
  }

  /** What nothing may do. */
  get breaches(): readonly string[] {
    const { budget = Number.POSITIVE_INFINITY } = this.limits
    const beyond = this.sold > budget ? [`${this.sold} addresses sold with a budget of ${budget}`] : []
    return [...this.#breaches, ...beyond, ...(this.#qg?.violations ?? [])]
  }

  /** Addresses sold so far. */
  get sold(): number {
    return this.#sold + (this.#qg?.sales.length ?? 0)
  }

  /** For gateway.yaml. */
  get provider(): object {
    const { calls, perMs, lifeSeconds, channels, budget } = this.limits
    const common = { name: 'p', allowPrivate: true, callTimeout: '1s' }
    if (this.#qg !== undefined)
      return {
        ...{ ...common, vendor: 'qg', product: 'share-channel', channels, baseUrl: this.#qg.url },
        ...{ credentials: { key: 'key' }, budget: { perHour: budget } },
      }
    return {
      ...{ ...common, vendor: 'generic', url: `http://127.0.0.1:${portOf(this.#api)}/take?num={num}`, format: 'json' },
      ...{ fields: { host: 'ip', port: 'port' }, ttl: `${lifeSeconds}s` },
      ...{ limit: { calls, per: `${perMs}ms` }, maxPerCall: 5 },
    }
  }

  get targetPort(): number {
    return portOf(this.#target)
  }

  async #sell(wanted: number): Promise<string> {
    const now = performance.now()
    this.arrivals.push(now)
    const { calls, perMs } = this.limits
    const inWindow = this.arrivals.filter((at) => at > now - perMs).length
    if (inWindow > calls) this.#breaches.push(`${inWindow} calls within ${perMs} ms`)
    const proxies = await Promise.all(Array.from({ length: wanted }, () => this.#proxy()))
    this.#sold += wanted
    return JSON.stringify(proxies.map((port) => ({ ip: '127.0.0.1', port })))
  }

  /** A proxy that knows CONNECT, and says to whoever opens a tunnel which port it has. */
  async #proxy(): Promise<number> {
    const { uses = Number.POSITIVE_INFINITY, connections = Number.POSITIVE_INFINITY } = this.limits
    let used = 0
    let open = 0
    const server = createServer((client) => {
      this.#keep(client)
      client.once('data', () => {
        if (++used > uses) this.#breaches.push(`use ${used} of address ${portOf(server)}`)
        if (++open > connections) this.#breaches.push(`${open} tunnels through address ${portOf(server)}`)
        // The first sign of its end: the gateway may lend the address anew at that moment.
        const ended = () => {
          client.off('end', ended).off('close', ended)
          open--
        }
        client.once('end', ended).once('close', ended)
        const onward = this.#keep(connect(this.targetPort, '127.0.0.1'))
        onward.once('connect', () => {
          client.write('HTTP/1.1 200 OK\r\n\r\n')
          client.once('data', () => onward.write(`GET / HTTP/1.1\r\nHost: t\r\nVia-Port: ${portOf(server)}\r\n\r\n`))
          onward.pipe(client)
        })
        client.once('close', () => onward.destroy())
      })
    })
    this.#proxies.push(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return portOf(server)
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket))
    return socket
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#api.closeAllConnections()
    this.#target.closeAllConnections()
    await this.#qg?.close()
    for (const server of [this.#api, this.#target, ...this.#proxies]) await new Promise((done) => server.close(done))
  }
}

const portOf = (server: Server | HttpServer) => (server.address() as AddressInfo).port

/** A tunnel that stays open. @throws {Error} when the gateway refuses */
export async function hold(gatewayPort: number, targetPort: number): Promise<Socket> {
  const socket = connect(gatewayPort, '127.0.0.1')
  socket.on('error', () => {}).write(`CONNECT 127.0.0.1:${targetPort} HTTP/1.1\r\nHost: t\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (!String(answer).startsWith('HTTP/1.1 200')) throw new Error(`refused: ${String(answer)}`)
  return socket
}

/**
 * One client of a gateway: opens a tunnel and asks the target.
 * @returns the port of the proxy that served it; undefined when the gateway refused
 */
export async function visit(gatewayPort: number, targetPort: number, session?: string): Promise<number | undefined> {
  const socket = connect(gatewayPort, '127.0.0.1')
  const login = session === undefined ? '' : `Proxy-Authorization: Basic ${btoa(`-session-${session}:`)}\r\n`
  return new Promise<number | undefined>((resolve) => {
    let text = ''
    let isOpen = false
    socket.setTimeout(15_000, () => socket.destroy())
    socket.on('error', () => {}).once('close', () => resolve(undefined))
    socket.once('connect', () => socket.write(`CONNECT 127.0.0.1:${targetPort} HTTP/1.1\r\nHost: t\r\n${login}\r\n`))
    socket.on('data', (data) => {
      text += String(data)
      if (!isOpen && /^HTTP\/1\.1 200.*?\r\n\r\n/s.test(text)) {
        isOpen = true
        text = ''
        socket.write('GET / HTTP/1.1\r\nHost: t\r\n\r\n')
      }
      const body = /\r\n\r\n(\d+)$/.exec(text)?.[1]
      if (isOpen && body !== undefined) resolve(Number(body))
    })
  }).finally(() => socket.destroy())
}
