/**
 * Proxies that accept registered addresses only, behind an API that does not complain: it sells, and every dial is refused.
 * With `whitelist: auto` and nothing else the gateway registers its address, says so, and serves.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { SystemClock } from '../../src/clock.ts'
import { connectVia } from '../support/client.ts'
import { refusalOf } from '../support/gateway.ts'
import type { Behaviour } from '../support/upstream-behaviour.ts'
import { startBuying } from '../support/vendors/buying-gateway.ts'
import { SimulatedJuliangip } from '../support/vendors/juliangip.ts'
import type { Supply } from '../support/vendors/simulated-api.ts'
import type { World } from '../support/world.ts'

const tradeNo = '1000000000000001'
const key = 'the-key-of-the-account'

async function start(unregistered: Behaviour, whitelist: 'auto' | 'off') {
  const open = (clock: SystemClock, sell: () => Supply, upstreams: () => World['upstreams']) => {
    /** The vendor registers who orders with `auto_white`; its proxies know it from then on. */
    const supplyAddress = () => {
      if (api.calls.at(-1)?.params['auto_white'] === '1') for (const upstream of upstreams()) void upstream.behave('ok')
      return sell()
    }
    const api: SimulatedJuliangip = new SimulatedJuliangip({ clock, tradeNo, key, supplyAddress })
    return api
  }
  const entry = { vendor: 'juliangip', product: 'dynamic', credentials: { trade_no: tradeNo, key }, whitelist }
  const gateway = await startBuying(open, (api) => ({
    upstreams: 30,
    isUntouched: true,
    providers: () => [{ name: 'bought', ...entry, baseUrl: api.url, allowPrivate: true }],
    secrets: [key],
  }))
  for (const upstream of gateway.world.upstreams) await upstream.behave(unregistered)
  return gateway
}

const registrations = (api: SimulatedJuliangip) => api.calls.filter(({ params }) => params['auto_white'] === '1').length

it.each<Behaviour>([{ kind: 'status', status: 407 }, { kind: 'close-at-once' }, { kind: 'reset-at-once' }])(
  'registers our address where unregistered clients meet $kind, and serves',
  async (unregistered) => {
    const { api, port, log } = await start(unregistered, 'auto')
    const statuses: number[] = []
    // Refusals come at once: the registration needs a call or two, and a vendor's window between them.
    while (statuses.at(-1) !== 200 && statuses.length < 100) {
      if (statuses.length > 0) await sleep(100)
      statuses.push((await connectVia(port, 'echo.test:7')).status)
    }
    expect(statuses.at(-1)).toBe(200)
    expect(registrations(api)).toBeGreaterThan(0)
    expect(log.text).toContain('register the address that it comes from')
  },
)

it('registers nothing unless it may, and says what can be done', async () => {
  const { api, port, app } = await start({ kind: 'status', status: 407 }, 'off')
  for (let n = 0; n < 3; n++) expect(refusalOf(await connectVia(port, 'echo.test:7')).status).toBeGreaterThan(500)
  expect(registrations(api)).toBe(0)
  const words = app.supply.provider('bought')?.lastError?.words
  expect(words).toMatch(/set whitelist: auto/)
  expect(words).not.toMatch(/the login at the upstreams is wrong/)
})
