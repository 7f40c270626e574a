/**
 * The container, without Docker: the commands that docker/Dockerfile and docker/compose.yaml name are read from them and
 * run here, on the files that they copy, with the image's paths moved into a folder and its ports to free ones.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { basic, plain } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { assertNoSecret, LogCapture } from '../support/log-capture.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PASSWORD = 'passwordOfTheseTests4711'
/** Hang guards, not expectations: the machine may be busy. */
const BUILD_MS = 120_000
const RUN_MS = 60_000

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')

interface Instruction {
  readonly name: string
  readonly value: string
}

const stages = readStages(read('docker/Dockerfile'))
const [buildStage, imageStage] = stages as [readonly Instruction[], readonly Instruction[]]
const compose = parse(read('docker/compose.yaml'))

/** The instructions of each stage, FROM first. */
function readStages(dockerfile: string): readonly (readonly Instruction[])[] {
  const lines = dockerfile
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.trim())
  const stages: Instruction[][] = []
  for (const line of lines.filter((line) => line !== '' && !line.startsWith('#'))) {
    const [name = '', value = ''] = line.split(/ (.*)/)
    if (name === 'FROM') stages.push([])
    stages.at(-1)?.push({ name, value })
  }
  return stages
}

const all = (stage: readonly Instruction[], name: string) =>
  stage.filter((one) => one.name === name).map(({ value }) => value)

/** The one value of an instruction that stands once. */
function only(stage: readonly Instruction[], name: string): string {
  const [value, ...others] = all(stage, name)
  if (value === undefined || others.length > 0) throw new Error(`${name} must stand once`)
  return value
}

/** A command in the exec form, which no shell reads. */
const command = (value: string): readonly string[] => JSON.parse(value.replace(/^.*CMD /, ''))
const start = () => [...command(only(imageStage, 'ENTRYPOINT')), ...command(only(imageStage, 'CMD'))]
const healthCheck = () => command(only(imageStage, 'HEALTHCHECK'))

/** What COPY takes from the repository, and where it goes. */
function copied(stage: readonly Instruction[]): readonly { readonly from: string; readonly to: string }[] {
  return all(stage, 'COPY')
    .filter((value) => !value.startsWith('--from='))
    .flatMap((value) => {
      const words = value.split(' ')
      const to = words.pop() ?? ''
      return words.map((from) => ({ from, to: to.endsWith('/') ? join(to, from) : to }))
    })
}

let folder = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-image-'))
  const build = join(folder, 'build')
  for (const { from, to } of copied(buildStage)) cpSync(join(ROOT, from), join(build, to), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(build, 'node_modules'))
  const { scripts } = JSON.parse(read('package.json'))
  const env = { PATH: `${dirname(process.execPath)}:${join(ROOT, 'node_modules/.bin')}:/usr/bin:/bin` }
  const built = await run([scripts.build], { cwd: build, env, shell: true })
  expect(built).toMatchObject({ code: 0, out: '' })
  installProduction(build, join(folder, 'app'))
}, BUILD_MS)

afterAll(() => rmSync(folder, { recursive: true }))

/** What `npm prune --omit=dev` leaves: the packages of the lock file that are not only for development. */
function installProduction(build: string, app: string): void {
  for (const value of all(imageStage, 'COPY').filter((value) => value.startsWith('--from=build '))) {
    const [, from = '', to = ''] = value.split(' ')
    const source = join(build, from.replace('/app/', ''))
    if (to === 'node_modules') linkPackages(join(app, to))
    else cpSync(source, join(app, to), { recursive: true })
  }
}

function linkPackages(target: string): void {
  const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { dev?: boolean }> }
  const names = Object.entries(packages)
    .filter(
      ([path, { dev }]) =>
        /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && dev !== true && existsSync(join(ROOT, path)),
    )
    .map(([path]) => path.replace('node_modules/', ''))
  for (const name of names) {
    mkdirSync(dirname(join(target, name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(target, name))
  }
}

interface RunOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly shell?: boolean
}

