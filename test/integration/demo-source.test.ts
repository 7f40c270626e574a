/** The gateway's table of the demo vendor against the vendor itself: what the one says the other does. */
import { expect, it, onTestFinished } from 'vitest'
import { Secret } from '../../src/secret.ts'
import type { Params } from '../../src/vendors/contract/operation.ts'
import type { SourceSettings } from '../../src/vendors/contract/source.ts'
import { openSource, openVendorHttp } from '../../src/vendors/registry.ts'
import { buy, start } from '../support/demo-client.ts'

const never = new AbortController().signal

async function open({ channels = 20, request = {}, key }: { channels?: number; request?: Params; key?: Secret } = {}) {
  const { world, clock } = await start({ channels, life: [60_000, 60_000] })
  const http = openVendorHttp({ clock })
  onTestFinished(() => http.close())
  const settings: SourceSettings = {
    name: 'demo',
    vendor: 'demo',
    product: 'channel',
    credentials: { key: key ?? world.key },
    request,
    baseUrl: world.baseUrl,
    allowPrivate: true,
    channels,
    limit: { share: 1 },
    callTimeoutMs: 5_000,
    maxBodyBytes: 100_000,
  }
  return { source: openSource(settings, { clock, http }), world, clock }
}

it('buys and lists, and reads the deadlines to the millisecond', async () => {
  const { source, world, clock } = await open({ request: { country: 'DE' } })
  expect([source.byChannel, source.channels, source.maxPerCall]).toEqual([true, 20, 100])
  const bought = await source.extract(3, { signal: never })
  expect([bought.sold.length, bought.rejected]).toEqual([3, []])
  expect(bought.vendorWallMs).toBe(Math.floor(clock.wall() / 1000) * 1000)
  for (const { life, country, city, protocol } of bought.sold) {
    // Sold in the middle of a second, for the first full second that leaves a whole minute.
    expect([life, country, city, protocol]).toEqual([
      { kind: 'until', wallMs: clock.wall() + 60_600 },
      'DE',
      'Frankfurt',
      'http',
    ])
  }
  const other = await buy(world)
  const held = (await source.query({ signal: never })).sold.map(({ ref }) => ref)
  expect(held).toEqual([...bought.sold.map(({ ref }) => ref), other.server])
})

it('states the limits that the vendor enforces', async () => {
  const { source, clock } = await open({ channels: 1 })
  for (const operation of ['query', 'get']) {
    const { calls, perMs } = source.limitOf(operation)
    const one = () => source.call(operation, {}, { signal: never }).catch((error: unknown) => error)
    for (let i = 0; i < calls; i++) expect(await one()).not.toMatchObject({ class: 'rate_limited' })
    clock.advance(perMs - 2_000)
    expect(await one()).toMatchObject({ class: 'rate_limited', wait: 2_000 })
    clock.advance(2_000)
    expect(await one()).not.toMatchObject({ class: 'rate_limited' })
  }
})

it.each([
  ['there is no free channel', { channels: 1 }, { class: 'quota_exhausted', wait: 'earliest-deadline' }],
  ['there is no such place', { request: { city: 'Atlantis' } }, { class: 'no_resource' }],
  ['the key is another start’s', { key: new Secret('of-another-start') }, { class: 'auth', vendorCode: 'INVALID_KEY' }],
])('understands that %s', async (_what, options, error) => {
  const { source, world } = await open(options)
  await buy(world)
  await expect(source.extract(1, { signal: never })).rejects.toMatchObject(error)
})
