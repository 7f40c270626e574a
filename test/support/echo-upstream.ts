import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'

const OPENED = 'HTTP/1.1 200 OK\r\n\r\n'
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'

/** The least that an upstream can be: its tunnels echo, and it answers plain requests itself. It keeps no record. */
export async function startEchoUpstream(host: string): Promise<{ host: string; port: number; server: Server }> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', (head) => {
      if (head.subarray(0, 8).toString('latin1') !== 'CONNECT ') return void socket.end(ANSWER)
      socket.write(OPENED)
      socket.on('data', (piece) => socket.write(piece))
    })
  })
  server.listen({ host, port: 0, backlog: 4096 })
  await once(server, 'listening')
  return { host, port: (server.address() as AddressInfo).port, server }
}
