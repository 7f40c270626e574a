/** Warnings on real sockets: a provider that has stopped is reported to the operator's URL, and to no other place. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { SystemClock, type Timer } from '../../src/clock.ts'
import { plain } from '../support/client.ts'
import { eventually, startGateway } from '../support/gateway.ts'

const KEY = 'the-key-of-the-account-at-the-vendor'
const TOKEN = 'the-token-of-the-receiver'
/** Between two looks, and between two tries, ms. */
const PAUSES_MS = [10_000, 2_000]

/** Does not wait for the next look or try. */
class HastyClock extends SystemClock {
  override after(ms: number, fn: () => void): Timer {
    return super.after(PAUSES_MS.includes(ms) ? 20 : ms, fn)
  }
}

interface Got {
  readonly path: string
  readonly method: string | undefined
  readonly type: string | undefined
  readonly body: string
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

/** The vendor, which refuses the key, and the receiver of warnings. */
async function startServers(answer: { status: number; location?: string } = { status: 204 }) {
  const got: Got[] = []
  const server = createServer(async (request, response) => {
    const { url = '', method, headers } = request
    if (url.startsWith('/get')) return void response.end('{"code":"KEY_BLOCK","request_id":"1"}')
    got.push({ path: url, method, type: headers['content-type'], body: await bodyOf(request) })
    const { status, location } = answer
    response.writeHead(status, location === undefined ? {} : { location }).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections()
      server.close(() => resolve())
    })
  return { got, base: `http://127.0.0.1:${port}`, close }
}

async function start(servers: Awaited<ReturnType<typeof startServers>>, webhook: object) {
  const clock = new HastyClock()
  const gateway = await startGateway({
    clock,
    filled: 0,
    secrets: [KEY, TOKEN],
    providers: () => [
      {
        ...{ name: 'qg-a', vendor: 'qg', product: 'share-volume', credentials: { key: KEY } },
        ...{ baseUrl: servers.base, callTimeout: '9s' },
      },
    ],
    config: { wait: { timeout: '200ms' }, webhook: { url: `${servers.base}/hooks/${TOKEN}`, ...webhook } },
    closing: async () => {
      await servers.close()
      clock.close()
    },
  })
  expect((await plain(gateway.port, 'http://target.invalid/')).status).toBe(503)
  return gateway
}

it('a provider that has stopped is reported once, without its key', async () => {
  const servers = await startServers()
  await start(servers, { allowPrivate: true })
  await eventually(() => servers.got.length).toBeGreaterThan(0)
  const [{ path, method, type, body } = { body: '' } as Got] = servers.got
  expect({ path, method, type }).toEqual({
    ...{ path: `/hooks/${TOKEN}`, method: 'POST', type: 'application/json; charset=utf-8' },
  })
  expect(JSON.parse(body)).toMatchObject({ version: 1, warnings: [{ code: 'key-wrong', provider: 'qg-a' }] })
  expect(body).not.toContain(KEY)
  expect(servers.got).toHaveLength(1)
})

it('a private address gets nothing unless that is allowed', async () => {
  const servers = await startServers()
  const gateway = await start(servers, {})
  await eventually(() => gateway.log.text).toContain('webhook.allowPrivate accepts it')
  expect(servers.got).toEqual([])
})

it('a redirect is not followed', async () => {
  const servers = await startServers({ status: 307, location: '/elsewhere' })
  const gateway = await start(servers, { allowPrivate: true })
  await eventually(() => gateway.log.text).toContain('a redirect, which is not followed')
  expect(servers.got.map(({ path }) => path)).toEqual(Array(3).fill(`/hooks/${TOKEN}`))
})
