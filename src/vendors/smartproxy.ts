/**
 * The "OpenAPI" with an app_key: Smartproxy.org and the many names under which the same platform is resold. Document:
 * `app-key-openapi.txt`, whose calls have titles instead of numbers. It leaves the base URL blank; the resellers differ in
 * host and path prefix, so both are configured by `baseUrl`.
 */
import { z } from 'zod'
import {
  type Account,
  type Credentials,
  type Delivered,
  type ErrorRule,
  type Params,
  type RawReply,
  type Sold,
  type Vendor,
  VendorError,
} from './contract.ts'
import { parseJson } from './parse/json.ts'
import { credential, malformed, membersOf, refusal, ruleOf, textOf } from './parse/reply.ts'
import { operations, STATIC_LIST, STATIC_LIST_PREFIXED } from './smartproxy/calls.ts'
import { deliverDynamic, deliverStatic, listOf, pagesOf } from './smartproxy/items.ts'

/** Seen in public clients; the document states no most. */
const MAX_PER_CALL = 200
const WORKED = '200'

function authorize(_operation: string, params: Params, { app_key: appKey }: Credentials): Params {
  if (appKey === undefined) throw new VendorError('auth', 'credentials', 'smartproxy needs the credential app_key')
  return { ...params, app_key: appKey.reveal() }
}

// --- Replies ------------------------------------------------------------------------------------------------------

/** Only 200, 3 and 156 are documented. The rest speaks through its words, then through what sibling platforms' tables say. */
const words: readonly (readonly [RegExp, ErrorRule])[] = [
  [/频繁|too (fast|many|frequent)/i, { class: 'rate_limited', term: 'too many requests', wait: 2_000 }],
  [
    /白名单|allow ?list|white ?list/i,
    {
      class: 'whitelist',
      term: 'add IP in the allow list',
      hint: 'put the egress address of this machine on the allow list in the dashboard',
    },
  ],
  [/过期|expired/i, { class: 'expired_plan', term: 'expired', hint: 'renew the package' }],
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

/** @returns `data` of the envelope; a text reply as its text. Errors are JSON even where text was asked for */
function decode(operation: string, reply: RawReply, sent: Params): unknown {
  const isText = operation === 'ip/v3' && sent['format'] !== 'json'
  if (isText && !/^\s*[{[<]/.test(reply.text)) return reply.text
  const { code, msg, data } = membersOf(parseJson(reply.text)) ?? {}
  const said = textOf(code)
  if (said === undefined) throw malformed('the reply has no code', reply.text)
  if (said === WORKED) return data
  const message = textOf(msg) ?? ''
  const rule =
    ruleOf(said, operations[operation]?.errors) ??
    words.find(([pattern]) => pattern.test(message))?.[1] ??
    ruleOf(said, siblings)
  throw refusal(rule, said, message)
}

// --- Static addresses ---------------------------------------------------------------------------------------------

const PAGE_SIZE = 100
/** The end of a list that has no end. */
const MAX_PAGES = 50

/** Reads page after page, until the vendor's own count is reached or a page brings nothing new. */
async function takeStatic(_count: number, account: Account): Promise<Delivered> {
  const request: Params = { status: 1, ...account.request }
  const found = new Map<string, Sold>()
  const rejected: string[] = []
  let call = STATIC_LIST
  for (let page = 1; page <= MAX_PAGES; page++) {
    const params = { ...request, page, size: PAGE_SIZE }
    const data = await account.call(call, params).catch((error: unknown) => {
      if (page > 1 || !isAbsent(error)) throw error
      call = STATIC_LIST_PREFIXED
      return account.call(call, params)
    })
    const delivered = deliverStatic(data, account.wall())
    const before = found.size
    for (const sold of delivered.sold) found.set(`${sold.host}:${sold.port}:${sold.username ?? ''}`, sold)
    rejected.push(...delivered.rejected)
    const isAll = page >= (pagesOf(data) ?? Number.POSITIVE_INFINITY) || found.size === before
    if (isAll || listOf(data).length === 0) break
  }
  return { sold: [...found.values()], rejected }
}

/** The document prints this one path without the prefix; resellers' pages have it. */
function isAbsent(error: unknown): boolean {
  return error instanceof VendorError && error.class === 'server' && error.vendorCode === 'http'
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
      order: (count, request) => ({ format: 'json', ...request, num: count }),
      deliver: deliverDynamic,
    },
    static: {
      about: 'static addresses of the account, residential or datacenter',
      extract: STATIC_LIST,
      maxPerCall: PAGE_SIZE,
      list: true,
      order: (_count, request) => request,
      take: takeStatic,
      deliver: (data) => deliverStatic(data),
    },
  },
  authorize,
  decode,
  // Resold under many hosts: an app_key and the path tell. `web_v1` is what the consoles of all of them make.
  links: [
    { ...inLinks, path: /\/ip\/v3$|^\/web_v1\/ip\/get-ip-v3$/, products: ['dynamic'] },
    { ...inLinks, path: /\/ip\/get-static-ip$/, products: ['static'], leftOut: ['page', 'size'] },
  ],
}
