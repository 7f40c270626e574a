import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** What a page may try against a host that is not its own: the name of each attempt, and its code. */
const ATTEMPTS: Readonly<Record<string, string>> = {
  'fetch with the header': "fetch(rotate, { method: 'POST', headers: { 'X-Turnpike': '1' } }).then(read)",
  'fetch without it': "fetch(rotate, { method: 'POST' }).then(read)",
  'fetch in no-cors mode':
    "fetch(rotate, { method: 'POST', mode: 'no-cors', headers: { 'X-Turnpike': '1' } }).then(read)",
  'fetch that reads the session': 'fetch(host + "/session").then(read)',
  'fetch over TLS': "fetch(rotate.replace('http', 'https'), { method: 'POST', mode: 'no-cors' }).then(read)",
  'fetch at another port':
    "fetch(rotate.replace('internal', 'internal:81'), { method: 'POST', mode: 'no-cors' }).then(read)",
  'fetch of another spelling':
    "fetch(rotate.replace('turnpike.internal', 'TURNPIKE.internal.'), { method: 'POST' }).then(read)",
  XMLHttpRequest: `new Promise((resolve) => {
    const request = new XMLHttpRequest()
    request.open('POST', rotate)
    request.setRequestHeader('X-Turnpike', '1')
    request.onloadend = () => resolve(request.responseText === '' ? 'failed' : 'read')
    request.send()
  })`,
  beacon: "navigator.sendBeacon(rotate, 'X-Turnpike: 1'), 'sent'",
  image: 'loaded(Object.assign(new Image(), { src: rotate }))',
  script: "loaded(Object.assign(document.createElement('script'), { src: host + '/session' }))",
  'style sheet':
    "loaded(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: host + '/session' }))",
  frame: "loaded(Object.assign(document.createElement('iframe'), { src: rotate })).then((frame) => contentOf(frame))",
  'form that posts': "submit('POST', 'application/x-www-form-urlencoded')",
  'form of plain text': "submit('POST', 'text/plain')",
  'form that gets': "submit('GET', 'application/x-www-form-urlencoded')",
  WebSocket: `new Promise((resolve) => {
    const socket = new WebSocket(rotate.replace('http', 'ws'))
    socket.onopen = () => resolve('opened')
    socket.onerror = () => resolve('failed')
  })`,
}

/** In the order in which they are made. */
export const attempts: readonly string[] = Object.keys(ATTEMPTS)

const HELPERS = `
  const host = 'http://turnpike.internal'
  const rotate = host + '/session/rotate'
  const silent = () => new Promise((resolve) => setTimeout(resolve, 3_000, 'silent'))
  const read = async (response) => response.type === 'opaque' ? 'opaque' : 'read: ' + await response.text()
  const loaded = (element) => new Promise((resolve) => {
    element.onload = () => resolve(element.tagName === 'IFRAME' ? element : 'loaded')
    element.onerror = () => resolve('failed')
    document.body.append(element)
  })
  const contentOf = (frame) => {
    try { return frame.contentDocument === null ? 'opaque' : 'read: ' + frame.contentDocument.body.textContent } catch { return 'opaque' }
  }
  const submit = async (method, enctype) => {
    const frame = Object.assign(document.createElement('iframe'), { name: method + enctype })
    document.body.append(frame)
    const form = Object.assign(document.createElement('form'), { action: rotate, method, enctype, target: frame.name })
    form.append(Object.assign(document.createElement('input'), { name: 'X-Turnpike', value: '1' }))
    document.body.append(form)
    form.submit()
    return new Promise((resolve) => { frame.onload = () => resolve(contentOf(frame)) })
  }`

/**
 * A web page that tries whatever a page can to change the session of its browser, one after another. Its <body> ends with
 * `data-outcomes`, an object in JSON.
 * @returns where it is, for the upstreams to look up
 */
export async function startHostilePage(): Promise<readonly [host: string, port: number]> {
  let wait = () => {}
  const server = createServer((request, response) => {
    if (request.url === '/wait') wait = () => response.writeHead(204).end()
    else if (request.url === '/done') {
      response.writeHead(204).end()
      wait()
    } else response.writeHead(200, { 'content-type': 'text/html' }).end(page())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return ['127.0.0.1', (server.address() as AddressInfo).port]
}

/** A headless browser prints a page when it is loaded, images and all: `/wait` is answered only after `/done`. */
function page(): string {
  const codes = Object.entries(ATTEMPTS).map(([name, code]) => `${JSON.stringify(name)}: async () => (${code})`)
  return `<!doctype html><title>page</title><link rel="icon" href="data:,"><body><img src="/wait">
<script>${HELPERS}
  const attempts = { ${codes.join(',\n')} }
  const outcomes = {}
  const run = async () => {
    for (const [name, attempt] of Object.entries(attempts)) {
      try { outcomes[name] = await Promise.race([attempt(), silent()]) } catch { outcomes[name] = 'failed' }
    }
    document.body.dataset.outcomes = encodeURIComponent(JSON.stringify(outcomes))
    fetch('/done')
  }
  run()
</script>
</body>`
}
