/** How often the calls of an entry may be made. */
import { describe, expect, it } from 'vitest'
import { parseOwn } from '../../../../src/vendors/generic/settings.ts'
import { failureOf, never, type Scripted, scripted } from '../scripted-http.ts'

function open(entry: object, ...script: readonly Scripted[]) {
  const own = parseOwn({ url: 'http://api.vendor.example/take', format: 'text', ...entry })
  const opened = scripted({ vendor: 'generic', product: 'list', own, limit: { share: own.limit.share } })
  opened.http.script = script
  return opened
}

describe('a part of a limit', () => {
  it('of less than one call is one call in a longer window', () => {
    const { source } = open({ limit: { share: 0.25 } })
    expect(source.limitOf('extract')).toMatchObject({ calls: 1, perMs: 4_000 })
  })
})

describe('HTTP 429', () => {
  const errors = [{ code: 'DAILY', class: 'quota_exhausted', wait: 'day+00:00' }]
  const entry = { format: 'json', success: { code: 'code', message: 'why' }, errors }
  const reply = (code: string): Scripted => ({
    status: 429,
    headers: { 'retry-after': '7' },
    body: JSON.stringify({ code, why: 'too many' }),
  })

  it('means what the table says of its code', async () => {
    const { source } = open(entry, reply('DAILY'))
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
      class: 'quota_exhausted',
      wait: 'day+00:00',
      vendorCode: 'DAILY',
    })
  })

  it('means what the table says of it, and waits as the reply says where the table does not', async () => {
    const classes = ['quota_exhausted', 'rate_limited'].map((name) => ({ errors: [{ status: 429, class: name }] }))
    for (const more of classes) {
      const { source } = open(more, { status: 429, headers: { 'retry-after': '7' }, body: '' })
      expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({
        class: more.errors[0]?.class,
        wait: 7_000,
      })
    }
  })

  it('is too many calls where the table does not know better', async () => {
    const { source } = open(entry, reply('OTHER'), { status: 429, body: '<html>' })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({ class: 'rate_limited', wait: 7_000 })
    expect(await failureOf(source.extract(1, { signal: never }))).toMatchObject({ class: 'rate_limited', wait: undefined })
  })
})
