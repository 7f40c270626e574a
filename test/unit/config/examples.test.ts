import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { loadConfig, parseConfig } from '../../../src/config/load.ts'
import { buysNothing } from '../../../src/config/schema.ts'
import { schemaText } from '../../../src/config/write-schema.ts'
import { productsOf, vendorNames } from '../../../src/vendors/registry.ts'

const root = new URL('../../../', import.meta.url)
const examples = readdirSync(new URL('config/examples/', root))
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => `config/examples/${name}`)
const files = ['gateway.yaml', ...examples]
const textOf = (file: string) => readFileSync(new URL(file, root), 'utf8')

/** Every variable that a file names, set to something. */
function environmentOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => [name, sampleOf(name)]))
}

function sampleOf(name: string): string {
  return name.endsWith('_URL') ? `https://example.com/${name}` : `value-of-${name}`
}

/** Vendors that are no company: their examples have names of their own. */
const OWN_NAMES = ['static', 'demo', 'generic', 'gateway']

it('there is an example for each product of each vendor, and for the ways to run', () => {
  const names = examples.map((file) => file.replace(/^.*\/|\.yaml$/g, ''))
  expect(names).toEqual(expect.arrayContaining(['demo', 'static-list', 'browser', 'sidecar']))
  const sold = vendorNames.filter((vendor) => !OWN_NAMES.includes(vendor))
  for (const vendor of sold) for (const product of productsOf(vendor)) expect(names).toContain(`${vendor}-${product}`)
})

describe.each(files)('%s', (file) => {
  const text = textOf(file)

  it('is a configuration, with a budget for every provider that buys', () => {
    const { providers } = loadConfig(new URL(file, root).pathname, environmentOf(text))
    for (const provider of providers)
      expect(Object.keys(provider.budget).length > 0, provider.name).toBe(!buysNothing(provider))
  })

  it('names the schema for editors in its first line, and fits it', () => {
    const place = file === 'gateway.yaml' ? './config/' : '../'
    expect(text.split('\n')[0]).toBe(`# yaml-language-server: $schema=${place}gateway.schema.json`)
    expect(z.fromJSONSchema(JSON.parse(schemaText())).safeParse(parse(text)).error).toBeUndefined()
  })
})

it('gateway.yaml shows the defaults', () => {
  const { pathname } = new URL('gateway.yaml', root)
  const { providers: _, ...shown } = loadConfig(pathname, {})
  const { providers: __, ...defaults } = parseConfig('providers: [{ name: demo, vendor: demo }]', pathname, {})
  expect(shown).toEqual(defaults)
})

describe('config/gateway.schema.json', () => {
  const schema = z.fromJSONSchema(JSON.parse(schemaText()))
  const provider = { name: 'a', vendor: 'demo' }

  it('is what the code says', () => {
    expect(textOf('config/gateway.schema.json'), 'run "npm run schema"').toBe(schemaText())
  })

  it.each([
    ['an unknown key', { providers: [provider], pol: {} }],
    ['an unknown vendor', { providers: [{ name: 'a', vendor: 'acme' }] }],
    ['a duration without its unit', { providers: [provider], relay: { idle: 30 } }],
    ['a size without sense', { providers: [provider], limits: { headerBytes: '16 k' } }],
    ['a port out of range', { providers: [provider], listen: [{ port: 70_000 }] }],
    ['no providers', {}],
  ])('lets an editor refuse %s', (_what, value) => expect(schema.safeParse(value).success).toBe(false))

  it('describes every key', () => {
    const undescribed: string[] = []
    const visit = (node: unknown, path: string) => {
      if (typeof node !== 'object' || node === null) return
      for (const [key, value] of Object.entries((node as { properties?: object }).properties ?? {})) {
        if (!('description' in value) && !('$ref' in value)) undescribed.push(`${path}.${key}`)
      }
      for (const [key, value] of Object.entries(node)) visit(value, `${path}.${key}`)
    }
    visit(JSON.parse(schemaText()), '')
    expect(undescribed).toEqual([])
  })
})
