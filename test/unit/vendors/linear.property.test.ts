/**
 * Replies of vendors, links and lists come from strangers and may hold a mebibyte: reading one takes a bounded number of steps
 * for each character, whatever the text is. Steps are counted (test/support/steps.ts), so the machine's speed does not matter.
 */
import fc from 'fast-check'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { maskerOf, redact } from '../../../src/vendors/client/redact.ts'
import type { Operation } from '../../../src/vendors/contract/operation.ts'
import { itemReader } from '../../../src/vendors/generic/item.ts'
import { readList } from '../../../src/vendors/generic/reply.ts'
import { fieldCut, itemCut } from '../../../src/vendors/generic/select.ts'
import { parseOwn } from '../../../src/vendors/generic/settings.ts'
import { readLink } from '../../../src/vendors/ipipv/link.ts'
import { juliangip } from '../../../src/vendors/juliangip.ts'
import { refusalIn } from '../../../src/vendors/links/error-messages.ts'
import { sniff } from '../../../src/vendors/links/sniff.ts'
import { parseEndpoint, readEndpoint } from '../../../src/vendors/parse/address.ts'
import { parseJson } from '../../../src/vendors/parse/json.ts'
import { formatOf } from '../../../src/vendors/parse/reply.ts'
import { scanText } from '../../../src/vendors/parse/scan.ts'
import { parseZone, readTime } from '../../../src/vendors/parse/time.ts'
import { readXml } from '../../../src/vendors/parse/xml.ts'
import { qg } from '../../../src/vendors/qg.ts'
import { qgLegacy } from '../../../src/vendors/qg-legacy.ts'
import { smartproxy } from '../../../src/vendors/smartproxy.ts'
import { grown, hostileText } from '../../support/hostile-text.ts'
import { openStepCounter } from '../../support/steps.ts'

const MIB = 2 ** 20
/** A guard against a hang, on a machine that has much else to do: counting makes a mebibyte take seconds. */
vi.setConfig({ testTimeout: 120_000 })
/** The hungriest reader takes a third of it on its worst text. Quadratic work on a mebibyte is 10,000 times as much. */
const STEPS_PER_CHARACTER = 150

const raw = (text: string) => ({ status: 200, headers: {}, text })
const china = parseZone('+08:00') ?? (() => 0)

function generic(entry: Readonly<Record<string, unknown>>) {
  const own = parseOwn({ url: 'http://127.0.0.1/', ...entry })
  const item = itemReader(own.fields, fieldCut(own.fieldSeparator))
  return (text: string) =>
    readList(raw(text), { rules: own, list: own, item, isMeant: () => true, cut: itemCut(own.separator) })
}

/** Products of one vendor share their readers. */
function ofVendors(): [string, (text: string) => unknown][] {
  return [juliangip, qg, qgLegacy, smartproxy].map((vendor) => {
    const products = Object.values(vendor.products)
    const byOperation = new Map(products.map((product) => [product.extract, product]))
    return [
      vendor.name,
      (text) => {
        for (const [operation, product] of byOperation)
          orRefused(() => {
            product.deliver(vendor.decode(operation, raw(text), {}, {}), { operation, request: {} })
          })
      },
    ]
  })
}

function orRefused(read: () => void): void {
  try {
    read()
  } catch {
    // The next operation may read it.
  }
}

const login: Operation['secrets'] = { a: 'login', b: 'account', c: 'link' }
const readers: readonly (readonly [string, (text: string) => unknown])[] = [
  ['a link', sniff],
  ['a list', (text) => scanText(text, { isList: true })],
  ['a text', (text) => scanText(text)],
  ['the format of a reply', formatOf],
  ['one address', parseEndpoint],
  ['JSON', parseJson],
  ['XML', readXml],
  ['words of an error', (text) => refusalIn(undefined, text)],
  ['a drawn address', (text) => readEndpoint(text)],
  ['a draw link', (text) => readLink(raw(text), 'http')],
  ['a generic text', generic({ format: 'text' })],
  [
    'a generic text of columns',
    generic({ format: 'text', separator: '<br>', fieldSeparator: ',', fields: { host: 1, port: 2 } }),
  ],
  ['generic JSON', generic({ format: 'json', items: 'data.*', success: { field: 'code', is: [0] } })],
  ['generic XML', generic({ format: 'xml', items: 'a.a' })],
  ['a zone', parseZone],
  ['a time', (text) => readTime(text, china)],
  [
    'a reply to be shown',
    (text) => redact({ secrets: login } as Operation, { a: text, b: text, c: text, d: text }, ['secret']),
  ],
  ['words to be shown', maskerOf(['secret', 'user:pass'])],
  ...ofVendors(),
]

const counter = openStepCounter()
afterAll(() => counter.close())

function mustBeLinear(read: (text: string) => unknown, text: string): void {
  const limit = STEPS_PER_CHARACTER * text.length
  expect(counter.count(() => read(text), limit)).toBeLessThan(limit)
}

/** Texts that have cost seconds. */
const known: readonly (readonly [front: string, pump: string, behind: string])[] = [
  ['', '<!---->', 'x'],
  ['<html>', '<title', ''],
  ['', '{\n', ''],
  ['', '1:', ''],
  ['1.2.3.4', ':1', 'x'],
  ['2026-02-25 ', '15:38:36,2026-02-25 ', ''],
  ['', '203.0.113.7:8080,', ''],
  ['', '203.0.113.7:8080 ', ''],
  ['["', '203.0.113.7:8080 ', '"]'],
  ['', 'ip ', ''],
  ['', 'A/', '/'],
  ['', '[', ''],
]

describe.each(readers)('%s', (_name, read) => {
  it.each(known)('is read in linear time: %j %j %j', (front, pump, behind) => {
    mustBeLinear(read, grown(front, pump, behind, MIB / 16))
  })

  it('is read in linear time, whatever it holds', () => {
    fc.assert(
      fc.property(hostileText(MIB / 64), (text) => mustBeLinear(read, text)),
      { numRuns: 25 },
    )
  })

  it('is read in linear time, a mebibyte of it', () => {
    fc.assert(
      fc.property(hostileText(MIB), (text) => mustBeLinear(read, text)),
      { numRuns: 1, endOnFailure: true },
    )
  })
})
