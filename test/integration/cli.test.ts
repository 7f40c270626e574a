import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { closeClients, connectVia } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const main = join(root, 'src/main.ts')
let folder = ''
const cleanUps: (() => unknown)[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-cli-'))
})
afterEach(async () => {
  await closeClients()
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Program {
  readonly done: Promise<{ code: number | null; out: string; err: string }>
  /** Resolves when standard output or standard error holds the text. */
  said(text: string): Promise<void>
  kill(signal: NodeJS.Signals): void
}

function run(args: readonly string[], environment: Record<string, string> = {}): Program {
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  cleanUps.push(() => child.kill('SIGKILL'))
  const heard = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (heard.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (heard.err += text))
  return {
    done: once(child, 'close').then(([code]) => ({ code, ...heard })),
    kill: (signal) => child.kill(signal),
    async said(text) {
      while (!heard.out.includes(text) && !heard.err.includes(text)) {
        await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), once(child, 'close')])
        if (child.exitCode !== null)
          throw new Error(`ended with ${child.exitCode} before saying ${text}: ${heard.out}${heard.err}`)
      }
    },
  }
}

/** V8's word for a collection that gives back as much as it can. */
const COLLECTED = 'Mark-Compact (reduce)'

const turnpike = (...args: string[]) => run([main, ...args])

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return name
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUps.push(() => new Promise((resolve) => server.close(resolve)))
  return (server.address() as AddressInfo).port
}

describe('turnpike', () => {
  it('--help tells it all', async () => {
    const { code, out, err } = await turnpike('--help').done
    expect([code, err]).toEqual([0, ''])
    for (const word of ['start', 'check', 'status', '--config', './gateway.yaml', 'SIGTERM', 'Exit codes'])
      expect(out).toContain(word)
  })

  it.each([[[]], [['chek']], [['check', '--confg', 'x']], [['check', 'extra']]])(
    '%j is a mistake on the command line: 2',
    async (args) => {
      const { code, out, err } = await turnpike(...args).done
      expect([code, out]).toEqual([2, ''])
      expect(err).not.toBe('')
    },
  )

  it('says its version', async () => {
    expect(await turnpike('--version').done).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })
})

describe('turnpike check', () => {
  it('says that a file is valid, and what it would do', async () => {
    const file = write(
      'good.yaml',
      'listen: [{ port: 8088, session: client }]\nproviders: [{ name: d, vendor: demo, budget: { perHour: 5 } }]\nstate: off\n',
    )
    const { code, out, err } = await turnpike('check', '--config', file).done
    expect([code, err]).toEqual([0, ''])
    expect(out.split('\n')).toEqual([
      'good.yaml is valid',
      '  listen    127.0.0.1:8088 (no login; one upstream per client)',
      '  admin     127.0.0.1:8081',
      '  provider  d (demo; buys at most 5 an hour)',
      '  pool      5 to 50 addresses, nothing bought after 1m without traffic',
      '  state     in memory only',
      '',
    ])
  })

  it('says every mistake at its place: 2', async () => {
    const file = write('bad.yaml', 'listn: []\npool: { floor: many }\nproviders:\n  - { name: d, vendor: demmo }\n')
    const { code, out, err } = await turnpike('check', '-c', file).done
    expect([code, out]).toEqual([2, ''])
    expect(err.split('\n')).toEqual([
      'bad.yaml:1:1: listn: unknown key; did you mean listen?',
      'bad.yaml:2:16: pool.floor: must be a number',
      expect.stringMatching(/^bad.yaml:4:24: providers\[0\].vendor: did you mean demo\?/),
      'bad.yaml has 3 mistakes',
      '',
    ])
  })

  it('looks for ./gateway.yaml, and says when it is not there', async () => {
    const { code, err } = await turnpike('check').done
    expect(code).toBe(2)
    expect(err).toContain('there is no such file: "turnpike init" writes one, --config FILE names another')
  })

  it('shows no secret of the environment', async () => {
    const file = write(
      'secret.yaml',
      'providers: [{ name: "${S}", vendor: "${S}", key: "${S}" }]\nadmin: { host: "${S}", port: "${S}" }',
    )
    const { code, out, err } = await run([main, 'check', '-c', file], { S: 'hunter2!' }).done
    expect(code).toBe(2)
    expect(out + err).not.toContain('hunter2')
  })
})

