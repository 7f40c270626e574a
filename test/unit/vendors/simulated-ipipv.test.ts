/** ipipv's static product against a simulated ipipv: what is used, what is bought, and that nothing is bought twice. */
import { afterEach, describe, expect, it } from 'vitest'
import type { SourceMemory } from '../../../src/vendors/client/contract.ts'
import { openVendorHttp, type VendorHttp } from '../../../src/vendors/client/http.ts'
import type { Delivery } from '../../../src/vendors/contract/delivery.ts'
import { VendorError } from '../../../src/vendors/contract/error.ts'
import type { Source } from '../../../src/vendors/contract/source.ts'
import { openSource } from '../../../src/vendors/registry.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { type IpipvOptions, SimulatedIpipv } from '../../support/vendors/ipipv.ts'
import { failureOf, never, type SettingsOf, settingsOf } from './scripted-http.ts'

const credentials = { appKey: 'INVENTED-APP', appSecret: 'qwertyuiop123456asdfghjk' }
const purchase = { productNo: 'mb_1', count: 3, maxPrice: 10 }

interface World {
  readonly sim: SimulatedIpipv
  readonly clock: FakeClock
  readonly memory: SourceMemory & { saved: unknown }
  readonly open: (own: object, rest?: Partial<SettingsOf>) => Source
  /** Lets a promise end, with as much time as it needs. */
  readonly done: <T>(promise: Promise<T>) => Promise<T>
}

function emptyMemory(): World['memory'] {
  const memory = {
    saved: undefined as unknown,
    load: () => Promise.resolve(memory.saved),
    save: (value: unknown) => {
      memory.saved = structuredClone(value)
      return Promise.resolve()
    },
  }
  return memory
}

function world(options: Partial<IpipvOptions> = {}, memory = emptyMemory()): World {
  const clock = new FakeClock()
  let sold = 0
  const supplyAddress = () => ({ host: `198.51.100.${++sold}`, port: 4_000 + sold })
  const sim = new SimulatedIpipv({ clock, ...credentials, supplyAddress, ...options })
  // A call takes its time; the limit is the gate's affair, and there is none here.
  const http: VendorHttp = {
    call: async ({ url, body = '' }, signal) => {
      const sentAt = clock.now()
      await clock.sleep(100, signal)
      const { status, body: text } = sim.handle(url.pathname, body)
      return { status, headers: {}, text, sentAt, vendorWallMs: undefined }
    },
    close: () => Promise.resolve(),
  }
  const open = (own: object, rest: Partial<SettingsOf> = {}) =>
    openSource(settingsOf({ vendor: 'ipipv', product: 'static', credentials, own: { ...own }, ...rest }), {
      clock,
      http,
      memory,
    })
  const done = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false
    const over = () => {
      isOver = true
    }
    promise.then(over, over)
    for (let second = 0; second < 3_000 && !isOver; second++) await clock.run(1_000)
    return promise
  }
  return { sim, clock, memory, open, done }
}

/** As supply does it: orders, and asks what became of the order until it has ended. */
async function buy(source: Source, count: number, { clock, done }: World): Promise<Delivery> {
  const first = await done(source.extract(count, { signal: never }))
  let refs = (first.pending ?? []).map(({ ref }) => ref)
  while (refs.length > 0) {
    clock.advance(3_000)
    const { gone, sold, failure, ...rest } = await done(
      source.follow?.ask(refs, { signal: never }) ?? expect.fail('no follow'),
    )
    if (failure !== undefined) throw failure
    refs = refs.filter((ref) => !gone.includes(ref))
    if (sold.length > 0) return { ...rest, sold }
  }
  return first
}

const paths = (sim: SimulatedIpipv) => sim.calls.map(({ path }) => path.replace(/^\/api\/open\/app\/|\/v2$/g, ''))
/** What it broke, but for the limit: there is no gate here. */
const rules = (sim: SimulatedIpipv) => sim.violations.filter((rule) => !rule.includes('calls of app'))
const hosts = (delivery: { sold: readonly { host: string }[] }) => delivery.sold.map(({ host }) => host.slice(-1))

