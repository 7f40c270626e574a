/**
 * A pasted link as a vendor: a table that the engine runs like any other. A link of a known vendor uses the vendor's own table; one
 * that cannot be changed is sent unchanged, and the reply of an unknown vendor is sniffed.
 */

import { z } from 'zod'
import { given } from '../../given.ts'
import { Secret } from '../../secret.ts'
import { secretsInLink } from '../client/redact.ts'
import type { UpstreamProtocol } from '../contract/delivery.ts'
import { VendorError } from '../contract/error.ts'
import type { Composed, Credentials, Operation, Param, Params, RawReply } from '../contract/operation.ts'
import type { Delivered, Vendor } from '../contract/vendor.ts'
import { splitLogin } from '../parse/link.ts'
import type { LinkReading, SignedLink, TableLink, UnknownLink } from './reading.ts'
import { sniff } from './sniff.ts'

/** The name of such a provider without a known vendor. */
export const LINK = 'link'
const CALL = 'call'

/** What the engine needs to run a link. */
export interface LinkTable {
  readonly vendor: Vendor
  readonly product: string
  /** The account if the link has one; else all secret parts of the link. */
  readonly credentials: Credentials
  readonly request: Params
}

export function tableOf(reading: LinkReading, link: Secret): LinkTable {
  if (reading.kind === 'table') return borrowed(reading)
  return reading.kind === 'signed' ? replayed(reading, link) : sniffed(reading, link)
}

/** Shorter values are switches and numbers: masking every `1` would make an error unreadable. */
const MIN_SECRET_CHARACTERS = 6

const hidden = (about: string): Param => ({ type: 'string', secret: true, managed: true, about, term: '-' })

/** As secret parameters, because the table does not know them. */
function unreadable(params: Params): Readonly<Record<string, Param>> {
  const long = Object.entries(params).filter(([, value]) => String(value).length >= MIN_SECRET_CHARACTERS)
  return Object.fromEntries(long.map(([name]) => [name, hidden('from the link')]))
}

// --- A link that may be changed -----------------------------------------------------------------------------------

function borrowed({ vendor, product, credentials, request, extras, at }: TableLink): LinkTable {
  const extract = vendor.products[product]?.extract ?? ''
  const operation = vendor.operations[extract] as Operation
  const elsewhere = at === undefined ? {} : { compose: (params: Params): Composed => ({ url: withQuery(at, params) }) }
  const own: Operation = { ...operation, ...elsewhere, params: { ...operation.params, ...unreadable(extras) } }
  return {
    product,
    credentials,
    request,
    vendor: {
      ...vendor,
      operations: { ...vendor.operations, [extract]: own },
      // Before the signature, which covers them too.
      authorize: (name, params, ...rest) =>
        vendor.authorize(name, name === extract ? { ...extras, ...params } : params, ...rest),
    },
  }
}

function withQuery(at: string, params: Params): string {
  const url = new URL(at)
  url.search = new URLSearchParams(
    Object.entries(params).map(([name, value]): [string, string] => [name, String(value)]),
  ).toString()
  return url.href
}

// --- A signed link without its key --------------------------------------------------------------------------------

function replayed({ vendor, product, params, form, count }: SignedLink, link: Secret): LinkTable {
  const sold = vendor.products[product]
  const extract = sold?.extract ?? ''
  const operation = vendor.operations[extract] as Operation
  const account = Object.entries(form.credentials).flatMap(([name, parameter]): [string, Secret][] =>
    params[parameter] === undefined ? [] : [[name, new Secret(String(params[parameter]))]],
  )
  const batchSize = count ?? 1
  // The vendor's other calls need signatures too.
  const { whitelist: _whitelist, channelsNow: _channelsNow, ...rest } = vendor
  return {
    product,
    credentials: Object.fromEntries(account),
    request: {},
    vendor: {
      ...rest,
      operations: { [extract]: { ...operation, params: unreadable(params), compose: () => ({ url: link.reveal() }) } },
      products: {
        [product]: {
          about: sold?.about ?? '',
          extract,
          maxPerCall: batchSize,
          batchSize: () => batchSize,
          order: () => ({}),
          deliver: (data, context) => sold?.deliver(data, { ...context, request: params }) ?? NOTHING,
        },
      },
      // Not sent, because the link is complete. It must not appear in an error.
      authorize: () => params,
      decode: (name, reply, _sent, credentials) => vendor.decode(name, reply, params, credentials),
    },
  }
}

const NOTHING: Delivered = { sold: [], rejected: [] }

// --- A link of an unknown vendor -----------------------------------------------------------------------------------

/** The limit is unknown; a person with a browser is hardly faster. */
const oncePerSecond: Operation['limit'] = () => ({ calls: 1, perMs: 1_000 })

function sniffed({ vendor, count }: UnknownLink, link: Secret): LinkTable {
  const url = new URL(link.reveal())
  const protocol = protocolOf(url)
  /** As many as the last reply contained, or as the link requests. */
  let batchSize = count ?? 1
  const operation: Operation = {
    about: 'calls the link as it is',
    document: 'none: the link in gateway.yaml',
    method: 'GET',
    path: '',
    params: {},
    limit: oncePerSecond,
    effect: 'buys',
    reply: '{sold: [address], rejected: [reason], balance}',
    compose: () => request(url),
  }
  return {
    product: LINK,
    credentials: secretsOf(url),
    request: {},
    vendor: {
      name: LINK,
      baseUrl: url.origin,
      credentials: z.strictObject({}),
      operations: { [CALL]: operation },
      products: {
        [LINK]: {
          about: 'a link whose replies are sniffed',
          extract: CALL,
          maxPerCall: MAX_PER_CALL,
          batchSize: () => batchSize,
          order: () => ({}),
          deliver: (data) => {
            const delivered = data as Delivered
            batchSize = Math.max(1, delivered.sold.length)
            return delivered
          },
        },
      },
      authorize: () => ({}),
      decode: (_operation, reply) => delivered(reply, protocol, vendor),
    },
  }
}

/** The link determines its contents. */
const MAX_PER_CALL = 1_000

function delivered(reply: RawReply, protocol: UpstreamProtocol, vendor: Vendor | undefined): Delivered {
  const reading = sniff(reply.text)
  if (reading.kind === 'refusal') throw (vendor === undefined ? undefined : ownWords(reply, vendor)) ?? reading.error
  const { found, rejected, balance } = reading
  const sold = found.map((each) => ({ protocol, ...each }))
  return { sold, rejected, ...given({ balance }) }
}

/** A known host answers errors as its tables define, also under paths that they do not have. */
function ownWords(reply: RawReply, vendor: Vendor): VendorError | undefined {
  const [product] = Object.values(vendor.products)
  try {
    vendor.decode(product?.extract ?? '', reply, {}, {})
    return undefined
  } catch (error) {
    return error instanceof VendorError && error.vendorCode !== 'body' ? error : undefined
  }
}

function request(link: URL): Composed {
  const { url, headers } = splitLogin(link)
  url.hash = ''
  return { url: url.href, headers }
}

/** A link may request SOCKS; without that, HTTP is assumed. */
function protocolOf({ searchParams }: URL): UpstreamProtocol {
  return [...searchParams.values()].some((value) => /^socks(5h?)?$/i.test(value)) ? 'socks5' : 'http'
}

/** The link itself and every part of it that may be a key. */
function secretsOf(url: URL): Credentials {
  return Object.fromEntries(secretsInLink(url.href).map((value, index) => [`part ${index}`, new Secret(value)]))
}
