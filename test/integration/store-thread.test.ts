/** Which gateways have the store's thread, and its 12 MB: the journal is there while the thread has the database open. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { connectVia } from '../support/client.ts'
import { eventually, type Gateway, startGateway } from '../support/gateway.ts'

const state = { path: './state' }
const filesOf = (gateway: Gateway) => readdirSync(join(gateway.folder, 'state')).sort()
const WITHOUT = ['turnpike.db', 'turnpike.lock']
const WITH = ['turnpike.db', 'turnpike.db-wal', 'turnpike.lock']

it('with a list alone it starts with the first session', async () => {
  const gateway = await startGateway({ config: { state } })
  await connectVia(gateway.port, 'echo.test:7')
  expect(filesOf(gateway)).toEqual(WITHOUT)
  await connectVia(gateway.port, 'echo.test:7', { headers: [['X-Turnpike-Session', 'basket']] })
  await eventually(() => filesOf(gateway)).toEqual(WITH)
})

it('with a vendor it is there from the start', async () => {
  const credentials = { trade_no: '1000000000000001', key: 'an-invented-trade-key' }
  const vendor = { name: 'paid', vendor: 'juliangip', product: 'dynamic', credentials, baseUrl: 'http://127.0.0.1:9' }
  const gateway = await startGateway({ config: { state }, providers: () => [vendor], secrets: [credentials.key] })
  expect(filesOf(gateway)).toEqual(WITH)
})
