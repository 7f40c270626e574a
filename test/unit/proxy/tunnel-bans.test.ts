/** What is remembered of tunnels that a target has closed at once. */
import type { Socket } from 'node:net'
import { expect, it } from 'vitest'
import type { Pool } from '../../../src/pool/pool.ts'
import { Upstream } from '../../../src/pool/upstream.ts'
import type { BanRule } from '../../../src/proxy/ban-rule.ts'
import { TunnelBans } from '../../../src/proxy/tunnel-bans.ts'
import { TimeoutQueue } from '../../../src/structures/timeout-queue.ts'
import type { UpstreamConnection } from '../../../src/upstream/connection.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { facts } from '../pool/pool-fixture.ts'

const TIMES = 3
const MAX_ROWS = 1_000
const rule: BanRule = {
  ...{ host: '*', statuses: new Set<number>(), restMs: 60_000 },
  closed: { withinMs: 5_000, bytesUnder: 100, times: TIMES },
}

function watch() {
  const clock = new FakeClock()
  const banned: string[] = []
  const pool = { ban: ({ id }: Upstream) => banned.push(id) } as unknown as Pool
  const bans = new TunnelBans([rule], pool, clock)
  const found = bans.ruleFor('shop.test')
  const idle = { list: new TimeoutQueue(clock, 1_000), steps: 4 }
  const owner = { relayEnded() {}, relayQuiet() {} }
  /** A tunnel through this address: the target answers so many octets, and closes. */
  const tunnel = (id: string, octets: number) => {
    const socket = { destroyed: false, readableEnded: false, writableLength: 0, write: () => true, end() {} }
    const connection = {
      socket,
      upstream: new Upstream(facts(id)),
      releaseBuffer() {},
    } as unknown as UpstreamConnection
    if (found === undefined) throw new Error('no rule')
    const relay = bans.relay(socket as unknown as Socket, connection, idle, owner, { host: 'shop.test', rule: found })
    relay.toUpstream(Buffer.from('hello'))
    if (octets > 0) relay.received(Buffer.alloc(octets))
    relay.upstreamEnded()
  }
  return { tunnel, banned }
}

it('an address is banned when it was closed at once three times in a row, and others serve', () => {
  const { tunnel, banned } = watch()
  tunnel('works', 200)
  for (let n = 0; n < TIMES; n++) tunnel('a', 0)
  expect(banned).toEqual(['a'])
})

it.each([
  [MAX_ROWS - 1, ['a']],
  [MAX_ROWS, []],
])(
  'what is known of an address is kept for 1,000 addresses of a host: after %d others its third close bans %j',
  (others, expected) => {
    const { tunnel, banned } = watch()
    tunnel('works', 200)
    for (let n = 1; n < TIMES; n++) tunnel('a', 0)
    for (let n = 0; n < others; n++) tunnel(`other-${n}`, 0)
    tunnel('a', 0)
    expect(banned).toEqual(expected)
  },
)
