/**
 * Parses a pasted link without calling it: vendor, product, account, and whether it may be changed. Pure: the vendors' own tables
 * define how their links look (`Vendor.links`).
 */
import { Secret } from '../../secret.ts'
import type { Operation, Params } from '../contract/operation.ts'
import type { LinkForm, Vendor } from '../contract/vendor.ts'
import { countOf } from '../parse/reply.ts'

/** The other keys of the entry in gateway.yaml. */
export interface LinkChoice {
  readonly product?: string
  /** Computes the signature again. */
  readonly key?: Secret
}

interface Common {
  /** Host name of the link: not secret, unlike its path and query. */
  readonly host: string
  /** Other possible products of the link, if it does not determine one. */
  readonly alternatives: readonly string[]
  /** The number of addresses per call, if the link has it. */
  readonly count: number | undefined
}

/** A link of a known vendor whose parameters may be changed: its table is called, with the link's account. */
export interface TableLink extends Common {
  readonly kind: 'table'
  readonly vendor: Vendor
  readonly product: string
  readonly credentials: Readonly<Record<string, Secret>>
  /** The link's parameters that the table knows. */
  readonly request: Params
  /** Parameters that the table does not know: sent unchanged. */
  readonly extras: Params
  /** The URL of the extraction, when it differs from the table. */
  readonly at: string | undefined
  /** Names of parameters that the gateway leaves out, because it uses its own format. */
  readonly leftOut: readonly string[]
}

/** A link of a known vendor whose signature cannot be computed here: called unchanged, read by the vendor's table. */
export interface SignedLink extends Common {
  readonly kind: 'signed'
  readonly vendor: Vendor
  readonly product: string
  readonly params: Params
  readonly form: LinkForm
}

/** A link of an unknown vendor: called unchanged, its reply is sniffed. `vendor`: only to classify its errors. */
export interface UnknownLink extends Common {
  readonly kind: 'unknown'
  readonly vendor: Vendor | undefined
}

export type LinkReading = TableLink | SignedLink | UnknownLink

/** Why a link cannot be used; never a value of it. */
export interface LinkProblem {
  readonly kind: 'problem'
  /** The key of the entry that is wrong. */
  readonly at: 'url' | 'product'
  readonly message: string
}

/** Whether a table allows a value for a parameter that a user may set. */
type IsAllowed = (operation: Operation, name: string, value: string) => boolean

/** The vendors whose links are known, and how their tables check a value. */
export interface LinkTables {
  readonly vendors: readonly Vendor[]
  readonly isAllowed: IsAllowed
}

/** @param link begins with http:// or https:// */
export function readLink(
  link: Secret,
  choice: LinkChoice,
  { vendors, isAllowed }: LinkTables,
): LinkReading | LinkProblem {
  const url = URL.parse(link.reveal())
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '')
    return { kind: 'problem', at: 'url', message: 'write a link that begins with http:// or https://' }
  const written = parametersOf(url)
  const known = vendors
    .flatMap((vendor) => (vendor.links ?? []).map((form) => ({ vendor, form })))
    .find(({ form }) => fits(form, url, written))
  if (known === undefined) return unknownLink(url, written, choice, vendors)
  const { vendor, form } = known
  const product = choice.product ?? form.products[0]
  if (!form.products.includes(product)) {
    return { kind: 'problem', at: 'product', message: `this link is for ${form.products.join(', ')} of ${vendor.name}` }
  }
  return read(url, written, { vendor, form, product, key: choice.key }, isAllowed)
}

interface Known {
  readonly vendor: Vendor
  readonly form: LinkForm
  readonly product: string
  readonly key: Secret | undefined
}

/** Empty parameters equal missing ones; of duplicates the first counts. */
function parametersOf(url: URL): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of url.searchParams) if (value !== '' && !found.has(name)) found.set(name, value)
  return found
}

function fits({ hosts, path, credentials }: LinkForm, url: URL, written: ReadonlyMap<string, string>): boolean {
  if (!path.test(url.pathname.replace(/\/$/, ''))) return false
  return hosts === undefined
    ? Object.values(credentials).every((name) => nameIn(written, name) !== undefined)
    : hosts.includes(url.hostname)
}

/** Names are the vendor's, in any letter case. */
function nameIn(written: ReadonlyMap<string, string>, name: string): string | undefined {
  if (written.has(name)) return name
  return [...written.keys()].find((each) => each.toLowerCase() === name.toLowerCase())
}

function valueIn(written: ReadonlyMap<string, string>, name: string): string | undefined {
  return written.get(nameIn(written, name) ?? name)
}

