/** Parses a pasted link and makes its source. */
import { given } from '../../given.ts'
import type { Secret } from '../../secret.ts'
import type { SourceDeps } from '../client/contract.ts'
import { openTableSource } from '../client/source.ts'
import { VendorError } from '../contract/error.ts'
import type { Source, SourceSettings } from '../contract/source.ts'
import type { Vendor } from '../contract/vendor.ts'
import { type IsAllowed, type LinkChoice, type LinkProblem, type LinkReading, readLink } from './reading.ts'
import { tableOf } from './table.ts'

/** The vendors whose links are known, and how their tables check a value. */
export interface LinkTables {
  readonly vendors: readonly Vendor[]
  readonly isAllowed: IsAllowed
}

/** @param link begins with http:// or https:// */
export function readPasted(
  link: Secret,
  choice: LinkChoice,
  { vendors, isAllowed }: LinkTables,
): LinkReading | LinkProblem {
  return readLink(link.reveal(), choice, vendors, isAllowed)
}

/** @throws {VendorError} class bad_request for an invalid link, with a message that contains nothing of it */
export function openPasted(settings: SourceSettings, deps: SourceDeps, tables: LinkTables): Source {
  const { url, product, credentials } = settings
  if (url === undefined) throw new VendorError('bad_request', 'url', 'a provider without vendor needs a url')
  const reading = readPasted(url, choiceOf(product, credentials['key']), tables)
  if (reading.kind === 'problem') throw new VendorError('bad_request', reading.at, reading.message)
  const { vendor, ...account } = tableOf(reading, url)
  return openTableSource(vendor, { ...settings, vendor: vendor.name, ...account }, deps)
}

/** @param product empty when none was selected */
export function choiceOf(product: string | undefined, key: Secret | undefined): LinkChoice {
  return given({ product: product || undefined, key })
}
