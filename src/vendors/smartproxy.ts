/**
 * The "OpenAPI" with an app_key: Smartproxy.org and the many names under which the same platform is resold. Document:
 * `app-key-openapi.txt`, whose calls have titles instead of numbers. It leaves the base URL blank; the resellers differ in
 * host and path prefix, so both are configured by `baseUrl`.
 */
import { z } from 'zod'
import type { ProxyRecord } from './contract/delivery.ts'
import { VendorError } from './contract/error.ts'
import type { Credentials, ErrorRule, Params, RawReply } from './contract/operation.ts'
import { credential } from './contract/settings.ts'
import type { Account, Delivered, Vendor } from './contract/vendor.ts'
import { parseJson } from './parse/json.ts'
import { malformed, membersOf, type RulesByWords, refusal, ruleInWords, ruleOf, textOf } from './parse/reply.ts'
import { accountNowOf } from './smartproxy/account.ts'
import { readAreas } from './smartproxy/areas.ts'
import { operations, STATIC_LIST, STATIC_LIST_PREFIXED } from './smartproxy/calls.ts'
import { deliverDynamic, deliverStatic, listOf, pagesOf } from './smartproxy/items.ts'

/** Seen in public clients; the document states no maximum. */
const MAX_PER_CALL = 200
/** The document's name, and those of some resellers. */
const WORKED = ['200', '0']

function authorize(_operation: string, params: Params, { app_key: appKey }: Credentials): Params {
  if (appKey === undefined) throw new VendorError('auth', 'credentials', 'smartproxy needs the credential app_key')
  return { ...params, app_key: appKey.reveal() }
}

// --- Replies ------------------------------------------------------------------------------------------------------

/** Only 200, 3 and 156 are documented. Other codes are classified by their message, then by the tables of similar platforms. */
const words: RulesByWords = [
  [/频繁|too (fast|many|frequent)/i, { class: 'rate_limited', term: 'too many requests', wait: 2_000 }],
  [
    /白名单|allow ?list|white ?list/i,
    {
      class: 'whitelist',
      term: 'add IP in the allow list',
      hint: 'put the egress address of this machine on the allow list in the dashboard',
    },
  ],
  [/过期|到期|expired/i, { class: 'expired_plan', term: 'expired', hint: 'renew the package' }],
  [
    /余额|流量|balance|traffic/i,
    { class: 'quota_exhausted', term: 'no balance', hint: 'top up the package', wait: 600_000 },
  ],
]
const siblings: Readonly<Record<string, ErrorRule>> = {
  '202': {
    class: 'whitelist',
    term: 'add IP in the allow list',
    hint: 'put the egress address of this machine on the allow list in the dashboard',
  },
  '111': { class: 'rate_limited', term: 'too many requests', wait: 2_000 },
  '114': { class: 'no_resource', term: 'no IP for this request', hint: 'fewer filters (cc, state, city) find more' },
  '117': { class: 'whitelist', term: 'not on the allow list', hint: 'put this machine on the allow list' },
  '118': { class: 'auth', term: 'account refused', hint: 'see the dashboard' },
  '121': { class: 'expired_plan', term: 'package expired', hint: 'renew the package' },
}

