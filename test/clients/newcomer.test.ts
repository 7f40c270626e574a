/**
 * A newcomer's way: from an empty folder to the first request through a vendor, by the commands of the README alone. The vendor is
 * a simulated one, so that its place is the one thing that the test writes into the configuration beside the ports.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SystemClock } from '../../src/clock.ts'
import { freePort } from '../support/free-port.ts'
import { SimulatedQg } from '../support/vendors/qg.ts'
import { startWorld } from '../support/world.ts'
import { section, sectionNumber, textOf } from '../unit/docs/markdown.ts'
import { temporaryFolder } from './support/files.ts'
import { startProcess } from './support/gateway-process.ts'
import { succeed } from './support/program.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const KEY = 'INVENTEDKEY1'
const PASSWORD = 'invented-password-4711'

const readmes = [
  { file: 'README.md', title: 'Your vendor in three steps', locale: 'C.UTF-8', valid: 'is valid' },
  { file: 'README.zh-CN.md', title: '三步换成自己的供应商', locale: 'zh_CN.UTF-8', valid: '有效' },
]

/** `npx turnpike init --config my.yaml`, ...; `npm start` is `turnpike start`. */
function commandsOf(file: string, title: string): readonly string[] {
  const text = section(textOf(file), sectionNumber(textOf(file), title))
  const written = Array.from(text.matchAll(/`(npx turnpike [^`]+|npm start [^`]+)`/g), ([, command = '']) => command)
  return written.map((command) => command.replace(/^npx turnpike /, '').replace(/^npm start --/, 'start'))
}

/** A vendor whose addresses are upstreams of a world. */
async function openVendor() {
  const world = await startWorld({ upstreams: 3, login: false })
  const clock = new SystemClock()
  let sold = 0
  const supplyAddress = () => {
    const { host, port } = world.upstreams[sold++ % 3] ?? expect.fail('no upstream')
    return { host, port, username: KEY, password: PASSWORD }
  }
  const vendor = new SimulatedQg({ clock, key: KEY, plan: { mode: 'channel', channels: 10 }, supplyAddress })
  await vendor.start()
  onTestFinished(async () => {
    await vendor.close()
    clock.close()
    await world.close()
    expect(vendor.violations).toEqual([])
  })
  return vendor
}

describe.each(readmes)('$file', ({ file, title, locale, valid }) => {
  const commands = commandsOf(file, title)
  const command = (name: string) => commands.find((each) => each.startsWith(`${name} `)) ?? expect.fail(name)

  async function open() {
    const [vendor, folder] = [await openVendor(), temporaryFolder()]
    const turnpike = async (line: string, input = '') => {
      const [words = '', from] = line.split(' < ')
      const env = { ...process.env, LC_ALL: locale }
      const child = spawn(process.execPath, [MAIN, ...words.split(' ')], { cwd: folder, env })
      let said = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (said += piece))
      child.stdin.end(from === undefined ? input : readFileSync(join(folder, from)))
      const [code] = await once(child, 'close')
      expect(code, said).toBe(0)
      return said
    }
    const path = (name: string) => join(folder, name)
    /** The places that only a test has. */
    const rewrite = async (more: string) => {
      const text = readFileSync(path('my.yaml'), 'utf8').replace(/^( +)budget:/m, `$1${more}\n$1allowPrivate: true\n$&`)
      writeFileSync(path('my.yaml'), `${text}\nlisten: [{ port: 0 }]\nadmin: { port: ${await freePort()} }\n`)
    }
    const firstRequest = async () => {
      expect(await turnpike(command('check'))).toContain(valid)
      const start: [string, ...string[]] = [process.execPath, MAIN, ...command('start').split(' ')]
      const gateway = await startProcess({}, { folder, command: start, secrets: [KEY, PASSWORD] })
      const { out } = await succeed('curl', ['-sS', '-x', gateway.url(), 'http://site.test/'])
      expect(out).toMatch(/^peer /)
    }
    return { vendor, path, turnpike, rewrite, firstRequest }
  }

  it('with a key: init, the secrets, check, start, a request', async () => {
    const { vendor, path, turnpike, rewrite, firstRequest } = await open()
    expect(await turnpike(command('init'), 'qg\nshare-channel\n')).toContain('cp .env.example .env')
    const sample = readFileSync(path('.env.example'), 'utf8')
    writeFileSync(
      path('.env'),
      sample.replace('QG_KEY=', `QG_KEY=${KEY}`).replace('QG_PASSWORD=', `QG_PASSWORD=${PASSWORD}`),
    )
    await rewrite(`baseUrl: ${vendor.url}`)
    await firstRequest()
  })

  it('with a link: add, check, start, a request', async () => {
    const { vendor, path, turnpike, rewrite, firstRequest } = await open()
    writeFileSync(path('link.txt'), `API 链接：${vendor.url}/get?key=${KEY}&num=2\n`)
    expect(await turnpike(command('add'))).not.toContain(KEY)
    await rewrite('ttl: 60s')
    await firstRequest()
  })
})
