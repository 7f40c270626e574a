/** Durations under keys that only one product has arrive in milliseconds, from the file to the opened source. */
import { expect, it } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import { createLog } from '../../../src/log/log.ts'
import { openConfiguredSource } from '../../../src/supply/configured-sources.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { LogCapture } from '../../support/log-capture.ts'

function open(entry: string) {
  const config = parseConfig(`state: off\nproviders:\n  - { name: a, ${entry} }\n`, 'gateway.yaml', {})
  const [provider = expect.fail('no provider')] = config.providers
  const none = () => Promise.reject(new Error('nothing is called here'))
  return openConfiguredSource(config, provider, {
    clock: new FakeClock(),
    log: createLog({ level: 'silent', format: 'json' }, new LogCapture()),
    http: { call: none, close: () => Promise.resolve() },
    gate: none,
  }).source
}

const qg = 'vendor: qg-legacy, product: dedicated, credentials: { Key: k }'
const list = 'vendor: generic, url: "http://vendor.example/ips", format: text'
const ipipv = 'vendor: ipipv, product: static, credentials: { appKey: k, appSecret: qwertyuiop123456 }'

it.each([
  [`${qg}, giveBack: { idle: 10m, onStop: true }`, { idleMs: 600_000, onStop: true }],
  [`${qg}, giveBack: { onStop: true }`, { onStop: true }],
  [qg, undefined],
  [
    `${list}, operations: { release: { url: "http://vendor.example/end?ip={host}" } }, giveBack: { idle: 1h }`,
    { idleMs: 3_600_000, onStop: false },
  ],
])('giveBack (%#)', (entry, expected) => expect(open(entry).givesBack).toEqual(expected))

it('renew of ipipv', () => {
  const entry = `${ipipv}, instances: [i_1], renew: { before: 6h, maxPrice: 9.5 }`
  expect(open(entry).renewal).toMatchObject({ beforeMs: 21_600_000, operation: 'instance/renew' })
  expect(open(`${ipipv}, instances: [i_1], renew: { maxPrice: 9.5 }`).renewal?.beforeMs).toBe(43_200_000)
})
