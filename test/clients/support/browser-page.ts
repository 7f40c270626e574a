import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface BrowserPage {
  /** Where it is, for the upstreams to look up. */
  readonly address: readonly [host: string, port: number]
  /** Addresses of whoever asked for it or for anything beside it. */
  readonly peers: Set<string>
}

/**
 * A page of a site of its own, as pages are: it loads `count` scripts from `http://site.test`, says a word through a
 * WebSocket there, and names a tracker that no longer exists. Its <body data-loaded data-echo> tells what came of it.
 */
export async function startBrowserPage(count: number): Promise<BrowserPage> {
  const peers = new Set<string>()
  const waiting = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    peers.add(request.socket.remoteAddress ?? '')
    if (request.url === '/') return response.writeHead(200, { 'content-type': 'text/html' }).end(page(count))
    waiting.add(response)
    if (request.url === '/heard') for (const held of waiting) held.writeHead(204).end()
    return response
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { address: ['127.0.0.1', (server.address() as AddressInfo).port], peers }
}

/** A headless browser waits for what it fetches, not for sockets: so `/wait` is answered only after `/heard`. */
function page(count: number): string {
  const scripts = Array.from(
    { length: count },
    (_, n) => `<script src="http://site.test/resource/${n + 1}.js"></script>`,
  )
  return `<!doctype html><title>page</title><link rel="icon" href="data:,"><body data-loaded="0" data-echo="">
<script>
  fetch('/wait')
  const socket = new WebSocket('ws://site.test/ws')
  socket.onopen = () => socket.send('through the proxy')
  socket.onclose = () => fetch('/heard')
  socket.onmessage = ({ data }) => {
    document.body.dataset.echo = data
    socket.close()
  }
</script>
<script src="http://tracker.test/gone.js"></script>
${scripts.join('\n')}
</body>`
}