function read(
  url: URL,
  written: ReadonlyMap<string, string>,
  known: Known,
  isAllowed: IsAllowed,
): LinkReading | LinkProblem {
  const { vendor, form, product, key } = known
  const { signature } = form
  const common = {
    host: url.hostname,
    alternatives: form.products.filter((other) => other !== product),
    count: countOf(valueIn(written, form.count)),
  }
  const credentials = credentialsOf(written, form, key)
  const isSigner = signature === undefined || credentials[signature.credential] !== undefined
  const missing = Object.keys(form.credentials).find(
    (name) => credentials[name] === undefined && isRequired(vendor, credentials, name),
  )
  if (missing !== undefined && (isSigner || missing !== signature?.credential))
    return without(form.credentials[missing] ?? missing)
  if (isSigner)
    return {
      kind: 'table',
      ...common,
      vendor,
      product,
      credentials,
      ...splitParameters(url, written, known, isAllowed),
    }
  if (valueIn(written, signature.param) === undefined) return without(signature.param)
  return { kind: 'signed', ...common, vendor, product, form, params: Object.fromEntries(written) }
}

function without(name: string): LinkProblem {
  return { kind: 'problem', at: 'url', message: `the link has no ${name}: copy it whole from the vendor’s page` }
}

function credentialsOf(
  written: ReadonlyMap<string, string>,
  form: LinkForm,
  key: Secret | undefined,
): Record<string, Secret> {
  const found = Object.entries(form.credentials).flatMap(([name, parameter]): [string, Secret][] => {
    const value = valueIn(written, parameter)
    return value === undefined ? [] : [[name, new Secret(value)]]
  })
  const signer = form.signature?.credential
  return { ...Object.fromEntries(found), ...(key === undefined || signer === undefined ? {} : { [signer]: key }) }
}

/** Whether the account requires this credential. */
function isRequired({ credentials: shape }: Vendor, given: Readonly<Record<string, Secret>>, name: string): boolean {
  const revealed = Object.fromEntries(Object.entries(given).map(([each, secret]) => [each, secret.reveal()]))
  const issues = shape.safeParse(revealed).error?.issues ?? []
  return issues.some(({ path }) => path[0] === name)
}

/** The link's parameters: those of the account, of the table, and the others. */
function splitParameters(
  url: URL,
  written: ReadonlyMap<string, string>,
  { vendor, form, product }: Known,
  isAllowed: IsAllowed,
): Pick<TableLink, 'request' | 'extras' | 'at' | 'leftOut'> {
  const operation = vendor.operations[vendor.products[product]?.extract ?? '']
  const [request, extras, leftOut]: [Record<string, string>, Record<string, string>, string[]] = [{}, {}, []]
  const same = (a: string) => (b: string | undefined) => b?.toLowerCase() === a.toLowerCase()
  for (const [name, value] of written) {
    const own = Object.keys(operation?.params ?? {}).find(same(name))
    const isOurs = [...Object.values(form.credentials), form.signature?.param, form.count].some(same(name))
    if (isOurs) continue
    if ((form.leftOut ?? []).some(same(name))) leftOut.push(name)
    else if (operation !== undefined && own !== undefined && isAllowed(operation, own, value)) request[own] = value
    else extras[name] = value
  }
  return { request, extras, leftOut, at: operation === undefined ? undefined : placeOf(url, vendor, operation) }
}

/** Undefined when the link has the table's URL. A link without TLS is not followed when the table has TLS. */
function placeOf({ protocol, host, pathname }: URL, vendor: Vendor, operation: Operation): string | undefined {
  const path = pathname.replace(/\/$/, '')
  const prefix = operation.isAtRoot === true ? '' : (vendor.prefix ?? '')
  const own = new URL(`${operation.baseUrl ?? vendor.baseUrl}${prefix}${operation.path}`)
  const isThere = host === own.host && path === own.pathname
  if (isThere && (protocol === own.protocol || own.protocol === 'https:')) return undefined
  return `${protocol}//${host}${path}`
}

/** The vendors' names for the number of addresses. */
const COUNTS = ['num', 'count', 'number', 'qty', 'quantity', 'limit', 'size', 'n', 'ips', 'amount']
const MAX_COUNT = 1_000

function unknownLink(
  url: URL,
  written: ReadonlyMap<string, string>,
  { product, key }: LinkChoice,
  vendors: readonly Vendor[],
): UnknownLink | LinkProblem {
  if (product !== undefined)
    return { kind: 'problem', at: 'product', message: 'nothing is known of such links: leave product out' }
  if (key !== undefined)
    return {
      kind: 'problem',
      at: 'url',
      message: 'nothing is known of such links: they cannot be signed, leave credentials out',
    }
  const vendor = vendors.find(({ links = [] }) => links.some(({ hosts = [] }) => hosts.includes(url.hostname)))
  const count = COUNTS.map((name) => countOf(valueIn(written, name))).find(
    (each) => each !== undefined && each >= 1 && each <= MAX_COUNT,
  )
  return { kind: 'unknown', host: url.hostname, vendor, alternatives: [], count }
}
