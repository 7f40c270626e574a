import { expect, it } from 'vitest'
import { reportLines } from '../../../src/cli/trial-words.ts'
import type { TrialReport } from '../../../src/supply/operator/test-source.ts'

const report: TrialReport = {
  vendor: 'link',
  product: 'plain',
  provider: null,
  ordered: 2,
  seconds: 0.1,
  format: 'text',
  addresses: ['198.51.100.7:8080', '127.0.0.2:8080', '[fd00::1]:8080'].map((address) => ({
    address,
    protocol: 'http',
    login: 'none',
    lifeSeconds: 60,
    exit: null,
    country: null,
    area: null,
    city: null,
    isp: null,
  })),
  count: 3,
  pending: 0,
  rejected: [],
  doubts: [],
  balance: null,
  failure: null,
  tried: null,
}

it('shows private addresses, and what an entry wants for them', () => {
  const [, ...lines] = reportLines(report, undefined)
  const isToldOf = lines.slice(0, 3).map((line) => line.includes('allowPrivate: true'))
  expect(isToldOf).toEqual([false, true, true])
})
