/** A relay between a host and Redis that can be cut: what is on its way stays there, and new connections get no answer. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export class TcpRelay {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isCut = false
  /** Of the server to which new connections go. */
  port: number

  constructor(port: number) {
    this.port = port
    this.#server = createServer((client) => {
      const server = connect(this.port, '127.0.0.1')
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(from)
        from.on('data', (data) => to.write(data))
        from
          .on('error', () => {})
          .once('close', () => {
            this.#sockets.delete(from)
            to.destroy()
          })
        if (this.#isCut) from.pause()
      }
    })
  }

  async open(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return this
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.pause()
  }

  mend(): void {
    this.#isCut = false
    for (const socket of this.#sockets) socket.resume()
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((done) => this.#server.close(done))
  }
}
