import type { LookupAddress } from 'node:dns'
import { describe, expect, it } from 'vitest'
import { HostsFile } from '../../../src/network/hosts-file.ts'
import { NameResolver, type ResolverSource } from '../../../src/network/name-resolver.ts'
import { FakeClock } from '../../support/fake-clock.ts'

type Heard = (error: NodeJS.ErrnoException | null, addresses: string[]) => void

/** A query that waits for the test to answer it. */
interface Query {
  readonly name: string
  readonly four: Heard
  readonly six: Heard
  isCancelled: boolean
}

const fails = (code: string) => Object.assign(new Error(code), { code })

function setUp() {
  const clock = new FakeClock()
  const queries: Query[] = []
  const system: { name: string; answer: Parameters<ResolverSource['system']>[1] }[] = []
  const source: ResolverSource = {
    channel: () => channelInto(queries),
    system: (name, answer) => system.push({ name, answer }),
  }
  const hosts = new HostsFile(clock, '/nowhere')
  hosts.find = (name) => (name === 'in.hosts' ? [{ address: '192.0.2.7', family: 4 }] : undefined)
  const resolver = new NameResolver(clock, hosts, source)
  const heard: string[] = []
  const resolve = (name: string, group = 'g') =>
    resolver.resolve(name, group, (answer) =>
      heard.push('error' in answer ? `${name} ${answer.error.code}` : `${name} ${textOf(answer.addresses)}`),
    )
  return { clock, queries, system, resolver, heard, resolve }
}

const textOf = (addresses: readonly LookupAddress[]) => addresses.map(({ address }) => address).join(' ')

function channelInto(queries: Query[]): ReturnType<ResolverSource['channel']> {
  let name = ''
  let four: Heard = () => {}
  let query: Query | undefined
  // Only the signatures that the resolver uses are written: the overloads with options are not called.
  const resolve4 = ((asked: string, heard: Heard) => {
    name = asked
    four = heard
  }) as ReturnType<ResolverSource['channel']>['resolve4']
  const resolve6 = ((_asked: string, six: Heard) => {
    query = { name, four, six, isCancelled: false }
    queries.push(query)
  }) as ReturnType<ResolverSource['channel']>['resolve6']
  const cancel = () => {
    if (query !== undefined) query.isCancelled = true
  }
  return { resolve4, resolve6, cancel }
}

const nextTick = () => new Promise((resolve) => process.nextTick(resolve))

describe('one name', () => {
  it('is asked for once however many wait, and IPv4 comes first', () => {
    const { queries, heard, resolve } = setUp()
    resolve('a.example')
    resolve('a.example')
    expect(queries).toHaveLength(1)
    queries[0]?.six(null, ['2001:db8::1'])
    queries[0]?.four(null, ['192.0.2.1', '192.0.2.2'])
    expect(heard).toEqual(Array(2).fill('a.example 192.0.2.1 192.0.2.2 2001:db8::1'))
  })

  it('is remembered for 30 s', async () => {
    const { clock, queries, heard, resolve } = setUp()
    resolve('a.example')
    queries[0]?.four(null, ['192.0.2.1'])
    queries[0]?.six(fails('ENODATA'), [])
    clock.advance(29_999)
    resolve('a.example')
    expect(heard).toHaveLength(1) // never in the call itself
    await nextTick()
    expect(heard).toEqual(Array(2).fill('a.example 192.0.2.1'))
    clock.advance(2)
    resolve('a.example')
    expect(queries).toHaveLength(2)
  })

  it('does not wait for the other family longer than 50 ms', () => {
    const { clock, queries, heard, resolve } = setUp()
    resolve('a.example')
    queries[0]?.four(null, ['192.0.2.1'])
    clock.advance(49)
    expect(heard).toEqual([])
    clock.advance(1)
    expect([heard, queries[0]?.isCancelled, clock.pendingTimers]).toEqual([['a.example 192.0.2.1'], true, 0])
  })

  it.each([
    ['in.hosts', '192.0.2.7'],
    ['localhost', '127.0.0.1 ::1'],
    ['a.localhost.', '127.0.0.1 ::1'],
    ['vendor.invalid', 'ENOTFOUND'],
  ])('%s is known without a query', async (name, answer) => {
    const { queries, system, heard, resolve } = setUp()
    resolve(name)
    await nextTick()
    expect([heard, queries, system]).toEqual([[`${name} ${answer}`], [], []])
  })
})

