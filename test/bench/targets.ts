/**
 * What is measured, and what stands around it, each as a process of its own. Prints its ports as JSON when it listens.
 *
 *   node test/bench/targets.ts upstream              a proxy that opens tunnels to an origin inside itself, and answers plain requests
 *   node test/bench/targets.ts far COUNT RTT BAD [socks5]   such proxies far away, some of them out of order at any time
 *   node test/bench/targets.ts bare UPSTREAM         the least that a relay in Node can be: no login, no limits, no retries
 *   node test/bench/targets.ts proxy-chain UPSTREAM...
 */
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net'
import { Server } from 'proxy-chain'

const BACKLOG = 4096
const OPENED = 'HTTP/1.1 200 Connection established\r\n\r\n'
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
/** So long one and the same far proxies are out of order. */
const SPELL_MS = 5_000

const [kind, ...args] = process.argv.slice(2)
if (kind === 'upstream') await listen([createServer({ noDelay: true }, serve)])
else if (kind === 'far') await far(Number(args[0]), Number(args[1]), Number(args[2]), args[3] === 'socks5')
else if (kind === 'bare') await bare(Number(args[0]))
else if (kind === 'proxy-chain') await proxyChain(args)

async function listen(servers: readonly NetServer[]): Promise<void> {
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () => {
            const address = server.address()
            resolve(typeof address === 'object' && address !== null ? address.port : 0)
          })
        }),
    ),
  )
  process.stdout.write(`${JSON.stringify(ports)}\n`)
}

/** The first octets tell a tunnel from plain requests. */
function serve(socket: Socket): void {
  socket.once('data', (first) => {
    if (first.toString('latin1', 0, 8) === 'CONNECT ') serveTunnel(socket, () => 0)
    else servePlain(socket)
    socket.emit('data', first)
  })
}

/** Answers each plain request when the end of its body, whose length its header tells, was read. Keeps no body. */
function servePlain(socket: Socket): void {
  let head = ''
  let bodyLeft = 0
  const answered = () => {
    if (bodyLeft === 0) socket.write(ANSWER)
  }
  socket.on('data', (piece) => {
    for (let rest = piece; rest.length > 0; ) {
      if (bodyLeft > 0) {
        const size = Math.min(bodyLeft, rest.length)
        bodyLeft -= size
        rest = rest.subarray(size)
        answered()
        continue
      }
      const before = head.length
      head += rest.toString('latin1')
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      rest = rest.subarray(end + 4 - before)
      bodyLeft = Number(/content-length: (\d+)/i.exec(head.slice(0, end))?.[1] ?? '0')
      head = ''
      answered()
    }
  })
  socket.on('error', () => socket.destroy())
}

/** Answers CONNECT, then every chunk as if it were one small request. @param delayMs of the answer to CONNECT */
function serveTunnel(socket: Socket, delayMs: () => number): void {
  let isOpen = false
  socket.on('data', () => {
    if (isOpen) return void socket.write(ANSWER)
    isOpen = true
    const ms = delayMs()
    if (ms === 0) socket.write(OPENED)
    else setTimeout(() => socket.write(OPENED), ms)
  })
  socket.on('error', () => socket.destroy())
}

/** SOCKS5 with a login. @param delayMs of each message, the first being the answer to the greeting */
function serveSocks(socket: Socket, delayMs: () => number): void {
  const messages = ['0502', '0100', '05000001000000000000'].map((hex) => Buffer.from(hex, 'hex'))
  socket.on('data', () => {
    const message = messages.shift() ?? ANSWER
    setTimeout(() => socket.write(message), delayMs())
  })
  socket.on('error', () => socket.destroy())
}

/**
 * Distance is simulated in the answers, because loopback has none: a connection stands one round trip after it was begun,
 * so an answer to CONNECT comes two round trips after that, or one after the CONNECT if that came later. Of the proxies
 * that are out of order, every other resets what it gets after a round trip, the rest say nothing at all.
 */
async function far(count: number, rttMs: number, badShare: number, isSocks: boolean): Promise<void> {
  const serveGood = isSocks ? serveSocks : serveTunnel
  const servers = Array.from({ length: count }, (_, index) =>
    createServer({ noDelay: true }, (socket) => {
      const begunAt = performance.now()
      // Proxies are not all equally far: from 0.8 to 1.2 of the round trip.
      const ownRtt = rttMs * (0.8 + (0.4 * index) / Math.max(1, count - 1))
      const mood = scatter(index, Math.floor(begunAt / SPELL_MS))
      if (mood >= badShare) return serveGood(socket, () => Math.max(2 * ownRtt + begunAt - performance.now(), ownRtt))
      socket.on('error', () => socket.destroy())
      if (mood < badShare / 2) setTimeout(() => socket.resetAndDestroy(), ownRtt)
      else socket.resume()
    }),
  )
  await listen(servers)
}

/** The same for the same two numbers, and as good as random over many: in [0, 1). */
function scatter(a: number, b: number): number {
  let x = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d)
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39)
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32
}

async function bare(upstream: number): Promise<void> {
  const server = createServer({ noDelay: true }, (client) => {
    client.once('data', (head) => {
      const out = connect({ port: upstream, host: '127.0.0.1', noDelay: true })
      out.write(head)
      for (const [one, other] of [
        [client, out],
        [out, client],
      ] as const) {
        one.on('error', () => other.destroy())
        one.on('close', () => other.destroy())
        one.pipe(other)
      }
    })
    client.on('error', () => client.destroy())
  })
  await listen([server])
}

async function proxyChain(upstreams: readonly string[]): Promise<void> {
  let next = 0
  const server = new Server({
    port: 0,
    host: '127.0.0.1',
    prepareRequestFunction: () => ({
      upstreamProxyUrl: `http://user:pass@127.0.0.1:${upstreams[next++ % upstreams.length]}`,
    }),
  })
  server.on('requestFailed', () => {})
  await server.listen()
  process.stdout.write(`${JSON.stringify([server.port])}\n`)
}
