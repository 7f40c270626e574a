/** The calls of the app_key OpenAPI as tables. Document: `app-key-openapi.txt`. */
import type { ErrorRule, Operation, Param } from '../contract/operation.ts'
import { fromCredentials, list, required, text, whole } from '../contract/params.ts'

const DOCUMENT = 'app-key-openapi.txt'
export const STATIC_LIST = 'ip/get-static-ip'
export const STATIC_LIST_PREFIXED = 'ip/get-static-ip (prefixed)'

// --- Parameters ---------------------------------------------------------------------------------------------------

const account: Readonly<Record<string, Param>> = {
  // Some of the document's tables call it optional or leave it out: every call wants it.
  app_key: text('key of the account; it grants administrator rights', 'Authentication Key', {
    ...required,
    ...fromCredentials,
  }),
}

const productType = whole(
  'package: 9 dynamic residential traffic, 11 dynamic residential IP, 14 static datacenter, 25 static residential',
  'Package type',
  { values: [9, 11, 14, 25] },
)
const countryCode = text('country or region, as in US', 'Country or region code')
const page = whole('page, counted from 1', 'Page number', { min: 1 })
const size = whole('items per page', 'Items per page', { min: 1 })
const accounts = list('names of proxy accounts, letters and digits only', 'Proxy account', {
  ...required,
  format: 'alphanumeric',
})
const oneAccount = text('name of a proxy account, letters and digits only', 'Proxy account', {
  ...required,
  format: 'alphanumeric',
})
/** "within 32 Chinese characters or 64 English characters". */
const remark = text('description: 32 Chinese or 64 Latin characters', 'Proxy account note', {
  max: 64,
  lengthIn: 'half-width',
})

// --- Error codes --------------------------------------------------------------------------------------------------

const key: Readonly<Record<string, ErrorRule>> = {
  '3': {
    class: 'auth',
    term: 'invalid app_key',
    hint: 'copy app_key again from your personal page; is baseUrl the one of this reseller?',
  },
}
const errors: Readonly<Record<string, ErrorRule>> = {
  ...key,
  '156': {
    class: 'auth',
    term: 'account not real-name authenticated',
    hint: 'verify the account in the dashboard: without that its calls are refused',
  },
}

// --- Calls --------------------------------------------------------------------------------------------------------

/** No limit is documented. */
const oncePerSecond: Operation['limit'] = () => ({ calls: 1, perMs: 1_000 })

function get(path: string, title: string, rest: Pick<Operation, 'about' | 'reply'> & Partial<Operation>): Operation {
  const params = { ...account, ...rest.params }
  const document = `${DOCUMENT}, ${title}`
  const common = { method: 'GET', limit: oncePerSecond, limitGroup: 'account', effect: 'reads', errors } as const
  return { document, path, ...common, ...rest, params }
}

function post(path: string, title: string, rest: Pick<Operation, 'about' | 'params' | 'effect'>): Operation {
  return { ...get(path, title, { ...rest, reply: 'nothing' }), method: 'POST', encoding: 'json' }
}

const STATES = '{list: [{name_zh_cn, name_en, continent_code, country_code, items: [...]}]}'

/** The schema of these lists is not documented: items may be objects or texts. */
const staticSecrets = { $: 'login', list: 'login', data: 'login', password: 'all', pwd: 'all', pass: 'all' } as const

const extraction = {
  'ip/v3': get('/ip/v3', 'GET Extract IP', {
    about: 'takes addresses',
    effect: 'buys',
    quantity: ['num'],
    secrets: { $: 'login', list: 'login' },
    params: {
      num: whole('how many addresses', 'Extraction quantity', { managed: true, min: 1, usualMax: 200 }),
      cc: text('only this country or region, as in US', 'Country or region'),
      state: text('only this province or state', 'Province or state'),
      city: text('only this city', 'City'),
      format: text('format of the reply; the gateway asks for json', 'Get Format', { values: ['json', 'text', 'txt'] }),
      lb: text('separator of a text reply: \\r\\n, \\n and the like', 'Separator'),
      life: whole('how long the addresses are to live, minutes', 'Keep Alive Interval', { min: 1 }),
      ep: text('entry of the network, as in us, hk, de', 'Proxy Network'),
    },
    reply: '{list: [["ip:port"]]}, or {list: ["ip:port"]}, or text',
  }),
  [STATIC_LIST]: get('/ip/get-static-ip', 'GET Get Static IP List', {
    about: 'lists the static addresses of the account; the document prints this path without the prefix',
    secrets: staticSecrets,
    isAtRoot: true,
    params: staticFilters(),
    reply: 'not documented: read for anything that has ip and port',
  }),
  [STATIC_LIST_PREFIXED]: get('/ip/get-static-ip', 'GET Get Static IP List', {
    about: 'the same behind the prefix, where resellers have it; in their pages, not in the document',
    secrets: staticSecrets,
    params: staticFilters(),
    reply: 'not documented: read for anything that has ip and port',
  }),
} as const satisfies Readonly<Record<string, Operation>>

