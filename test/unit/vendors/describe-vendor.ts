/** What is demanded of every vendor that is a table, whatever it sells. One call per vendor; oddities are tested beside it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { VendorRequest } from '../../../src/vendors/client/http.ts'
import { paramProblems } from '../../../src/vendors/client/params.ts'
import type { Pending } from '../../../src/vendors/contract/delivery.ts'
import { type ErrorClass, VendorError, type WaitEdge } from '../../../src/vendors/contract/error.ts'
import type { Params } from '../../../src/vendors/contract/operation.ts'
import type { Vendor } from '../../../src/vendors/contract/vendor.ts'
import { failureOf, formsOf, never, type PlainSold, plain, printed, type Scripted, scripted } from './scripted-http.ts'

interface Extraction {
  readonly title: string
  readonly product: string
  readonly request?: Params
  /** `query` lists what the account holds instead of buying. */
  readonly by?: 'extract' | 'query'
  readonly count?: number
}

interface WireFixture extends Extraction {
  readonly method: string
  /** Scheme, host and path. */
  readonly to: string
  readonly query: Readonly<Record<string, unknown>>
}

export interface SuccessFixture extends Extraction, Scripted {
  readonly sold: readonly PlainSold[]
  /** What was bought without an address so far; default none. */
  readonly pending?: readonly Pending[]
  readonly balance?: number
  /** How many items of the reply cannot be used; default none. */
  readonly rejected?: number
}

export interface FailureFixture extends Extraction, Scripted {
  readonly class: ErrorClass
  readonly vendorCode?: string
  readonly wait?: WaitEdge
  readonly hint?: RegExp
}

export interface VendorFixtures {
  /** Invented, long, and of characters that URLs encode: they must not be found in any error. */
  readonly credentials: Readonly<Record<string, string>>
  /** What each product cannot be ordered without: `request:` and the keys that only it has. */
  readonly needs?: Readonly<
    Record<string, { readonly request?: Params; readonly own?: Readonly<Record<string, unknown>> }>
  >
  /** Reads the parameters of a request; default: its query. */
  readonly sent?: (request: VendorRequest) => Readonly<Record<string, unknown>>
  /** For a vendor that lives on loopback. */
  readonly allowPrivate?: boolean
  readonly wire: readonly WireFixture[]
  /** Every valid example of the vendor's document. */
  readonly examples: readonly SuccessFixture[]
  /** A reply with all that an item can carry. */
  readonly full: SuccessFixture
  readonly empty: FailureFixture
  readonly quota: FailureFixture
  readonly auth: FailureFixture
  readonly failures: readonly FailureFixture[]
  /** Bodies that mean nothing, under HTTP 200. */
  readonly junk: readonly string[]
  /** Every documented error code of every call, with what it means: written from the document, not from the table. */
  readonly codes: Readonly<Record<string, Readonly<Record<string, ErrorClass>>>>
  /** How this vendor says no. */
  readonly refuse: (code: string, words: string) => string
}

/** Declares the whole suite for one vendor. */
export function describeVendor(vendor: Vendor, fixtures: VendorFixtures): void {
  const suite: Suite = { vendor, fixtures, products: Object.keys(vendor.products) }
  describe(`${vendor.name}: the table`, () => describeTable(vendor))
  describe(`${vendor.name}: what goes on the wire`, () => describeWire(suite))
  describe(`${vendor.name}: replies`, () => describeReplies(suite))
  describe(`${vendor.name}: failures`, () => describeFailures(suite))
  describe(`${vendor.name}: bodies from strangers`, () => describeJunk(suite))
}

interface Suite {
  readonly vendor: Vendor
  readonly fixtures: VendorFixtures
  readonly products: readonly string[]
}

/** Runs one extraction or query of a fixture against a vendor that answers `reply`. */
function run({ vendor, fixtures }: Suite, fixture: Extraction, reply: Scripted) {
  const { product, by, count = 1 } = fixture
  const { credentials, allowPrivate = false } = fixtures
  const needs = fixtures.needs?.[product] ?? {}
  const request = { ...needs.request, ...fixture.request }
  const { source, http } = scripted(
    { vendor: vendor.name, product, request, own: needs.own ?? {}, credentials, allowPrivate, channels: 4 },
    reply,
  )
  return {
    delivery: by === 'query' ? source.query({ signal: never }) : source.extract(count, { signal: never }),
    source,
    http,
  }
}

