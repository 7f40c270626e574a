import { expect, it } from 'vitest'
import { SOCKS_REPLY } from '../../../src/pool/upstream.ts'
import { errorOf } from '../../../src/proxy/try-errors.ts'

it.each([
  [403, 'HTTP status 403'],
  [503, 'HTTP status 503'],
  [SOCKS_REPLY + 5, 'SOCKS reply 5'],
])('tells a refusal in the words of its protocol: %s', (answer, words) => {
  const refused = (verdict: 'another' | 'target') => errorOf({ kind: 'refused', answer }, verdict)
  expect([refused('another').code, refused('another').message]).toEqual([
    'GW_UPSTREAM_REFUSED',
    `the upstream refused this target (${words})`,
  ])
  expect([refused('target').code, refused('target').message]).toEqual([
    'GW_TARGET_REFUSED',
    `two upstreams refused this target alike (${words})`,
  ])
})
