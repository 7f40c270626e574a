import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type AddOptions, add } from '../../../src/cli/add.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { ConfigError } from '../../../src/errors.ts'

const KEY = 'ZZSECRETKEY1'
const link = `https://share.proxy.qg.net/get?key=${KEY}&num=2&area=110000`
const unknown = `https://api.unknown.example/take?token=its-${KEY}&num=3`

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-add-'))
  file = join(folder, 'gateway.yaml')
  writeFileSync(file, '# mine\nproviders:\n  - name: demo      # pretend\n    vendor: demo\n', { mode: 0o640 })
})
afterEach(() => rmSync(folder, { recursive: true }))

const textOf = (name: string) => readFileSync(join(folder, name), 'utf8')

async function run(given: string, options: Partial<AddOptions> = {}, environment = {}) {
  const out = await add('-', { config: file, ...options }, { environment, input: async () => given })
  expect(out).not.toContain(KEY)
  expect(textOf('gateway.yaml')).not.toContain(KEY)
  return out
}

it('adds an entry behind the others, and its secret to .env', async () => {
  const out = await run(`API 链接：${link}\n`)
  expect(textOf('gateway.yaml')).toMatch(
    /^# mine\nproviders:\n {2}- name: demo {6}# pretend\n {4}vendor: demo\n {2}- name: qg\n/,
  )
  expect(textOf('.env')).toBe(`QG_KEY='${KEY}'\n`)
  expect([statSync(join(folder, '.env')).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o600, 0o640])
  expect(out).toContain('provider "qg"')
  const { providers } = loadConfig(file, {})
  expect(providers.map(({ name }) => name)).toEqual(['demo', 'qg'])
})

it('gives a second one a name and a variable of its own, and shares an equal value', async () => {
  writeFileSync(join(folder, '.env'), 'MINE=1')
  await run(link)
  await run(link.replace(KEY, `${KEY}OTHER`))
  await run(link, { name: 'qg' }).catch((error: Error) => expect(error.message).toContain('has this name already'))
  expect(textOf('.env')).toBe(`MINE=1\nQG_KEY='${KEY}'\nQG_2_KEY='${KEY}OTHER'\n`)
  await run(link, { name: 'third' }, { THIRD_KEY: 'of another program' })
  expect(textOf('gateway.yaml')).toContain('${THIRD_KEY_2}')
})

it('adds a link once although a variable of another provider is not set yet', async () => {
  writeFileSync(
    file,
    textOf('gateway.yaml') +
      "  - { name: later, vendor: juliangip, product: dynamic, credentials: { trade_no: '1', key: '${LATER_KEY}' } }\n",
  )
  await run(link)
  const before = textOf('gateway.yaml')
  await expect(run(link)).rejects.toThrow(/this link is provider "qg" of .* already; --name/)
  expect(textOf('gateway.yaml')).toBe(before)
})

it.each([
  ['of a vendor', link],
  ['of an unknown vendor', unknown],
])('adds a link %s once', async (_, given) => {
  await run(given)
  const before = [textOf('gateway.yaml'), textOf('.env')]
  await expect(run(given)).rejects.toThrow(/this link is provider "(qg|pasted)" of .* already; --name/)
  expect([textOf('gateway.yaml'), textOf('.env')]).toEqual(before)
  await run(given, { name: 'again' })
  expect(loadConfig(file, {}).providers.map(({ name }) => name)).toContain('again')
})

it('keeps a link of an unknown vendor whole', async () => {
  await run(unknown)
  expect(textOf('.env')).toBe(`PASTED_URL='${unknown}'\n`)
  expect(loadConfig(file, {}).providers[1]).toMatchObject({ name: 'pasted' })
})

it('refuses what is no link, and changes nothing', async () => {
  const before = textOf('gateway.yaml')
  await expect(run('qg')).rejects.toThrow('this is no link: a link begins with')
  await expect(run(link, { product: 'no-such' })).rejects.toThrow('this link is for')
  await expect(run(link, { name: 'not a name' })).rejects.toThrow(/^--name: use letters, digits, dots/)
  await expect(run(link, { name: 'a-city-b' })).rejects.toThrow(/^--name: a name cannot hold an option/)
  await expect(run('https://share.proxy.qg.net/get?num=2')).rejects.toThrow('copy it whole')
  expect(textOf('gateway.yaml')).toBe(before)
})

it('names the mistakes of a file that cannot be added to', async () => {
  writeFileSync(file, 'providers: [\n')
  await expect(run(link)).rejects.toThrow(ConfigError)
})

it('writes the file where there is none', async () => {
  rmSync(file)
  const out = await run(link)
  expect(textOf('gateway.yaml')).toMatch(
    /^# yaml-language-server: \$schema=.*gateway\.schema\.json\nproviders:\n {2}- name: qg\n/,
  )
  expect(out).toMatch(/written: .*gateway\.yaml[\s\S]*turnpike start/)
  expect(loadConfig(file, {}).providers).toMatchObject([{ name: 'qg', vendor: 'qg' }])
  expect(await run(link.replace(KEY, `${KEY}OTHER`))).toContain('turnpike reload')
})

it('does not mind variables of other providers that are not set here', async () => {
  writeFileSync(
    file,
    'providers:\n  - name: a\n    vendor: qg\n    product: share-pool\n    credentials: { key: "${NOT_SET}" }\n',
  )
  await run(link)
  expect(textOf('gateway.yaml')).toContain('- name: qg\n')
})
