/**
 * The link from `proxy/draw/api`: fetched unchanged, http(s) only, no redirects, limited size, never shown. The document does not
 * describe its contents: text with the requested delimiter, or JSON of unknown shape.
 */
import { refusalOf } from '../client/address-filter.ts'
import type { VendorRequest } from '../client/http.ts'
import { maskerOf, secretsInLink } from '../client/redact.ts'
import type { ProxyRecord, UpstreamProtocol } from '../contract/delivery.ts'
import { VendorError } from '../contract/error.ts'
import type { RawReply } from '../contract/operation.ts'
import type { SourceSettings } from '../contract/source.ts'
import type { Delivered } from '../contract/vendor.ts'
import { isSuccess, saidIn } from '../parse/envelope.ts'
import { parseJson } from '../parse/json.ts'
import { malformed, startsLikeJson, startsLikeMarkup } from '../parse/reply.ts'
import { type Findings, scanText, scanTree } from '../parse/scan.ts'
import { failure } from './envelope.ts'

/**
 * @param link from the reply, not trusted
 * @throws {VendorError} class server for an invalid link, and for one to this machine or its network
 */
export function linkRequest(
  link: string,
  settings: Pick<SourceSettings, 'allowPrivate' | 'callTimeoutMs' | 'maxBodyBytes'>,
): VendorRequest {
  const url = URL.parse(link)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw malformed('the proxyUrl of the reply is no http(s) link', link)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const reason = refusalOf(host, settings.allowPrivate)
  if (reason !== undefined) throw new VendorError('server', 'link', `the link of the reply is refused: ${reason}`)
  url.hash = ''
  const { callTimeoutMs: timeoutMs, maxBodyBytes } = settings
  return { method: 'GET', url, timeoutMs, maxBodyBytes, isForeign: !settings.allowPrivate }
}

/**
 * Reads the contents of the link.
 * @param protocol of addresses without one
 * @throws {VendorError} for an error in place of addresses
 */
export function readLink({ text }: RawReply, protocol: UpstreamProtocol): Delivered {
  const body = text.trim()
  if (body === '') throw new VendorError('no_resource', 'empty', 'the link of the reply answered with nothing')
  const { found, rejected } = startsLikeJson(body) ? readJson(parseJson(body)) : readText(body)
  return { sold: found.map((one): ProxyRecord => ({ protocol, ...one })), rejected }
}

function readText(body: string): Findings {
  const findings = scanText(body)
  if (findings.found.length > 0) return findings
  if (startsLikeMarkup(body)) throw malformed('a web page came where addresses were expected', body)
  throw wordsError(body)
}

/** The message of an error is shown: it may contain the address that is missing on a whitelist. Other text may be a login. */
function wordsError(body: string): VendorError {
  const known = failure('proxy/draw/api', 'link', body.replaceAll(/\s+/g, ' ').slice(0, MAX_WORDS))
  return known.class === 'server' ? malformed('the link of the reply brought no address', body) : known
}

const MAX_WORDS = 200
/** A link gives access without a login, and tokens of short links are short. */
const SHORT_TOKEN = 6

/** The contents may quote the link: the whole of it and its parts are masked. */
export function withoutLink(error: VendorError, { href }: URL): VendorError {
  const masked = maskerOf(secretsInLink(href, SHORT_TOKEN))(error.message)
  return new VendorError(error.class, error.vendorCode, masked, { hint: error.hint, wait: error.wait })
}

function readJson(value: unknown): Findings {
  const findings = scanTree(value)
  if (findings.found.length > 0) return findings
  const { code = 'link', words = '' } = saidIn(value) ?? { code: '1' }
  if (!isSuccess(code) && code !== '1') throw failure('proxy/draw/api', code, words)
  if (findings.rejected.length === 0)
    throw new VendorError('no_resource', 'empty', 'the link of the reply answered with an empty list')
  return findings
}
