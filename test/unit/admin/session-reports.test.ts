import { expect, it } from 'vitest'
import { sessionsQuery } from '../../../src/admin/api/schemas/sessions.ts'
import { sessionsReport } from '../../../src/admin/session-reports.ts'
import { ConnectionLog } from '../../../src/proxy/connection-log.ts'
import { SessionTable } from '../../../src/proxy/session-table.ts'
import { forgetfulStore } from '../../../src/store/memory.ts'
import { plainConnection } from '../../support/plain-client.ts'
import { TestSupply } from './supply.ts'

const MANY = 3_000

it('searches all sessions, and names them by their connections', async () => {
  const supply = new TestSupply()
  const [first, second] = await supply.buy([60_000, 60_000])
  if (first === undefined || second === undefined) return expect.fail('two are bought')
  const table = new SessionTable(supply.pool, { idle: 60_000, max: MANY }, supply.clock, forgetfulStore())
  const log = new ConnectionLog()
  for (let n = 0; n < MANY; n++) table.bind(`key-${n}`, n === 7 ? second : first)
  const named = (sessionKey: string, account: string, sessionName: string) =>
    plainConnection({ account, sessionKey, sessionName })
  const ended = named('key-5', 'crawler', 'Basket')
  for (const each of [ended, named('key-2999', 'crawler', 'last')]) log.began(each)
  log.ended(ended, 10, 'done', undefined, 0, 0)
  const report = (query: object) => sessionsReport(table, log, sessionsQuery.parse(query))
  const keys = (query: object) => report(query).sessions.map(({ key }) => key)

  expect(report({})).toMatchObject({ count: MANY, matched: MANY, sessions: { length: 100 } })
  expect(report({}).sessions[0]).toMatchObject({ key: 'key-2999', user: 'crawler', session: 'last' })
  expect(report({ search: 'basket CRAWL' })).toMatchObject({
    matched: 1,
    sessions: [{ key: 'key-5', user: 'crawler', session: 'Basket', address: '203.0.113.1:8000' }],
  })
  expect(keys({ search: '203.0.113.2' })).toEqual(['key-7'])
  expect(keys({ search: second.id })).toEqual(['key-7'])
  expect(report({ search: 'acme-a', limit: '2' })).toMatchObject({ matched: MANY, sessions: { length: 2 } })
  expect(report({ search: 'basket acme nothing' })).toMatchObject({ count: MANY, matched: 0, sessions: [] })
})
