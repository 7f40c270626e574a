import { expect, it } from 'vitest'
import { checkCluster } from '../../../src/config/cluster-checks.ts'
import { applicable } from '../../../src/config/difference.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { poolSettings } from '../../../src/config/pool-limits.ts'

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
  [{ cluster: {}, workers: 2 }, 'workers'],
  [{ cluster: {}, workers: 1 }, undefined],
])('refuses what hosts cannot share: %j', (raw, path) => {
  const refused = checkCluster(raw).map((finding) => finding.path.join('.'))
  expect(refused).toEqual(path === undefined ? [] : [path])
  expect(checkCluster({ ...raw, cluster: undefined })).toEqual([])
})

it('lets only gateways of a cluster share a port', () => {
  const raw = { listen: [{ port: 1 }, { port: 2, shared: true }] }
  expect(checkCluster(raw).map(({ path }) => path.join('.'))).toEqual(['listen.1.shared'])
  expect(checkCluster({ ...raw, cluster: {} })).toEqual([])
})

it.each([
  ['pool: { perUpstream: { uses: 1 } }', true],
  ['listen: [{ port: 1, perUpstream: { connections: 2 } }]', true],
  ['pool: { perUpstream: { hostRest: 1m } }', true],
  ['pool: { perUpstream: { uses: 0 } }', false],
])('lets hosts share out addresses with limits: %s', (more, shares) => {
  const config = parseConfig(file('redis://r', more), 'gateway.yaml', {})
  expect(poolSettings(config).startsElsewhere).toBe(shares)
  const alone = parseConfig(file('redis://r', more).replace(/^cluster:.*$/m, ''), 'gateway.yaml', {})
  expect(poolSettings(alone).startsElsewhere).toBe(false)
})

it('changes limits of addresses in a cluster by a restart alone', () => {
  const [before, after] = ['1', '2'].map((uses) =>
    parseConfig(file('redis://r', `pool: { ceiling: 1${uses}, perUpstream: { uses: ${uses} } }`), 'gateway.yaml', {}),
  ) as [ReturnType<typeof parseConfig>, ReturnType<typeof parseConfig>]
  const { config, needsRestart } = applicable(before, after)
  expect(needsRestart).toEqual(['pool.perUpstream'])
  expect(config.pool).toMatchObject({ ceiling: 12, perUpstream: { uses: 1 } })
})
