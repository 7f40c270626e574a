/** Bad addresses are changed for others or given back; good ones are given back where that is configured. */
import { describe, expect, it } from 'vitest'
import type { Upstream } from '../../../src/pool/upstream.ts'
import type { Delivery, ProxyRecord } from '../../../src/vendors/contract/delivery.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import type { CallTicket, Source } from '../../../src/vendors/contract/source.ts'
import { type SupplyOptions, TestSupply } from '../admin/supply.ts'

const HOUR_MS = 3_600_000
const another: ProxyRecord = {
  ...{ protocol: 'http', host: '198.51.100.77', port: 8_000, ref: 'another' },
  life: { kind: 'for', ms: HOUR_MS },
}

/** A product with three channels; each address can be given back, or changed for another. */
class World extends TestSupply {
  readonly calls: string[] = []
  /** What the next replacement meets. */
  trouble: VendorError | undefined
  /** What the next release meets. */
  releaseTrouble: VendorError | undefined

  constructor(options: SupplyOptions = {}) {
    const source: Partial<Source> = {
      byChannel: true,
      channels: 3,
      release: async (ref) => {
        this.calls.push(`release ${ref}`)
        const trouble = this.releaseTrouble
        this.releaseTrouble = undefined
        if (trouble !== undefined) throw trouble
      },
      replaceOperation: 'replace',
      replace: (ref, { ticket }) => this.#replace(ref, ticket),
      ...options.source,
    }
    super({ ...options, source })
  }

  async #replace(ref: string, ticket: CallTicket | undefined): Promise<Delivery> {
    expect(ticket?.takes('a digest')).toBe(true)
    ticket?.sent()
    this.calls.push(`replace ${ref}`)
    if (this.trouble !== undefined) throw this.trouble
    return { sold: [another], rejected: [], sentAt: this.clock.now() }
  }

  /** Each has its name at the vendor. */
  async buyNamed(...refs: readonly string[]): Promise<Upstream[]> {
    const bought: Upstream[] = []
    for (const ref of refs) bought.push(...(await this.buy([HOUR_MS], { ref })))
    return bought
  }

  wanted(forMs = 30_000): void {
    this.provider.wanted(this.clock.now(), this.clock.now() + forMs)
  }

  async givenUp(upstream: Upstream | undefined): Promise<void> {
    if (upstream !== undefined) this.pool.remove(upstream, 'blamed')
    await this.clock.run(0)
  }

  get hosts(): string[] {
    return [...this.pool.members()].map(({ facts }) => facts.ref ?? facts.host)
  }
}

describe('a bad address', () => {
  it('is changed for another in one call, on its own channel and in the budget', async () => {
    const world = new World({ provider: { budget: { total: 4 } } })
    const [bad] = await world.buyNamed('a', 'b', 'c')
    world.wanted()
    await world.givenUp(bad)
    expect(world.calls).toEqual(['replace a'])
    expect(world.hosts).toEqual(['b', 'c', 'another'])
    expect(world.provider.held).toBe(3)
    expect(world.provider.capacity.freeChannels).toBe(0)
    expect(world.provider.capacity.budgetLeft).toBe(0)
  })

  it('is given back while no client wants addresses', async () => {
    const world = new World()
    const [bad] = await world.buyNamed('a', 'b')
    await world.givenUp(bad)
    expect(world.calls).toEqual(['release a'])
    expect(world.provider.held).toBe(1)
  })

  it('is given back when the budget allows no other', async () => {
    const world = new World({ provider: { budget: { total: 1 } } })
    const [bad] = await world.buyNamed('a')
    world.wanted()
    await world.givenUp(bad)
    expect(world.calls).toEqual(['release a'])
  })

  it('is given back when the vendor has no other', async () => {
    const world = new World({ provider: { budget: { total: 9 } } })
    const [bad] = await world.buyNamed('a')
    world.wanted()
    world.trouble = new VendorError('no_resource', '-103', 'no address')
    await world.givenUp(bad)
    expect(world.calls).toEqual(['replace a', 'release a'])
    expect(world.provider.held).toBe(0)
    expect(world.provider.capacity.budgetLeft).toBe(8)
  })

  it('stays when the vendor is asked too often: a second call would be refused too', async () => {
    const world = new World()
    const [bad] = await world.buyNamed('a')
    world.wanted()
    world.trouble = new VendorError('rate_limited', '-11', 'too often')
    await world.givenUp(bad)
    expect(world.calls).toEqual(['replace a'])
    expect(world.provider.held).toBe(1)
  })

  it('stays booked when the reply is lost: its channel has one of the two', async () => {
    const world = new World({ provider: { budget: { total: 9 } } })
    const [bad] = await world.buyNamed('a')
    world.wanted()
    world.trouble = new VendorError('server', 'timeout', 'no answer')
    await world.givenUp(bad)
    expect(world.calls).toEqual(['replace a'])
    expect(world.provider.held).toBe(1)
    expect(world.provider.capacity.budgetLeft).toBe(7)
  })

  it('is not changed for another of a kind that does not work', async () => {
    const world = new World()
    const bought = await world.buyNamed('a', 'b', 'c')
    world.wanted()
    for (const upstream of bought) world.provider.addressOutcomes.firstUse(upstream, false, 'unreachable')
    await world.givenUp(bought[0])
    expect(world.calls).toEqual(['release a'])
  })
})

