import fc from 'fast-check'
import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import { ConfigError } from '../../../src/errors.ts'
import { parse } from './fake-catalogue.ts'

/** Runs the loader: the configuration, or the words of its ConfigError. Anything else that is thrown fails the test. */
function attempt(source: string, environment: Record<string, string> = {}): string | undefined {
  try {
    parse(source, environment)
    return undefined
  } catch (error) {
    if (error instanceof ConfigError) {
      expect(error.problems.length).toBeGreaterThan(0)
      return error.message
    }
    throw error
  }
}

const yamlPieces = fc.constantFrom(
  'listen',
  'providers',
  'pool',
  'name',
  ':',
  ': ',
  '- ',
  '\n',
  '\n  ',
  '\t',
  '{',
  '}',
  '[',
  ']',
  ',',
  '&a ',
  '*a',
  '<<',
  '|',
  '>',
  '!x ',
  '"',
  "'",
  '#',
  '---\n',
  '${',
  '${A}',
  '$${',
  '0',
  '30s',
  'off',
  'null',
  '~',
  '? ',
  '%',
  '@',
  '\ufeff',
  '\u0000',
)

it('whatever the text, the loader gives a configuration or a ConfigError', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(yamlPieces, { maxLength: 60 }).map((pieces) => pieces.join('')),
      ),
      (text) => {
        attempt(text, { A: '{' })
      },
    ),
    { numRuns: 300 },
  )
})

/** Keys that are meant somewhere in the file, and some that mean something to JavaScript. */
const keys = fc.oneof(
  fc.constantFrom(
    'listen',
    'host',
    'port',
    'users',
    'allow',
    'admin',
    'providers',
    'name',
    'vendor',
    'product',
    'credentials',
    'request',
    'upstream',
    'tls',
    'budget',
    'pool',
    'floor',
    'margin',
    'state',
    'path',
    'bans',
    'file',
    'life',
    'ttl',
    'constructor',
    '__proto__',
    'toString',
    'length',
  ),
  fc.string({ maxLength: 8 }),
)
const scalars = fc.oneof(
  fc.constantFrom('acme', 'short', 'static', 'demo', 'off', '1s', '0.0.0.0', '::', '10.0.0.0/8', ''),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.string(),
)
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'tree' },
    scalars,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(keys, tie('tree'), { maxKeys: 5 }),
  ),
}))
const section = fc.constantFrom('listen', 'admin', 'providers', 'pool', 'dial', 'bans', 'state', 'limits')

it('whatever the values, the loader gives a configuration or a ConfigError', () => {
  fc.assert(
    fc.property(fc.dictionary(section, tree, { maxKeys: 4 }), (value) => {
      attempt(stringify(value))
    }),
    { numRuns: 400 },
  )
})

/** Unlike secrets, the names of providers are shown: unless they came from the environment. */
const NAMES = 'providers: [{ name: S, vendor: acme }]\nlisten: [{ provider: b }]'

it('no message holds a value of the environment or a secret, wherever it is put', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9!%&*/:;<>?@~ -]{0,12}QZX[0-9]{6}$/)
  const places = fc.constantFrom(
    NAMES,
    'providers: [{ name: a, vendor: acme, product: short, credentials: { key: S, kye: 1 } }]',
    'providers: [{ name: a, vendor: S }]',
    'providers: [{ name: a, vendor: acme, product: S }]',
    'providers: [{ name: a, vendor: static, list: [S, [S]], url: S, file: S }]',
    'providers: [{ name: a, vendor: acme, product: short, baseUrl: S, ttl: S, price: S, request: { area: [[S]], isp: S, note: S } }]',
    'providers: S',
    'listen: [{ host: S, port: S, allow: [S], provider: S, strategy: S, users: [{ name: S, password: [S], providers: [S] }] }]',
    'admin: S\nlog: { level: S }\ndial: { hedgeAfter: S }\nlimits: { headerBytes: S }\nbans: [{ host: S, status: [S] }]',
  )
  fc.assert(
    fc.property(places, secret, fc.boolean(), (place, value, fromEnvironment) => {
      const written = fromEnvironment || place === NAMES ? '"${SECRET}"' : JSON.stringify(value)
      const message = attempt(
        place.replaceAll('S', () => written),
        { SECRET: value },
      )
      expect(message).toBeDefined()
      expect(message).not.toContain(value)
      expect(message).not.toContain(/QZX\d{6}/.exec(value)?.[0])
    }),
    { numRuns: 300 },
  )
})
