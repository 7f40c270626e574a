/** The embedded demo vendor. Its document is at the top of src/demo/api.ts; section numbers refer to it. */

import { z } from 'zod'
import { given } from '../given.ts'
import { Secret } from '../secret.ts'
import type { ProxyRecord } from './contract/delivery.ts'
import type { ErrorRule, Operation, Param, Params, RawReply } from './contract/operation.ts'
import { credential } from './contract/settings.ts'
import type { Delivered, Vendor } from './contract/vendor.ts'
import { parseEndpoint } from './parse/address.ts'
import { deliverEach } from './parse/items.ts'
import { parseJson } from './parse/json.ts'
import { malformed, membersOf, refusal, ruleOf, textOf } from './parse/reply.ts'
import { chinaTime } from './parse/time.ts'

const MINUTE_MS = 60_000
const MAX_PER_CALL = 100
const DOCUMENT = 'src/demo/api.ts'

const account: Param = {
  type: 'string',
  required: true,
  secret: true,
  managed: true,
  about: 'the account',
  term: 'the account',
}
const placeFilter = (about: string): Param => ({ type: 'csv', about, term: 'only addresses with one of these' })

const commonErrors: Readonly<Record<string, ErrorRule>> = {
  INVALID_KEY: {
    class: 'auth',
    term: 'there is no such account',
    hint: 'a key of the demo vendor ends with the process that made it',
  },
  INVALID_PARAMETER: { class: 'bad_request', term: 'a parameter is unknown, given twice, or not in its range' },
  REQUEST_LIMIT_EXCEEDED: { class: 'rate_limited', term: 'too many calls', wait: MINUTE_MS },
  NO_SUCH_OPERATION: { class: 'bad_request', term: 'unknown path or method' },
  INTERNAL_ERROR: { class: 'server', term: 'no address could be started' },
}

const REPLY = 'list of {server, username, password, proxy_ip, country, area, city, isp, deadline}'

const operations = {
  get: {
    about: 'takes addresses',
    document: `${DOCUMENT}, section 2`,
    method: 'GET',
    path: '/get',
    params: {
      key: account,
      num: {
        type: 'integer',
        min: 1,
        max: MAX_PER_CALL,
        default: 1,
        managed: true,
        about: 'how many addresses',
        term: 'how many',
      },
      country: placeFilter('two-letter country codes'),
      area: placeFilter('areas'),
      city: placeFilter('cities'),
      isp: placeFilter('carriers'),
    },
    limit: ({ channels }) => ({ calls: channels * 5 + 10, perMs: MINUTE_MS }),
    effect: 'buys',
    quantity: ['num'],
    reply: REPLY,
    secrets: { password: 'all' },
    errors: {
      ...commonErrors,
      NO_AVAILABLE_CHANNEL: {
        class: 'quota_exhausted',
        term: 'every channel is occupied: wait for a deadline',
        wait: 'earliest-deadline',
      },
      NO_RESOURCE_FOUND: {
        class: 'no_resource',
        term: 'there is no address in such a place',
        hint: 'the made-up places are in docs/vendors/demo.md',
      },
    },
  },
  query: {
    about: 'lists what the account holds now',
    document: `${DOCUMENT}, section 3`,
    method: 'GET',
    path: '/query',
    params: { key: account },
    limit: () => ({ calls: 60, perMs: MINUTE_MS }),
    effect: 'reads',
    reply: REPLY,
    secrets: { password: 'all' },
    errors: commonErrors,
  },
} as const satisfies Record<string, Operation>

/** Section 1. A call beyond the limit has HTTP 429 and is judged before this. */
function decode(operation: string, reply: RawReply): unknown {
  const { code, message, data } = membersOf(parseJson(reply.text)) ?? {}
  if (typeof code !== 'string') throw malformed('the reply has no code', reply.text)
  if (code === 'SUCCESS') return data
  const rules: Readonly<Record<string, ErrorRule>> = operation === 'get' ? operations.get.errors : commonErrors
  throw refusal(ruleOf(code, rules), code, textOf(message) ?? '')
}

function deliver(data: unknown): Delivered {
  if (!Array.isArray(data)) throw malformed('the reply has no list of addresses')
  return deliverEach(data, readItem)
}

/** @returns the address, or why it cannot be used */
function readItem(item: unknown): ProxyRecord | string {
  const { server, username, password, deadline, ...facts } = textsOf(item)
  const { host, port } = parseEndpoint(server ?? '') ?? {}
  const wallMs = chinaTime(deadline ?? '')
  if (server === undefined || host === undefined || port === undefined) return 'an item without host:port'
  if (username === undefined || password === undefined) return 'an item without a login'
  if (wallMs === undefined) return 'an item without a deadline'
  const login = { username, password: new Secret(password) }
  return {
    host,
    port,
    protocol: 'http',
    ...login,
    life: { kind: 'until', wallMs },
    ref: server,
    ...factsOf(host, facts),
  }
}

type Texts = Readonly<Record<string, string | undefined>>

function factsOf(host: string, { proxy_ip, country, area, city, isp }: Texts): Partial<ProxyRecord> {
  return given({ exit: proxy_ip === host ? undefined : proxy_ip, country, area, city, isp })
}

/** The members of an item that are text or numbers. */
function textsOf(item: unknown): Texts {
  return Object.fromEntries(Object.entries(membersOf(item) ?? {}).map(([name, value]) => [name, textOf(value)]))
}

export const demo: Vendor = {
  name: 'demo',
  baseUrl: 'http://127.0.0.1', // a placeholder: the port is new at every start, and app.ts sets it
  credentials: z.strictObject({ key: credential('The account; another one at every start.') }),
  operations,
  products: {
    channel: {
      about: 'one loopback proxy for each channel, for one to two minutes',
      extract: 'get',
      query: 'query',
      maxPerCall: MAX_PER_CALL,
      // Its addresses cost nothing: with four from the start, a new user's first requests already show rotation.
      minPerOrder: 4,
      channels: true,
      order: (count, request): Params => ({ ...request, num: count }),
      deliver,
    },
  },
  authorize: (_operation, params, { key }) => (key === undefined ? params : { ...params, key: key.reveal() }),
  decode,
}