function describeWire(suite: Suite): void {
  it.each(suite.fixtures.wire)('$title', async (fixture) => {
    const { delivery, http } = run(suite, fixture, { body: '' })
    await failureOf(delivery)
    expect(http.requests).toHaveLength(1)
    const sent = http.requests[0] ?? expect.fail('no request')
    const { method, url } = sent
    expect(method).toBe(fixture.method)
    expect(`${url.origin}${url.pathname}`).toBe(fixture.to)
    expect(suite.fixtures.sent?.(sent) ?? Object.fromEntries(url.searchParams)).toEqual(fixture.query)
  })

  it.each(suite.products)('%s: baseUrl moves every call, prefix and all', async (product) => {
    const { vendor, fixtures } = suite
    const baseUrl = 'http://127.0.0.1:9000/v9/'
    const needs = { request: {}, own: {}, ...fixtures.needs?.[product] }
    const { source, http } = scripted({
      vendor: vendor.name,
      product,
      ...needs,
      credentials: fixtures.credentials,
      baseUrl,
    })
    await failureOf(source.extract(1, { signal: never }))
    const { path, isAtRoot } = source.operations[source.extractOperation] ?? expect.fail('no such operation')
    const prefix = isAtRoot === true ? '' : '/v9'
    expect(http.requests[0]?.url.href).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:9000${prefix}${path}(\\?|$)`))
  })
}

function describeReplies(suite: Suite): void {
  it.each([...suite.fixtures.examples, suite.fixtures.full])('$title', async (fixture) => {
    const delivery = await run(suite, fixture, fixture).delivery
    expect(delivery.sold.map(plain)).toEqual(fixture.sold)
    expect(delivery.pending ?? []).toEqual(fixture.pending ?? [])
    expect(delivery.balance).toBe(fixture.balance)
    expect(delivery.rejected).toHaveLength(fixture.rejected ?? 0)
  })
}

function describeFailures(suite: Suite): void {
  const { vendor, fixtures, products } = suite
  const { empty, quota, auth, failures } = fixtures
  it.each([empty, quota, auth, ...failures])('$title', async (fixture) => {
    const error = await failureOf(run(suite, fixture, fixture).delivery)
    expect({ class: error.class, wait: error.wait }).toEqual({ class: fixture.class, wait: fixture.wait })
    if (fixture.vendorCode !== undefined) expect(error.vendorCode).toBe(fixture.vendorCode)
    if (fixture.hint !== undefined) expect(error.hint).toMatch(fixture.hint)
    expect(error.message).not.toBe('')
  })

  it.each(Object.keys(vendor.operations))('%s: every documented code, and none besides', (operation) => {
    const codes = fixtures.codes[operation] ?? {}
    expect(Object.keys(vendor.operations[operation]?.errors ?? {}).sort()).toEqual(Object.keys(codes).sort())
    for (const [code, expected] of Object.entries(codes)) {
      expect([code, classOf(vendor, operation, fixtures.refuse(code, ''))]).toEqual([code, expected])
    }
  })

  it.each(['90210', 'toString', '__proto__'])(
    'the unknown code %s is a fault of the vendor, who sold nothing',
    async (code) => {
      for (const product of products) {
        const reply = { body: fixtures.refuse(code, 'never heard of') }
        const error = await failureOf(run(suite, { title: '', product }, reply).delivery)
        expect(error).toMatchObject({ class: 'server', vendorCode: code, sale: 'refused' })
        expect(error.message).toContain('never heard of')
      }
    },
  )
}

function describeJunk(suite: Suite): void {
  const { fixtures, products } = suite
  it.each(fixtures.junk.map((body) => [body.slice(0, 60), body]))(
    '%j is a fault of the vendor',
    async (_title, body) => {
      for (const product of products) {
        const error = await failureOf(run(suite, { title: '', product }, { body }).delivery)
        expect(error.class).toBe('server')
        expect(error.message.length).toBeLessThanOrEqual(300)
      }
    },
  )

  it.each(products)('%s: a credential that the vendor repeats is masked, in any form', async (product) => {
    const { delivery, source, http } = run(suite, { title: '', product }, { body: '' })
    await failureOf(delivery)
    const sent = http.requests[0]?.url ?? expect.fail('no request')
    const secrets = [...Object.values(fixtures.credentials), ...sent.searchParams.getAll('sign')]
    const forms = secrets.flatMap(formsOf)
    const bodies = [fixtures.refuse('1', sent.href), fixtures.refuse('1', forms.join(' ')), sent.href, forms.join('\n')]
    for (const body of [...bodies, ...forms.map((form) => fixtures.refuse(form, 'x'))]) {
      http.reply = { body }
      const text = printed(await failureOf(source.extract(1, { signal: never })))
      for (const form of forms) expect(text).not.toContain(form)
    }
  })

  // Bounded work, but machines differ: what is asked for is an end, not a speed.
  it('any body under any status ends in addresses or a VendorError', { timeout: 30_000 }, async () => {
    const bodies = [fixtures.full, ...fixtures.examples].map(({ body }) => body)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...products), anyStatus, anyBody(bodies), async (product, status, body) => {
        const { delivery } = run(suite, { title: '', product, count: 3 }, { status, body })
        const outcome = await delivery.catch((error: unknown) => error)
        if (outcome instanceof VendorError) return
        expect(outcome).toHaveProperty('sold')
        expect(status === 400 || status < 300).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
}

function describeTable(vendor: Vendor): void {
  it('each product names calls of the table', () => {
    for (const { extract, query } of Object.values(vendor.products)) {
      expect(Object.keys(vendor.operations)).toContain(extract)
      if (query !== undefined) expect(Object.keys(vendor.operations)).toContain(query)
    }
  })

  it.each(Object.entries(vendor.operations))(
    '%s says what it is, where that stands and what it costs',
    (_name, operation) => {
      expect(operation.about).not.toBe('')
      expect(operation.document).not.toBe('')
      const { calls, perMs } = operation.limit({ channels: 1, product: '' })
      expect(calls).toBeGreaterThan(0)
      expect(perMs).toBeGreaterThan(0)
      for (const [name, param] of Object.entries(operation.params)) {
        expect([name, param.about !== '' && param.term !== '']).toEqual([name, true])
        // A default that the table itself refuses would make the document wrong.
        if (param.default !== undefined)
          expect(paramProblems(operation, { [name]: param.default }, 'operator')).toEqual([])
      }
      for (const rule of Object.values(operation.errors ?? {})) expect(rule.term).not.toBe('')
      // A call by hand is booked by these: a count that is not among them would be bought outside of the budget.
      const counts = Object.entries(operation.params).filter(([, { managed, type }]) => managed && type === 'integer')
      if (operation.effect === 'buys')
        expect(operation.quantity ?? []).toEqual(expect.arrayContaining(counts.map(([name]) => name)))
    },
  )
}

function classOf(vendor: Vendor, operation: string, text: string): ErrorClass | 'no error' {
  try {
    vendor.decode(operation, { status: 200, headers: {}, text }, {}, {})
    return 'no error'
  } catch (error) {
    if (error instanceof VendorError) return error.class
    throw error
  }
}

const anyStatus = fc.constantFrom(200, 204, 400, 401, 403, 404, 418, 429, 500, 502, 503)

/** From nothing in common with a reply to a reply with one thing wrong. */
function anyBody(bodies: readonly string[]): fc.Arbitrary<string> {
  const valid = fc.constantFrom(...bodies)
  const cut = fc.tuple(valid, fc.nat(400)).map(([body, length]) => body.slice(0, length))
  const dented = fc
    .tuple(valid, fc.nat(400), fc.string())
    .map(([body, at, text]) => `${body.slice(0, at)}${text}${body.slice(at + text.length)}`)
  const swapped = fc
    .tuple(valid, fc.nat(60), fc.jsonValue())
    .map(([body, index, value]) => swapValue(body, index, value))
  return fc.oneof(fc.string({ unit: 'binary' }), fc.json(), cut, dented, swapped)
}

/** Replaces the n-th value of a JSON body by another. */
function swapValue(body: string, index: number, value: unknown): string {
  let seen = 0
  try {
    return JSON.stringify(JSON.parse(body), (_key, old: unknown) => (seen++ === index ? value : old))
  } catch {
    return body
  }
}
