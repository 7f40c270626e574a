/** The only file that knows every vendor: all other code uses the vendor's name in gateway.yaml. */
import type { z } from 'zod'
import type { Secret } from '../secret.ts'
import type { SourceDeps } from './client/contract.ts'
import { KeyedMutex } from './client/keyed-mutex.ts'
import { configurableParams, paramProblems } from './client/params.ts'
import { openTableSource } from './client/source.ts'
import { VendorError } from './contract/error.ts'
import type { Param } from './contract/operation.ts'
import type { Source, SourceSettings } from './contract/source.ts'
import type { EntryProblem, Vendor } from './contract/vendor.ts'
import { demo } from './demo.ts'
import type { GatewayOwn } from './gateway/settings.ts'
import { gateway, gatewayOf } from './gateway.ts'
import { generic, openGeneric } from './generic.ts'
import { ipipv, openIpipv } from './ipipv.ts'
import { juliangip } from './juliangip.ts'
import { linkProblems } from './links/check.ts'
import { choiceOf, openPasted } from './links/open.ts'
import { type LinkProblem, type LinkReading, type LinkTables, readLink as readWith } from './links/reading.ts'
import { LINK } from './links/table.ts'
import { isPackage, loadPackage } from './packages/load.ts'
import { membersOf } from './parse/reply.ts'
import { qg } from './qg.ts'
import { qgLegacy } from './qg-legacy.ts'
import { smartproxy } from './smartproxy.ts'
import * as list from './static.ts'

export { refusalOf } from './client/address-filter.ts'
export type { CallGate, SourceDeps, SourceMemory } from './client/contract.ts'
export type { VendorHttp } from './client/http.ts'
export { openVendorHttp } from './client/http.ts'
export { KeyedMutex } from './client/keyed-mutex.ts'
export { expectation, isCredential } from './client/params.ts'
export { requestFields } from './gateway/headers.ts'
export type { LinkReading } from './links/reading.ts'
export { parseEndpoint } from './parse/address.ts'

/** The facts about a vendor that are needed before a source is opened. */
interface VendorEntry {
  readonly products: readonly string[]
  readonly credentials: Vendor['credentials']
  readonly requestParams: (product: string) => Readonly<Record<string, Param>>
  readonly ownKeys?: (product: string) => Readonly<Record<string, z.ZodType>>
  readonly check?: (product: string, entry: Readonly<Record<string, unknown>>) => readonly EntryProblem[]
  readonly open: (settings: SourceSettings, deps: SourceDeps) => Source
}

function tableEntry(vendor: Vendor): VendorEntry {
  return {
    products: Object.keys(vendor.products),
    credentials: vendor.credentials,
    requestParams: (product) => {
      const operation = vendor.operations[vendor.products[product]?.extract ?? '']
      return operation === undefined ? {} : configurableParams(operation)
    },
    ownKeys: (product) => vendor.products[product]?.settings ?? {},
    check: (product, entry) => vendor.products[product]?.check?.(entry) ?? [],
    open: (settings, deps) => openTableSource(vendor, settings, deps),
  }
}

const vendorEntries = new Map<string, VendorEntry>([
  ['juliangip', tableEntry(juliangip)],
  ['qg', tableEntry(qg)],
  ['qg-legacy', tableEntry(qgLegacy)],
  ['smartproxy', tableEntry(smartproxy)],
  [
    'ipipv',
    {
      ...tableEntry(ipipv),
      open: (settings, deps) => openIpipv(settings, { inTurn: new KeyedMutex().inTurn, ...deps }),
    },
  ],
  ['generic', { ...tableEntry(generic), open: openGeneric }],
  [
    'gateway',
    {
      ...tableEntry(gateway),
      open: (settings, deps) => openTableSource(gatewayOf(settings.own as unknown as GatewayOwn), settings, deps),
    },
  ],
  ['demo', tableEntry(demo)],
  [
    list.name,
    {
      products: [list.product],
      credentials: list.credentials,
      requestParams: () => ({}),
      check: (_product, entry) => list.listProblems(entry),
      open: list.openStaticSource,
    },
  ],
])

function entryOf(vendor: string): VendorEntry {
  const found = vendorEntries.get(vendor)
  if (found !== undefined) return found
  throw new VendorError('bad_request', 'vendor', `there is no vendor ${vendor}: ${vendorNames.join(', ')}`)
}

const names = [...vendorEntries.keys()]

/** The values of `vendor:` in gateway.yaml, including loaded packages. */
export const vendorNames: readonly string[] = names

/**
 * Loads the packages that a configuration names under `vendor:`, each once.
 * @param entries the entries under `providers`, as written
 * @param folder of the configuration file
 * @returns why some cannot be loaded; paths begin at the entries
 */
export function loadPackages(entries: readonly unknown[], folder: string): readonly EntryProblem[] {
  return entries.flatMap((entry, i) => {
    const name = membersOf(entry)?.['vendor']
    if (typeof name !== 'string' || !isPackage(name) || vendorEntries.has(name)) return []
    const loaded = loadPackage(name, folder)
    if (typeof loaded === 'string') return [{ path: [i, 'vendor'], message: `${name} ${loaded}` }]
    vendorEntries.set(name, tableEntry(loaded))
    names.push(name)
    return []
  })
}

/** The values of `product:` for a vendor. @throws {VendorError} class bad_request for an unknown vendor; so do the others */
export function productsOf(vendor: string): readonly string[] {
  return entryOf(vendor).products
}

/** The zod shape of `credentials:`. */
export function credentialsOf(vendor: string): Vendor['credentials'] {
  return entryOf(vendor).credentials
}

/** The parameters that a user may set under `request:`; none for an unknown product. */
export function requestParamsOf(vendor: string, product: string): Readonly<Record<string, Param>> {
  return entryOf(vendor).requestParams(product)
}

/** Keys of a provider's entry for this product; none for an unknown product. */
export function ownKeysOf(vendor: string, product: string): Readonly<Record<string, z.ZodType>> {
  return entryOf(vendor).ownKeys?.(product) ?? {}
}

/**
 * Mistakes in an entry that concern several keys.
 * @param product undefined when the entry names none: then the vendor's only one
 * @param entry as written, valid or not
 */
export function entryProblems(
  vendor: string,
  product: string | undefined,
  entry: Readonly<Record<string, unknown>>,
): readonly EntryProblem[] {
  if (vendor === LINK) return linkProblems(entry, pasted)
  const found = vendorEntries.get(vendor)
  const only = found?.products.length === 1 ? found.products[0] : undefined
  const meant = product ?? only
  return meant === undefined ? [] : (found?.check?.(meant, entry) ?? [])
}

/**
 * Opens one configured account and product.
 * @throws {VendorError} class bad_request for an unknown vendor or product, and for settings that the vendor's table does not allow
 */
export function openSource(settings: SourceSettings, deps: SourceDeps): Source {
  if (settings.vendor === LINK) return openPasted(settings, deps, pasted)
  return entryOf(settings.vendor).open(settings, deps)
}

/** Vendors whose pages generate links. */
const pasted: LinkTables = {
  vendors: [juliangip, qg, qgLegacy, smartproxy],
  isAllowed: (operation, name, value) => paramProblems(operation, { [name]: value }, 'configured').length === 0,
}

/**
 * Parses a pasted link without calling it: vendor, product, account.
 * @param product one of the vendor's, if the link may be for several
 * @param key computes the signature of a signed link again
 */
export function readLink(link: Secret, product?: string, key?: Secret): LinkReading | LinkProblem {
  return readWith(link, choiceOf(product, key), pasted)
}
