/** docs/admin-api.md and the code say the same. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { problems } from '../../../src/admin/api/problem.ts'
import { counters, gauges } from '../../../src/admin/figures.ts'
import { checkReport, type GatewayParts } from '../../../src/admin/gateway-report.ts'
import { upstreamReport } from '../../../src/admin/reports.ts'
import type { Upstream } from '../../../src/pool/upstream.ts'
import { report, TestSupply } from './supply.ts'

const manual = readFileSync(new URL('../../../docs/admin-api.md', import.meta.url), 'utf8')
const found = (pattern: RegExp) => Array.from(manual.matchAll(pattern), (match) => match[1])

/** The objects of the JSON examples, all of which must be JSON. */
const examples = found(/```json\n(.*?)```/gs).map((json) => JSON.parse(json ?? ''))

it('explains every code with its status, and no other', () => {
  const explained = Array.from(manual.matchAll(/^\| `(ADMIN_\w+)` \| (\d{3}) \|/gm), ([, code, status]) => [
    code,
    status,
  ])
  expect(explained).toEqual(Object.entries(problems).map(([code, status]) => [code, String(status)]))
})

it('lists every metric, and no other', () => {
  const names = [...gauges, ...counters].map(({ name }) => name)
  expect(found(/`(turnpike_\w+)`/g).toSorted()).toEqual([...names, 'turnpike_open_seconds'].toSorted())
})

it('shows the answer to its own command: a text that is checked', () => {
  const [command = ''] = found(/-d '(\{"text": .*?\})'/g)
  const [answer] = examples.filter((body) => 'valid' in body)
  const { text } = JSON.parse(command) as { text: string }
  expect(checkReport(text, {} as GatewayParts)).toEqual(answer)
})

it('shows the members that reports have', async () => {
  const supply = new TestSupply()
  const [upstream] = await supply.buy([60_000])
  const example = (key: string) => Object.keys(examples.find((body) => key in body)[key][0])
  expect(example('upstreams')).toEqual(Object.keys(upstreamReport(upstream as Upstream, supply.clock)))
  expect(example('providers')).toEqual(Object.keys(report(supply)))
})