describe('without a purchase', () => {
  it('instances and orders are read, and nothing is bought', async () => {
    const made = world()
    const { sim, open, done } = made
    await buy(open({ purchase }), 2, made)
    const before = sim.orders.length
    const source = open({ instances: ['i_C1_1'], orders: ['C1'] })
    expect(source.isList).toBe(true)
    const delivery = await done(source.extract(100, { signal: never }))
    expect(hosts(delivery)).toEqual(['1', '2'])
    expect(await done(source.accountNow?.(never) ?? expect.fail('it tells nothing'))).toEqual({ balance: 99.5 })
    expect(sim.orders).toHaveLength(before)
    expect(rules(sim)).toEqual([])
  })

  it('one that is missing, stopped or expired spoils nothing', async () => {
    const made = world()
    const { sim, open, done } = made
    await buy(open({ purchase }), 3, made)
    const stopped = sim.instance(1) ?? expect.fail('no instance')
    stopped.status = 6
    const source = open({ instances: ['missing', 'i_C1_1', 'i_C1_2', 'i_C1_3'] })
    const delivery = await done(source.extract(100, { signal: never }))
    expect(hosts(delivery)).toEqual(['1', '3'])
    expect(delivery.rejected).toEqual(['instance missing does not exist', 'instance i_C1_2 is stopped'])
  })
})

