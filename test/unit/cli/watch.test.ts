import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { EventText, LiveReports } from '../../../src/cli/live-reports.ts'
import { displayWidth } from '../../../src/cli/table.ts'
import { watchStatus } from '../../../src/cli/watch.ts'
import { renderFrame } from '../../../src/cli/watch-view.ts'
import { CommandError } from '../../../src/command-error.ts'
import { useLanguage } from '../../../src/messages/language.ts'
import { FakeClock } from '../../support/fake-clock.ts'

afterEach(() => useLanguage('en'))

const provider = {
  name: 'qg',
  state: 'stopped',
  reason: 'the key is wrong\u001b[2J',
  nextAttemptInSeconds: 11.2,
  callsLeft: 48,
  windowCalls: 60,
  channels: 10,
  channelsFree: 7,
  budgetLeft: 497,
  alive: 5,
  bought: 123,
  used: 119,
  wasted: 2,
  balance: null,
}
const counters = {
  connections: 14,
  tunnels: 9,
  waiting: 0,
  sessions: 3,
  upstreams: { ready: 5, resting: 1, draining: 0 },
  openedPerSecond: 12.3,
  refusedPerSecond: 0,
  openedDirect: 4,
  setupP50Seconds: 0.031,
  setupP99Seconds: 0.21,
}
const verdict = {
  level: 'critical',
  findings: [
    {
      level: 'critical',
      code: 'key-wrong',
      params: { provider: 'qg', reason: 'no such key' },
      sentence: 'in English',
      remedy: 'in English',
      provider: 'qg',
      action: 'retry',
    },
  ],
}

function reportsOf(names: readonly string[] = ['qg']): LiveReports {
  const reports = new LiveReports()
  reports.gateway = { version: '1.2.3' }
  reports.take('verdict', verdict, 0)
  reports.take('counters', counters, 0)
  reports.take('providers', { isFirst: true, providers: names.map((name) => ({ ...provider, name })), gone: [] }, 0)
  return reports
}
const link = { place: '127.0.0.1:8081', trouble: undefined, now: 0 }
const wide = { columns: 160, rows: 40, isColoured: false }

