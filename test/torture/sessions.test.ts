/** Many at once, over real connections: what they are told is true, and none of them starves. By hand: `npm run torture -- sessions`. */
import { expect, it } from 'vitest'
import { connectVia, plain } from '../support/client.ts'
import { startGateway } from '../support/gateway.ts'

/** Both ends of every connection are in this process: with the descriptors that many systems allow, no more. */
const SESSIONS = 4_000
const WAITING = 1_000
/** A hang guard. */
const ANSWER_MS = 600_000
const limits = { connections: 2 * SESSIONS }

it(`${SESSIONS} sessions rotate at once with 5 addresses: each is where its answer says, and not where it was`, async () => {
  const { port, leases } = await startGateway({
    upstreams: 5,
    config: { limits, log: { level: 'warn', access: 'off' } },
  })
  const ask = async (path: string, n: number): Promise<string> => {
    const options = { login: { username: `acc-session-${n}`, password: 'x' }, timeoutMs: ANSWER_MS }
    const method = path === '/session' ? 'GET' : 'POST'
    const url = `http://turnpike.internal${path}`
    const { body, socket } = await plain(port, url, { ...options, method, headers: [['X-Turnpike', '1']] })
    socket.destroy()
    return (JSON.parse(body.toString()) as { address: { id: string } }).address.id
  }
  const all = (path: string) => Promise.all(Array.from({ length: SESSIONS }, (_, n) => ask(path, n)))
  const first = await all('/session/rotate')
  const second = await all('/session/rotate')
  expect(await all('/session')).toEqual(second)
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
