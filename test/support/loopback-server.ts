import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { WireError } from './http-wire.ts'
import { ConnectionLost } from './socket-io.ts'
import { reset } from './tls.ts'

/** A TCP server for tests: loopback only, knows its sockets, and leaves nothing behind after `close()`. */
export class LoopbackServer {
  readonly #serve: (socket: Socket) => void | Promise<void>
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #host = '127.0.0.1'
  #port = 0
  /** Connections accepted since the start. */
  connections = 0

  /** @param serve a broken connection may make it reject; any other rejection is a mistake and fails the test run */
  constructor(serve: (socket: Socket) => void | Promise<void>) {
    this.#serve = serve
  }

  get host(): string {
    return this.#host
  }

  get port(): number {
    return this.#port
  }

  /** `host:port`, with brackets round an IPv6 address. */
  get authority(): string {
    return this.#host.includes(':') ? `[${this.#host}]:${this.#port}` : `${this.#host}:${this.#port}`
  }

  /** Accepted sockets that are still open. */
  get openSockets(): number {
    return this.#sockets.size
  }

  get listening(): boolean {
    return this.#server !== undefined
  }

  /** Without arguments: a free port of 127.0.0.1 the first time, the same address again afterwards. */
  async listen(host: string = this.#host, port: number = this.#port): Promise<this> {
    if (this.#server !== undefined) throw new Error('listens already')
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
    server.listen({ host, port, backlog: 4096, exclusive: true })
    await once(server, 'listening')
    this.#server = server
    this.#host = host
    this.#port = (server.address() as AddressInfo).port
    return this
  }

  /** Closes the port; open connections live on, new ones are refused by the kernel. */
  async stopListening(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    // Not awaited through the callback: that waits for the connections too. The port is free when close() returns.
    server.close()
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Drops every open connection with a RST. */
  resetConnections(): void {
    for (const socket of this.#sockets) reset(socket)
  }

  async close(): Promise<void> {
    await this.stopListening()
    const closing = [...this.#sockets].map((socket) => once(socket, 'close'))
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closing)
  }

  #accept(socket: Socket): void {
    this.connections++
    this.#sockets.add(socket)
    socket.on('error', () => {}) // whoever serves the socket sees it too; without a listener the process ends
    socket.on('close', () => this.#sockets.delete(socket))
    void this.#run(socket)
  }

  async #run(socket: Socket): Promise<void> {
    try {
      await this.#serve(socket)
    } catch (error) {
      socket.destroy()
      if (!(error instanceof ConnectionLost || error instanceof WireError)) throw error
    }
  }
}