/** A tunnel through the gateway, which may still be opening its port: asked again until it answers. */
async function tunnel(port: number) {
  for (;;) {
    try {
      return await connectVia(port, 'whoami.demo:80')
    } catch (error) {
      if (((error as Error).cause as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

const provider = 'providers: [{ name: d, vendor: demo }]\nstate: off\nadmin: off\n'

describe('turnpike start', () => {
  it('says that a port is in use: 1, without a stack trace', async () => {
    const port = await listening(createServer())
    const { code, err } = await turnpike('start', '-c', write('used.yaml', `listen: [{ port: ${port} }]\n${provider}`))
      .done
    expect(code).toBe(1)
    expect(err).toBe(
      `turnpike: port ${port} on 127.0.0.1 is in use: stop the program that listens there, or change listen[0].port\n`,
    )
  })

  it('does not start with a mistake in the file: 2', async () => {
    const { code, err } = await turnpike('start', '-c', write('wrong.yaml', `${provider}dial: { tries: 0 }\n`)).done
    expect([code, err.split('\n')[0]]).toEqual([2, 'wrong.yaml:4:16: dial.tries: must be at least 1'])
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('serves until %s, twice as npm sends it: 0', async (signal) => {
    const port = await freePort()
    const gateway = turnpike('start', '-c', write(`${signal}.yaml`, `listen: [{ port: ${port} }]\n${provider}`))
    await gateway.said('demo vendor started')
    expect((await tunnel(port)).status).toBe(200)
    await closeClients()
    gateway.kill(signal)
    gateway.kill(signal)
    expect(await gateway.done).toMatchObject({ code: 0, err: '' })
  })

  it('gives back the memory of its start where it is given the means', async () => {
    const file = write('tidy.yaml', `listen: [{ port: ${await freePort()} }]\n${provider}`)
    const gateway = run(['--expose-gc', '--trace-gc', main, 'start', '-c', file])
    await gateway.said(COLLECTED)
    gateway.kill('SIGTERM')
    expect(await gateway.done).toMatchObject({ code: 0, err: '' })
  })

  it('waits for open tunnels, and does not wait when told again', async () => {
    const port = await freePort()
    const file = write('drain.yaml', `listen: [{ port: ${port} }]\nstop: { drain: 1h }\n${provider}`)
    const gateway = turnpike('start', '-c', file)
    await gateway.said('demo vendor started')
    await tunnel(port)
    gateway.kill('SIGTERM')
    const repeat = setInterval(() => gateway.kill('SIGTERM'), 300) // the ones of the first second count for nothing
    cleanUps.push(() => clearInterval(repeat))
    const { code, out } = await gateway.done
    expect(code).toBe(1)
    expect(out).toContain('stopped without waiting')
  })
})

describe('an unexpected error', () => {
  it.each([
    ['thrown', 'setTimeout(() => { throw new TypeError("oops") })'],
    ['rejected', 'Promise.reject(new TypeError("oops"))'],
  ])('that is %s ends the process with one line of the log: 1', async (_how, crash) => {
    const program = `
      import { runCli } from ${JSON.stringify(join(root, 'src/cli/cli.ts'))}
      import { SystemClock } from ${JSON.stringify(join(root, 'src/clock.ts'))}
      import { takeoverOf } from ${JSON.stringify(join(root, 'src/cli/takeover.ts'))}
      import { workersOf } from ${JSON.stringify(join(root, 'src/cli/workers.ts'))}
      await runCli(['start', '-c', 'crash.yaml'], {
        startApp: async () => { ${crash}; return { addresses: [], openConnections: () => 0, stop: async () => {}, abort() {} } },
        environment: {}, clock: new SystemClock(), process, takeover: takeoverOf(process, async () => {}),
        workers: workersOf(process),
        out: (text) => process.stdout.write(text), err: (text) => process.stderr.write(text), exit: (code) => process.exit(code),
        tidy() {},
      })`
    write('crash.yaml', provider)
    const { code, out, err } = await run(['--input-type=module', '-e', `setInterval(() => {}, 9999);${program}`]).done
    expect([code, err]).toEqual([1, ''])
    expect(out.trim().split('\n')).toEqual([expect.stringContaining('TypeError: oops')])
  })
})

/** A gateway's admin port that answers what it is told. */
async function admin(answers: Record<string, [status: number, body: unknown]>) {
  const asked: string[] = []
  const server = createHttpServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.host} ${request.headers.authorization ?? ''}`.trim())
    const [status, body] = answers[request.url ?? ''] ?? [404, {}]
    response
      .writeHead(status, { 'content-type': 'application/json', connection: 'close' })
      .end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  const port = await listening(server)
  const file = write('status.yaml', `admin: { port: ${port}, token: t0ken }\nproviders: [{ name: d, vendor: demo }]`)
  return { port, asked, status: () => turnpike('status', '-c', file).done }
}

describe('turnpike status', () => {
  const providers = [{ name: 'd', state: 'ready', windowSeconds: 60, bought: 3 }]

  it('shows what the gateway says of itself and its providers', async () => {
    const finding = { level: 'warning', code: 'quota-used-up', params: { provider: 'd', reason: 'no balance' } }
    const words = { sentence: '', remedy: '', provider: 'd', action: 'retry' }
    const gateway = await admin({
      '/readyz': [200, {}],
      '/v1/providers': [200, { providers }],
      '/v1/verdict': [200, { level: 'warning', findings: [{ ...finding, ...words }] }],
    })
    const host = `127.0.0.1:${gateway.port}`
    expect(await gateway.status()).toEqual({
      code: 0,
      err: '',
      out: [
        `The gateway at ${host} is ready.`,
        'd: the quota at the vendor is used up: no balance.',
        '  Wait until the vendor allows more, or buy more there; then retry. [turnpike retry d]',
        '',
        'name  state  bought',
        'd     ready  3',
        '',
      ].join('\n'),
    })
    expect(gateway.asked).toEqual(
      ['readyz', 'v1/providers', 'v1/verdict'].map((path) => `GET /${path} ${host} Bearer t0ken`),
    )
  })

  it('asks it directly, whatever proxy the environment names: the token stays on this machine', async () => {
    const stranger = createHttpServer((_request, response) => response.end('{}'))
    let connections = 0
    stranger.on('connection', () => connections++)
    const proxy = `http://127.0.0.1:${await listening(stranger)}`
    const heard: (string | undefined)[] = []
    const admin = createHttpServer((request, response) => {
      heard.push(request.headers.authorization)
      response.setHeader('content-type', 'application/json').end('{"providers":[]}')
    })
    const token = 'token-of-the-gateway'
    const file = write(
      'proxied.yaml',
      `admin: { port: ${await listening(admin)}, token: ${token} }\nproviders: [{ name: demo, vendor: demo }]\nstate: off\n`,
    )
    const variables = { NODE_USE_ENV_PROXY: '1', http_proxy: proxy, HTTP_PROXY: proxy, no_proxy: '', NO_PROXY: '' }
    await run([main, 'status', '-c', file], variables).done
    await run(['--use-env-proxy', main, 'status', '-c', file], variables).done
    expect([connections, new Set(heard)]).toEqual([0, new Set([`Bearer ${token}`])])
  })

  it('needs no secret of the other keys, and prints JSON', async () => {
    const gateway = await admin({ '/readyz': [503, { reasons: ['why'] }], '/v1/providers': [200, { providers }] })
    const file = write(
      'secrets.yaml',
      `admin: { port: ${gateway.port} }\nstate: off\nproviders: [{ name: q, vendor: qg, product: share-pool, credentials: { key: "\${NOT_SET}" } }]`,
    )
    const { code, out, err } = await turnpike('status', '--json', '-c', file).done
    expect([code, err]).toEqual([1, ''])
    expect(JSON.parse(out)).toEqual({ gateway: `127.0.0.1:${gateway.port}`, ready: false, reasons: ['why'], providers })
  })

  it('says why the gateway is not ready: 1', async () => {
    const gateway = await admin({
      '/readyz': [503, { reasons: ['no provider can buy'] }],
      '/v1/providers': [200, { providers }],
    })
    expect(await gateway.status()).toMatchObject({
      code: 1,
      err: '',
      out: expect.stringContaining('is not ready: no provider can buy.\n'),
    })
  })

  it.each([
    ['HTML', '<html>'],
    ['another shape', { pool: 1 }],
  ])('is not taken in by %s: 1', async (_what, body) => {
    const gateway = await admin({ '/readyz': [200, {}], '/v1/providers': [200, body] })
    expect(await gateway.status()).toEqual({
      code: 1,
      out: '',
      err: `turnpike: the program that listens at 127.0.0.1:${gateway.port} does not answer like a gateway\n`,
    })
  })

  it('says that no gateway runs: 1', async () => {
    const port = await freePort()
    const file = write('down.yaml', `admin: { port: ${port} }\nproviders: [{ name: d, vendor: demo }]`)
    expect(await turnpike('status', '-c', file).done).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(`no gateway answers at 127.0.0.1:${port}: start it with "turnpike start"`),
    })
  })

  it('says that there is no admin port to ask: 1', async () => {
    const file = write('off.yaml', 'admin: off\nproviders: [{ name: d, vendor: demo }]')
    expect(await turnpike('status', '-c', file).done).toMatchObject({
      code: 1,
      err: expect.stringContaining('has no admin port'),
    })
  })
})
