/** The worked examples of `generic`, each against an imitation of its vendor: loaded as they are, with the API moved. */
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { SystemClock } from '../../src/clock.ts'
import { connectVia, plain } from '../support/client.ts'
import { eventually, refusalOf } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { startBuying } from '../support/vendors/buying-gateway.ts'
import { type ListApiOptions, SimulatedListApi } from '../support/vendors/list-api.ts'
import { accounts, type ExampleName, exampleNames, exampleYaml } from '../support/vendors/list-api-accounts.ts'
import type { Supply } from '../support/vendors/simulated-api.ts'

const login = { username: 'login-of-the-proxies', password: 'password-of-the-proxies' }

/** Words of the examples that are no keys of the account. */
const logins = {
  KDL_USERNAME: login.username,
  KDL_PASSWORD: login.password,
  XIAOXIANG_KEY: login.username,
  XIAOXIANG_SECRET: login.password,
}

function start(name: ExampleName, more: Partial<ListApiOptions> = {}) {
  const { dialect, keys: ownKeys, environment: known } = accounts[name]
  const environment = { ...known, ...logins }
  // One vendor's keys are the login at its proxies, too.
  const keys = name === 'xiaoxiang' ? { appKey: login.username, appSecret: login.password } : ownKeys
  const { providers, pool } = parse(exampleYaml(name)) as { providers: readonly object[]; pool: object }
  const open = (clock: SystemClock, supplyAddress: () => Supply) =>
    new SimulatedListApi({ clock, dialect, keys, supplyAddress, ...more })
  return startBuying(open, (api) => ({
    environment,
    // One address at a time: a vendor that wants ten seconds between calls is not asked a second time here.
    config: { pool: { ...pool, floor: 1 }, wait: { timeout: '10s' } },
    providers: () => providers.map((provider) => ({ ...provider, baseUrl: api.url, allowPrivate: true })),
    secrets: [...Object.values(keys).filter((key) => key.startsWith('INVENTED')), login],
  }))
}

/** Vendors that tell no life: it is the one that was asked for. */
const askedFor: Partial<Record<ExampleName, number>> = { xiequ: 30_000, asiyun: 180_000 }

/** The two examples of kuaidaili describe one provider. */
const providerOf = (name: ExampleName) => name.replace('-hmac', '')

describe.each(exampleNames)('%s', (name) => {
  it('serves a client: bought for it, by the call of the example, within its life', async () => {
    const gateway = await start(name)
    expect(gateway.api.calls).toHaveLength(0)
    await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'through an address of theirs')
    expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
    expect(gateway.api.sales.length).toBeGreaterThan(0)
    const [upstream] = [...gateway.app.pool.members()]
    const leftMs = (upstream?.facts.deadline ?? 0) - (upstream?.facts.boughtAt ?? 0)
    const lifeMs = askedFor[name] ?? 120_000
    expect(leftMs).toBeGreaterThan(lifeMs - 2_000)
    expect(leftMs).toBeLessThanOrEqual(lifeMs + 1_000)
    expect(gateway.app.supply.provider(providerOf(name))?.state.kind).toBe('ready')
  })

  it('when the vendor does not know this machine: stops, and says what to do', async () => {
    const gateway = await start(name)
    gateway.api.badDay = 'whitelist-missing'
    const reply = await connectVia(gateway.port, 'echo.test:7')
    expect(refusalOf(reply)).toMatchObject({ status: 503, code: 'GW_NO_SUPPLY' })
    expect((await reply.reader.readAll()).toString()).toMatch(/this machine/)
    await eventually(() => gateway.app.supply.provider(providerOf(name))?.state.kind).toBe('stopped')
    expect(gateway.log.text).toContain('GW_VENDOR_WHITELIST')
  })
})

it('kuaidaili: more than 60 minutes later, when its token has ended, the next address is bought all the same', async () => {
  const gateway = await start('kuaidaili', { lifeMs: 2_000 })
  const count = (path: string) => gateway.api.calls.filter((call) => call.path === path).length
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'with the first token')
  expect(count('/api/get_secret_token')).toBe(1)
  // For the vendor; this machine does not notice that the hour is over.
  gateway.api.skewMs = 61 * 60_000
  await eventually(() => [...gateway.app.pool.members()].length).toBe(0)
  const before = gateway.api.sales.length
  await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'with the second one')
  expect(count('/api/get_secret_token')).toBe(2)
  expect(gateway.api.sales.length).toBeGreaterThan(before)
})
