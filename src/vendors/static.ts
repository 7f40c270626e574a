/**
 * `static`: the user's own addresses, from a list in gateway.yaml, a file or a URL. There is no vendor's API, so there is no table:
 * this file makes a Source of its own. The list is read again at each extraction, so an edited file takes effect at once.
 */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { Secret } from '../secret.ts'
import { filterAddresses } from './client/address-filter.ts'
import type { SourceDeps } from './client/contract.ts'
import { judge } from './client/judge.ts'
import type { Delivery, ProxyRecord } from './contract/delivery.ts'
import { VendorError } from './contract/error.ts'
import type { Operation } from './contract/operation.ts'
import type { Source, SourceSettings } from './contract/source.ts'
import type { EntryProblem } from './contract/vendor.ts'
import { parseEndpoint } from './parse/address.ts'
import { type Found, toFound } from './parse/facts.ts'
import { parseJson } from './parse/json.ts'
import { splitLogin } from './parse/link.ts'
import { malformed, startsLikeJson, startsLikeMarkup } from './parse/reply.ts'
import { type Findings, type ScanOptions, scanText, scanTree } from './parse/scan.ts'

export const name = 'static'
export const product = 'list'
export const credentials = z.strictObject({})

const READ = 'read'
const MAX_PER_CALL = 1_000

const read: Operation = {
  about: 'reads the list',
  document: 'none: the list is yours',
  method: 'GET',
  path: '',
  params: {},
  // A URL is another web server; reading a list more often does not improve it.
  limit: () => ({ calls: 1, perMs: 1_000 }),
  effect: 'reads',
  reply: 'addresses in any form of docs/vendors/README.md',
}

/**
 * Opens a list as a source. An extraction returns the next addresses of the list and begins again after the last: it does not know
 * which of them are still held.
 * @throws {VendorError} class bad_request unless there is exactly one of list, file and url, and each entry of the list is an address
 */
export function openStaticSource(settings: SourceSettings, deps: SourceDeps): Source {
  const load = loaderOf(settings, deps)
  let next = 0
  const all = async (signal: AbortSignal): Promise<Delivery> => {
    const sentAt = deps.clock.now()
    const { found, rejected } = await load(signal)
    // The user's own entries are trusted; the reply of a web server is not.
    const allowPrivate = settings.allowPrivate || settings.url === undefined
    const sold = found.map((one) => toSold(one, settings.ttlMs))
    return { ...filterAddresses({ sold, rejected }, { ...settings, allowPrivate }), sentAt }
  }
  return {
    vendor: name,
    product,
    maxPerCall: MAX_PER_CALL,
    isList: true,
    byChannel: false,
    channels: undefined,
    extractOperation: READ,
    queryOperation: undefined,
    operations: { [READ]: read },
    account: `${name} ${settings.name}`,
    limitOf: () => ({
      ...read.limit({ channels: 1, product: 'list' }),
      key: `${name} ${settings.name}`,
      statedBy: settings.name,
    }),
    extract: async (count, { signal }) => {
      const { sold, ...rest } = await all(signal)
      if (sold.length === 0) throw new VendorError('no_resource', 'empty', emptyMessage(rest.rejected))
      const start = next % sold.length
      const taken = [...sold.slice(start), ...sold.slice(0, start)].slice(0, count)
      next = start + taken.length
      return { ...rest, sold: taken }
    },
    query: () =>
      Promise.reject(new VendorError('bad_request', 'operation', 'a list has no account that could be asked')),
    call: async (operation, _params, { signal }) => {
      if (operation !== READ) throw new VendorError('bad_request', 'operation', `a list has one operation, ${READ}`)
      return (await all(signal)).sold.map(({ host, port, protocol }) => ({ host, port, protocol }))
    },
  }
}

/** The invalid entries of `list:`, each with its place. No message contains a part of one. */
export function listProblems({ list }: Readonly<Record<string, unknown>>): readonly EntryProblem[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((entry: unknown, index): EntryProblem[] => {
    // Entries that are not text, or come from the environment, are checked elsewhere.
    if (typeof entry !== 'string' || parseEndpoint(entry.trim(), OWN_WORDS) !== undefined) return []
    return [{ path: ['list', index], message: `is not an address; ${adviceFor(entry)}` }]
  })
}

