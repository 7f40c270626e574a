import { expect, it } from 'vitest'
import { Upstream } from '../../../src/pool/upstream.ts'
import { ConnectionLog, type OpenConnection } from '../../../src/proxy/connection-log.ts'
import { plainConnection } from '../../support/plain-client.ts'

const facts = { provider: 'p', protocol: 'http', host: '203.0.113.1', port: 1, boughtAt: 0, deadline: 1 } as const
const upstream = (id: string) => new Upstream({ ...facts, id })

const connection = (target: string, more: Partial<OpenConnection> = {}) =>
  plainConnection({ target, beganAt: 100, ...more })

const targets = (log: ConnectionLog) => ({
  open: log.open.map(({ target }) => target).toSorted(),
  closed: [...log.closed()].map(({ target }) => target),
})

it('holds what is open, and the last ones that have ended, the latest first', () => {
  const log = new ConnectionLog(3)
  const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((target) => connection(target))
  for (const each of all) log.began(each)
  for (const at of [1, 0, 4, 3]) log.ended(all[at] as OpenConnection, 200, 'done', undefined, 1, 2)
  expect(targets(log)).toEqual({ open: ['c', 'f'], closed: ['d', 'e', 'a'] })
  expect([log.endedCount, log.closedCount, log.lastId]).toEqual([4, 3, 6])
})

it('gives what has ended since a number', () => {
  const log = new ConnectionLog(3)
  for (const target of ['a', 'b', 'c', 'd']) {
    const each = connection(target)
    log.began(each)
    log.ended(each, 200, 'done', undefined, 0, 0)
  }
  const since = (number: number) => [...log.closed(number)].map(({ target }) => target)
  expect([since(4), since(2), since(0)]).toEqual([[], ['d', 'c'], ['d', 'c', 'b']])
})

it('ends a connection once', () => {
  const log = new ConnectionLog()
  const one = connection('a')
  log.began(one)
  log.ended(one, 200, 'refused', 'GW_POOL_EMPTY', 0, 0)
  log.ended(one, 300, 'done', undefined, 5, 5)
  expect([...log.closed()]).toMatchObject([{ endedAt: 200, end: 'refused', code: 'GW_POOL_EMPTY' }])
})

it('keeps the tries of a connection in their order, the last ones of many', () => {
  const log = new ConnectionLog()
  const one = connection('a')
  log.began(one)
  for (let i = 1; i <= 18; i++) {
    one.trace.tryBeganAt = i * 10
    log.tryFailed(one, upstream(`u${i}`), i * 10 + 5, 'refused', 403)
  }
  log.ended(one, 999, 'client-gone', undefined, 0, 0)
  const [{ tries = [] } = {}] = [...log.closed()]
  expect(tries.map((each) => each.upstream.id)).toEqual(Array.from({ length: 16 }, (_, i) => `u${i + 3}`))
  expect(tries[0]).toMatchObject({ beganAt: 30, endedAt: 35, result: 'refused', answer: 403 })
})

it('uses its records again: a record that was used before shows nothing of it', () => {
  const log = new ConnectionLog(1)
  const first = connection('a', { account: 'x', sessionKey: 'key\ns\nx', servedBy: upstream('u') })
  log.began(first)
  log.opened(first, 50)
  log.tryFailed(first, upstream('v'), 120, 'closed')
  log.ended(first, 200, 'done', undefined, 10, 20)
  const second = connection('b')
  log.began(second)
  log.ended(second, 300, 'client-gone', undefined, 0, 0)
  expect([...log.closed()]).toEqual([
    {
      ...{
        id: 2,
        protocol: 'connect',
        account: undefined,
        sessionKey: undefined,
        sessionName: undefined,
        target: 'b',
        beganAt: 100,
      },
      ...{ tryBeganAt: 0, openedAt: 0, endedAt: 300, servedBy: undefined, tries: undefined },
      ...{ end: 'client-gone', code: undefined, bytesFromClient: 0, bytesToClient: 0 },
    },
  ])
})

it('adds up the octets of open tunnels, without what a handshake took', () => {
  const log = new ConnectionLog()
  const all = [connection('a', { bytesFromClient: 5, bytesToClient: 70 }), connection('b', { bytesFromClient: 200 })]
  for (const each of all) log.began(each)
  expect(log.openBytes()).toEqual({ fromClients: 0, toClients: 0 })
  log.opened(all[0] as OpenConnection, 30)
  expect(log.openBytes()).toEqual({ fromClients: 5, toClients: 70 })
})

it('closes an open connection by its number', () => {
  const log = new ConnectionLog()
  const closed: string[] = []
  for (const target of ['a', 'b']) log.began(connection(target, { close: () => closed.push(target) }))
  expect([log.close(2), log.close(3), log.close(Number.NaN)]).toEqual([true, false, false])
  expect(closed).toEqual(['b'])
})
