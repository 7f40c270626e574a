/**
 * An upstream proxy that reads plain requests strictly (http-wire.ts) and answers each with what it has read, so that a client sees
 * what its octets were taken for.
 */
import { hash } from 'node:crypto'
import { readBody, readRequestHead, requestFraming, staysOpen, WireError } from './http-wire.ts'
import { LoopbackServer } from './loopback-server.ts'
import { SocketReader, send } from './socket-io.ts'

/** The request as an answer states it. @param body decoded, latin1 */
export function statementOf(method: string, target: string, body: string): string {
  return `${method} ${target} ${hash('sha1', Buffer.from(body, 'latin1'))}`
}

export class EchoProxy {
  /** What no strict server takes for a request. */
  readonly faults: string[] = []
  /** All that came, by connection. */
  octets: Buffer[][] = []
  readonly server: LoopbackServer

  constructor() {
    this.server = new LoopbackServer(async (socket) => {
      const octets: Buffer[] = []
      this.octets.push(octets)
      const reader = new SocketReader(socket, { timeoutMs: null, onBytes: (bytes) => octets.push(bytes) })
      try {
        while (await this.#answerOne(reader, (bytes) => send(socket, bytes))) {}
      } catch (error) {
        if (!(error instanceof WireError)) throw error
        this.faults.push(error.message)
      }
      socket.end()
    })
  }

  /** @returns whether another request may follow */
  async #answerOne(reader: SocketReader, write: (bytes: Buffer) => Promise<void>): Promise<boolean> {
    const head = await readRequestHead(reader)
    if (head === null) return false
    const pieces: Buffer[] = []
    for await (const piece of readBody(reader, requestFraming(head))) pieces.push(piece)
    const statement = Buffer.from(
      statementOf(head.method, head.target, Buffer.concat(pieces).toString('latin1')),
      'latin1',
    )
    const answer = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${statement.length}\r\n\r\n`)
    await write(head.method === 'HEAD' ? answer : Buffer.concat([answer, statement]))
    return staysOpen(head)
  }
}
