import { describe, expect, it } from 'vitest'
import { demo } from '../../../src/vendors/demo.ts'
import { demoFixtures } from '../../fixtures/vendors/demo.ts'
import { describeVendor } from './describe-vendor.ts'
import { scripted } from './scripted-http.ts'

describeVendor(demo, demoFixtures)

describe('demo: the account', () => {
  it('has the limits of the document', () => {
    const { source } = scripted({ vendor: 'demo', product: 'channel', channels: 20, credentials: { key: 'k' } })
    expect(source.limitOf('get')).toMatchObject({ calls: 110, perMs: 60_000 })
    expect(source.limitOf('query')).toMatchObject({ calls: 60, perMs: 60_000 })
  })

  it('sells by channel, and can list what it holds', () => {
    const { source } = scripted({ vendor: 'demo', product: 'channel', channels: 7, credentials: { key: 'k' } })
    expect(source).toMatchObject({ byChannel: true, channels: 7, maxPerCall: 100, queryOperation: 'query' })
  })
})