describe('buying', () => {
  it('what is wanted, up to what is allowed, and never more', async () => {
    const made = world()
    const { sim, open, done } = made
    const source = open({ purchase })
    expect([source.isList, source.listsHeld]).toEqual([false, true])
    expect(hosts(await buy(source, 2, made))).toEqual(['1', '2'])
    expect(hosts(await buy(source, 2, made))).toEqual(['3'])
    // All there may be is held: it is told again, for addresses that were given up meanwhile.
    expect(hosts(await done(source.extract(2, { signal: never })))).toEqual(['1', '2', '3'])
    expect(sim.orders.map(({ instances }) => instances.length)).toEqual([2, 1])
    expect(rules(sim)).toEqual([])
  })

  it('two extractions at once buy what one would', async () => {
    const { sim, open, done } = world()
    const source = open({ purchase: { ...purchase, count: 2 } })
    const results = await done(
      Promise.allSettled([source.extract(2, { signal: never }), source.extract(2, { signal: never })]),
    )
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(sim.orders.map(({ instances }) => instances.length)).toEqual([2])
  })

  it('an order that runs is as many pending addresses, open until it has ended', async () => {
    const { clock, open, done } = world({ orderMs: 60_000 })
    const source = open({ purchase })
    const { sold, pending = [], isOpen } = await done(source.extract(2, { signal: never }))
    const refs = pending.map(({ ref }) => ref)
    expect([sold, refs, isOpen]).toEqual([[], ['C1#1', 'C1#2'], true])
    const before = await done(source.follow?.ask(refs, { signal: never }) ?? expect.fail('no follow'))
    expect([before.sold, before.gone, before.settled]).toEqual([[], [], undefined])
    expect(await done(failureOf(source.extract(1, { signal: never })))).toMatchObject({
      class: 'no_resource',
      vendorCode: 'pending',
    })
    clock.advance(60_000)
    const after = await done(source.follow?.ask(refs, { signal: never }) ?? expect.fail('no follow'))
    expect([hosts(after), after.gone, after.settled]).toEqual([['1', '2'], refs, 2])
  })

  it('after a restart: the instances are known, an order that runs is asked about, and neither is bought again', async () => {
    const made = world({ orderMs: 60_000 })
    const { sim, clock, open, done } = made
    await done(open({ purchase }).extract(3, { signal: never }))
    expect(await done(failureOf(open({ purchase }).extract(3, { signal: never })))).toMatchObject({
      vendorCode: 'pending',
    })
    clock.advance(60_000)
    expect(hosts(await done(open({ purchase }).extract(3, { signal: never })))).toEqual(['1', '2', '3'])
    expect(hosts(await done(open({ purchase }).extract(3, { signal: never })))).toEqual(['1', '2', '3'])
    expect(sim.orders).toHaveLength(1)
  })

  it('when as many as purchase.count are held, the words say so', async () => {
    const made = world()
    const source = made.open({ purchase })
    await buy(source, 3, made)
    const { complete } = await made.done(source.extract(1, { signal: never }))
    expect(complete).toBe('as many instances are held as purchase.count allows (3), and no more are bought')
  })

  it('one that was renewed by hand is used, and no other is bought', async () => {
    const made = world({ lifeMs: 3_600_000 })
    const { sim, clock, open, done } = made
    const source = open({ purchase })
    await buy(source, 1, made)
    const instance = sim.instance(0) ?? expect.fail('no instance')
    clock.advance(3_500_000)
    instance.expiresWall += 3_600_000
    expect(hosts(await done(source.extract(1, { signal: never })))).toEqual(['1'])
    expect(sim.orders).toHaveLength(1)
  })

  it.each([1, 2, 6])('an instance with status %i counts: it is paid for', async (status) => {
    const owner = world()
    const { sim, open, done } = owner
    const source = open({ purchase: { ...purchase, count: 1 } })
    await buy(source, 1, owner)
    const made = sim.instance(0) ?? expect.fail('no instance')
    made.status = status
    for (let n = 0; n < 3; n++)
      expect(await done(failureOf(source.extract(1, { signal: never })))).toMatchObject({ class: 'no_resource' })
    expect(sim.orders).toHaveLength(1)
    made.status = 3
    expect(hosts(await done(source.extract(1, { signal: never })))).toEqual(['1'])
    expect(sim.orders).toHaveLength(1)
  })

  it('while one is being made no other is bought, though there might be more', async () => {
    const made = world()
    const { sim, open, done } = made
    sim.newStatus = 2
    const source = open({ purchase })
    await buy(source, 1, made)
    for (let n = 0; n < 3; n++)
      expect(await done(failureOf(source.extract(1, { signal: never })))).toMatchObject({
        message: expect.stringMatching(/is being made/),
      })
    expect(sim.orders).toHaveLength(1)
  })

  it('an instance that the answer leaves out counts too', async () => {
    const made = world()
    const { sim, open, done } = made
    const source = open({ purchase: { ...purchase, count: 1 } })
    await buy(source, 1, made)
    sim.leavesOut = ['i_C1_1']
    expect(await done(failureOf(source.extract(1, { signal: never })))).toMatchObject({
      class: 'no_resource',
      message: expect.stringMatching(/i_C1_1 is not in the answer/),
    })
    expect(sim.orders).toHaveLength(1)
  })

  it.each([
    ['and runs', 3],
    ['and is stopped', 6],
  ])('buys again what has expired %s', async (_, status) => {
    const made = world({ lifeMs: 3_600_000 })
    const { sim, clock, open } = made
    const source = open({ purchase: { ...purchase, count: 1 } })
    await buy(source, 1, made)
    clock.advance(3_600_000)
    const expired = sim.instance(0) ?? expect.fail('no instance')
    expired.status = status
    expect(hosts(await buy(source, 1, made))).toEqual(['2'])
    expect(sim.orders).toHaveLength(2)
  })

  it.each([
    [{ price: 10.01 }, 'bad_request', /more than maxPrice/],
    [{ inventory: 0 }, 'no_resource', /cannot be bought now/],
  ])('not at %o', async (options, errorClass, words) => {
    const { sim, open, done } = world(options)
    const error = await done(failureOf(open({ purchase }).extract(1, { signal: never })))
    expect(error).toMatchObject({ class: errorClass, message: expect.stringMatching(words) })
    expect(paths(sim)).not.toContain('instance/open')
  })

  // What is settled with the count stays booked: nobody says that the money came back.
  it.each([
    [true, 'no_resource', 0],
    [false, 'server', 2],
  ])('an order that failed brings nothing and is over (refunded: %s)', async (refunds, errorClass, settled) => {
    const made = world()
    const { sim, clock, open, done } = made
    sim.orderStatus = 4
    sim.refunds = refunds
    const source = open({ purchase })
    const { pending = [] } = await done(source.extract(2, { signal: never }))
    clock.advance(5_000)
    const refs = pending.map(({ ref }) => ref)
    const failure = { class: errorClass, vendorCode: 'order-failed' }
    expect(await done(source.follow?.ask(refs, { signal: never }) ?? expect.fail('no follow'))).toMatchObject({
      sold: [],
      gone: refs,
      settled,
      failure,
    })
    sim.orderStatus = 5
    expect(hosts(await buy(source, 1, made))).toEqual(['3'])
  })
})

