import { z } from 'zod'
import { secret } from '../../../src/config/fields.ts'
import { loadConfig, parseConfig } from '../../../src/config/load.ts'
import type { Catalogue } from '../../../src/config/provider-schema.ts'
import { buildSchema, type Config } from '../../../src/config/schema.ts'
import { ConfigError } from '../../../src/errors.ts'

const about = { about: 'about', term: 'term' }

/** One vendor with two products and a parameter of every kind: these tests do not depend on what real vendors sell. */
const fakeCatalogue: Catalogue = {
  vendorNames: ['acme'],
  productsOf: () => ['short', 'long'],
  credentialsOf: () => z.strictObject({ key: secret(), pwd: secret().optional() }),
  requestParamsOf: (_vendor, product) => ({
    area: { ...about, type: 'csv' },
    isp: { ...about, type: 'integer', values: [0, 1, 2] },
    minutes: { ...about, type: 'integer', min: 1, max: 60 },
    fresh: { ...about, type: 'boolean' },
    note: { ...about, type: 'string', max: 5 },
    kinds: { ...about, type: 'csv', values: ['a', 'b'] },
    num: { ...about, type: 'integer', managed: true },
    ...(product === 'long' ? { zone: { ...about, type: 'string', required: true } as const } : {}),
  }),
}

export const fakeSchema = buildSchema(fakeCatalogue)

export const acme = '{ name: a, vendor: acme, product: short, credentials: { key: k } }'
export const oneProvider = `providers: [${acme}]\n`

export function parse(source: string, environment: Record<string, string> = {}): Config {
  return parseConfig(source, 'gateway.yaml', environment, fakeSchema)
}

/** The problems of a file as `line:column path message`. */
export function problemsOf(source: string, environment: Record<string, string> = {}): string[] {
  return problemsFrom(() => parse(source, environment))
}

export function problemsOfFile(file: string): string[] {
  return problemsFrom(() => loadConfig(file, {}, fakeSchema))
}

function problemsFrom(run: () => Config): string[] {
  try {
    run()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ line, column, path, message }) => `${line ?? '-'}:${column ?? '-'} ${path} ${message}`)
  }
  throw new Error('the configuration was accepted')
}
