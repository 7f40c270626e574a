/** What npm publishes: packed, installed elsewhere without anything of the repository, and run. */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { fetch, ProxyAgent } from 'undici'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startProcess, stop } from '../clients/support/gateway-process.ts'
import { linkTargets } from '../unit/docs/markdown.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** The package brings no Node of its own: the repository's comes first, whatever the machine has. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` }
/** npm asks the registry for the dependencies. */
const NPM_MS = 170_000

const runFile = promisify(execFile)
/** What docs/embedding.md begins with. */
const program = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/embedding.md'), 'utf8'))?.[1] ?? ''
let folder = ''
let packed: readonly string[] = []
const inPackage = (name: string) => join(folder, 'user', 'node_modules', 'turnpike', name)
const turnpike = () => join(folder, 'user', 'node_modules', '.bin', 'turnpike')

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-package-'))
  mkdirSync(join(folder, 'user'))
  writeFileSync(join(folder, 'user', 'package.json'), '{ "private": true }')
  const { stdout } = await runFile('npm', ['pack', '--json', '--pack-destination', folder], { cwd: ROOT, env })
  // prepare's own output precedes the JSON.
  const [tarball] = JSON.parse(stdout.slice(stdout.indexOf('\n[') + 1)) as [
    { filename: string; files: { path: string }[] },
  ]
  packed = tarball.files.map(({ path }) => path)
  const install = ['install', '--omit=dev', '--no-audit', '--no-fund', join(folder, tarball.filename)]
  await runFile('npm', install, { cwd: join(folder, 'user'), env })
}, NPM_MS)

afterAll(() => rmSync(folder, { recursive: true }))

describe('the tarball', () => {
  it('holds what a user needs', () => {
    const examples = readdirSync(join(ROOT, 'config/examples')).map((name) => `config/examples/${name}`)
    const needed = ['package.json', 'README.md', 'README.zh-CN.md', 'LICENSE', 'gateway.yaml', 'dist/main.js']
    expect(packed).toEqual(expect.arrayContaining([...needed, 'config/gateway.schema.json', ...examples]))
  })

  it('holds every file that its documents link to', () => {
    const dead = packed
      .filter((path) => path.endsWith('.md'))
      .flatMap((path) => linkTargets(readFileSync(inPackage(path), 'utf8')).map((target) => [path, target] as const))
      .filter(([, target]) => !/^(?:https?:|#)/.test(target))
      .filter(([path, target]) => !existsSync(inPackage(join(dirname(path), target.split('#')[0] ?? ''))))
    expect(dead).toEqual([])
  })

  it('holds no test, no state and nothing that was forgotten in dist', () => {
    const allowed =
      /^(dist\/.*\.(js|d\.ts)|dist\/web\/(index\.html|assets\/[\w-]+\.(css|svg))|config\/(gateway\.schema\.json|examples\/[\w-]+\.(yaml|txt))|docker\/.*|gateway\.yaml|docs\/.*|package\.json|LICENSE|CHANGELOG\.md|CONTRIBUTING\.md|SECURITY\.md|README(\.zh-CN)?\.md)$/
    expect(packed.filter((path) => !allowed.test(path))).toEqual([])
    const sourceOf = (path: string) => join(ROOT, path.replace(/^dist\/(.*)(?:\.js|\.d\.ts)$/, 'src/$1.ts'))
    expect(packed.filter((path) => /^dist\/(?!web\/)/.test(path) && !existsSync(sourceOf(path)))).toEqual([])
  })

  it('holds no state and no secrets of a configuration that was run from its folders', async () => {
    const clone = join(folder, 'clone')
    cpSync(join(ROOT, 'package.json'), join(clone, 'package.json'))
    for (const name of [
      'config/examples/state/admin-token',
      'config/examples/.env',
      'docker/.env',
      'docker/compose.yaml',
    ]) {
      mkdirSync(dirname(join(clone, name)), { recursive: true })
      writeFileSync(join(clone, name), 'secret')
    }
    const { stdout } = await runFile('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: clone, env })
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }]
    expect(files.map(({ path }) => path).toSorted()).toEqual(['docker/compose.yaml', 'package.json'])
  })

  it('holds a dashboard of at most 60 KB without the plots and 90 KB with them, compressed', () => {
    const sizes = packed
      .filter((path) => path.startsWith('dist/web/'))
      .map((path) => ({ path, octets: gzipSync(readFileSync(inPackage(path))).length }))
    const sum = (list: typeof sizes) => list.reduce((total, { octets }) => total + octets, 0)
    const page = sum(sizes.filter(({ path }) => !path.includes('/plots-')))
    expect(page, JSON.stringify(sizes)).toBeGreaterThan(10_000)
    expect(page, JSON.stringify(sizes)).toBeLessThan(60_000)
    expect(sum(sizes), JSON.stringify(sizes)).toBeLessThan(90_000)
  })

  it('holds no secret and no trace of the machine that made it', () => {
    const telling = [/PRIVATE KEY/, /npm_[A-Za-z0-9]{30}/, /AKIA[A-Z0-9]{16}/, ROOT.slice(0, -1)]
    const holds = (path: string) => {
      const text = readFileSync(inPackage(path), 'utf8')
      return telling.some((sign) => (typeof sign === 'string' ? text.includes(sign) : sign.test(text)))
    }
    expect(packed.filter(holds)).toEqual([])
  })
})

describe('the installed package', () => {
  const run = async (...args: string[]) => (await runFile(turnpike(), args, { cwd: folder, env })).stdout

  it('tells about itself', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    expect(await run('--help')).toContain('turnpike start')
    expect(await run('--version')).toBe(`${version}\n`)
  })

  it('finds the configuration that it brings valid', async () => {
    expect(await run('check', '--config', inPackage('gateway.yaml'))).toContain('gateway.yaml is valid')
    expect(await run('check', '--config', inPackage('config/examples/demo.yaml'))).toContain('demo.yaml is valid')
  })

  it('writes a vendor’s package, which passes its test and can be configured', async () => {
    const user = join(folder, 'user')
    await runFile(turnpike(), ['vendor', 'new', 'acme'], { cwd: user, env })
    const { stdout } = await runFile('node', ['--test'], { cwd: join(user, 'turnpike-vendor-acme'), env })
    expect(stdout).toMatch(/fail 0/)
    // As npm installs a package of a registry.
    cpSync(join(user, 'turnpike-vendor-acme'), join(user, 'node_modules', 'turnpike-vendor-acme'), { recursive: true })
    const entry = { name: 'a', product: 'list', credentials: { key: 'INVENTED-key' }, budget: { total: 9 } }
    for (const vendor of ['./turnpike-vendor-acme/index.js', 'npm:turnpike-vendor-acme']) {
      writeFileSync(join(user, 'gateway.yaml'), JSON.stringify({ providers: [{ ...entry, vendor }] }))
      expect(await run('check', '--config', join(user, 'gateway.yaml'))).toContain('is valid')
      expect(await run('call', 'a', '--config', join(user, 'gateway.yaml'))).toContain('takes addresses')
    }
    writeFileSync(
      join(user, 'gateway.yaml'),
      JSON.stringify({ providers: [{ ...entry, vendor: 'npm:turnpike-vendor-none' }] }),
    )
    await expect(run('check', '--config', join(user, 'gateway.yaml'))).rejects.toMatchObject({
      stderr: expect.stringContaining('npm:turnpike-vendor-none') as string,
    })
  })

  it('has the types of a vendor’s package: the skeleton passes tsc, and takes at most 120 lines in four files', async () => {
    const acme = join(folder, 'user', 'turnpike-vendor-acme')
    const files = readdirSync(acme).filter((name) => name !== 'node_modules')
    expect(files.toSorted()).toEqual(['examples.js', 'index.js', 'index.test.js', 'package.json'])
    const lines = files.flatMap((name) => readFileSync(join(acme, name), 'utf8').trimEnd().split('\n'))
    expect(lines.length).toBeLessThanOrEqual(120)
    const options = ['--noEmit', '--strict', '--allowJs', '--checkJs', '--skipLibCheck', '--module', 'nodenext']
    const typeRoots = ['--typeRoots', join(ROOT, 'node_modules', '@types'), '--types', 'node']
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc')
    await runFile(tsc, [...options, ...typeRoots, 'index.js', 'examples.js'], { cwd: acme, env })
  })

  it('is a library: a program starts it, is served, and ends by itself', async () => {
    const user = join(folder, 'user')
    writeFileSync(join(user, 'program.mts'), program)
    const { stdout } = await runFile('node', ['program.mts'], { cwd: user, env })
    expect(stdout).toMatch(/^upstream 127\.\S+, /)
  })

  it('has the types of a library', async () => {
    const user = join(folder, 'user')
    const wrong = "import type { GatewayConfig } from 'turnpike'\nexport const config: GatewayConfig = { listn: [] }\n"
    writeFileSync(join(user, 'wrong.mts'), wrong)
    writeFileSync(join(user, 'program.mts'), program)
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc')
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', 'node']
    const typeRoots = ['--typeRoots', join(ROOT, 'node_modules', '@types')]
    const check = (file: string) => runFile(tsc, [...options, ...typeRoots, file], { cwd: user, env })
    await check('program.mts')
    await expect(check('wrong.mts')).rejects.toMatchObject({ stdout: expect.stringContaining("'listn'") })
  })

  it('serves from an empty folder until SIGTERM: 0', async () => {
    const own = mkdtempSync(join(tmpdir(), 'turnpike-empty-'))
    onTestFinished(() => rmSync(own, { recursive: true }))
    const config = { listen: [{ port: 0 }], admin: { port: 0 }, providers: [{ name: 'demo', vendor: 'demo' }] }
    const { child, url } = await startProcess(config, { folder: own, command: [turnpike(), 'start'] })
    const proxy = new ProxyAgent(url())
    onTestFinished(() => proxy.close())
    const response = await fetch('http://whoami.demo/', { dispatcher: proxy })
    expect([response.status, await response.text()]).toEqual([200, expect.stringMatching(/^upstream 127\.\S+, /)])
    expect(await stop(child)).toBe(0)
    expect(readdirSync(own).filter((name) => name !== 'gateway.yaml' && name !== 'state')).toEqual([])
  })
})