describe('an order that got no verdict', () => {
  async function lost(way: 'taken' | 'missed' = 'taken'): Promise<World & { source: Source; appOrderNo: string }> {
    const made = world()
    const source = made.open({ purchase })
    if (way === 'taken') made.sim.losesNextOrder = true
    else made.sim.missesNextOrder = true
    const error = await made.done(failureOf(source.extract(2, { signal: never })))
    expect(error).toMatchObject({ class: 'server', vendorCode: 'purchase_unknown', sale: 'unknown' })
    made.sim.badDay = undefined
    return { ...made, source, appOrderNo: made.sim.orders[0]?.appOrderNo ?? '' }
  }

  it('is found by its own number', async () => {
    const { sim, clock, done, source } = await lost()
    clock.advance(5_000)
    const news = await done(source.follow?.ask([], { signal: never }) ?? expect.fail('no follow'))
    expect([hosts(news), news.settled]).toEqual([['1', '2'], 2])
    expect(sim.orders).toHaveLength(1)
    expect(rules(sim)).toEqual([])
  })

  it('never arrived, if the vendor does not know it a while later', async () => {
    const made = await lost('missed')
    const { sim, clock, done, source } = made
    const ask = () => done(source.follow?.ask([], { signal: never }) ?? expect.fail('no follow'))
    // It may still be on its way.
    expect((await ask()).settled).toBeUndefined()
    expect(await done(failureOf(source.extract(2, { signal: never })))).toMatchObject({ vendorCode: 'pending' })
    clock.advance(30_000)
    expect((await ask()).settled).toBe(0)
    expect(hosts(await buy(source, 2, made))).toEqual(['1', '2'])
    expect(sim.orders).toHaveLength(1)
  })

  it('stops buying where the vendor does not understand the question, also after a restart', async () => {
    const { sim, open, done, source } = await lost()
    sim.knowsAppOrderNo = false
    for (const asked of [source, open({ purchase })]) {
      const error = await done(failureOf(asked.extract(2, { signal: never })))
      expect(error).toMatchObject({
        class: 'bad_request',
        vendorCode: 'purchase_unknown',
        hint: expect.stringMatching(/call order orderNo=/),
      })
    }
    expect(paths(sim).filter((path) => path === 'instance/open')).toHaveLength(1)
  })

  it('is repeated at the operator’s word, under the same numbers', async () => {
    const { sim, clock, open, done, appOrderNo } = await lost()
    const source = open({ purchase })
    // It has been counted when it was made, and its number alone says which it is.
    expect(await source.byHand?.plan('instance/open', { appOrderNo })).toBe(0)
    await expect(source.byHand?.plan('instance/open', { appOrderNo: 'another' })).rejects.toThrow(/params is missing/)
    await done(source.call('instance/open', { appOrderNo }, { signal: never }))
    const [first, second] = sim.calls.filter(({ path }) => path.includes('/instance/open/')).map(({ params }) => params)
    expect(second).toEqual(first)
    clock.advance(5_000)
    expect(hosts(await done(source.extract(2, { signal: never })))).toEqual(['1', '2'])
    expect(sim.orders).toHaveLength(1)
    expect(rules(sim)).toEqual([])
  })

  it('a call by hand keeps its name when another process repeats it', async () => {
    const { sim, open, done } = world()
    const names: unknown[] = []
    const call = () =>
      done(
        failureOf(
          open({ purchase }).call(
            'instance/renew',
            { appOrderNo: 'mine-1', instances: '[{"instanceNo":"i_C1_1"}]' },
            { signal: never },
          ),
        ),
      )
    sim.badDay = 'http-500'
    for (let process = 0; process < 2; process++) {
      await call()
      names.push(sim.calls.at(-1)?.params['reqId'])
    }
    expect(names[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(names[1]).toBe(names[0])
  })

  it('is recognised in the order that the operator shows', async () => {
    const { sim, clock, done, source } = await lost()
    sim.knowsAppOrderNo = false
    await done(source.call('order', { orderNo: 'C1' }, { signal: never }))
    clock.advance(5_000)
    expect(hosts(await done(source.extract(2, { signal: never })))).toEqual(['1', '2'])
    expect(sim.orders).toHaveLength(1)
  })

  it('a refusal is a verdict', async () => {
    const { sim, open, done } = world()
    sim.refusesOrders = 10_002
    const source = open({ purchase })
    expect(await done(failureOf(source.extract(1, { signal: never })))).toMatchObject({
      class: 'quota_exhausted',
      vendorCode: '10002',
    })
    sim.refusesOrders = undefined
    expect((await done(source.extract(1, { signal: never }))).pending).toHaveLength(1)
    expect(sim.orders).toHaveLength(1)
  })

  it('is of its account: another one buys meanwhile, and the first knows it again', async () => {
    const { memory, source, clock, done } = await lost()
    const other = { ...credentials, appKey: 'OTHER-APP' }
    const made = world({ appKey: other.appKey }, memory)
    expect(hosts(await buy(made.open({ purchase }, { credentials: other }), 1, made))).toEqual(['1'])
    clock.advance(60_000)
    expect(hosts(await done(source.extract(2, { signal: never })))).toEqual(['1', '2'])
    expect(memory.saved).toMatchObject({ version: 2, accounts: {} })
  })

  it('what an earlier version wrote down is taken up', async () => {
    const { sim, memory, open, done } = world()
    memory.saved = { version: 1, pending: ['C7'], instances: [] }
    await done(failureOf(open({ purchase }).extract(1, { signal: never })))
    expect(paths(sim)).toEqual(['order'])
  })

  it('what was written down and cannot be read stops buying', async () => {
    const { sim, memory, open, done } = world()
    memory.saved = { version: 2 }
    expect(await done(failureOf(open({ purchase }).extract(1, { signal: never })))).toMatchObject({
      vendorCode: 'memory',
    })
    expect(sim.calls).toEqual([])
  })

  it('no order leaves before it is written down', async () => {
    const { sim, memory, open, done } = world()
    memory.save = () => Promise.reject(new VendorError('server', 'store', 'the disk is full'))
    expect(await done(failureOf(open({ purchase }).extract(1, { signal: never })))).toMatchObject({
      vendorCode: 'store',
    })
    expect(paths(sim)).toEqual(['product/query'])
  })
})

describe('over a real socket', () => {
  const closers: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0)) await close()
  })

  it('dynamic-password draws, and a wrong secret is told', async () => {
    const clock = new FakeClock()
    const supplyAddress = () => ({ host: '198.51.100.1', port: 4_000 })
    const sim = await new SimulatedIpipv({ clock, ...credentials, supplyAddress }).start()
    const http = openVendorHttp({ clock })
    closers.push(
      () => http.close(),
      () => sim.close(),
    )
    const open = (appSecret: string) =>
      openSource(
        settingsOf({
          vendor: 'ipipv',
          product: 'dynamic-password',
          credentials: { ...credentials, appSecret },
          request: { appUsername: 'sub1', productNo: 'out_1', sessTime: 20 },
          baseUrl: sim.url,
        }),
        { clock, http },
      )
    const { sold } = await open(credentials.appSecret).extract(1, { signal: never })
    expect(sold).toMatchObject([
      { host: '198.51.100.1', port: 4_000, username: 'me', life: { kind: 'for', ms: 1_200_000 } },
    ])
    expect(await failureOf(open('another-secret-x').extract(1, { signal: never }))).toMatchObject({
      class: 'auth',
      vendorCode: '10001',
    })
    expect(rules(sim)).toEqual([])
  })
})

