/** What a Source can do besides selling, over a vendor that is nothing but a table. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { CallGate } from '../../../../src/vendors/client/contract.ts'
import { openTableSource } from '../../../../src/vendors/client/source.ts'
import type { Operation } from '../../../../src/vendors/contract/operation.ts'
import type { Product, Vendor } from '../../../../src/vendors/contract/vendor.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { failureOf, never, ScriptedHttp, settingsOf } from '../scripted-http.ts'

const call = (path: string, params: Operation['params'] = {}): Operation => ({
  about: 'x',
  document: 'x',
  method: 'GET',
  path,
  params,
  limit: ({ channels }) => ({ calls: channels * 2, perMs: 1_000 }),
  effect: 'reads',
})
const ref = { type: 'string', about: 'x', term: 'x' } as const

const product: Product = {
  about: 'x',
  extract: 'get',
  maxPerCall: 10,
  channels: true,
  order: () => ({}),
  deliver: (data) => data as never,
}
const vendor = (sold: Partial<Product> = {}, rest: Partial<Vendor> = {}): Vendor => ({
  name: 'acme',
  baseUrl: 'https://api.acme.example',
  credentials: z.strictObject({}),
  operations: { get: call('/get', { auto: ref }), where: call('/where', { refs: ref }), free: call('/free', { ref }) },
  products: { only: { ...product, ...sold } },
  authorize: (_operation, params) => params,
  decode: (_operation, { text }) => JSON.parse(text) as unknown,
  ...rest,
})

function open(of: Vendor, ...bodies: unknown[]) {
  const clock = new FakeClock()
  const http = new ScriptedHttp(clock)
  http.script = bodies.map((body) => ({ body: JSON.stringify(body) }))
  const gated: string[] = []
  const gate: CallGate = (limit, { priority }, send) => {
    gated.push(`${limit.calls} ${priority}`)
    return send()
  }
  const source = openTableSource(of, settingsOf({ vendor: 'acme', product: 'only' }), { clock, http, gate })
  const paths = () => http.requests.map(({ url }) => `${url.pathname}${url.search}`)
  return { source, http, gated, paths }
}

const address = (host: string, name: string) => ({
  host,
  port: 80,
  protocol: 'http',
  life: { kind: 'endless' },
  ref: name,
})

describe('a source that can do no more than sell', () => {
  it('has none of the others', () => {
    const { source } = open(vendor())
    for (const able of ['follow', 'release', 'replace', 'channelsNow', 'whitelist'] as const)
      expect(source[able]).toBeUndefined()
  })
})

describe('addresses that come later', () => {
  const following = vendor({
    follow: { operation: 'where', everyMs: 9, pendingEveryMs: 3, params: (refs) => ({ refs: refs.join(' ') }) },
  })

  it('an order that brings only pending ones is no failure', async () => {
    const { source } = open(following, { sold: [], pending: [{ ref: 'a' }], rejected: [] })
    expect(await source.extract(1, { signal: never })).toMatchObject({ sold: [], pending: [{ ref: 'a' }] })
  })

  it('are followed through the gate, filtered, and missed when nobody names them', async () => {
    const told = { sold: [address('1.1.1.1', 'a'), address('10.0.0.1', 'b')], pending: [{ ref: 'c' }], rejected: [] }
    const { source, gated, paths } = open(following, told)
    const followed =
      (await source.follow?.ask(['a', 'b', 'c', 'd'], { signal: never, priority: 7 })) ?? expect.fail('no follow')
    expect(followed.sold.map(({ host }) => host)).toEqual(['1.1.1.1'])
    expect(followed.pending).toEqual([{ ref: 'c' }])
    expect(followed.gone).toContain('d')
    expect(followed.gone).not.toContain('a')
    expect(gated).toEqual(['2 7'])
    expect(paths()).toEqual(['/where?refs=a+b+c+d'])
  })
})

describe('several steps', () => {
  it('each passes the gate, the times are those of the last one, and the rest is filtered', async () => {
    const { source, http, gated } = open(
      vendor({
        take: async (count, { call: ask }) => {
          const first = await ask('where', {})
          const second = await ask('free', { ref: `${count} ${first}` })
          return { sold: [address('1.1.1.1', 'a'), address('127.0.0.1', 'b')] as never, rejected: [String(second)] }
        },
      }),
    )
    http.script = [
      { body: '1', vendorWallMs: 1_000 },
      { body: '2', vendorWallMs: 2_000 },
    ]
    const { sold, rejected, vendorWallMs } = await source.extract(5, { signal: never })
    expect(sold).toMatchObject([{ host: '1.1.1.1' }])
    expect(rejected).toEqual(['2', expect.stringContaining('127.0.0.1')])
    expect(vendorWallMs).toBe(2_000)
    expect(gated).toHaveLength(2)
  })
})

describe('giving back', () => {
  it('names one address in one call', async () => {
    const back = { operation: 'free', params: (one: string) => ({ ref: one }) }
    const { source, paths, gated } = open(vendor({ release: back, replace: back }), null, {
      sold: [address('1.1.1.2', 'b')],
      rejected: [],
    })
    await source.release?.('a', { signal: never })
    expect((await source.replace?.('a', { signal: never }))?.sold).toMatchObject([{ host: '1.1.1.2' }])
    expect(paths()).toEqual(['/free?ref=a', '/free?ref=a'])
    expect(gated).toHaveLength(2)
  })
})

describe('channels and whitelist', () => {
  it('what the vendor says of channels sets limits, none at all does not', async () => {
    const asking = vendor({}, { channelsNow: async (_product, { call: ask }) => (await ask('where', {})) as never })
    const { source } = open(asking, { total: 4 }, { total: 0, free: 0 })
    expect([source.channels, source.limitOf('get').calls]).toEqual([undefined, 2])
    await source.channelsNow?.(never)
    expect([source.channels, source.limitOf('get').calls]).toEqual([4, 8])
    await source.channelsNow?.(never)
    expect(source.channels).toBe(4)
  })

  it('the caller’s parameters come with each extraction once they are wanted', async () => {
    const delivered = { sold: [address('1.1.1.1', 'a')], rejected: [] }
    const known = vendor(
      { order: (_count, request) => request },
      { whitelist: { add: () => Promise.resolve(), callerParams: { auto: '1' } } },
    )
    const { source, paths } = open(known, delivered, delivered)
    await source.extract(1, { signal: never })
    source.whitelist?.addCaller?.()
    await source.extract(1, { signal: never })
    expect(paths()).toEqual(['/get', '/get?auto=1'])
  })

  it('an echo that names no address is a fault of the vendor', async () => {
    const echoing = vendor({}, { whitelist: { add: () => Promise.resolve(), echo: () => Promise.resolve('nobody') } })
    expect(await failureOf(open(echoing).source.whitelist?.echo?.(never) ?? expect.fail('none'))).toMatchObject({
      class: 'server',
    })
  })
})