async function run([program = '', ...args]: readonly string[], options: RunOptions) {
  const child = spawn(program, args, { ...options, env: options.env ?? {}, stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: code as number | null, out, err }
}

/** One container: folders of its own, free ports in the place of 8080 and 8081, loopback in the place of its network. */
class Container {
  readonly folder = mkdtempSync(join(folder, 'container-'))
  readonly state = join(this.folder, 'state')
  readonly log = new LogCapture()
  readonly port: number
  readonly adminPort: number

  constructor(port: number, adminPort: number) {
    this.port = port
    this.adminPort = adminPort
    mkdirSync(this.state, { mode: 0o700 })
    for (const { from, to } of copied(imageStage)) {
      mkdirSync(dirname(this.move(to)), { recursive: true })
      writeFileSync(this.move(to), this.move(read(from)))
    }
  }

  static async create(): Promise<Container> {
    return new Container(await freePort(), await freePort())
  }

  move(text: string): string {
    return text
      .replaceAll('/var/lib/turnpike', this.state)
      .replaceAll('/etc/turnpike', join(this.folder, 'etc'))
      .replaceAll('/app/', join(folder, 'app/'))
      .replaceAll(/\bturnpike:8080\b/g, '127.0.0.1:8080')
      .replaceAll('0.0.0.0', '127.0.0.1')
      .replaceAll(/\b8080\b/g, String(this.port))
      .replaceAll(/\b8081\b/g, String(this.adminPort))
  }

  /** A command of the image, moved; its `node` is the one of these tests. */
  argv(command: readonly string[]): readonly string[] {
    return command.map((word, i) => (i === 0 && word === 'node' ? process.execPath : this.move(word)))
  }

  run(command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    return run(this.argv(command), { cwd: this.folder, env })
  }

  start(env: Readonly<Record<string, string>>): ChildProcess {
    const [program = '', ...args] = this.argv(start())
    const child = spawn(program, args, { cwd: this.folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => this.log.write(piece))
    return child
  }

  /** Asks as Docker does, again and again, until the answer is good. @throws {Error} with the log when it stays bad */
  async healthy(child: ChildProcess): Promise<void> {
    while ((await this.run(healthCheck())).code !== 0) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended; it said:\n${this.log.text}`)
    }
  }
}

it(
  'serves those who log in, is healthy until it is stopped, and needs no package for development',
  async () => {
    const container = await Container.create()
    expect(await container.run(healthCheck())).toMatchObject({ code: 1 })

    const child = container.start({ TURNPIKE_PASSWORD: PASSWORD, NODE_ENV: 'production' })
    onTestFinished(() => void child.kill('SIGKILL'))
    await container.healthy(child)
    const place = { host: '127.0.0.1', port: container.port }
    const user = { username: 'crawler', password: PASSWORD }
    const served = await plain(place, 'http://whoami.demo/', { headers: [['Proxy-Authorization', basic(user)]] })
    expect([served.status, String(served.body)]).toEqual([200, expect.stringMatching(/^upstream 127\./)])
    expect((await plain(place, 'http://whoami.demo/')).status).toBe(407)
    expect((statSync(join(container.state, 'admin-token')).mode & 0o777).toString(8)).toBe('600')

    const { environment, command } = compose.services.crawler
    const proxies = Object.entries(environment as Record<string, string>).map(([name, value]) => {
      return [name, container.move(value.replace(/\$\{TURNPIKE_PASSWORD\}/, PASSWORD))]
    })
    const crawler = await container.run(command, Object.fromEntries(proxies))
    expect(crawler).toMatchObject({ code: 0, out: expect.stringMatching(/^upstream 127\./) })

    child.kill('SIGTERM')
    const [code] = await once(child, 'close')
    expect([code, (await container.run(healthCheck())).code]).toEqual([0, 1])
    const token = readFileSync(join(container.state, 'admin-token'), 'utf8').trim()
    assertNoSecret(container.log.lines, [user, token])
  },
  RUN_MS,
)

it(
  'says which variable is missing, and does not start',
  async () => {
    const container = await Container.create()
    for (const env of [{}, { TURNPIKE_PASSWORD: '' }]) {
      const { code, err } = await container.run(start(), env)
      expect([code, err]).toEqual([
        2,
        expect.stringMatching(/gateway\.yaml:\d+:\d+: listen\[0\]\.users\[0\]\.password|TURNPIKE_PASSWORD/),
      ])
    }
    expect(readdirSync(container.state)).toEqual([])
  },
  RUN_MS,
)

it('holds the examples that "init" writes from', async () => {
  const container = await Container.create()
  const file = join(container.folder, 'my.yaml')
  const init = [...command(only(imageStage, 'ENTRYPOINT')), 'init', '--vendor', 'demo', '--config', file]
  expect(await container.run(init)).toMatchObject({ code: 0, err: '' })
  expect(readFileSync(file, 'utf8')).toContain('vendor: demo')
})

it('is not healthy while the gateway answers with errors', async () => {
  const container = await Container.create()
  const failing = createHttpServer((_, response) => response.writeHead(503).end()).listen(
    container.adminPort,
    '127.0.0.1',
  )
  onTestFinished(() => void failing.close())
  await once(failing, 'listening')
  expect(await container.run(healthCheck())).toMatchObject({ code: 1 })
})

it('is built on the Node that the package wants, and runs as a user who can write its state and nothing else', () => {
  const { engines } = JSON.parse(read('package.json'))
  const major = /^>=(\d+)$/.exec(engines.node)?.[1]
  expect(read('docker/Dockerfile')).toContain(`\nARG NODE_IMAGE=node:${major}-slim\n`)
  expect(stages.map((stage) => only(stage, 'FROM').split(' ')[0])).toEqual(Array(2).fill('$'.concat('{NODE_IMAGE}')))
  const order = imageStage.map(({ name }) => name)
  expect([only(imageStage, 'USER'), order.indexOf('USER') < order.indexOf('ENTRYPOINT')]).toEqual(['node', true])
  const state = only(imageStage, 'VOLUME')
  expect(parse(read('docker/gateway.yaml')).state.path).toBe(state)
  expect(only(imageStage, 'RUN')).toBe(`install -d -o node -g node -m 0700 ${state}`)
  expect(order.indexOf('RUN')).toBeLessThan(order.indexOf('VOLUME'))
})

it('can be built through mirrors of images and packages', () => {
  const values = buildStage.map(({ name, value }) => `${name} ${value}`)
  const install = values.find((line) => line.startsWith('RUN npm ci')) ?? ''
  expect(values).toContain('ARG NPM_REGISTRY=https://registry.npmjs.org')
  expect(install).toContain('--registry='.concat('$', '{NPM_REGISTRY}'))
  // An argument counts from its line on, in its own stage.
  expect(values.indexOf('ARG NPM_REGISTRY=https://registry.npmjs.org')).toBeLessThan(values.indexOf(install))
  for (const file of ['docker/compose.yaml', 'docker/compose.cluster.yaml'])
    expect(read(file)).toContain('args: [NODE_IMAGE, NPM_REGISTRY]')
})

it('sends nothing to the builder but what is copied', () => {
  const lines = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const isSent = (path: string) => {
    const ancestors = path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'))
    const matching = lines.findLast((line) => ancestors.some((part) => ignores(line.replace(/^!/, ''), part)))
    return matching === undefined || matching.startsWith('!')
  }
  const needed = [...copied(buildStage), ...copied(imageStage)].map(({ from }) => from)
  expect(needed.filter((path) => !existsSync(join(ROOT, path)) || !isSent(path))).toEqual([])
  expect(isSent('src/upstream/connector.ts')).toBe(true)
  const never = [
    'state/admin-token',
    'config/examples/state/admin-token',
    '.env',
    'docker/.env',
    'src/.env.local',
    'gateway.yaml',
    '.git/config',
    'node_modules/x/y.js',
    'my-secrets.txt',
  ]
  expect(never.filter(isSent)).toEqual([])
})

/** As Docker matches: `*` within a name, dots at its beginning included; `**` over folders. */
function ignores(pattern: string, path: string): boolean {
  const expression = pattern.split('**/').map((part) => part.split('*').map(RegExp.escape).join('[^/]*'))
  return new RegExp(`^${expression.join('(?:.*/)?')}$`).test(path)
}

it('compose publishes to this machine alone, and wants a password', () => {
  const { turnpike, crawler } = compose.services
  expect(turnpike.ports).toEqual(['127.0.0.1:8080:8080'])
  expect(turnpike.environment.TURNPIKE_PASSWORD).toMatch(/^\$\{TURNPIKE_PASSWORD:\?.*set TURNPIKE_PASSWORD/)
  expect([crawler.profiles, crawler.depends_on.turnpike.condition]).toEqual([['sample'], 'service_healthy'])
})

it('leaves /tmp writable where the root is read-only: workers have their control socket there', () => {
  expect(compose.services.turnpike).toMatchObject({ read_only: true, tmpfs: ['/tmp'] })
  const { initContainers, volumes } = parse(read('docker/k8s/sidecar.yaml')).spec.template.spec
  expect(initContainers[0].securityContext.readOnlyRootFilesystem).toBe(true)
  const name = initContainers[0].volumeMounts.find((mount: { mountPath: string }) => mount.mountPath === '/tmp')?.name
  expect(volumes).toContainEqual({ name, emptyDir: {} })
})

it('compose keeps state on the volume, and gives the gateway time to stop', () => {
  const { turnpike } = compose.services
  const args = ['NODE_IMAGE', 'NPM_REGISTRY']
  expect(turnpike.build).toEqual({ context: '..', dockerfile: 'docker/Dockerfile', args })
  const config = start().at(-1)
  expect(turnpike.volumes).toEqual([`./gateway.yaml:${config}:ro`, `state:${only(imageStage, 'VOLUME')}`])
  expect(compose.volumes).toHaveProperty('state')
  const { stop } = parse(read('gateway.yaml'))
  expect(Number.parseInt(turnpike.stop_grace_period, 10)).toBeGreaterThan(Number.parseInt(stop.drain, 10))
})
