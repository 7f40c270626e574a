import { expect, it } from 'vitest'
import { budgetOf, dataSettings } from '../../../src/app/settings.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { isSame } from '../../../src/same.ts'
import { readSettings, writeSettings } from '../../../src/workers/settings-wire.ts'

const text = `
workers: 3
listen:
  - { port: 0, users: [{ name: crawler, password: secret-of-a-user }], allow: [10.0.0.0/8] }
  - { port: 8088, session: client }
providers:
  - { name: paid, vendor: juliangip, product: dynamic, credentials: { trade_no: '1', key: secret-of-a-vendor } }
  - { name: signed, vendor: gateway, host: h, port: 1, life: 1m, rotates: true, credentials: { k: key-of-a-gateway }, headers: { A: '{k}{sign}' }, sign: { of: '{k}', hash: md5 } }
  - { name: own, vendor: static, list: ['http://192.0.2.1:80'] }
groups: [{ name: both, members: [paid, own] }]
routes:
  - { host: ['*.example.com', shop.example], to: group both }
  - { to: direct, port: 22 }
bans: [{ host: '*.example.com', status: [403], rest: 1m }]
limits: { connections: 100 }
wait: { queue: 2 }
`

it('gives a worker what serves clients, its part of the limits, and no key of a vendor', () => {
  const config = parseConfig(text, 'gateway.yaml', {})
  const sent = [0, 1, 2].map((worker) =>
    JSON.stringify(writeSettings(config, true, [40_000, 8088], { worker, workers: 3 })),
  )
  expect(sent.some((one) => one.includes('secret-of-a-vendor'))).toBe(false)
  const received = sent.map((one) => readSettings(JSON.parse(one)))
  const [first] = received
  expect(first?.isOwned).toBe(true)
  expect(first?.config.listen.map(({ port }) => port)).toEqual([40_000, 8088])
  expect(received.map((one) => one.config.limits.connections)).toEqual([34, 33, 33])
  expect(received.map((one) => one.config.wait.queue)).toEqual([1, 1, 1])
  const same = [
    'groups',
    'routes',
    'pool',
    'rotation',
    'session',
    'dial',
    'relay',
    'bans',
    'health',
    'workers',
  ] as const
  for (const key of same) expect([key, isSame(first?.config[key], config[key])]).toEqual([key, true])
  const fields = first && dataSettings(first.config, budgetOf(config)).requestFields.get('signed')
  expect(fields?.({}, 0)).toEqual({ A: 'key-of-a-gateway9d2c3850795bd53ec3421a4f02b109c7' })
  expect(first?.config.listen[0]?.users?.[0]?.password.reveal()).toBe('secret-of-a-user')
})
