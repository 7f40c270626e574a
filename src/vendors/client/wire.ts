/** Converts a call of an operation's table to an HTTP request. */

import { createHash } from 'node:crypto'
import { given } from '../../given.ts'
import { VendorError } from '../contract/error.ts'
import type { Composed, Credentials, Operation, Params } from '../contract/operation.ts'
import type { SourceSettings } from '../contract/source.ts'
import type { Vendor } from '../contract/vendor.ts'
import type { VendorRequest } from './http.ts'

/**
 * @param params as `authorize` returned them
 * @throws {VendorError} class bad_request for an invalid base URL
 */
export function toRequest(
  vendor: Vendor,
  operation: Operation,
  settings: SourceSettings,
  params: Params,
): VendorRequest {
  if (operation.compose !== undefined) return composed(operation, operation.compose(params), settings)
  const url = urlOf(settings.baseUrl ?? operation.baseUrl ?? vendor.baseUrl, vendor.prefix ?? '', operation.path)
  if (operation.isAtRoot === true) url.pathname = operation.path
  const limits = { timeoutMs: settings.callTimeoutMs, maxBodyBytes: settings.maxBodyBytes }
  const { encoding = 'form' } = operation
  const method = methodOf(operation, settings)
  if (method === 'POST' && encoding === 'json') {
    return {
      ...limits,
      method,
      url,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(typed(operation, params)),
    }
  }
  const form = new URLSearchParams(
    Object.entries(params).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString()
  if (method === 'POST') {
    return { ...limits, method, url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form }
  }
  url.search = form
  return { ...limits, method, url }
}

/** When the document allows both, `method: POST` in the provider's entry selects POST. */
function methodOf({ method, alsoPost }: Operation, { own }: SourceSettings): Operation['method'] {
  return alsoPost === true && own?.['method'] === 'POST' ? 'POST' : method
}

function composed(
  { method }: Operation,
  { url: written, headers = {}, body }: Composed,
  { baseUrl, callTimeoutMs: timeoutMs, maxBodyBytes }: SourceSettings,
): VendorRequest {
  const original = new URL(written)
  const path = original.pathname === '/' ? '' : original.pathname
  const url = baseUrl === undefined ? original : urlOf(baseUrl, '', '')
  if (baseUrl !== undefined) {
    url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`
    url.search = original.search
  }
  return { method, url, headers, timeoutMs, maxBodyBytes, ...given({ body }) }
}

/** In JSON a number differs from its text; gateway.yaml and the command line permit both. */
function typed(operation: Operation, params: Params): Params {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      operation.params[name]?.type === 'integer' ? Number(value) : value,
    ]),
  )
}

/** A base URL may have a path prefix in place of the usual one: some platforms are resold under several prefixes. */
function urlOf(base: string, prefix: string, path: string): URL {
  const url = URL.canParse(base) ? new URL(base) : undefined
  const isPlain =
    url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (!isPlain || !/^https?:$/.test(url.protocol)) {
    throw new VendorError(
      'bad_request',
      'baseUrl',
      'baseUrl must be http(s)://host[:port][/prefix], without login, query and fragment',
    )
  }
  url.pathname = `${url.pathname.replace(/\/$/, '') || prefix}${path}`
  return url
}

/** A digest of account and limit group: calls with the same key are counted together. */
export function limitKey(vendor: Vendor, operationName: string, credentials: Credentials): string {
  return groupKey(vendor, vendor.operations[operationName]?.limitGroup ?? operationName, credentials)
}

export function groupKey(vendor: Vendor, group: string, credentials: Credentials): string {
  return digestOf(vendor, credentials, group)
}

/** A digest of the account: changes of the account are made one at a time by this key. */
export function accountKey(vendor: Vendor, credentials: Credentials): string {
  return digestOf(vendor, credentials, null)
}

function digestOf(vendor: Vendor, credentials: Credentials, group: string | null): string {
  const names = vendor.countedBy ?? Object.keys(credentials).sort()
  const account = names.map((name) => credentials[name]?.reveal() ?? null)
  return createHash('sha256')
    .update(JSON.stringify([vendor.name, account, group]))
    .digest('hex')
    .slice(0, 32)
}
