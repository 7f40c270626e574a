import { afterEach, expect, it } from 'vitest'
import { describeListener } from '../../../src/cli/describe-config.ts'
import { startSummary, tryText } from '../../../src/cli/summary.ts'
import { parseConfig } from '../../../src/config/load.ts'
import { useLanguage } from '../../../src/messages/language.ts'
import { Secret } from '../../../src/secret.ts'

afterEach(() => useLanguage('en'))

const gateway = {
  version: '1.2.3',
  addresses: [{ host: '0.0.0.0', port: 8080 }],
  admin: { host: '127.0.0.1', port: 8081 },
  token: new Secret('to/ken+1'),
}
const configured = (providers: string) =>
  parseConfig(
    `listen: [{ host: 0.0.0.0, users: [{ name: crawler, password: long-enough-secret }] }]\nproviders: [${providers}]\nstate: off\n`,
    'gateway.yaml',
    {},
  )
const demo = '{ name: d, vendor: demo, budget: { perHour: 5, total: 9 } }'
const qg = '{ name: qg, vendor: qg, product: share-pool, credentials: { key: abcdefgh } }'

it('names ports, dashboard with the token in the fragment, providers with their budget, state, what to try', () => {
  expect(startSummary(configured(`${demo}, ${qg}`), gateway).split('\n')).toEqual([
    '',
    'Turnpike 1.2.3 is running',
    '',
    '  proxy      0.0.0.0:8080 (1 user)',
    '  dashboard  http://127.0.0.1:8081/#token=to%2Fken%2B1',
    '  provider   d (demo; buys at most 5 an hour, 9 in all)',
    '             qg (qg share-pool; no budget: it may buy without limit)',
    '  state      in memory only: nothing survives a restart',
    '  try        curl -x http://127.0.0.1:8080 -U crawler:PASSWORD http://whoami.demo/',
    '  stop       Ctrl-C',
    '',
    '',
  ])
})

it('lines up Chinese, which takes two columns a character', () => {
  useLanguage('zh')
  const lines = startSummary(configured(demo), { ...gateway, token: undefined }).split('\n')
  expect(lines.slice(3, 6)).toEqual([
    '  代理端口  0.0.0.0:8080（1 个用户）',
    '  仪表盘    http://127.0.0.1:8081/',
    '  供应商    d（demo；购买上限：每小时 5 个，总共 9 个）',
  ])
  const ports = configured(demo).listen.map((port) => describeListener({ ...port, session: 'client' }))
  expect(ports).toEqual(['0.0.0.0:8080（1 个用户；每个客户端固定一个上游）'])
})

it('says of the demo vendor without a budget that it costs nothing, and of a list that it buys nothing, whatever its budget', () => {
  const lists = [
    '{ name: s, vendor: static, list: [192.0.2.1:80], budget: { perHour: 5 } }',
    '{ name: o, vendor: generic, url: "http://vendor.example/", format: text, owned: true }',
  ]
  expect(startSummary(configured(['{ name: d, vendor: demo }', ...lists].join(', ')), gateway)).toMatch(
    /d \(demo; costs nothing\)\n +s \(static; buys nothing\)\n +o \(generic; buys nothing\)/,
  )
})

it('fits one screen, however many providers there are', () => {
  const many = Array.from({ length: 30 }, (_, n) => demo.replace('name: d', `name: d${n}`)).join(', ')
  const lines = startSummary(configured(many), gateway).split('\n')
  expect(lines.length).toBeLessThan(24)
  expect(lines).toContain('             and 22 more')
})

it('what to try at a port with TLS is an HTTPS proxy', () => {
  const config = configured(demo)
  const tls = { cert: 'a.pem', key: 'a.key' }
  const secured = { ...config, listen: config.listen.map((port) => ({ ...port, tls })) }
  expect(tryText(secured, gateway.addresses)).toContain('curl -x https://127.0.0.1:8080 ')
})