describe('a frame', () => {
  it('shows verdict with its remedy, figures, and providers with the reason of their state', () => {
    expect(renderFrame(reportsOf(), link, wide)).toEqual([
      'Turnpike 1.2.3 · 127.0.0.1:8081',
      'qg: the vendor refuses the key: no such key.',
      '  Correct the credentials of qg in gateway.yaml or .env, then run turnpike reload; if they were corrected at the vendor, retry. [turnpike retry qg]',
      '',
      'rates    tunnels/s 12.3   refused/s 0   set-up p50 31 ms, p99 210 ms',
      'clients  connections 14   tunnels 9   waiting 0   sessions 3',
      'pool     ready 5   resting 1   draining 0   opened directly 4',
      '',
      'provider  state    alive  calls  budget left  channels  bought  used  wasted  balance',
      'qg        stopped  5      12/60  497          3/10      123     119   2       -',
      '  the key is wrong [2J (next attempt in 12 s)',
    ])
  })

  it('counts down the time to the next attempt between two reports', () => {
    const shown = (now: number) => renderFrame(reportsOf(), { ...link, now }, wide).at(-1)
    expect([shown(4_000), shown(20_000)]).toEqual([
      '  the key is wrong [2J (next attempt in 8 s)',
      '  the key is wrong [2J',
    ])
  })

  it('is in Chinese, in columns', () => {
    useLanguage('zh')
    const lines = renderFrame(reportsOf(), link, wide)
    expect(lines[1]).toBe('qg：供应商拒绝了密钥：no such key。')
    expect(lines.slice(8, 10)).toEqual([
      '供应商  状态    存活  调用   剩余预算  通道  购买  使用  浪费  余额',
      'qg      已停止  5     12/60  497       3/10  123   119   2     -',
    ])
  })

  it.each([20, 40, 60, 90])('fits %i columns, in both languages and in colours', (columns) => {
    for (const language of ['en', 'zh'] as const) {
      useLanguage(language)
      for (const isColoured of [false, true]) {
        const lines = renderFrame(reportsOf(['qg', 'a-provider-with-a-long-name']), link, {
          columns,
          rows: 40,
          isColoured,
        })
        // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences are what is taken out
        const widths = lines.map((line) => displayWidth(line.replaceAll(/\u001b\[\d+m/g, '')))
        expect(Math.max(...widths)).toBeLessThanOrEqual(columns)
        expect(lines.join('\n')).toContain(language === 'en' ? 'provider  ' : '供应商')
      }
    }
  })

  it('breaks a sentence that is too long for the screen, so that the remedy is read whole', () => {
    for (const language of ['en', 'zh'] as const) {
      useLanguage(language)
      const words = (columns: number) =>
        renderFrame(reportsOf(), link, { ...wide, columns })
          .slice(1, 12)
          .join('')
          .replaceAll(/[ …]/g, '')
      expect(words(40)).toContain(words(Number.POSITIVE_INFINITY).slice(0, 90))
    }
  })

  it('shows three findings, and how many there are more', () => {
    const reports = reportsOf()
    const [finding] = verdict.findings
    reports.take('verdict', { ...verdict, findings: Array.from({ length: 5 }, () => finding) }, 0)
    const lines = renderFrame(reports, link, { ...wide, columns: Number.POSITIVE_INFINITY })
    expect(lines.slice(5, 9)).toEqual([
      'qg: the vendor refuses the key: no such key.',
      expect.stringContaining('[turnpike retry qg]'),
      '2 more: see turnpike status',
      '',
    ])
  })

  it('leaves out columns on the right of a narrow screen, instead of a part of one', () => {
    const line = renderFrame(reportsOf(), link, { ...wide, columns: 40 }).find((text) => text.startsWith('provider'))
    expect(line).toBe('provider  state    alive  calls')
  })

  it('shows the state after a name as long as the screen is wide', () => {
    const lines = renderFrame(reportsOf(['a'.repeat(40)]), link, { ...wide, columns: 40 })
    expect(lines.find((line) => line.startsWith('aaa'))).toMatch(/^a{20,}… {2}stopped$/)
  })

  it('fits the rows', () => {
    const names = Array.from({ length: 50 }, (_, n) => `p${n}`)
    const lines = renderFrame(reportsOf(names), link, { ...wide, rows: 12 })
    expect([lines.length, lines.at(-1)]).toEqual([12, '…'])
  })

  it('keeps the figures while the gateway does not answer, and says so', () => {
    const lines = renderFrame(reportsOf(), { ...link, trouble: 'no gateway answers' }, wide)
    expect(lines.slice(0, 2)).toEqual([
      'Turnpike 1.2.3 · 127.0.0.1:8081 · disconnected, trying again',
      'no gateway answers',
    ])
    expect(lines.join('\n')).toContain('tunnels/s 12.3')
  })
})

describe('the reports', () => {
  it('are replaced, completed and removed by events, and unknown members do no harm', () => {
    const reports = reportsOf(['a', 'b'])
    const change = { isFirst: false, providers: [{ ...provider, name: 'b', alive: 7, news: 1 }], gone: ['a'] }
    reports.take('providers', change, 0)
    expect([...reports.providers.values()].map(({ name, alive }) => [name, alive])).toEqual([['b', 7]])
    reports.take('counters', { another: 'shape' }, 0)
    expect(reports.counters?.tunnels).toBe(9)
  })

  it('come in pieces of any size', () => {
    const text = 'event: counters\ndata: {"a": 1}\n\nevent: verdict\ndata: {"b": "x: y"}\n\n'
    for (let size = 1; size <= text.length; size++) {
      const events: unknown[] = []
      const reader = new EventText((topic, data) => events.push([topic, data]))
      for (let at = 0; at < text.length; at += size) reader.push(text.slice(at, at + size))
      expect(events).toEqual([
        ['counters', { a: 1 }],
        ['verdict', { b: 'x: y' }],
      ])
    }
  })

  it('are refused in words when they are not JSON', () => {
    const reader = new EventText(() => {})
    expect(() => reader.push('event: verdict\ndata: <html>\n\n')).toThrow(CommandError)
  })
})

/** An admin port that sends one set of reports, and ends streams when it is told to. */
async function startAdmin(port = 0) {
  const streams = new Set<ServerResponse>()
  const send = (topic: string, data: unknown) => {
    for (const stream of streams) stream.write(`event: ${topic}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  const server = createServer((request, response) => {
    if (request.url === '/v1/gateway') return void response.end('{"version":"9.9.9"}')
    streams.add(response)
    response.write(
      `event: verdict\ndata: ${JSON.stringify(verdict)}\n\nevent: counters\ndata: ${JSON.stringify(counters)}\n\n`,
    )
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const stop = async () => {
    for (const stream of streams) stream.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
  return { port: (server.address() as AddressInfo).port, send, stop }
}

async function startWatch(port: number, isTerminal: boolean, environment = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-watch-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const config = join(folder, 'gateway.yaml')
  writeFileSync(config, `admin: { port: ${port} }\nstate: off\nproviders: [{ name: d, vendor: demo }]\n`)
  const clock = new FakeClock()
  const process = new EventEmitter()
  const said = { out: '' }
  const terminalSize = () => ({ columns: 40, rows: 24 })
  const deps = {
    clock,
    environment,
    process,
    isTerminal,
    terminalSize,
    out: (text: string) => {
      said.out += text
    },
  }
  const running = watchStatus({ config }, deps)
  onTestFinished(async () => {
    process.emit('SIGINT')
    expect(await running).toBe(0)
    expect(process.eventNames()).toEqual([])
  })
  return { said, clock, process, running, config }
}

it('waits for a gateway that is not there, goes away and comes back', async () => {
  const first = await startAdmin()
  await first.stop()
  const { said, clock } = await startWatch(first.port, false)
  await expect.poll(() => said.out).toContain('no gateway answers')
  const second = await startAdmin(first.port)
  said.out = ''
  clock.advance(2_000)
  await expect.poll(() => said.out).toContain('Turnpike 9.9.9')
  await expect.poll(() => said.out).toContain('tunnels/s 12.3')
  said.out = ''
  await second.stop()
  await expect.poll(() => said.out).toContain('disconnected, trying again')
  expect(said.out).not.toContain('\u001b')
  const third = await startAdmin(first.port)
  onTestFinished(third.stop)
  said.out = ''
  clock.advance(2_000)
  await expect.poll(() => said.out).toContain('qg: the vendor refuses the key')
})

it('goes on with the configuration that it has read while the file has a mistake', async () => {
  const first = await startAdmin()
  const { said, clock, config } = await startWatch(first.port, false)
  await expect.poll(() => said.out).toContain('tunnels/s 12.3')
  writeFileSync(config, 'admin: [')
  said.out = ''
  await first.stop()
  await expect.poll(() => said.out).toContain('disconnected, trying again')
  clock.advance(2_000)
  await expect.poll(() => clock.pendingTimers).toBe(1)
  rmSync(config)
  const second = await startAdmin(first.port)
  onTestFinished(second.stop)
  said.out = ''
  clock.advance(2_000)
  await expect.poll(() => said.out).toContain('qg: the vendor refuses the key')
})

it('draws on a screen of its own, and gives the terminal back with the last frame', async () => {
  const admin = await startAdmin()
  const { said, process, running } = await startWatch(admin.port, true)
  onTestFinished(admin.stop)
  await expect.poll(() => said.out).toContain('tunnels/s 12.3')
  expect(said.out.startsWith('\u001b[?1049h\u001b[?25l')).toBe(true)
  expect(said.out).toContain('Ctrl-C ends')
  said.out = ''
  process.emit('SIGTERM')
  expect(await running).toBe(0)
  expect(said.out.startsWith('\u001b[?25h\u001b[?1049l')).toBe(true)
  expect(said.out).toContain('Turnpike 9.9.9')
})

it.each([
  { isTerminal: false, environment: {} },
  { isTerminal: true, environment: { TERM: 'dumb' } },
])(
  'writes the figures every 10 s where it cannot draw, and another verdict at once: $isTerminal',
  async ({ isTerminal, environment }) => {
    const admin = await startAdmin()
    const { said, clock } = await startWatch(admin.port, isTerminal, environment)
    onTestFinished(admin.stop)
    await expect.poll(() => said.out).toContain('tunnels/s 12.3')
    expect(said.out).not.toContain('\u001b')
    const well = (ready: number) => ({
      level: 'ok',
      findings: [{ ...verdict.findings[0], level: 'ok', code: 'all-well', params: { ready, tunnels: 1 } }],
    })
    said.out = ''
    admin.send('verdict', well(1))
    await expect.poll(() => said.out).toContain('Addresses ready: 1;')
    for (const ready of [2, 3]) admin.send('verdict', well(ready))
    admin.send('verdict', verdict)
    await expect.poll(() => said.out).toContain('the vendor refuses the key')
    expect(said.out.match(/Addresses ready: \d/g)).toEqual(['Addresses ready: 1'])
    said.out = ''
    clock.advance(10_000)
    admin.send('counters', { ...counters, tunnels: 77 })
    await expect.poll(() => said.out).toContain('tunnels 77')
  },
)
