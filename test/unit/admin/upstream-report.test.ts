import { expect, it } from 'vitest'
import { providerReports, upstreamReport, upstreamReports } from '../../../src/admin/reports.ts'
import { isoTime } from '../../../src/clock.ts'
import { restForHost } from '../../../src/pool/host-rests.ts'
import { Upstream } from '../../../src/pool/upstream.ts'
import { assertNoSecret } from '../../support/log-capture.ts'
import { login, TestSupply } from './supply.ts'

it('tells what is known of it', async () => {
  const supply = new TestSupply()
  const place = { country: 'CN', area: '江苏省', city: '苏州市', isp: '电信', exit: '198.51.100.9' }
  const [upstream] = await supply.buy([60_000], place)
  supply.open(250)
  supply.clock.advance(1_500)
  expect(upstreamReports({ clock: supply.clock, members: supply.pool.members() })).toEqual([
    {
      id: upstream?.id,
      provider: 'acme-a',
      protocol: 'http',
      address: '203.0.113.1:8000',
      state: 'ready',
      ...place,
      boughtAt: isoTime(supply.clock.wall() - 1_500),
      remainingSeconds: 58.5,
      expiresAt: isoTime(supply.clock.wall() + 58_500),
      leases: 1,
      quietLeases: 0,
      sessions: 0,
      opened: 1,
      uses: 1,
      blame: 0,
      restSeconds: 0,
      restingHosts: 0,
      openSeconds: 0.25,
    },
  ])
})

it('tells rests: of the whole address, and of hosts while they last', async () => {
  const supply = new TestSupply()
  const [upstream] = await supply.buy([60_000])
  const now = supply.clock.now()
  supply.pool.rest(upstream as Upstream, now + 10_000)
  restForHost(upstream as Upstream, 'a.example', now + 1_000, now)
  restForHost(upstream as Upstream, 'b.example', now + 5_000, now)
  supply.clock.advance(2_000)
  const reported = upstreamReport(upstream as Upstream, supply.clock)
  expect(reported).toMatchObject({ state: 'resting', restSeconds: 8, restingHosts: 1, openSeconds: null })
})

it('has no end for an endless one, and brackets around IPv6', () => {
  const supply = new TestSupply()
  const facts = { id: 'x', provider: 'p', protocol: 'socks5', host: '2001:db8::1', port: 1080, boughtAt: 0 } as const
  const upstream = new Upstream({ ...facts, deadline: Number.POSITIVE_INFINITY })
  const endless = { remainingSeconds: null, expiresAt: null, country: null, exit: null }
  expect(upstreamReport(upstream, supply.clock)).toMatchObject({ address: '[2001:db8::1]:1080', ...endless })
})

it('holds no login in any report', async () => {
  const supply = new TestSupply()
  await supply.buy([60_000])
  const parts = { clock: supply.clock, members: [...supply.pool.members()], tunnelsOf: () => 0 }
  const text = JSON.stringify([upstreamReports(parts), providerReports([supply.provider], parts)])
  expect(text).toContain('203.0.113.1:8000')
  assertNoSecret([text], [login, login.username])
})
