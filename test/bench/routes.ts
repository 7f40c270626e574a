/**
 * `node test/bench/routes.ts`: what routing one connection costs in CPU time, without rules and with 1,000 to 100,000. CPU time and not
 * wall clock: other work on the machine disturbs it least. Prints a table.
 */
import { toTarget } from '../../src/address.ts'
import { anonymous } from '../../src/downstream/proxy-auth.ts'
import { Router } from '../../src/proxy/router.ts'
import { RouteTable } from '../../src/routes/route-table.ts'
import type { RouteRule } from '../../src/routes/rule.ts'

const CONNECTIONS = 200_000
const ROUNDS = 5
const to = { kind: 'provider', name: 'p' } as const

/** Nine of ten name a host and what is below it, as lists do; the others a block of addresses. The last one is for everything. */
function rulesOf(count: number): RouteRule[] {
  const rules = Array.from({ length: count - 1 }, (_, n): RouteRule => {
    const block = { kind: 'block', value: `10.${n >> 8}.${n & 255}.0/24` } as const
    return { host: [n % 10 === 9 ? block : { kind: 'suffix', value: `host-${n}.example` }], to }
  })
  return [...rules, { to }]
}

/** @param hosts how many different ones clients ask for: more than 10,000 are not all remembered */
function costOf(routes: readonly RouteRule[] | undefined, hosts: number): number {
  const table = routes && new RouteTable({ routes, groups: [] }, () => true)
  const none = { connections: 0, uses: 0, hostRest: 0 }
  const router = new Router({
    ...{ strategy: 'round-robin', perRequest: false, retryStatuses: [], perUpstream: none, poolLimits: none },
    ...{ providers: ['p'], isOwnPort: () => false, routes: table, sharesAddresses: false },
  })
  const targets = Array.from({ length: hosts }, (_, n) => toTarget({ host: `www.host-${n * 7}.example`, port: 443 }))
  const defaults = {
    provider: 'p',
    strategy: undefined,
    session: 'off',
    listen: { port: 8080, name: undefined },
  } as const
  const run = () => {
    const before = process.cpuUsage()
    for (let n = 0; n < CONNECTIONS; n++)
      router.route(
        anonymous,
        targets[n % hosts] as (typeof targets)[0],
        { clientAddress: '127.0.0.1' },
        defaults,
        'CONNECT',
      )
    const { user, system } = process.cpuUsage(before)
    return (user + system) / CONNECTIONS
  }
  run()
  return Array.from({ length: ROUNDS }, run).sort((a, b) => a - b)[ROUNDS >> 1] ?? 0
}

const lines = [undefined, 1_000, 10_000, 100_000].map((count) => {
  const routes = count === undefined ? undefined : rulesOf(count)
  const cells = [1_000, 100_000].map((hosts) => costOf(routes, hosts).toFixed(2).padStart(12))
  return `${String(count ?? 'none').padStart(8)}${cells.join('')}`
})
process.stdout.write(`CPU µs to route one connection\n   rules  1,000 hosts  100,000 hosts\n${lines.join('\n')}\n`)