describe('what is bought', () => {
  it('every field of the document that a purchase may have', async () => {
    const made = world()
    const { sim, open } = made
    const cidrBlocks = [{ cidr: '192.168.0.0/24', count: 1 }, { cidr: '172.16.0.0/16' }]
    const all = { cycleTimes: 2, useBridge: 2, extBandWidth: 4, renew: true, projectId: 'p-1', cidrBlocks }
    await buy(open({ purchase: { ...purchase, ...all, maxPrice: 24 } }), 3, made)
    expect(sim.lines).toEqual([
      {
        ...{ productNo: 'mb_1', count: 3, cycleTimes: 2, useBridge: 2, extBandWidth: 4, renew: true, projectId: 'p-1' },
        cidrBlocks: [
          { cidr: '192.168.0.0/24', count: 1 },
          { cidr: '172.16.0.0/16', count: 2 },
        ],
      },
    ])
    expect(rules(sim)).toEqual([])
  })

  it('the price of extra bandwidth counts', async () => {
    const { sim, open, done } = world()
    const terms = { ...purchase, maxPrice: 11.9, extBandWidth: 4 }
    expect(await done(failureOf(open({ purchase: terms }).extract(1, { signal: never })))).toMatchObject({
      message: 'product mb_1 costs 12, more than maxPrice 11.9',
    })
    expect(sim.orders).toEqual([])
  })

  it('by filters: the cheapest product that they let through', async () => {
    const made = world({ otherProducts: { mb_2: 7, mb_3: 8 } })
    const { sim, open } = made
    const { productNo: _, ...rest } = purchase
    await buy(open({ purchase: { ...rest, proxyType: 103, countryCode: 'USA' } }), 1, made)
    expect(sim.lines).toMatchObject([{ productNo: 'mb_2', count: 1 }])
    const [query] = sim.calls.filter(({ path }) => path.includes('product/query'))
    expect(query).toBeDefined()
    expect(rules(sim)).toEqual([])
  })
})

