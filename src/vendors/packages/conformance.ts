/**
 * The suite that every vendor's table passes, without a test framework: cases with a title, each of which throws when the vendor
 * does not conform. No socket is opened.
 *
 *     for (const { title, run } of conformance(acme, examples)) it(title, run)
 */
import { deepStrictEqual, fail, ok } from 'node:assert/strict'
import type { Clock } from '../../clock.ts'
import { given } from '../../given.ts'
import { Secret } from '../../secret.ts'
import type { VendorHttp, VendorReply, VendorRequest } from '../client/http.ts'
import { openTableSource } from '../client/source.ts'
import type { ProxyRecord } from '../contract/delivery.ts'
import { codeOfClass, DAY_EDGE, type ErrorClass, VendorError } from '../contract/error.ts'
import type { ErrorRule, Operation, Params } from '../contract/operation.ts'
import type { SourceSettings } from '../contract/source.ts'
import type { Product, Vendor } from '../contract/vendor.ts'

interface Exchange {
  readonly product: string
  /** The parameters under `request:` in the configuration. */
  readonly request?: Params
  readonly count?: number
  /** HTTP status of the reply; 200. */
  readonly status?: number
  readonly body: string
}

/** Replies as the vendor's document prints them, and their meaning. */
export interface VendorExamples {
  /** Invented values; long, with characters that a URL encodes, so that a leak is detected. */
  readonly credentials: Readonly<Record<string, string>>
  /** A reply with everything that an item may contain, and the addresses in it; passwords in clear. */
  readonly full: Exchange & {
    readonly sold: readonly (Omit<ProxyRecord, 'password'> & { readonly password?: string })[]
  }
  /** The request of the first order: method, scheme, host and path, and its query or form by name. */
  readonly wire: { readonly method: string; readonly to: string; readonly params: Readonly<Record<string, string>> }
  readonly errors: readonly (Exchange & { readonly class: ErrorClass; readonly code?: string })[]
}

export interface ConformanceCase {
  readonly title: string
  /** @throws {AssertionError} when the vendor does not conform */
  readonly run: () => Promise<void>
}

export function conformance(vendor: Vendor, examples: VendorExamples): readonly ConformanceCase[] {
  const products = Object.keys(vendor.products)
  return [
    ...tableCases(vendor, examples),
    { title: 'an order goes where the document says', run: () => assertWire(vendor, examples) },
    { title: 'a full reply is read whole', run: () => assertFull(vendor, examples) },
    ...examples.errors.map(
      (example): ConformanceCase => ({
        title: `${JSON.stringify(example.body).slice(0, 60)} is ${example.class}`,
        run: async () => {
          const error = await failureOf(vendor, examples, example)
          deepStrictEqual([error.class, example.code ?? error.vendorCode], [example.class, error.vendorCode])
        },
      }),
    ),
    ...products.flatMap((product) =>
      JUNK.map(
        (body): ConformanceCase => ({
          title: `${product}: ${JSON.stringify(body)} is a fault of the vendor`,
          run: async () => deepStrictEqual((await failureOf(vendor, examples, { product, body })).class, 'server'),
        }),
      ),
    ),
    ...products.map(
      (product): ConformanceCase => ({
        title: `${product}: credentials that the vendor repeats are masked`,
        run: () => assertMasked(vendor, examples, product),
      }),
    ),
  ]
}

const JUNK = ['', 'Not Found', '<html></html>', '{"', 'null', '[]', '{}']

