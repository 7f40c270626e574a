/** What is sent, how often, and what becomes of a receiver that does not answer. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Finding, VerdictReport } from '../../../../src/admin/api/schemas/verdict.ts'
import { Webhook, type WebhookPost, type WebhookSettings } from '../../../../src/admin/webhook/webhook.ts'
import { createLog } from '../../../../src/log/log.ts'
import { Secret } from '../../../../src/secret.ts'
import { VendorError } from '../../../../src/vendors/contract/error.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { assertNoSecret, LogCapture } from '../../../support/log-capture.ts'

const TOKEN = 'the-token-in-the-url-of-the-receiver'
const settings: WebhookSettings = {
  url: new Secret(`https://hooks.example.com/services/${TOKEN}`),
  format: 'json',
  language: 'en',
  timeoutMs: 5_000,
  allowPrivate: false,
}

let clock: FakeClock
let capture: LogCapture
let posts: WebhookPost[]
let findings: Finding[]
/** What the receiver does next: answers with a status, or not at all. */
let answers: (number | Error)[]
let webhook: Webhook

function open(changed: Partial<WebhookSettings> = {}): Webhook {
  return new Webhook(
    { ...settings, ...changed },
    {
      clock,
      log: createLog({ level: 'debug', format: 'json' }, capture),
      host: 'crawler-7',
      verdict: (): VerdictReport => ({ level: findings[0]?.level ?? 'ok', findings }),
      async post(request) {
        posts.push(request)
        const answer = answers.shift() ?? 200
        if (typeof answer === 'number') return answer
        throw answer
      },
    },
  )
}

beforeEach(() => {
  clock = new FakeClock({ wall: Date.UTC(2026, 10, 29, 12) })
  capture = new LogCapture()
  posts = []
  answers = []
  findings = [low]
  webhook = open()
})
afterEach(() => {
  webhook.close()
  expect(clock.pendingTimers).toBe(0)
  assertNoSecret(capture.lines, [TOKEN])
})

function finding(code: Finding['code'], level: Finding['level'], params: Finding['params'] = {}): Finding {
  const provider = typeof params['provider'] === 'string' ? params['provider'] : null
  return { level, code, params, provider, sentence: 'in English', remedy: 'in English', action: null }
}

const low = finding('balance-low', 'warning', { provider: 'qg-a', balance: 12 })

it('sends one POST for what is new, and none while it lasts', async () => {
  await clock.run(20_000)
  expect(posts).toHaveLength(1)
  expect(posts[0]).toMatchObject({ timeoutMs: 5_000, allowPrivate: false })
  expect(posts[0]?.url.href).toBe(settings.url.reveal())
  expect(JSON.parse(posts[0]?.body ?? '')).toEqual({
    version: 1,
    host: 'crawler-7',
    time: '2026-11-29T12:00:20.000Z',
    text: 'Turnpike (crawler-7)\nqg-a: 12 left on the account at the vendor, less than lowStock. Top up the account at the vendor.',
    warnings: [
      {
        ...{ level: 'warning', code: 'balance-low', provider: 'qg-a', params: { provider: 'qg-a', balance: 12 } },
        sentence: 'qg-a: 12 left on the account at the vendor, less than lowStock.',
        remedy: 'Top up the account at the vendor.',
      },
    ],
  })
  findings = [finding('balance-low', 'warning', { provider: 'qg-a', balance: 7 })]
  await clock.run(3_600_000)
  expect(posts).toHaveLength(1)
})

it('sends several at once, and a later one alone', async () => {
  findings = [finding('key-wrong', 'critical', { provider: 'a', reason: 'wrong' }), low]
  await clock.run(20_000)
  findings = [...findings, finding('budget-reached', 'warning', { provider: 'b', which: 'perDay', limit: 5 })]
  await clock.run(20_000)
  const codes = posts.map(({ body }) => JSON.parse(body).warnings.map(({ code }: Finding) => code))
  expect(codes).toEqual([['key-wrong', 'balance-low'], ['budget-reached']])
})

it('says nothing of what is over by the next look, of notices, and of a good day', async () => {
  findings = [finding('vendor-down', 'warning', { provider: 'a', reason: 'HTTP 500' })]
  await clock.run(10_000)
  findings = [finding('all-well', 'ok'), finding('sold-out', 'notice', { provider: 'a' })]
  await clock.run(60_000)
  expect(posts).toEqual([])
})

it('reports again what was over for ten minutes', async () => {
  await clock.run(20_000)
  findings = []
  await clock.run(570_000)
  findings = [low]
  await clock.run(20_000)
  expect(posts).toHaveLength(1)
  findings = []
  await clock.run(600_000)
  findings = [low]
  await clock.run(20_000)
  expect(posts).toHaveLength(2)
})

it.each([
  [503, 'HTTP 503'],
  [new VendorError('server', 'timeout', 'the vendor did not answer'), 'no answer within webhook.timeout'],
  [new VendorError('server', 'redirect', 'a redirect'), 'a redirect, which is not followed'],
  [new VendorError('server', 'link', 'private'), 'the URL leads to a private address: webhook.allowPrivate accepts it'],
  [new TypeError(`cannot read ${TOKEN}`), 'the call failed inside the gateway'],
])('tries three times, gives up, and tries again after ten minutes (%#)', async (answer, reason) => {
  answers = [answer, answer, answer]
  await clock.run(20_000)
  expect(posts).toHaveLength(1)
  await clock.run(2_000)
  expect(posts).toHaveLength(2)
  await clock.run(10_000)
  expect(posts).toHaveLength(3)
  expect(capture.records()).toMatchObject([{ level: 40, reason, warnings: 1 }])
  await clock.run(590_000)
  expect(posts).toHaveLength(3)
  await clock.run(20_000)
  expect(posts).toHaveLength(4)
})

it('the second try delivers', async () => {
  answers = [new VendorError('server', 'connect', 'no connection')]
  await clock.run(3_600_000)
  expect(posts).toHaveLength(2)
  expect(capture.lines).toEqual([])
})

it.each([
  ['slack', { text: expect.stringContaining('qg-a: 12 left') }],
  ['feishu', { msg_type: 'text', content: { text: expect.stringContaining('qg-a: 12 left') } }],
  ['dingtalk', { msgtype: 'text', text: { content: expect.stringContaining('Turnpike (crawler-7)') } }],
  ['wecom', { msgtype: 'text', text: { content: expect.stringContaining('qg-a: 12 left') } }],
] as const)('as a message of %s', async (format, body) => {
  webhook.configure({ ...settings, format })
  await clock.run(20_000)
  expect(JSON.parse(posts[0]?.body ?? '')).toEqual(body)
})

it('in Chinese', async () => {
  webhook.configure({ ...settings, language: 'zh' })
  await clock.run(20_000)
  expect(JSON.parse(posts[0]?.body ?? '').text).toContain('供应商账户余量为 12，低于 lowStock')
})

it('a reload ends it, and begins it anew without a repetition', async () => {
  await clock.run(20_000)
  webhook.configure(undefined)
  expect(clock.pendingTimers).toBe(0)
  webhook.configure({ ...settings, format: 'slack' })
  await clock.run(60_000)
  expect(posts).toHaveLength(1)
})

it('the end cuts off a report that waits for its next try', async () => {
  answers = [500]
  await clock.run(21_000)
  webhook.close()
  await clock.run(60_000)
  expect(posts).toHaveLength(1)
  expect(capture.lines).toEqual([])
})
