import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseConfig } from '../../../src/config/load.ts'
import { codeOfClass, VendorError } from '../../../src/vendors/contract/error.ts'
import { parseOwn } from '../../../src/vendors/generic/settings.ts'
import { credentialsOf, openSource, productsOf, requestParamsOf, vendorNames } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { ScriptedHttp, settingsOf } from './scripted-http.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
/** What is in the folder beside vendors. */
const shared = ['contract.ts', 'registry.ts']
const vendors = readdirSync(`${root}src/vendors`)
  .filter((name) => name.endsWith('.ts') && !shared.includes(name))
  .map((name) => name.slice(0, -'.ts'.length))

describe('a vendor is complete', () => {
  it('every file is a vendor that can be named, and the other way round', () => {
    expect([...vendorNames].sort()).toEqual(vendors.sort())
  })

  it.each(vendors)('%s has its fixtures', (vendor) => {
    expect(existsSync(`${root}test/fixtures/vendors/${vendor}.ts`)).toBe(true)
  })

  it.each(vendors)('%s has its test, and a table goes through the shared suite', (vendor) => {
    const test = readFileSync(`${root}test/unit/vendors/${vendor}.test.ts`, 'utf8')
    expect(test).toContain(`fixtures/vendors/${vendor}.ts`)
    // Neither a list nor a gateway has an API.
    const identifier = vendor.replace(/-(\w)/g, (_dash, letter: string) => letter.toUpperCase())
    if (!['static', 'gateway'].includes(vendor)) expect(test).toContain(`describeVendor(${identifier},`)
  })

  it.each(vendors.flatMap((vendor) => productsOf(vendor).map((product) => [vendor, product] as const)))(
    'docs/vendors/ has a page on %s, and names %s in it',
    (vendor, product) => {
      expect(pageOf(vendor)).toContain(`\`${product}\``)
    },
  )
})

function pageOf(vendor: string): string {
  return readFileSync(`${root}docs/vendors/${vendor}.md`, 'utf8')
}

describe('docs/vendors/', () => {
  const blocks = [
    ...vendors
      .map(pageOf)
      .join('\n')
      .matchAll(/^```yaml\n(.*?)^```/gms),
  ].map(([, yaml = '']) => yaml)

  it('has an example for each vendor', () => {
    for (const vendor of vendors) expect(blocks.join('\n')).toContain(`vendor: ${vendor}\n`)
  })

  it.each(blocks)('this example is a configuration:\n%s', (yaml) => {
    const variables = [...yaml.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => [
      name,
      /URL|LINK/.test(name) ? 'http://lists.example.com/x' : 'word',
    ])
    const { providers } = parseConfig(yaml, 'gateway.yaml', Object.fromEntries(variables))
    expect(providers).toHaveLength(1)
  })

  it('names every code that a vendor’s error becomes', () => {
    const docs = pageOf('README')
    for (const [errorClass, code] of Object.entries(codeOfClass))
      expect(docs).toMatch(new RegExp(`\\| \`${errorClass}\` \\| \`${code}\``))
  })
})

describe('what a vendor tells before it is opened', () => {
  it.each(vendors.flatMap((vendor) => productsOf(vendor).map((product) => [vendor, product] as const)))(
    'docs/vendors/ explains each request parameter of %s %s',
    (vendor, product) => {
      const section = pageOf(vendor)
      for (const name of Object.keys(requestParamsOf(vendor, product))) expect(section).toContain(`\`${name}\``)
    },
  )

  it('the parameters that a user may set, and no other', () => {
    expect(Object.keys(requestParamsOf('juliangip', 'dynamic'))).toEqual([
      'pt',
      'result_type',
      'split',
      'city_name',
      'city_code',
      'ip_remain',
      'auth_info',
      'area',
      'isp',
      'filter',
      'auto_white',
      'no_area',
      'ip_seg',
      'no_ip_seg',
    ])
    expect(Object.keys(requestParamsOf('qg', 'exclusive'))).toEqual(['area', 'isp', 'keep_alive', 'distinct'])
    expect(requestParamsOf('static', 'list')).toEqual({})
    for (const product of ['nothing', 'toString', '']) expect(requestParamsOf('qg', product)).toEqual({})
  })

  it.each(vendorNames)('%s: credentials are strict, and shown to nobody', (vendor) => {
    const shape = credentialsOf(vendor)
    expect(shape.safeParse({ nonsense: 'x' }).success).toBe(false)
    expect(JSON.stringify(z.toJSONSchema(shape, { io: 'input' }))).toContain('"additionalProperties":false')
  })

  it('a credential becomes a Secret', () => {
    const parsed = credentialsOf('qg').parse({ key: 'K' })
    expect(parsed['key']?.reveal()).toBe('K')
    expect(JSON.stringify(parsed)).toBe('{"key":"[redacted]"}')
    expect(credentialsOf('juliangip').safeParse({ trade_no: '1' }).success).toBe(false)
    expect(credentialsOf('qg').safeParse({ key: '' }).success).toBe(false)
  })
})

describe('the registry', () => {
  const deps = () => {
    const clock = new FakeClock()
    return { clock, http: new ScriptedHttp(clock) }
  }

  const generic = parseOwn({ url: 'http://api.example.com/', format: 'text' })

  it.each(vendorNames.filter((vendor) => vendor !== 'static'))('%s opens with each product', (vendor) => {
    for (const product of productsOf(vendor)) {
      const source = openSource(
        settingsOf({
          vendor,
          product,
          own: { instances: ['i'], ...generic },
          credentials: { key: 'K', trade_no: 'T' },
        }),
        deps(),
      )
      expect(source).toMatchObject({ vendor, product })
      expect(Object.keys(source.operations)).toContain(source.extractOperation)
      expect(source.limitOf(source.extractOperation).calls).toBeGreaterThan(0)
    }
  })

  it.each(['nobody', 'toString', ''])('there is no vendor %j', (vendor) => {
    const open = () => openSource(settingsOf({ vendor, product: 'x' }), deps())
    expect(open).toThrow(VendorError)
    expect(open).toThrow(/^there is no vendor .*: juliangip, qg, /)
  })
})
