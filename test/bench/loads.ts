/** What `npm run bench` asks of each target: closed loops, in which each client begins anew as soon as it has been served. */
import { connect, type Socket } from 'node:net'

export interface Count {
  served: number
  errors: number
}

export interface Load {
  readonly name: string
  /** One client, until `end`, performance.now() ms. */
  readonly client: (port: number, end: number, count: Count) => Promise<void>
}

const CONNECT = 'CONNECT site.test:80 HTTP/1.1\r\nHost: site.test:80\r\n\r\n'
const IN_TUNNEL = 'GET / HTTP/1.1\r\nHost: site.test\r\n\r\n'
const GET = 'GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n'
const POST =
  'POST http://site.test/ HTTP/1.1\r\nHost: site.test\r\nUser-Agent: bench\r\nAccept: */*\r\n' +
  `Content-Type: application/octet-stream\r\nContent-Length: 1024\r\n\r\n${'x'.repeat(1_024)}`

export const loads: readonly Load[] = [
  { name: 'tunnels', client: tunnels },
  { name: 'plain GET', client: (port, end, count) => requests([GET], port, end, count) },
  { name: 'POST of 1 KiB', client: (port, end, count) => requests([POST], port, end, count) },
  { name: 'PUT of 4 MiB', client: bodies },
  { name: 'GET and POST by turns', client: (port, end, count) => requests([GET, POST], port, end, count) },
]

const BODY_BYTES = 4 * 2 ** 20

/** Bulk: one body after another, each over a connection of its own. */
async function bodies(port: number, end: number, count: Count): Promise<void> {
  while (performance.now() < end) {
    if (await upload(port, BODY_BYTES)) count.served++
    else count.errors++
  }
}

/** Opens a tunnel, sends one request through it, closes. */
async function tunnels(port: number, end: number, count: Count): Promise<void> {
  while (performance.now() < end) {
    if (await oneTunnel(port)) count.served++
    else count.errors++
  }
}

function oneTunnel(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let isOpen = false
    let isAnswered = false
    const socket = open(port)
    socket.write(CONNECT)
    socket.on('data', (chunk) => {
      if (isOpen) {
        isAnswered = chunk.includes('200 OK')
        socket.destroy()
      } else if (chunk.includes(' 200 ')) {
        isOpen = true
        socket.write(IN_TUNNEL)
      } else socket.destroy()
    })
    socket.on('close', () => resolve(isAnswered))
  })
}

/** Sends these by turns over one connection, each when the one before was answered; over another one when that breaks. */
async function requests(kinds: readonly string[], port: number, end: number, count: Count): Promise<void> {
  while (performance.now() < end) await oneConnection(kinds, port, end, count)
}

function oneConnection(kinds: readonly string[], port: number, end: number, count: Count): Promise<void> {
  return new Promise((resolve) => {
    const socket = open(port)
    let sent = 0
    let received = ''
    const next = () => socket.write(kinds[sent++ % kinds.length] ?? '')
    next()
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      if (!received.endsWith('\r\n\r\nok')) return
      if (received.startsWith('HTTP/1.1 200 ')) count.served++
      else count.errors++
      received = ''
      if (performance.now() < end) next()
      else socket.destroy()
    })
    socket.on('close', () => {
      if (performance.now() < end) count.errors++
      resolve()
    })
  })
}

/**
 * Sends a body of this length in one PUT.
 * @returns whether it was answered with 200
 */
export function upload(port: number, bytes: number): Promise<boolean> {
  const piece = Buffer.alloc(65_536, 'x')
  return new Promise((resolve) => {
    const socket = open(port)
    socket.write(`PUT http://site.test/ HTTP/1.1\r\nHost: site.test\r\nContent-Length: ${bytes}\r\n\r\n`)
    let left = bytes
    const send = () => {
      for (let flows = true; flows && left > 0; left -= piece.length) flows = socket.write(piece.subarray(0, left))
    }
    socket.on('drain', send)
    send()
    let isAnswered = false
    socket.on('data', (chunk) => {
      isAnswered = chunk.includes('HTTP/1.1 200 ')
      socket.destroy()
    })
    socket.on('close', () => resolve(isAnswered))
  })
}

function open(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.destroy())
  return socket
}
