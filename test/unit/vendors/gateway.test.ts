/** The sessions of the worked examples, and mistakes in an entry. Fixtures: test/fixtures/vendors/gateway.ts. */
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { parseConfig } from '../../../src/config/load.ts'
import { ConfigError } from '../../../src/errors.ts'
import { parseGateway } from '../../../src/vendors/gateway/settings.ts'
import { ownKeysOf } from '../../../src/vendors/registry.ts'
import { environment, exampleOf, gateways, names } from '../../fixtures/vendors/gateway.ts'
import { failureOf, never, plain, scripted } from './scripted-http.ts'

/** The keys of an example that only a gateway has, with the variables filled in. */
function ownOf(name: string) {
  const text = exampleOf(name).replace(/\$\{(\w+)\}/g, (_whole, variable: string) => environment[variable] ?? '')
  const { providers } = parse(text) as { providers: readonly Record<string, unknown>[] }
  const keys = Object.keys(ownKeysOf('gateway', 'sessions'))
  return parseGateway(Object.fromEntries(Object.entries(providers[0] ?? {}).filter(([key]) => keys.includes(key))))
}

const open = (own: ReturnType<typeof ownOf>) => scripted({ vendor: 'gateway', product: 'sessions', own })

describe.each(names)('%s', (name) => {
  it('sessions are what the vendor’s pages allow, differ, take turns over the places, and call nobody', async () => {
    const own = ownOf(name)
    const { source, http } = open(own)
    const { sold, rejected } = await source.extract(8, { signal: never })
    expect([sold.length, rejected, http.requests]).toEqual([8, [], []])
    for (const { username, password, life, protocol } of sold.map(plain)) {
      expect(username ?? '').toMatch(gateways[name]?.username ?? /^$/)
      expect(password ?? '').toMatch(gateways[name]?.password ?? /^$/)
      expect([life, protocol]).toEqual([{ kind: 'for', ms: own.life, isTerm: true }, 'http'])
    }
    expect(new Set(sold.map(({ session }) => session)).size).toBe(8)
    const places = Array.from({ length: 4 }, (_, n) => own.places[n % own.places.length])
    expect(sold.slice(0, 4).map(({ country }) => country)).toEqual(places.map((place) => place?.country))
  })
})

it('an entry without places leaves the choice to the vendor', async () => {
  const { source } = open(
    parseGateway({ host: 'g.example', port: 1, username: 'u-{session}', password: 'p', life: '1m' }),
  )
  const [one] = (await source.extract(1, { signal: never })).sold
  expect(one).toMatchObject({
    host: 'g.example',
    port: 1,
    username: expect.stringMatching(/^u-[0-9a-z]{8}$/) as string,
  })
  expect(one).not.toHaveProperty('country')
})

it('a range of ports: sessions take turns, and the login may be one for all', async () => {
  const keys = { host: 'g.example', username: 'u-country-us', password: 'p', life: '10m' }
  const { source } = open(parseGateway({ ...keys, port: '10001-10003' }))
  const { sold } = await source.extract(4, { signal: never })
  expect(sold.map(({ port }) => port)).toEqual([10_001, 10_002, 10_003, 10_001])
  expect(new Set(sold.map(({ session }) => session)).size).toBe(4)
  for (const port of ['0-5', '9-1', '1-70000', '80-', 'x'])
    expect(() => parseGateway({ ...keys, port })).toThrow(/as in 10001-10100/)
})

it('the example of sticky ports: each country has its own host and ports, and they are used in turn', async () => {
  const { sold } = await open(ownOf('oxylabs-ports')).source.extract(5, { signal: never })
  expect(sold.map(({ host, port, country, username }) => [host, port, country, username])).toEqual([
    ['us-pr.oxylabs.io', 10_001, 'us', 'customer-INVENTED-user'],
    ['de-pr.oxylabs.io', 30_001, 'de', 'customer-INVENTED-user'],
    ['us-pr.oxylabs.io', 10_002, 'us', 'customer-INVENTED-user'],
    ['de-pr.oxylabs.io', 30_002, 'de', 'customer-INVENTED-user'],
    ['us-pr.oxylabs.io', 10_003, 'us', 'customer-INVENTED-user'],
  ])
})