describe('a name that cannot be resolved', () => {
  it('goes to the system when DNS does not know it, and the failure is remembered for 5 s', async () => {
    const { clock, queries, system, heard, resolve } = setUp()
    resolve('printer')
    queries[0]?.four(fails('ENOTFOUND'), [])
    queries[0]?.six(fails('ENOTFOUND'), [])
    expect(system.map(({ name }) => name)).toEqual(['printer'])
    system[0]?.answer(fails('EAI_AGAIN'), [])
    clock.advance(4_999)
    resolve('printer')
    await nextTick()
    expect([heard, queries.length]).toEqual([Array(2).fill('printer EAI_AGAIN'), 1])
    clock.advance(2)
    resolve('printer')
    expect(queries).toHaveLength(2)
  })

  it('may be one that only the system knows', () => {
    const { queries, system, heard, resolve } = setUp()
    resolve('printer')
    queries[0]?.four(fails('ENOTFOUND'), [])
    queries[0]?.six(fails('ENOTFOUND'), [])
    system[0]?.answer(null, [{ address: '192.168.0.9', family: 4 }])
    expect(heard).toEqual(['printer 192.168.0.9'])
  })

  it('never goes to the system when DNS is silent about it, or about half of it', () => {
    const { clock, queries, system, heard, resolve } = setUp()
    resolve('hangs.example')
    resolve('half.example')
    queries[1]?.four(fails('ETIMEOUT'), [])
    queries[1]?.six(fails('ENODATA'), [])
    clock.advance(5_000)
    expect([heard, system]).toEqual([['half.example ETIMEOUT', 'hangs.example ETIMEOUT'], []])
    expect([queries[0]?.isCancelled, clock.pendingTimers]).toEqual([true, 0])
  })
})

describe('many names', () => {
  it('24 of one group that hang hold up neither another group nor the system', () => {
    const { queries, system, heard, resolve } = setUp()
    for (let n = 0; n < 24; n++) resolve(`hangs-${n}.example`, 'bad')
    resolve('healthy.example', 'good')
    expect(queries.filter(({ name }) => name.startsWith('hangs'))).toHaveLength(4)
    queries.at(-1)?.four(null, ['192.0.2.1'])
    queries.at(-1)?.six(fails('ENODATA'), [])
    expect([heard, system]).toEqual([['healthy.example 192.0.2.1'], []])
  })

  it('the system is asked for two at a time, one of each group', () => {
    const { queries, system, resolve } = setUp()
    for (const [name, group] of [
      ['a1', 'a'],
      ['a2', 'a'],
      ['b1', 'b'],
      ['c1', 'c'],
    ] as const)
      resolve(name, group)
    for (const query of queries) {
      query.four(fails('ENOTFOUND'), [])
      query.six(fails('ENOTFOUND'), [])
    }
    expect(system.map(({ name }) => name)).toEqual(['a1', 'b1'])
    system[0]?.answer(fails('ENOTFOUND'), [])
    system[1]?.answer(fails('ENOTFOUND'), [])
    expect(system.map(({ name }) => name)).toEqual(['a1', 'b1', 'a2', 'c1'])
  })
})

describe('waiting that is cancelled', () => {
  it('hears nothing, and a look-up that has not begun never begins', () => {
    const { queries, heard, resolve } = setUp()
    for (let n = 0; n < 4; n++) resolve(`hangs-${n}.example`)
    const cancel = resolve('late.example')
    cancel()
    for (const { four, six } of [...queries]) {
      four(fails('ETIMEOUT'), [])
      six(fails('ETIMEOUT'), [])
    }
    expect(queries).toHaveLength(4)
    expect(heard.filter((line) => line.startsWith('late'))).toEqual([])
  })

  it('goes on for the others who wait, and what has begun is kept for who asks next', async () => {
    const { queries, heard, resolve } = setUp()
    const [first, second] = [resolve('a.example'), resolve('a.example')]
    first()
    second()
    queries[0]?.four(null, ['192.0.2.1'])
    queries[0]?.six(null, [])
    expect(heard).toEqual([])
    resolve('a.example')
    await nextTick()
    expect([heard, queries.length]).toEqual([['a.example 192.0.2.1'], 1])
  })

  it('close() ends what is under way, without a timer left and without a word', () => {
    const { clock, queries, heard, resolver, resolve } = setUp()
    for (let n = 0; n < 6; n++) resolve(`hangs-${n}.example`)
    resolver.close()
    expect([queries.every(({ isCancelled }) => isCancelled), clock.pendingTimers, heard]).toEqual([true, 0, []])
    expect(queries).toHaveLength(4)
  })
})