function staticFilters(): Readonly<Record<string, Param>> {
  return {
    country_code: countryCode,
    product_type: whole('14 datacenter, 25 static residential', 'Product Type', { values: [14, 25] }),
    trade_no: text('only addresses of this order', 'Filter IP by order number'),
    page: { ...page, managed: true },
    size: { ...size, managed: true },
    status: whole('1 valid, 2 invalid, 3 expiring soon, 4 under maintenance; the gateway asks for 1 and 3', 'Status', {
      values: [1, 2, 3, 4],
    }),
  }
}

const places = {
  'ip/dynamic-citys': get('/ip/dynamic-citys', 'GET City List', {
    about: 'lists the cities that dynamic addresses come from',
    reply: STATES,
  }),
  'ip/dynamic-citys/search': get('/ip/dynamic-citys/search', 'GET City Search', {
    about: 'lists the cities of a state',
    params: {
      country_code: { ...countryCode, ...required },
      state: text('state or province', 'State or province code', required),
    },
    reply: '{list: [city]}',
  }),
  'ip/dynamic-states': get('/ip/dynamic-states', 'GET State List', {
    about: 'lists the states that dynamic addresses come from',
    reply: STATES,
  }),
  'ip/dynamic-states/search': get('/ip/dynamic-states/search', 'GET State/Province Search', {
    about: 'lists the states of a country',
    params: { country_code: { ...countryCode, ...required } },
    reply: '{list: [state]}',
  }),
} as const satisfies Readonly<Record<string, Operation>>

/** "whitelist-account" are users of the proxies with name and password, no addresses. */
const users = {
  'whitelist-account/list': get('/whitelist-account/list', 'GET Proxy Account List', {
    about: 'lists the proxy accounts (user name, password, usage in KB, limit in GB)',
    reply: '{list: [{id, username, password, created_at, remark, product_type, usage_flow, limit_flow, status}]}',
    secrets: { password: 'all' },
    errors: key,
  }),
  'whitelist-account/add': post('/whitelist-account/add', 'POST add proxy account', {
    about: 'adds proxy accounts',
    params: {
      accounts: {
        ...accounts,
        format: 'login',
        secret: true,
        about: 'user:password, several with commas between them; letters and digits only',
        term: 'Account password',
      },
      remark,
      product_type: productType,
    },
    effect: 'changes',
  }),
  'whitelist-account/delete': post('/whitelist-account/delete', 'POST Delete Proxy Account', {
    about: 'deletes proxy accounts for ever; for about 5 minutes they may still cost',
    params: { accounts },
    effect: 'deletes',
  }),
  'whitelist-account/disable': post('/whitelist-account/disable', 'POST Disable Proxy Account', {
    about: 'disables proxy accounts; for about 5 minutes they may still cost',
    params: { accounts },
    effect: 'changes',
  }),
  'whitelist-account/enable': post('/whitelist-account/enable', 'POST Enable Proxy Account', {
    about: 'enables proxy accounts',
    params: { accounts },
    effect: 'changes',
  }),
  'whitelist-account/change-password': post(
    '/whitelist-account/change-password',
    'POST Modify proxy account password',
    {
      about: 'sets the password of a proxy account; for 5 minutes the old one may still work',
      params: {
        account: oneAccount,
        password: text('new password, letters and digits only', 'New password', {
          ...required,
          format: 'alphanumeric',
          secret: true,
        }),
      },
      effect: 'changes',
    },
  ),
  'whitelist-account/change-remark': post('/whitelist-account/change-remark', 'POST Modify proxy account remarks', {
    about: 'sets the description of a proxy account',
    params: {
      account: oneAccount,
      remark: { ...remark, ...required },
    },
    effect: 'changes',
  }),
  'whitelist-account/change-limit': post('/whitelist-account/change-limit', 'POST Modify Agent Account Traffic Limit', {
    about: 'limits the traffic of a proxy account; the figures lag by 5 minutes, so more may be used',
    params: {
      account: oneAccount,
      limit: whole('GB; 0 for no limit', 'Traffic limit', { ...required, min: 0, max: 102_400 }),
    },
    effect: 'changes',
  }),
} as const satisfies Readonly<Record<string, Operation>>

const books = {
  'user-usage-flow/total': get('/user-usage-flow/total', 'GET Daily Traffic Usage', {
    about: 'tells the traffic of each day in KB; up to 5 minutes late',
    params: {
      start_time: text('from, as in 2022-08-01 00:00:00; seven days ago when left out', 'Start time', {
        format: 'date-time',
      }),
      end_time: text('to, as in 2022-08-08 00:00:00; now when left out', 'End time', { format: 'date-time' }),
      username: text('only this proxy account', 'Sub-account name'),
      product_type: productType,
    },
    reply: '{list: [{day, flow}]}',
  }),
  'user-product/list': get('/user-product/list', 'GET Purchased Package List', {
    about: 'lists the packages that were bought and when they expire',
    params: {
      trade_no: text('only this order, its whole number', 'Order number'),
      page: { ...page, default: 1 },
      size: { ...size, default: 20 },
      product_type: productType,
    },
    reply:
      '{list: [{id, created_at, expired_at, product_type, trade_no, order: {created_at, pay_at, title}}], page, page_size, total_count, total_page}',
  }),
} as const satisfies Readonly<Record<string, Operation>>

export const operations: Readonly<Record<string, Operation>> = { ...extraction, ...places, ...users, ...books }
