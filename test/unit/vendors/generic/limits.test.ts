/** How often the calls of an entry may be made. */
import { describe, expect, it } from 'vitest'
import { parseOwn } from '../../../../src/vendors/generic/settings.ts'
import { scripted } from '../scripted-http.ts'

function open(entry: object) {
  const own = parseOwn({ url: 'http://api.vendor.example/take', format: 'text', ...entry })
  return scripted({ vendor: 'generic', product: 'list', own, limit: { share: own.limit.share } })
}

describe('a part of a limit', () => {
  it('of less than one call is one call in a longer window', () => {
    const { source } = open({ limit: { share: 0.25 } })
    expect(source.limitOf('extract')).toMatchObject({ calls: 1, perMs: 4_000 })
  })
})