it('there is no call that could be made by hand', async () => {
  const own = parseGateway({ host: 'g.example', port: 1, username: 'u-{session}', password: 'p', life: '1m' })
  expect(await failureOf(open(own).source.call('session', {}, { signal: never }))).toMatchObject({
    class: 'bad_request',
  })
})

describe('mistakes in an entry', () => {
  const problemsOf = (more: string): string[] => {
    const yaml = `providers: [{ name: g, vendor: gateway, host: h.example, port: 1, life: 1m, budget: { total: 9 }, ${more} }]`
    try {
      parseConfig(yaml, 'gateway.yaml', {})
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path} ${message}`)
      throw error
    }
    return []
  }
  it.each([
    ['username: "u-{session}", password: p', []],
    [
      'username: "u-{sesion}", password: "{session}"',
      [/username fills in only \{session\}.*; did you mean \{session\}\?$/],
    ],
    ['username: "{user}", password: p, credentials: { user: u }', [/username needs \{session\}/]],
    ['username: u, password: p', [/username needs \{session\}.*rotates: true/]],
    ['username: u, password: p, rotates: true', []],
    ['username: "{session}-{country}", password: p', [/username needs places, which tell \{country\}/]],
    ['username: "{session}-{city}", password: p, places: [{ city: a }, { country: b }]', [/places\[1\] needs city/]],
    ['username: u, password: p, credentials: { u: a }, places: [{ port: 1-9 }, { port: 10-19 }]', []],
    [
      'username: "{u}", password: p, credentials: { u: a }, places: [{ port: 1-9 }, { country: a }]',
      [/needs \{session\}/],
    ],
    ['username: "{session}", password: p, session: { length: 99 }', [/session\.length/]],
    ['username: "{session}"', [/username username and password go together/]],
    ['headers: { Proxy-Tunnel: "{session}" }', []],
    ['rotates: true', []],
    ['headers: { Proxy-Tunnel: "7" }', [/needs \{session\}, here or in password or headers/]],
    ['headers: { A: "{session}" }, protocol: socks5', [/headers needs protocol http or https/]],
    ['headers: { A: "{session}" }, upstream: { protocol: socks5 }', [/headers needs protocol http or https/]],
    ['headers: { Host: "{session}" }', [/headers\.Host is set by the gateway itself/]],
    ['headers: { A: "{sesion}" }, rotates: true', [/headers\.A fills in only .*; did you mean \{session\}\?/]],
    ['headers: { A: "{sign}" }, rotates: true, sign: { of: "{sorted}", hash: md5 }', [/sign\.of fills in only/]],
    ['headers: { A: "{sign}{session}" }, sign: { of: "{session}", hash: hmac-md5 }', [/an hmac needs a key/]],
    [
      'headers: { proxy-authorization: "{session}" }, username: u, password: p',
      [/write either username or Proxy-Authorization/],
    ],
    [
      'headers: { A: "{sign}{session}" }, sign: { of: "{session}", hash: hmac-md5, key: zz, keyEncoding: hex }',
      [/sign the key of the signature is not written in hex/],
    ],
    [
      'headers: { A: "{sign}{session}" }, sign: { of: "a\\n", hash: none, encoding: text }',
      [/headers\.A holds a line break/],
    ],
    ['headers: { A: "{sign}{session}" }, sign: { of: "a\\n", hash: none, encoding: base64 }', []],
    [
      'headers: { Proxy-Authorization: "{session}" }, upstream: { username: u, password: p }',
      [/write either username or Proxy-Authorization/],
    ],
  ])('%s', (more, expected) => {
    expect(problemsOf(more)).toEqual(expected.map((message) => expect.stringMatching(message) as string))
  })
})
