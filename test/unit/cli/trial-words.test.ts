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

it('shows private addresses, and what an entry needs for them, unless it has it', () => {
  const [, ...lines] = reportLines(report, undefined)
  const isToldOf = lines.slice(0, 3).map((line) => line.includes('allowPrivate: true'))
  expect(isToldOf).toEqual([false, true, true])
  expect(reportLines(report, { allowPrivate: true }).join('\n')).not.toContain('allowPrivate')
})

it('says in words that a deadline is past', () => {
  const [first] = report.addresses
  const past = first === undefined ? [] : [{ ...first, lifeSeconds: -118_596_539 }]
  const text = reportLines({ ...report, addresses: past }, undefined).join('\n')
  expect(text).toContain('past its deadline already')
  expect(text).not.toContain('-118')
})

it('names the provider where a table serves many vendors', () => {
  const failure = { class: 'auth', error: 'GW_VENDOR_AUTH', vendorCode: '401', words: 'no', hint: null }
  const failed = { ...report, vendor: 'generic', provider: 'kdl', failure }
  expect(reportLines(failed, undefined)).toEqual(['wrong     kdl: no (401, GW_VENDOR_AUTH)'])
})

it('says that no login came, unless requests carry header fields of their own', () => {
  expect(reportLines(report, undefined).join('\n')).toContain('no login came')
  expect(reportLines(report, { allowPrivate: true, sendsFields: true }).join('\n')).not.toContain('no login came')
})