describe('good addresses', () => {
  const idle = { source: { givesBack: { idleMs: 600_000, onStop: false } } }

  it('stay where nothing is configured', async () => {
    const world = new World()
    await world.buyNamed('a')
    world.wanted()
    await world.clock.run(HOUR_MS / 2)
    await world.provider.giveBack(new AbortController().signal)
    expect(world.calls).toEqual([])
  })

  it('are given back when no client has asked for so long', async () => {
    const world = new World(idle)
    world.wanted()
    await world.buyNamed('a', 'b')
    await world.clock.run(500_000)
    world.wanted()
    await world.clock.run(599_999)
    expect(world.calls).toEqual([])
    await world.clock.run(1)
    expect(world.calls).toEqual(['release a', 'release b'])
    expect([world.provider.held, world.pool.size]).toEqual([0, 0])
    expect(world.clock.pendingTimers).toBe(0)
  })

  it('are not given back while they would be bought again', async () => {
    const world = new World(idle)
    world.wanted(900_000)
    await world.buyNamed('a')
    await world.clock.run(899_999)
    expect(world.calls).toEqual([])
    await world.clock.run(1)
    expect(world.calls).toEqual(['release a'])
  })

  it('are kept as long as something is open through them', async () => {
    const world = new World(idle)
    world.wanted()
    await world.buyNamed('a')
    const used = world.open()
    await world.clock.run(700_000)
    expect(world.calls).toEqual([])
    world.pool.release(used, true, world.clock.now())
    await world.clock.run(600_000)
    expect(world.calls).toEqual(['release a'])
  })

  it('are lent again when the vendor does not take them back, and it is asked no second time', async () => {
    const world = new World(idle)
    world.wanted()
    const [kept] = await world.buyNamed('a')
    world.releaseTrouble = new VendorError('bad_request', '-10', 'not this one')
    await world.clock.run(HOUR_MS / 2)
    expect(world.calls).toEqual(['release a'])
    expect(kept?.state).toBe('ready')
    expect(world.provider.held).toBe(1)
  })

  it('are looked at no more after a client when the vendor takes none of them back', async () => {
    const world = new World(idle)
    world.wanted()
    await world.buyNamed('a')
    world.releaseTrouble = new VendorError('bad_request', '-10', 'not this one')
    await world.clock.run(HOUR_MS / 4)
    const timers = world.clock.pendingTimers
    world.wanted()
    expect(world.clock.pendingTimers).toBe(timers + 1)
    await world.clock.run(HOUR_MS / 4)
    expect([world.calls, world.provider.held]).toEqual([['release a'], 1])
    expect(world.clock.pendingTimers).toBe(timers)
  })

  it('are given back later when the vendor fails', async () => {
    const world = new World(idle)
    world.wanted()
    await world.buyNamed('a', 'b')
    world.releaseTrouble = new VendorError('server', 'timeout', 'no answer')
    await world.clock.run(600_000)
    expect(world.calls).toEqual(['release a', 'release b'])
    expect(world.provider.held).toBe(1)
    await world.clock.run(600_000)
    expect(world.calls).toEqual(['release a', 'release b', 'release a'])
    expect(world.provider.held).toBe(0)
  })

  it('of an earlier process too', async () => {
    const world = new World(idle)
    const [upstream] = await world.buyNamed('a')
    const later = new World(idle)
    const { facts, deadline } = upstream ?? expect.fail('nothing bought')
    const left = { facts, vendorDeadline: deadline, opened: false, state: 'alive' } as const
    later.provider.restore([left], later.clock.now())
    await later.clock.run(600_000)
    expect(later.calls).toEqual(['release a'])
  })

  it('are given back when the gateway stops, until that takes too long', async () => {
    const world = new World({ source: { givesBack: { onStop: true } } })
    await world.buyNamed('a', 'b', 'c')
    world.open()
    const tooLong = new AbortController()
    world.releaseTrouble = new VendorError('server', 'timeout', 'no answer')
    await world.provider.giveBack(tooLong.signal)
    expect(world.calls).toEqual(['release b', 'release c'])
    expect(world.provider.held).toBe(2)
    tooLong.abort()
    await world.provider.giveBack(tooLong.signal)
    expect(world.calls).toHaveLength(2)
  })
})
