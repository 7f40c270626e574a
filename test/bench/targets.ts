/**
 * What is measured, each as a process of its own:
 *
 *   node test/bench/targets.ts upstreams PORT       proxies that open a tunnel to an origin inside themselves
 *   node test/bench/targets.ts bare PORT UPSTREAM   the least that a relay in Node can be: no login, no limits, no retries
 *   node test/bench/targets.ts proxy-chain PORT UPSTREAM
 */
import { connect, createServer } from 'node:net'
import { Server } from 'proxy-chain'

const BACKLOG = 4096
const OPENED = 'HTTP/1.1 200 Connection established\r\n\r\n'
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

const [kind, port = '0', upstream = ''] = process.argv.slice(2)
if (kind === 'upstreams') upstreams()
else if (kind === 'bare') bare()
else if (kind === 'proxy-chain') await proxyChain()

/** Answers CONNECT, then every chunk as if it were one small request. */
function upstreams(): void {
  createServer({ noDelay: true }, (socket) => {
    let isOpen = false
    socket.on('data', () => {
      socket.write(isOpen ? ANSWER : OPENED)
      isOpen = true
    })
    socket.on('error', () => socket.destroy())
  }).listen({ port: Number(port), host: '127.0.0.1', backlog: BACKLOG })
}

function bare(): void {
  createServer({ noDelay: true }, (client) => {
    client.once('data', (head) => {
      const out = connect({ port: Number(upstream), host: '127.0.0.1', noDelay: true })
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
  }).listen({ port: Number(port), host: '127.0.0.1', backlog: BACKLOG })
}

async function proxyChain(): Promise<void> {
  const server = new Server({
    port: Number(port),
    host: '127.0.0.1',
    prepareRequestFunction: () => ({ upstreamProxyUrl: `http://user:pass@127.0.0.1:${upstream}` }),
  })
  server.on('requestFailed', () => {})
  await server.listen()
}
