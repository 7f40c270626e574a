/** Vendors as packages: loaded before the configuration is checked, named in errors; the skeleton passes its own suite. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { newVendor } from '../../../src/cli/new-vendor.ts'
import { loadConfig, parseConfig } from '../../../src/config/load.ts'
import { ConfigError } from '../../../src/errors.ts'
import { vendorNames } from '../../../src/vendors/registry.ts'
import { never, plain, scripted } from './scripted-http.ts'

const folder = mkdtempSync(join(tmpdir(), 'turnpike-packages-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const config = join(folder, 'gateway.yaml')
const written = newVendor('acme', folder)
const PATH = './turnpike-vendor-acme/index.js'

const entry = (vendor: string, more = '') =>
  `providers:\n  - name: a\n    vendor: ${vendor}\n    product: list\n    credentials: { key: k }\n    budget: { total: 9 }\n${more}`

function problemsOf(yaml: string, read = () => loadConfig(config, {})): string[] {
  writeFileSync(config, yaml)
  try {
    read()
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map(({ path, message, line }) => `${line} ${path} ${message}`)
    throw error
  }
  return []
}

describe('a package', () => {
  // First: afterwards the path is known to the process.
  it('is not loaded by a text that is merely checked', () => {
    const check = () => parseConfig(entry(PATH), config, {})
    expect(problemsOf(entry(PATH), check)).toEqual([expect.stringMatching(/vendor/)])
    expect(vendorNames).not.toContain(PATH)
  })

  it('is loaded by its path, and its keys are checked as those of any vendor', () => {
    expect(problemsOf(entry(PATH))).toEqual([])
    expect(problemsOf(entry(PATH).replace('product: list', 'product: lst'))).toEqual([
      expect.stringMatching(/product did you mean list/),
    ])
    expect(problemsOf(entry(PATH).replace('key: k', 'kee: k'))).toEqual([
      expect.stringMatching(/credentials/),
      expect.stringMatching(/credentials/),
    ])
  })

  it('is loaded by its name, from beside the configuration', () => {
    const module = join(folder, 'node_modules', 'turnpike-vendor-plain')
    mkdirSync(module, { recursive: true })
    writeFileSync(
      join(module, 'package.json'),
      '{"name":"turnpike-vendor-plain","type":"module","exports":"./index.js"}',
    )
    writeFileSync(join(module, 'index.js'), `export { default } from '../../turnpike-vendor-acme/index.js'`)
    expect(problemsOf(entry('npm:turnpike-vendor-plain'))).toEqual([])
  })

  it('sells through the engine', async () => {
    problemsOf(entry(PATH))
    const body = '{"code":0,"data":[{"server":"198.51.100.7:80","expire":"2026-01-01 08:00:00"}]}'
    const { source, http } = scripted({ vendor: PATH, product: 'list', credentials: { key: 'K' } }, { body })
    expect((await source.extract(3, { signal: never })).sold.map(plain)).toMatchObject([
      { host: '198.51.100.7', port: 80 },
    ])
    expect(http.requests[0]?.url.href).toBe('https://api.acme.example/take?count=3&key=K')
  })

  it.each([
    ['npm:turnpike-vendor-nowhere', /is not installed beside the configuration file/],
    ['./nowhere.js', /this file, or one that it imports, is not there/],
    ['./empty.mjs', /exports no vendor, neither as default nor as vendor: it lacks name, baseUrl, credentials/],
    ['./throws.mjs', /cannot be loaded: out of order/],
    ['./waits.mjs', /it awaits something at its top level/],
  ])('%s is a mistake at its place', (vendor, message) => {
    writeFileSync(join(folder, 'empty.mjs'), 'export default {}')
    writeFileSync(join(folder, 'throws.mjs'), `throw new Error('out of order\\nmore')`)
    writeFileSync(join(folder, 'waits.mjs'), 'await Promise.resolve(); export default {}')
    expect(problemsOf(entry(vendor))).toEqual([expect.stringMatching(message)])
    expect(problemsOf(entry(vendor))[0]).toMatch(/^3 providers\[0\]\.vendor /)
  })
})

it('a package with one product need not name it, as the entry of the skeleton shows', () => {
  const [, lines = ''] = written.split('under providers:\n')
  writeFileSync(config, `providers:\n${lines}`)
  expect(loadConfig(config, { ACME_KEY: 'k' }).providers).toMatchObject([
    { name: 'acme', vendor: PATH, product: 'list' },
  ])
})

/** In a process of its own: the loader of these tests makes modules twice, and with them every class. */
describe('the skeleton', () => {
  const target = join(folder, 'turnpike-vendor-acme')
  const installed = join(folder, 'node_modules', 'turnpike')
  mkdirSync(installed, { recursive: true })
  const source = JSON.stringify(new URL('../../../src/vendor.ts', import.meta.url).href)
  writeFileSync(
    join(installed, 'package.json'),
    '{"name":"turnpike","type":"module","exports":{"./vendor":"./vendor.js"}}',
  )
  writeFileSync(join(installed, 'vendor.js'), `export * from ${source}`)
  const test = () => {
    const { status, stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=tap'], {
      cwd: target,
      encoding: 'utf8',
    })
    return { status, stdout, failed: stdout.match(/^not ok .*/gm) ?? [], passed: (stdout.match(/^ok /gm) ?? []).length }
  }

  it('passes the suite of every vendor', () => {
    const { status, failed, passed } = test()
    expect([status, failed]).toEqual([0, []])
    expect(passed).toBeGreaterThan(12)
  })

  it.each([
    ['a vendor that forgets its key', "key: key?.reveal() ?? '' }", '}', /an order goes where the document says/],
    ['a vendor that takes errors for addresses', "if (said !== '0')", 'if (false)', /is auth/],
    ['a vendor that drops the login', '...login,', '', /a full reply is read whole/],
    ['a call that buys, and is booked as one', "quantity: ['count'],", '', /quantity must name it/],
    ['a class that is none', "class: 'rate_limited'", "class: 'slow'", /error 429: class is one of auth, /],
    ['a wait that is none', 'wait: 1_000', "wait: 'soon'", /error 429: wait is a number of ms/],
    ['an operation without a description', "about: 'takes addresses',", '', /its description is missing/],
    ['a password in clear', 'secretOf(textOf(password))', 'textOf(password)', /must be a Secret/],
    [
      'an error that is none',
      "throw malformed('the reply has no code', text)",
      "throw new Error('no code')",
      /must throw VendorError/,
    ],
  ])('%s fails it', (_title, right, wrong, failure) => {
    const file = join(target, 'index.js')
    const text = readFileSync(file, 'utf8')
    expect(text).toContain(right)
    writeFileSync(file, text.replace(right, wrong))
    const { status, stdout } = test()
    writeFileSync(file, text)
    expect(status).toBe(1)
    expect(stdout).toMatch(failure)
  })

  it('says what to do next, and overwrites nothing', () => {
    expect(written).toContain(`cd ${target} && npm install && npm test\n`)
    // `npm install` must find what no registry has.
    const { devDependencies } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8')) as {
      devDependencies: { turnpike: string }
    }
    const found = JSON.parse(readFileSync(join(devDependencies.turnpike.slice(5), 'package.json'), 'utf8'))
    expect(found).toMatchObject({ name: 'turnpike' })
    expect(() => newVendor('acme', folder)).toThrow(/exists already/)
    expect(() => newVendor('Acme!', folder)).toThrow(/small letters/)
  })
})