const FORMS = 'write ip:port, ip:port:user:pass or scheme://user:pass@host:port'

/** A login in a URL may need percent-encoding (RFC 3986 section 3.2.1). */
function adviceFor(entry: string): string {
  const login = /^[a-z][a-z0-9]*:\/\/(.*)@/i.exec(entry)?.[1]
  if (login !== undefined && /[/?#]/.test(login))
    return 'in user:pass@ of a URL write %2F for /, %3F for ?, %23 for # and %40 for @'
  if (/:\d{6,}$|:(?:6553[6-9]|655[4-9]\d|65[6-9]\d\d|6[6-9]\d{3}|[7-9]\d{4})$/.test(entry))
    return 'a port is a number from 1 to 65535'
  return FORMS
}

function emptyMessage(rejected: readonly string[]): string {
  return rejected[0] === undefined ? 'the list is empty' : `the list holds no usable address: ${rejected[0]}`
}

/** A life in the list was counted from the unknown time when the list was made. */
function toSold(found: Found, ttlMs: number | undefined): ProxyRecord {
  return {
    protocol: 'http',
    ...found,
    life: ttlMs === undefined ? { kind: 'endless' } : { kind: 'for', ms: ttlMs, isTerm: true },
  }
}

type Load = (signal: AbortSignal) => Promise<Findings>

function loaderOf(settings: SourceSettings, deps: SourceDeps): Load {
  const { list, file, url } = settings
  const given = [list, file, url].filter((source) => source !== undefined)
  if (given.length !== 1)
    throw new VendorError('bad_request', 'list', 'a static provider needs one of list, file and url')
  if (list !== undefined) {
    const fixed = readEntries(list)
    return () => Promise.resolve(fixed)
  }
  return file === undefined ? (signal) => readUrl(settings, deps, signal) : () => readPath(file)
}

/** The user's own entries: a mistake is reported at start, by its place, because it may contain a password. */
function readEntries(entries: readonly (string | Secret)[]): Findings {
  const found = entries.map((entry, index): Found => {
    const endpoint = parseEndpoint((entry instanceof Secret ? entry.reveal() : entry).trim(), OWN_WORDS)
    if (endpoint !== undefined) return toFound(endpoint, {})
    throw new VendorError('bad_request', 'list', `entry ${index + 1} of list is not an address`, {
      hint: adviceFor(entry instanceof Secret ? '' : entry),
    })
  })
  return { found, rejected: [] }
}

/** In the user's own list `proxy:3128` is a host, not a part of an error message. */
const OWN_WORDS: ScanOptions = { isList: true, bareNames: true }

async function readPath(path: string): Promise<Findings> {
  try {
    return readAny(await readFile(path, 'utf8'), OWN_WORDS)
  } catch (error) {
    if (error instanceof VendorError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
    throw new VendorError('server', 'file', `the file of addresses cannot be read (${code})`, {
      hint: `is ${path} there, and may this user read it?`,
    })
  }
}

async function readUrl(settings: SourceSettings, deps: SourceDeps, signal: AbortSignal): Promise<Findings> {
  const address = settings.url?.reveal() ?? ''
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new VendorError('bad_request', 'url', 'url must be a link that begins with http:// or https://')
  const { callTimeoutMs: timeoutMs, maxBodyBytes } = settings
  const reply = await deps.http.call({ method: 'GET', ...splitLogin(url), timeoutMs, maxBodyBytes }, signal)
  return judge(reply, deps.clock.wall(), ({ text }) => readAny(text, { isList: true }))
}

/** A list in any format: lines or another separated text, or JSON of any shape. */
function readAny(text: string, options: ScanOptions): Findings {
  const body = text.replaceAll('\ufeff', '').trim()
  if (startsLikeMarkup(body)) throw malformed('a web page came where addresses were expected', body)
  const tree = startsLikeJson(body) ? scanTree(parseJson(body), options) : undefined
  if (tree?.found.length === 0) return { ...tree, rejected: ['JSON without an address'] }
  return tree ?? scanText(body, options)
}