describe('renewal', () => {
  const renew = { before: 3_600_000, maxPrice: 10, cycleTimes: 1 }
  const renewalOf = (source: Source) => source.renewal ?? expect.fail('no renewal')

  it('is an order that runs on; the new end comes with the next look', async () => {
    const made = world({ lifeMs: 7_200_000 })
    const { sim, clock, open, done } = made
    const source = open({ purchase, renew })
    expect(renewalOf(source)).toMatchObject({ beforeMs: 3_600_000, operation: 'instance/renew' })
    await buy(source, 1, made)
    clock.advance(5_000_000)
    const taken = await done(renewalOf(source).renew(['i_C1_1'], { signal: never }))
    expect([taken.sold, taken.pending, taken.isOpen]).toEqual([[], undefined, true])
    clock.advance(5_000)
    const news = await done(source.follow?.ask(['i_C1_1'], { signal: never }) ?? expect.fail('no follow'))
    expect([hosts(news), news.gone, news.settled]).toEqual([['1'], [], 1])
    const [life] = news.sold.map((sold) => sold.life)
    expect(life).toMatchObject({ kind: 'for', isTerm: true })
    expect(life?.kind === 'for' && life.ms).toBeGreaterThan(7_200_000)
    expect(rules(sim)).toEqual([])
  })

  it('one whose reply is lost is found by its own number, and nothing is renewed twice', async () => {
    const made = world({ lifeMs: 7_200_000 })
    const { sim, clock, open, done } = made
    const source = open({ purchase, renew })
    await buy(source, 1, made)
    const end = sim.instance(0)?.expiresWall ?? 0
    sim.losesNextOrder = true
    const error = await done(failureOf(renewalOf(source).renew(['i_C1_1'], { signal: never })))
    expect(error).toMatchObject({ vendorCode: 'purchase_unknown', sale: 'unknown' })
    sim.badDay = undefined
    expect(await done(failureOf(renewalOf(source).renew(['i_C1_1'], { signal: never })))).toMatchObject({
      vendorCode: 'pending',
    })
    clock.advance(40_000)
    const later = await done(source.follow?.ask(['i_C1_1'], { signal: never }) ?? expect.fail('no follow'))
    expect(later.settled).toBe(1)
    expect(sim.instance(0)?.expiresWall).toBe(end + 7_200_000)
    expect(sim.orders).toHaveLength(2)
  })

  it('not at a higher price, and a list of instances can be renewed too', async () => {
    const made = world({ price: 11 })
    const { sim, open, done } = made
    await buy(open({ purchase: { ...purchase, maxPrice: 11 } }), 1, made)
    const source = open({ instances: ['i_C1_1'], renew })
    expect(source.isList).toBe(true)
    expect(await done(failureOf(renewalOf(source).renew(['i_C1_1'], { signal: never })))).toMatchObject({
      class: 'bad_request',
      message: 'product mb_1 costs 11, more than maxPrice 10',
    })
    expect(paths(sim)).not.toContain('instance/renew')
  })

  it('never unless it is configured', () => {
    expect(world().open({ purchase }).renewal).toBeUndefined()
  })
})
