/** The three worked examples of `generic`, each against an imitation of its vendor: loaded as they are, with the API moved. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { SystemClock } from '../../src/clock.ts'
import { connectVia, plain } from '../support/client.ts'
import { eventually, refusalOf, startGateway } from '../support/gateway.ts'
import { expectEcho } from '../support/socket-io.ts'
import { type ListApiOptions, SimulatedListApi } from '../support/vendors/list-api.ts'
import type { World } from '../support/world.ts'

const login = { username: 'login-of-the-proxies', password: 'password-of-the-proxies' }

/** What each example takes from the environment, and which of it its vendor wants with each call. */
const kinds = {
  kuaidaili: {
    environment: {
      KDL_SECRET_ID: 'the-id-of-the-order',
      KDL_SIGNATURE: 'the-token%2Bof+the%3Dorder',
      KDL_USERNAME: login.username,
      KDL_PASSWORD: login.password,
    },
    account: { secret_id: 'the-id-of-the-order', signature: 'the-token+of the=order' },
    secrets: ['the-id-of-the-order', 'the-token', login],
  },
  zhima: {
    environment: { ZHIMA_PACK: '7654321' },
    account: { pack: '7654321' },
    secrets: ['7654321'],
  },
  xiaoxiang: {
    environment: { XIAOXIANG_KEY: login.username, XIAOXIANG_SECRET: login.password },
    account: { appKey: login.username, appSecret: login.password },
    secrets: [login],
  },
} as const
type Kind = keyof typeof kinds

async function start(dialect: Kind, more: Partial<ListApiOptions> = {}) {
  const { environment, account, secrets } = kinds[dialect]
  const text = readFileSync(new URL(`../../config/examples/generic-${dialect}.yaml`, import.meta.url), 'utf8')
  const { providers, pool } = parse(text) as { providers: readonly object[]; pool: object }
  const clock = new SystemClock()
  let world: World | undefined
  let sold = 0
  const supplyAddress = () => {
    const upstream = world?.upstreams[sold++ % world.upstreams.length]
    return { host: upstream?.host ?? '', port: upstream?.port ?? 0 }
  }
  const api = await new SimulatedListApi({ clock, dialect, account, supplyAddress, ...more }).start()
  const gateway = await startGateway({
    upstreams: 4,
    login: false,
    environment,
    // One address at a time: a vendor that wants ten seconds between calls is not asked a second time here.
    config: { pool: { ...pool, floor: 1 }, wait: { timeout: '2s' } },
    providers: () => providers.map((provider) => ({ ...provider, baseUrl: api.url, allowPrivate: true })),
    secrets,
    closing: async () => {
      await api.close()
      clock.close()
      expect(api.violations).toEqual([])
    },
  })
  world = gateway.world
  return { api, ...gateway }
}

describe.each(Object.keys(kinds) as Kind[])('%s', (dialect) => {
  it('serves a client: bought for it, by the call of the example, within its life', async () => {
    const gateway = await start(dialect)
    expect(gateway.api.calls).toHaveLength(0)
    await expectEcho(await connectVia(gateway.port, 'echo.test:7'), 'through an address of theirs')
    expect((await plain(gateway.port, 'http://site.test/')).status).toBe(200)
    expect(gateway.api.sales.length).toBeGreaterThan(0)
    const [upstream] = [...gateway.app.pool.members()]
    const leftMs = (upstream?.facts.deadline ?? 0) - (upstream?.facts.boughtAt ?? 0)
    expect(leftMs).toBeGreaterThan(118_000)
    expect(leftMs).toBeLessThanOrEqual(121_000)
    expect(gateway.app.supply.provider(dialect)?.state.kind).toBe('ready')
  })

  it('when the vendor does not know this machine: stops, and says what to do', async () => {
    const gateway = await start(dialect)
    gateway.api.badDay = 'whitelist-missing'
    const reply = await connectVia(gateway.port, 'echo.test:7')
    expect(refusalOf(reply)).toMatchObject({ status: 503, code: 'GW_NO_SUPPLY' })
    expect((await reply.reader.readAll()).toString()).toMatch(/this machine/)
    await eventually(() => gateway.app.supply.provider(dialect)?.state.kind).toBe('stopped')
    expect(gateway.log.text).toContain('GW_VENDOR_WHITELIST')
  })
})
