/** Parses a pasted link and makes its source. */
import { given } from '../../given.ts'
import type { Secret } from '../../secret.ts'
import type { SourceDeps } from '../client/contract.ts'
import { openTableSource } from '../client/source.ts'
import { VendorError } from '../contract/error.ts'
import type { Source, SourceSettings } from '../contract/source.ts'
import { type LinkChoice, type LinkTables, readLink } from './reading.ts'
import { tableOf } from './table.ts'

/** @throws {VendorError} class bad_request for an invalid link, with a message that contains nothing of it */
export function openPasted(settings: SourceSettings, deps: SourceDeps, tables: LinkTables): Source {
  const { url, product, credentials } = settings
  if (url === undefined) throw new VendorError('bad_request', 'url', 'a provider without vendor needs a url')
  const reading = readLink(url, choiceOf(product, credentials['key']), tables)
  if (reading.kind === 'problem') throw new VendorError('bad_request', reading.at, reading.message)
  const { vendor, ...account } = tableOf(reading, url)
  return openTableSource(vendor, { ...settings, vendor: vendor.name, ...account }, deps)
}

/** @param product empty when none was selected */
export function choiceOf(product: string | undefined, key: Secret | undefined): LinkChoice {
  return given({ product: product || undefined, key })
}
