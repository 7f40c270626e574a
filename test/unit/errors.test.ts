import { readFileSync } from 'node:fs'
import { STATUS_CODES } from 'node:http'
import { expect, it } from 'vitest'
import { ConfigError, catalogue, type ErrorCode, GatewayError } from '../../src/errors.ts'

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
const codes = Object.keys(catalogue) as ErrorCode[]

/** docs/errors.md as data: what stands below each code's heading. */
function documented(): Map<string, { facts: object; words: string; advice: string }> {
  const sections = page.split(/^### /m).slice(1)
  return new Map(
    sections.map((section) => {
      const [code = '', , line = '', , ...rest] = section.split('\n')
      const facts = /^HTTP (\d+) · SOCKS5 (0x..) · `(\w+)` · blame: (\w+) · retry: ([\w-]+)$/.exec(line)
      const text = rest.join('\n').split(/^## /m)[0] ?? ''
      const [words = '', advice = ''] = text.split('**What to do:**')
      const [, http, socks, proxyStatus, blame, retry] = facts ?? []
      return [code, { facts: { blame, retry, http: Number(http), socks: Number(socks), proxyStatus }, words, advice }]
    }),
  )
}

it('docs/errors.md has every code of the catalogue, in its order, and no other', () => {
  expect([...documented().keys()]).toEqual(codes)
  const named = new Set(page.match(/GW_[A-Z_]*[A-Z]/g)?.filter((name) => name !== 'GW_VENDOR'))
  expect([...named].filter((name) => !(name in catalogue))).toEqual([])
})

it.each(codes)('docs/errors.md says of %s what the code does, what happened and what to do', (code) => {
  const entry = documented().get(code)
  expect(entry?.facts).toEqual(catalogue[code])
  expect(entry?.words.trim().length).toBeGreaterThan(20)
  expect(entry?.advice.trim().length).toBeGreaterThan(5)
})

it.each(codes)('%s is an answer that clients understand', (code) => {
  const { http, socks, retry, blame } = catalogue[code]
  expect(String(http) in STATUS_CODES).toBe(true)
  expect(http >= 400 && http < 600 && socks >= 0x01 && socks <= 0x08).toBe(true)
  // What the client did wrong stays wrong; what an upstream did may be tried elsewhere.
  if (blame === 'client') expect(http < 500 || http === 501 || http === 505).toBe(true)
  if (retry === 'another-upstream') expect(['upstream', 'pair']).toContain(blame)
})

it('an error carries code, facts and cause', () => {
  const cause = new Error('why')
  const error = new GatewayError('GW_DEADLINE', 'late', { cause, detail: { ms: 5 } })
  expect(error).toMatchObject({ name: 'GatewayError', code: 'GW_DEADLINE', message: 'late', detail: { ms: 5 }, cause })
  expect(error.spec).toBe(catalogue.GW_DEADLINE)
  expect('cause' in new GatewayError('GW_DEADLINE', 'late')).toBe(false)
})

it('a configuration error tells every mistake with its place', () => {
  const error = new ConfigError('gateway.yaml', [
    { path: 'pool.floor', message: 'must be a number', line: 3, column: 7 },
    { path: '', message: 'is empty' },
  ])
  expect(error.message).toBe('gateway.yaml:3:7: pool.floor: must be a number\ngateway.yaml: is empty')
})