function tableCases({ operations, products }: Vendor, examples: VendorExamples): readonly ConformanceCase[] {
  return [
    ...Object.entries(products).map(
      ([name, { extract, query, maxPerCall }]): ConformanceCase => ({
        title: `product ${name}: its operations are in the table, and a call brings at least one address`,
        run: async () => {
          for (const operation of [extract, ...(query === undefined ? [] : [query])])
            ok(Object.hasOwn(operations, operation), `there is no operation ${operation}`)
          ok(maxPerCall >= 1, 'maxPerCall is below 1')
        },
      }),
    ),
    ...Object.entries(products).map(
      ([name, product]): ConformanceCase => ({
        title: `product ${name}: a call by hand is booked by what says how many`,
        run: async () => assertQuantity(operations[product.extract], product, examples.full.request ?? {}),
      }),
    ),
    ...Object.entries(operations).map(
      ([name, { about: purpose, limit, document, params, errors = {} }]): ConformanceCase => ({
        title: `operation ${name}: has a limit, a document, and words for every parameter and error`,
        run: async () => {
          ok(isText(purpose), 'its description is missing (about)')
          const { calls, perMs } = limit({ channels: 1, product: '' })
          ok(calls >= 1 && perMs >= 1, 'its limit allows nothing')
          ok(isText(document), 'it names no document')
          for (const [param, { about }] of Object.entries(params)) ok(isText(about), `${param} has no words (about)`)
          for (const [code, rule] of Object.entries(errors)) assertRule(code, rule)
        },
      }),
    ),
  ]
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

function assertRule(code: string, { class: errorClass, term, wait }: ErrorRule): void {
  const classes = Object.keys(codeOfClass)
  ok(classes.includes(errorClass), `error ${code}: class is one of ${classes.join(', ')}, not ${errorClass}`)
  ok(isText(term), `error ${code}: term has the vendor's words`)
  const isWait = wait === undefined || Number(wait) > 0 || EDGES.includes(String(wait)) || DAY_EDGE.test(String(wait))
  ok(isWait, `error ${code}: wait is a number of ms, ${EDGES.join(', ')} or day+08:00, not ${wait}`)
}

const EDGES = ['minute', 'hour', 'earliest-deadline']

/** Without it, a call by hand for twenty addresses would be booked as one. */
function assertQuantity(operation: Operation | undefined, { order, maxPerCall }: Product, request: Params): void {
  if (operation?.effect !== 'buys' || maxPerCall === 1) return
  const [one, two] = [order(1, request), order(2, request)]
  for (const name of Object.keys(two).filter((key) => one[key] !== two[key]))
    ok(operation.quantity?.includes(name) === true, `${name} says how many are bought: quantity must name it`)
}

async function assertWire(vendor: Vendor, examples: VendorExamples): Promise<void> {
  const { http, extract } = open(vendor, examples, examples.full)
  await extract()
  const [request] = http.requests
  if (request === undefined) return fail('nothing was sent')
  const { method, url, body } = request
  const sent = body === undefined ? url.searchParams : bodyParams(body)
  deepStrictEqual(
    { method, to: `${url.origin}${url.pathname}`, params: Object.fromEntries(sent) },
    { ...examples.wire },
  )
}

function bodyParams(body: string): Iterable<[string, string]> {
  if (!body.startsWith('{')) return new URLSearchParams(body)
  return Object.entries(JSON.parse(body) as object).map(([name, value]): [string, string] => [name, String(value)])
}

async function assertFull(vendor: Vendor, examples: VendorExamples): Promise<void> {
  const { sold, rejected } = await open(vendor, examples, examples.full).extract()
  const plain = sold.map(({ password, ...rest }) => {
    ok(password === undefined || password instanceof Secret, 'a password must be a Secret: secretOf(text)')
    return { ...rest, ...given({ password: password?.reveal() }) }
  })
  deepStrictEqual(plain, [...examples.full.sold])
  deepStrictEqual(rejected, [])
}

async function assertMasked(vendor: Vendor, examples: VendorExamples, product: string): Promise<void> {
  for (const value of Object.values(examples.credentials)) {
    for (const form of [value, encodeURIComponent(value), Buffer.from(value).toString('base64')]) {
      const body = JSON.stringify({ code: `no ${form}`, msg: `unknown key ${form}` })
      const { message, vendorCode, stack } = await failureOf(vendor, examples, { product, body })
      ok(![message, vendorCode, stack].join('\n').includes(form), 'an error repeats a credential')
    }
  }
}

async function failureOf(vendor: Vendor, examples: VendorExamples, exchange: Exchange): Promise<VendorError> {
  const outcome = await open(vendor, examples, exchange)
    .extract()
    .catch((error: unknown) => error)
  if (outcome instanceof VendorError) return outcome
  if (outcome instanceof Error)
    return fail(
      `decode and deliver must throw VendorError (malformed, refusal), not ${outcome.name}: ${outcome.message}`,
    )
  return fail('addresses were read where there is an error')
}

function open(vendor: Vendor, { credentials }: VendorExamples, exchange: Exchange) {
  const { product, request = {}, count = 1 } = exchange
  const http = new ScriptedHttp(exchange)
  const settings: SourceSettings = {
    name: 'under-test',
    vendor: vendor.name,
    product,
    request,
    credentials: Object.fromEntries(Object.entries(credentials).map(([name, value]) => [name, new Secret(value)])),
    allowPrivate: false,
    limit: { share: 1 },
    callTimeoutMs: 5_000,
    maxBodyBytes: 1_048_576,
  }
  const source = openTableSource(vendor, settings, { clock: stillClock, http })
  return { http, extract: () => source.extract(count, { signal: new AbortController().signal }) }
}

/** No time passes: a conforming vendor has no timers. */
const stillClock: Clock = {
  now: () => 0,
  wall: () => Date.UTC(2026, 0, 1),
  after: () => ({ clear: () => {} }),
  sleep: () => Promise.resolve(),
  onWake: () => () => {},
}

class ScriptedHttp implements VendorHttp {
  readonly requests: VendorRequest[] = []
  readonly #exchange: Exchange

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  call(request: VendorRequest): Promise<VendorReply> {
    this.requests.push(request)
    const { status = 200, body: text } = this.#exchange
    return Promise.resolve({ status, headers: {}, text, sentAt: 0, vendorWallMs: undefined })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
