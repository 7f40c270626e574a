import { describe, expect, it } from 'vitest'
import { isApi, isDemo, isStatic } from '../../../src/config/schema.ts'
import { Secret } from '../../../src/secret.ts'
import { oneProvider, parse, problemsOf } from './fake-catalogue.ts'

describe('defaults', () => {
  it('are those that gateway.yaml promises', () => {
    const { providers, state, ...rest } = parse(oneProvider)
    expect(rest).toEqual({
      listen: [
        { host: '127.0.0.1', port: 8080, shared: false, session: 'off', upstreamHeader: false, optionHeaders: false },
      ],
      admin: { host: '127.0.0.1', port: 8081 },
      pool: {
        floor: 5,
        ceiling: 50,
        targetLoad: 8,
        idleAfter: 60_000,
        minLife: 'auto',
        margin: 'auto',
        onDeadline: 'keep',
        perUpstream: { connections: 0, uses: 0, hostRest: 0 },
      },
      rotation: { strategy: 'round-robin', per: 'connection', retryStatuses: [] },
      session: { idle: 600_000, max: 100_000 },
      dial: { timeout: 8_000, deadline: 20_000, tries: 3, hedgeAfter: 'auto', warm: 0 },
      wait: { timeout: 10_000, queue: 1_000 },
      relay: { idle: 600_000 },
      bans: [],
      groups: [],
      routes: [],
      callback: 'off',
      webhook: 'off',
      limits: { connections: 10_000, handshake: 10_000, headerBytes: 16_384, earlyBytes: 65_536 },
      health: { rest: 5_000, maxRest: 120_000, evictAfter: 3, evidence: 60_000 },
      supply: { backoff: 1_000, maxBackoff: 30_000, reprobe: 600_000, whitelistReprobe: 60_000, bodyBytes: 1_048_576 },
      stop: { drain: 8_000, takeover: 600_000 },
      reload: 'manual',
      workers: 1,
      log: { level: 'info', access: 'off', format: 'auto' },
    })
    expect(state).toEqual({ path: expect.stringMatching(/\/state$/) })
    expect(providers).toEqual([
      {
        name: 'a',
        vendor: 'acme',
        product: 'short',
        credentials: { key: expect.any(Secret) },
        request: {},
        upstream: { tls: false },
        allowPrivate: false,
        priority: 1,
        weight: 1,
        budget: {},
        limit: { share: 1 },
        expiresSoon: 259_200_000,
        callTimeout: 10_000,
        whitelist: 'off',
      },
    ])
  })

  it('let a floor that was left out follow a low ceiling', () => {
    expect(parse(`${oneProvider}pool: { ceiling: 2 }`).pool).toMatchObject({ floor: 2, ceiling: 2 })
  })
})

describe('what may be switched off', () => {
  it.each([
    ['admin: off', { admin: 'off' }],
    ['state: off', { state: 'off' }],
    ['state: { path: off }', { state: 'off' }],
    ['dial: { hedgeAfter: off }', { dial: { hedgeAfter: 'off' } }],
    ['dial: { hedgeAfter: 250ms }', { dial: { hedgeAfter: 250 } }],
    ['pool: { margin: 0s }', { pool: { margin: 0 } }],
    ['relay: { idle: 3ms }', { relay: { idle: 3 } }],
  ])('%s', (line, expected) => expect(parse(`${oneProvider}${line}`)).toMatchObject(expected))
})

const provider = (more: string) =>
  parse(`providers: [{ name: a, vendor: acme, product: short, credentials: { key: k }, ${more} }]`).providers[0]

