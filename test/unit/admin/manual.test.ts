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
const openapi = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8'))
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

it('names every query parameter and every member of a body', () => {
  const unnamed = Object.entries<Record<string, Operation>>(openapi.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { parameters = [], requestBody }]) => {
      const [, section = ''] = manual.split(`\n### ${method.toUpperCase()} ${path}\n`)
      const own = section.split('\n#')[0] ?? ''
      const query = parameters.filter((one) => one.in === 'query').map(({ name }) => name)
      const names = [...query, ...membersOf(requestBody?.content['application/json'].schema)]
      return names.filter((name) => !new RegExp(`["\`?]${name}\\b`).test(own)).map((name) => `${path}: ${name}`)
    }),
  )
  // As proxy_pool has it: explained in front of its paths.
  expect(unnamed.filter((name) => !name.endsWith('/: type'))).toEqual([])
})

it('shows the members of a port in the answer of /v1/gateway', () => {
  const shown = examples.find((body) => 'listeners' in body).listeners[0]
  const { properties } = openapi.components.schemas.Gateway.properties.listeners.items
  expect(Object.keys(shown)).toEqual(Object.keys(properties))
})

interface Schema {
  readonly $ref?: string
  readonly properties?: object
  readonly anyOf?: readonly Schema[]
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
}

function membersOf({ $ref, properties = {}, anyOf = [] }: Schema = {}): string[] {
  const named = $ref === undefined ? [] : membersOf(openapi.components.schemas[$ref.split('/').at(-1) ?? ''])
  return [...named, ...Object.keys(properties), ...anyOf.flatMap(membersOf)]
}
