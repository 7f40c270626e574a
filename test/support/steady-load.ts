/** Clients that come at a steady rate, however the gateway keeps up: what breaks is counted. */
import { connect } from 'node:net'

const TICK_MS = 10
/** A hang guard. */
const LONGEST_MS = 60_000
const PING = Buffer.from('ping')
const CONNECT = Buffer.from('CONNECT echo.test:7 HTTP/1.1\r\nHost: echo.test:7\r\n\r\n')
const GET = Buffer.from('GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n')
/** Greeting and request in one. */
const SOCKS5 = Buffer.concat([Buffer.from([5, 1, 0, 5, 1, 0, 3, 9]), Buffer.from('echo.test'), Buffer.from([0, 7])])
const HTTP_OK = Buffer.from('HTTP/1.1 200 ')
const SOCKS_OK = Buffer.from([5, 0, 5, 0])

interface Kind {
  readonly name: string
  readonly request: Buffer
  /** How a good answer begins. */
  readonly good: Buffer
  readonly isTunnel: boolean
}

const tunnel: Kind = { name: 'CONNECT', request: CONNECT, good: HTTP_OK, isTunnel: true }
const socks: Kind = { name: 'SOCKS5', request: SOCKS5, good: SOCKS_OK, isTunnel: true }
const get: Kind = { name: 'GET', request: GET, good: HTTP_OK, isTunnel: false }
/** By turns: 18 of 20 are CONNECT. */
const TURNS = 20

export class SteadyLoad {
  readonly #port: number
  readonly #perSecond: number
  readonly #startedAt = performance.now()
  readonly #timer: NodeJS.Timeout
  readonly #open = new Set<Promise<void>>()
  #count = 0
  /** Clients that had their answer, and through tunnels an echo. */
  served = 0
  /** The longest that one of those took, ms. */
  slowestMs = 0
  /** Kind, seconds since the start, and what happened. */
  readonly failures: string[] = []

  /** @param perSecond so many connections */
  constructor(port: number, perSecond: number) {
    this.#port = port
    this.#perSecond = perSecond
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  #tick(): void {
    const due = ((performance.now() - this.#startedAt) * this.#perSecond) / 1_000
    while (this.#count < due) {
      const turn = this.#count++ % TURNS
      const client = this.#client(turn === 0 ? socks : turn === 1 ? get : tunnel)
      this.#open.add(client)
      void client.then(() => this.#open.delete(client))
    }
  }

  /** No more clients; resolves when those that have come are served. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#open)
  }

  #client(kind: Kind): Promise<void> {
    const cameAt = performance.now()
    const { promise, resolve } = Promise.withResolvers<void>()
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true })
    let received = Buffer.alloc(0)
    let stage: 'asked' | 'open' | 'over' = 'asked'
    const end = (failure?: string) => {
      if (stage === 'over') return
      stage = 'over'
      socket.destroy()
      const tookMs = performance.now() - cameAt
      if (failure !== undefined)
        this.failures.push(`${kind.name} after ${((cameAt - this.#startedAt) / 1_000).toFixed(3)} s: ${failure}`)
      else {
        this.served++
        this.slowestMs = Math.max(this.slowestMs, tookMs)
      }
      resolve()
    }
    socket.setTimeout(LONGEST_MS, () => end('silent'))
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
    socket.on('close', () => end(`closed when ${stage}, after ${received.length} octets`))
    socket.write(kind.request)
    socket.on('data', (piece) => {
      received = Buffer.concat([received, piece])
      if (stage === 'open') {
        if (received.subarray(-PING.length).equals(PING)) end()
      } else if (received.length >= kind.good.length) {
        if (!received.subarray(0, kind.good.length).equals(kind.good)) end(received.toString('latin1').slice(0, 60))
        else if (!kind.isTunnel) end()
        else {
          stage = 'open'
          socket.write(PING)
        }
      }
    })
    return promise
  }
}
