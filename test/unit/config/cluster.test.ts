import { expect, it } from 'vitest'
import { checkCluster } from '../../../src/config/cluster-checks.ts'
import { parseConfig } from '../../../src/config/load.ts'

const file = (url: string, more = '') => `
cluster: { url: "${url}", name: crawlers, secret: "a secret of sixteen" }
providers: [{ name: l, vendor: static, list: ["192.0.2.1:80"] }]
${more}`

it('takes an address of Redis, and hides it', () => {
  const { cluster } = parseConfig(file('rediss://u:p@redis.internal:6379'), 'gateway.yaml', {})
  expect(cluster?.url.reveal()).toBe('rediss://u:p@redis.internal:6379')
  expect(JSON.stringify(cluster)).not.toContain('redis.internal')
})

it('refuses another address, a short secret and a name that no key can hold', () => {
  const wrong = file('http://redis').replace('a secret of sixteen', 'short').replace('crawlers', 'a b')
  expect(() => parseConfig(wrong, 'gateway.yaml', {})).toThrow(
    /cluster\.url: write redis:\/\/.*cluster\.name: use letters.*cluster\.secret: make it 16/s,
  )
})

it.each([
  [{ cluster: {}, providers: [{ vendor: 'demo' }] }, 'providers.0.vendor'],
  [{ cluster: {}, pool: { perUpstream: { uses: 1 } } }, 'pool.perUpstream.uses'],
  [{ cluster: {}, listen: [{ perUpstream: { connections: 2 } }] }, 'listen.0.perUpstream.connections'],
  [{ cluster: {}, listen: [{}, { users: [{ perUpstream: { uses: 3 } }] }] }, 'listen.1.users.0.perUpstream.uses'],
])('refuses what hosts cannot share: %j', (raw, path) => {
  expect(checkCluster(raw).map((finding) => finding.path.join('.'))).toEqual([path])
  expect(checkCluster({ ...raw, cluster: undefined })).toEqual([])
})
