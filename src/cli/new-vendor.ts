/** `turnpike vendor new`: the files of a vendor's package, which passes its own test. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { variableOf } from '../config/provider-yaml.ts'
import { ConfigError } from '../errors.ts'
import { translate } from '../messages/translate.ts'

const NAME = /^[a-z][a-z0-9-]{0,40}$/

/**
 * @param name of the vendor, as in `acme`
 * @param folder where the package's folder is made
 * @returns what to print
 * @throws {ConfigError} when the name cannot be one, or when the folder is there already
 */
export function newVendor(name: string, folder: string): string {
  const refuse = (message: string): never => {
    throw new ConfigError('vendor new', [{ path: '', message }])
  }
  if (!NAME.test(name)) return refuse(translate('write a name of small letters, digits and -, as in acme'))
  const packageName = `turnpike-vendor-${name}`
  const target = join(folder, packageName)
  try {
    mkdirSync(target)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return refuse(
      code === 'EEXIST'
        ? translate('{folder} exists already', { folder: target })
        : translate('{folder} cannot be made ({code})', { folder: target, code: code ?? '' }),
    )
  }
  const files = filesOf(name, packageName)
  for (const [file, text] of Object.entries(files)) writeFileSync(join(target, file), text)
  const lines = Object.keys(files).map((file) => `  ${join(target, file)}`)
  const next = [
    `cd ${target} && npm install && npm test`,
    translate('in gateway.yaml, under providers:'),
    ...entryOf(name),
  ]
  return `${[translate('written:'), ...lines, '', translate('next:'), ...next.map((line) => `  ${line}`)].join('\n')}\n`
}

/** The package has one product, which an entry need not name. */
const entryOf = (name: string): readonly string[] => [
  `  - name: ${name}`,
  `    vendor: ./turnpike-vendor-${name}/index.js`,
  `    credentials: { key: "\${${variableOf(name, 'key')}}" }`,
]

function filesOf(name: string, packageName: string): Readonly<Record<string, string>> {
  return {
    'package.json': `${JSON.stringify(
      {
        name: packageName,
        version: '0.1.0',
        type: 'module',
        exports: './index.js',
        scripts: { test: 'node --test' },
        peerDependencies: { turnpike: '>=0.1.0' },
        // The gateway that loads the package is there; npm must not look for another.
        peerDependenciesMeta: { turnpike: { optional: true } },
        // No registry has it: the tests use the one that wrote this.
        devDependencies: { turnpike: `file:${fileURLToPath(new URL('../../', import.meta.url))}` },
      },
      null,
      2,
    )}\n`,
    'index.js': table(name),
    'examples.js': examples(name),
    'index.test.js': TEST,
  }
}

const table = (
  name: string,
) => `// What the vendor's document says, as a table. Manual: docs/vendors/packages.md of turnpike.
import { credential, deliverEach, given, lifeUntil, membersOf, parseEndpoint, parseJson, malformed, refusal, ruleOf, secretOf, textOf, z } from 'turnpike/vendor'

/**
 * The vendor's error codes, as text; docs/vendors/README.md of turnpike explains the classes.
 * @type {Record<string, import('turnpike/vendor').ErrorRule>}
 */
const errors = {
  401: { class: 'auth', term: 'wrong key', hint: 'copy the key from the page of the account' },
  429: { class: 'rate_limited', term: 'too many requests', wait: 1_000 },
  503: { class: 'no_resource', term: 'no addresses left' },
}

/** @type {(item: unknown) => import('turnpike/vendor').ProxyRecord | string} */
function readItem(item) {
  const { server, expire, username, password } = membersOf(item) ?? {}
  const endpoint = parseEndpoint(textOf(server) ?? '')
  if (endpoint === undefined) return 'an item without an address'
  const login = given({ username: textOf(username), password: secretOf(textOf(password)) })
  return { protocol: 'http', ...endpoint, ...login, life: lifeUntil(textOf(expire)) }
}

/** @type {import('turnpike/vendor').Vendor} */
export default {
  name: '${name}',
  baseUrl: 'https://api.${name}.example',
  credentials: z.strictObject({ key: credential('Key of the account.') }),
  operations: {
    take: {
      about: 'takes addresses',
      document: 'https://api.${name}.example/docs',
      method: 'GET',
      path: '/take',
      params: {
        key: { type: 'string', required: true, secret: true, managed: true, about: 'key of the account', term: 'key' },
        count: { type: 'integer', min: 1, max: 20, managed: true, about: 'how many addresses', term: 'count' },
      },
      limit: () => ({ calls: 1, perMs: 1_000 }),
      effect: 'buys',
      quantity: ['count'],
      errors,
    },
  },
  products: {
    list: {
      about: 'short-lived addresses',
      extract: 'take',
      maxPerCall: 20,
      order: (count, request) => ({ ...request, count }),
      deliver: (data) => {
        if (!Array.isArray(data)) throw malformed('the reply has no list')
        return deliverEach(data, readItem)
      },
    },
  },
  authorize: (_operation, params, { key }) => ({ ...params, key: key?.reveal() ?? '' }),
  decode: (_operation, { text }) => {
    const { code, msg, data } = membersOf(parseJson(text)) ?? {}
    const said = textOf(code)
    if (said === undefined) throw malformed('the reply has no code', text)
    if (said !== '0') throw refusal(ruleOf(said, errors), said, textOf(msg) ?? '')
    return data
  },
}
`

const examples = (name: string) => `// Replies as the vendor's document prints them, and what they mean.
/** @type {import('turnpike/vendor').VendorExamples} */
export default {
  credentials: { key: 'INVENTED+key/1==' },
  wire: { method: 'GET', to: 'https://api.${name}.example/take', params: { key: 'INVENTED+key/1==', count: '1' } },
  full: {
    product: 'list',
    body: '{"code":0,"data":[{"server":"198.51.100.7:8080","expire":"2026-01-01 08:03:00","username":"u","password":"p"}]}',
    sold: [
      {
        host: '198.51.100.7',
        port: 8080,
        protocol: 'http',
        username: 'u',
        password: 'p',
        life: { kind: 'until', wallMs: Date.UTC(2026, 0, 1, 0, 3) },
      },
    ],
  },
  errors: [
    { product: 'list', body: '{"code":401,"msg":"no such key"}', class: 'auth', code: '401' },
    { product: 'list', body: '{"code":0,"data":[]}', class: 'no_resource' },
    { product: 'list', status: 500, body: 'down', class: 'server' },
  ],
}
`

const TEST = `import { test } from 'node:test'
import { conformance } from 'turnpike/vendor'
import examples from './examples.js'
import vendor from './index.js'

for (const { title, run } of conformance(vendor, examples)) test(title, run)
`