/** @returns `data` of the envelope; a text reply unchanged. Errors are JSON even when text was requested */
function decode(operation: string, reply: RawReply, sent: Params): unknown {
  const isText = operation === 'ip/v3' && sent['format'] !== 'json'
  if (isText && !/^\s*[{[<]/.test(reply.text)) return reply.text
  // Unlike a web page, it does not mean that the path is missing.
  if (reply.status < 300 && reply.text.trim() === '') throw new VendorError('server', 'empty', 'the reply is empty')
  const { code, msg, data } = membersOf(parseJson(reply.text)) ?? {}
  const said = textOf(code)
  if (said === undefined) throw malformed('the reply has no code', reply.text)
  if (WORKED.includes(said)) return data
  const message = textOf(msg) ?? ''
  const rule = ruleOf(said, operations[operation]?.errors) ?? ruleInWords(message, words) ?? ruleOf(said, siblings)
  throw refusal(rule, said, message)
}

// --- Static addresses ---------------------------------------------------------------------------------------------

const STATIC_LISTS: readonly string[] = [STATIC_LIST, STATIC_LIST_PREFIXED]
const PAGE_SIZE = 100
/** The end of a list without a last page. */
const MAX_PAGES = 50

/** The document's numbers for the state of a static address. */
const VALID = 1
const EXPIRING_SOON = 3

/** Usable ones, and usable ones that expire soon: the vendor lists each state separately. */
async function takeStatic(_count: number, account: Account): Promise<Delivered> {
  const { status } = account.request
  const { call, delivered } = await firstPath({ ...account.request, status: status ?? VALID }, account)
  if (status !== undefined) return delivered
  const ending = await pages(call, { ...account.request, status: EXPIRING_SOON }, account).catch((error: unknown) => {
    if (!(error instanceof VendorError)) throw error
    return { sold: [], rejected: [`addresses that expire soon could not be listed: ${error.message}`] }
  })
  return {
    sold: withoutRepeats([...delivered.sold, ...ending.sold]),
    rejected: [...new Set([...delivered.rejected, ...ending.rejected])],
  }
}

/** The document prints only this path without the prefix; resellers' pages have it. */
async function firstPath(request: Params, account: Account): Promise<{ call: string; delivered: Delivered }> {
  try {
    return { call: STATIC_LIST, delivered: await pages(STATIC_LIST, request, account) }
  } catch (error) {
    if (!isAbsent(error)) throw error
    return { call: STATIC_LIST_PREFIXED, delivered: await pages(STATIC_LIST_PREFIXED, request, account) }
  }
}

/** How servers report a missing path: a status, a page of their own under 200, an empty object, a code of their own. */
function isAbsent(error: unknown): boolean {
  if (!(error instanceof VendorError)) return false
  const { class: errorClass, vendorCode } = error
  return vendorCode === 'http' ? errorClass === 'server' || errorClass === 'auth' : ABSENT_CODES.has(vendorCode)
}

const ABSENT_CODES = new Set(['body', '301', '302', '403', '404'])

/** Reads page after page, until the vendor's count is reached or a page has nothing new. */
async function pages(call: string, request: Params, account: Account): Promise<Delivered> {
  let sold: readonly ProxyRecord[] = []
  const rejected: string[] = []
  for (let page = 1; page <= MAX_PAGES; page++) {
    const data = await account.call(call, { ...request, page, size: PAGE_SIZE })
    const delivered = deliverStatic(data, account.wall())
    const before = sold.length
    sold = withoutRepeats([...sold, ...delivered.sold])
    rejected.push(...delivered.rejected)
    const isAll = page >= (pagesOf(data) ?? Number.POSITIVE_INFINITY) || sold.length === before
    if (isAll || listOf(data).length === 0) break
  }
  return { sold, rejected }
}

function withoutRepeats(sold: readonly ProxyRecord[]): readonly ProxyRecord[] {
  return [...new Map(sold.map((one) => [`${one.host}:${one.port}:${one.username ?? ''}`, one])).values()]
}

const inLinks = { credentials: { app_key: 'app_key' }, count: 'num', leftOut: ['format', 'lb'] } as const

export const smartproxy: Vendor = {
  name: 'smartproxy',
  baseUrl: 'https://api.smartproxy.org',
  prefix: '/openapi',
  credentials: z.strictObject({ app_key: credential('Authentication key of the account (app_key).') }),
  operations,
  products: {
    dynamic: {
      about: 'dynamic residential addresses: ports of a gateway, each another exit for `life` minutes',
      extract: 'ip/v3',
      maxPerCall: MAX_PER_CALL,
      canCall: (operation) => !STATIC_LISTS.includes(operation),
      accountNow: accountNowOf([9, 11]),
      areas: { operation: 'ip/dynamic-citys', params: () => ({}), read: readAreas },
      order: (count, request) => ({ format: 'json', ...request, num: count }),
      deliver: deliverDynamic,
    },
    static: {
      about: 'static addresses of the account, residential or datacenter',
      extract: STATIC_LIST,
      maxPerCall: PAGE_SIZE,
      canCall: (operation) => !operation.startsWith('ip/') || STATIC_LISTS.includes(operation),
      accountNow: accountNowOf([14, 25]),
      list: true,
      order: (_count, request) => request,
      take: takeStatic,
      deliver: (data) => deliverStatic(data),
    },
  },
  authorize,
  decode,
  // Resold under many hosts: recognised by app_key and path. The consoles of all of them generate `web_v1`.
  links: [
    { ...inLinks, path: /\/ip\/v3$|^\/web_v1\/ip\/get-ip-v3$/, products: ['dynamic'] },
    { ...inLinks, path: /\/ip\/get-static-ip$/, products: ['static'], leftOut: ['page', 'size'] },
  ],
}
