import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseConfig } from '../../../src/config/load.ts'
import { isMaskedAt, shownConfig, shownYaml } from '../../../src/config/shown.ts'

/** A placeholder as it stands in the file. */
const VARIABLE = '$'.concat('{QG_PASSWORD}')

const text = `# the key is in here: SECRET-1
listen:
  - users: [{ name: crawler, password: SECRET-2 }]   # SECRET-3
admin: { token: SECRET-4 }
callback: { port: 8082, path: /callback/SECRET-5-and-more }
providers:
  - name: qg
    vendor: qg
    product: share-channel
    channels: 10
    credentials: { key: SECRET-6 }
    upstream: { username: SECRET-7, password: "${VARIABLE}" }
  - name: pasted
    url: "http://v2.api.juliangip.com/dynamic/getips?trade_no=SECRET-8&num=1&result_type=json&sign=SECRET-9"
  - name: mine
    vendor: static
    list:
      - 203.0.113.10:8080
      - "203.0.113.11:8080:user:SECRET-10"
      - "socks5://user:SECRET-11@203.0.113.12:1080"
      - "[2001:db8::1]:8080:user:SECRET-15"
      - "user:SECRET-16:203.0.113.13:8080"
      - "203.0.113.14:8080:user:SECRET-17@SECRET-18"
  - name: theirs
    vendor: generic
    url: https://api.vendor.example/take?key=SECRET-12
    headers: { Authorization: SECRET-13 }
    query: { key: SECRET-19, account: 4711000001, num: "{num}", type: 2 }
    fields: { address: proxy, username: user }
    format: json
    login: { url: https://api.vendor.example/login, method: POST, form: { key: SECRET-20 }, token: token }
    operations:
      query: { url: https://api.vendor.example/held, method: POST, json: { keys: [SECRET-21], at: "{timestamp}" } }
  - name: sessions
    vendor: gateway
    host: gate.vendor.example
    port: 7000
    username: SECRET-22-session-{session}
    password: SECRET-23
    life: 10m
`

describe('shownYaml', () => {
  const shown = shownYaml(text)

  it('holds no secret and no comment', () => {
    expect(shown).not.toMatch(/SECRET|4711|#/)
  })

  it('keeps everything else, and variables, which name a secret without telling it', () => {
    const value = parse(shown)
    expect(value.listen[0].users[0]).toEqual({ name: 'crawler', password: '***' })
    expect(value.providers[0]).toMatchObject({
      channels: 10,
      upstream: { username: '***', password: VARIABLE },
    })
    expect(value.providers[1].url).toBe('http://v2.api.juliangip.com/***')
    expect(value.providers[2].list).toEqual([
      '203.0.113.10:8080',
      '***:***@203.0.113.11:8080',
      'socks5://***:***@203.0.113.12:1080',
      '***:***@[2001:db8::1]:8080',
      '***:***@203.0.113.13:8080',
      '***:***@203.0.113.14:8080',
    ])
    expect(value.providers[3]).toMatchObject({
      query: { key: '***', account: '***', num: '{num}', type: 2 },
      fields: { username: 'user' },
      operations: { query: { method: 'POST', json: { keys: ['***'], at: '{timestamp}' } } },
    })
  })
})

it('shownYaml writes JSON as lines, and short collections as they are', () => {
  const json = JSON.stringify({ listen: [{ port: 8080 }], providers: [{ name: 'demo', vendor: 'demo' }] }, null, 2)
  expect(shownYaml(json).split('\n')).toEqual([
    '"listen":',
    '  - "port": 8080',
    '"providers":',
    '  - "name": "demo"',
    '    "vendor": "demo"',
    '',
  ])
  expect(shownYaml('listen: [{ port: 8080 }]\n')).toBe('listen: [ { port: 8080 } ]\n')
})

it('shownConfig has every default and no secret', () => {
  const config = shownConfig(parseConfig(text, 'gateway.yaml', { QG_PASSWORD: 'SECRET-14' }))
  expect(JSON.stringify(config)).not.toContain('SECRET')
  expect(config).toMatchObject({ pool: { floor: 5 }, admin: { token: '***' } })
})

it('isMaskedAt tells a mask from what stands beside it', () => {
  const masked = 'a: "***"\nurl: http://host/***\nb: 5 # ***\n'
  expect([isMaskedAt(masked, 1, 4), isMaskedAt(masked, 2, 6), isMaskedAt(masked, 3, 4)]).toEqual([true, true, false])
})