describe('the vendor’s parameters', () => {
  it('are taken in the forms that people write', () => {
    const request = '{ area: 350500, isp: "1", minutes: 60, fresh: true, note: 12345, kinds: [a, b] }'
    expect(provider(`request: ${request}`)).toMatchObject({
      request: { area: '350500', isp: 1, minutes: 60, fresh: true, note: '12345', kinds: 'a,b' },
    })
    expect(provider('request: { area: "1,2" }')).toMatchObject({ request: { area: '1,2' } })
    expect(provider('request: { area: [350500, 330700] }')).toMatchObject({ request: { area: '350500,330700' } })
  })

  it.each([
    ['isp: 3', 'write one of 0, 1, 2'],
    ['minutes: 61', 'must be at most 60'],
    ['minutes: 1.5', 'must be a whole number'],
    ['fresh: yes', 'must be true or false'],
    ['note: sixsix', 'must be 1 to 5 characters long'],
    ['kinds: "a,c"', 'write members with commas between them, each one of a, b'],
    ['kinds: "a,,b"', 'write members with commas between them, each one of a, b'],
    ['area: [[1]]', 'must be text'],
    ['area: 12345678901234567890', 'must be text: put it in quotes'],
    ['num: 3', 'unknown key; known here: area, isp, minutes, fresh, note, kinds'],
  ])('are refused: %s', (parameter, message) => {
    const source = `providers:\n  - name: a\n    vendor: acme\n    product: short\n    credentials: { key: k }\n    request: { ${parameter} }`
    expect(problemsOf(source)).toEqual([expect.stringContaining(message)])
  })

  it('are demanded where the product demands them', () => {
    const long = '{ name: a, vendor: acme, product: long, credentials: { key: k }'
    expect(problemsOf(`providers: [${long} }]`)).toEqual([expect.stringContaining('request is missing')])
    expect(problemsOf(`providers: [${long}, request: {} }]`)).toEqual([
      expect.stringContaining('request.zone is missing'),
    ])
    expect(parse(`providers: [${long}, request: { zone: z } }]`).providers[0]).toMatchObject({ request: { zone: 'z' } })
  })
})

describe('a provider', () => {
  it.each([
    ['tls: true', { verify: true }],
    ['tls: false', false],
    ['tls: {}', { verify: true }],
    ['tls: { verify: false, servername: proxy.example }', { verify: false, servername: 'proxy.example' }],
  ])('speaks TLS as told: %s', (tls, expected) => {
    expect(provider(`upstream: { ${tls} }`)?.upstream.tls).toEqual(expected)
  })

  it.each([
    ['whitelist: auto', 'auto'],
    ['whitelist: { ip: 203.0.113.7 }', { ip: '203.0.113.7' }],
  ])('%s', (line, expected) => expect(provider(line)).toMatchObject({ whitelist: expected }))

  it('is told apart by its vendor', () => {
    const { providers } = parse(`providers:
  - { name: a, vendor: acme, product: short, credentials: { key: k } }
  - { name: s, vendor: static, list: ["203.0.113.7:80:u:p"] }
  - { name: d, vendor: demo, life: [1m, 90s] }
`)
    expect(providers.map((each) => [isApi(each), isStatic(each), isDemo(each)])).toEqual([
      [true, false, false],
      [false, true, false],
      [false, false, true],
    ])
    expect(providers[1]).toMatchObject({ list: [expect.any(Secret)] })
    expect(providers[2]).toMatchObject({ fetch: false, channels: 20, life: [60_000, 90_000] })
  })
})

describe('secrets', () => {
  it('are secrets wherever they stand, from the file or from the environment', () => {
    const config = parse(
      `
listen: [{ users: [{ name: u, password: hidden-1 }] }]
admin: { token: "\${TOKEN}" }
providers:
  - { name: a, vendor: acme, product: short, credentials: { key: hidden-3, pwd: hidden-4 }, upstream: { username: hidden-5, password: hidden-6 } }
  - { name: s, vendor: static, url: "http://list.example/?key=hidden-7" }
  - { name: l, vendor: static, list: ["203.0.113.7:80:u:hidden-8"] }
`,
      { TOKEN: 'hidden-2' },
    )
    expect(JSON.stringify(config)).not.toContain('hidden')
    const users = config.listen[0]?.users
    expect(users?.[0]?.password.reveal()).toBe('hidden-1')
    expect(config.admin !== 'off' && config.admin.token?.reveal()).toBe('hidden-2')
  })
})
