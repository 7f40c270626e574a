/** Many at once, over real connections: what they are told is true, and none of them starves. By hand: `npm run torture -- sessions`. */
import { expect, it } from 'vitest'
import { basic, connectVia, dial, readReply } from '../support/client.ts'
import { startGateway } from '../support/gateway.ts'
import { formatHead } from '../support/http-wire.ts'
import { send } from '../support/socket-io.ts'

const SESSIONS = 10_000
/**
 * Their commands are sent together: both ends of a connection are in this process, many systems allow it 20,000 descriptors, and of
 * the connections that these allow the gateway keeps only a part open without a request.
 */
const PER_CONNECTION = 4
const WAITING = 1_000
/** A hang guard. */
const ANSWER_MS = 600_000
const limits = { connections: SESSIONS, handshake: '600s' }

it(`${SESSIONS} sessions rotate at once with 5 addresses: each is where its answer says, and not where it was`, async () => {
  const { port, leases } = await startGateway({
    upstreams: 5,
    config: { limits, log: { level: 'warn', access: 'off' } },
  })
  const clients = await Promise.all(
    Array.from({ length: SESSIONS / PER_CONNECTION }, () => dial({ host: '127.0.0.1', port }, ANSWER_MS)),
  )
  const askAll = async (method: 'GET' | 'POST', path: string): Promise<string[]> => {
    const line = `${method} http://turnpike.internal${path} HTTP/1.1`
    const request = (session: number) =>
      formatHead(line, [
        ['Host', 'turnpike.internal'],
        ['X-Turnpike', '1'],
        ['Proxy-Authorization', basic({ username: `acc-session-${session}`, password: 'x' })],
      ])
    const ask = async (client: (typeof clients)[0], n: number) => {
      const sessions = Array.from({ length: PER_CONNECTION }, (_, k) => n * PER_CONNECTION + k)
      await send(client.socket, sessions.map(request).join(''))
      const ids: string[] = []
      for (const _ of sessions) {
        const { body } = await readReply(client, method)
        ids.push((JSON.parse(body.toString()) as { address: { id: string } }).address.id)
      }
      return ids
    }
    return (await Promise.all(clients.map(ask))).flat()
  }
  const first = await askAll('POST', '/session/rotate')
  const second = await askAll('POST', '/session/rotate')
  expect(await askAll('GET', '/session')).toEqual(second)
  expect(second.length).toBe(SESSIONS)
  expect(second.filter((id, n) => id === first[n])).toEqual([])
  expect([new Set(first).size, new Set(second).size, leases()]).toEqual([5, 5, 0])
})

it(`one user's ${WAITING} waiting connections do not delay the first of another`, async () => {
  const users = ['ada', 'bob'].map((name) => ({ name, password: `password-of-${name}` }))
  const gateway = await startGateway({
    upstreams: 1,
    config: {
      ...{ limits, listen: [{ port: 0, users }], pool: { perUpstream: { connections: 1 } } },
      ...{ wait: { timeout: '600s', queue: 2 * WAITING }, log: { level: 'warn', access: 'off' } },
    },
    secrets: users.map(({ password }) => password),
  })
  const served: string[] = []
  const open = async (name: string) => {
    const login = { username: name, password: `password-of-${name}` }
    const tunnel = await connectVia(gateway.port, 'echo.test:7', { login, timeoutMs: ANSWER_MS })
    served.push(name)
    return tunnel
  }
  const serve = async (name: string) => (await open(name)).socket.destroy()
  const holder = await open('ada')
  const clients = Array.from({ length: WAITING }, () => serve('ada'))
  const waiting = () => gateway.app.data.leaseQueue.waitingCount
  await expect.poll(waiting, { timeout: ANSWER_MS }).toBe(WAITING)
  clients.push(serve('bob'))
  await expect.poll(waiting, { timeout: ANSWER_MS }).toBe(WAITING + 1)
  holder.socket.destroy()
  await Promise.all(clients)
  expect([served.slice(0, 4), served.length]).toEqual([['ada', 'ada', 'bob', 'ada'], WAITING + 2])
})
