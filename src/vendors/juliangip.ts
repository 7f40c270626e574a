/**
 * juliangip (巨量IP), dynamic proxies. Document: `juliangip-dynamic.txt` (the vendor's page of 2021-09-15).
 * The table is in juliangip/calls.ts.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { VendorError } from './contract/error.ts'
import type { Credentials, Params } from './contract/operation.ts'
import { credential, methodSetting } from './contract/settings.ts'
import type { Account, Vendor } from './contract/vendor.ts'
import { MAX_PER_CALL, operations } from './juliangip/calls.ts'
import { deliver } from './juliangip/items.ts'
import { decode } from './juliangip/replies.ts'
import { malformed, membersOf } from './parse/reply.ts'

// --- Signature ----------------------------------------------------------------------------------------------------

/**
 * MD5 over the non-empty parameters sorted by name, then `&key=`: the rule of the vendor's public page
 * www.juliangip.com/help/api/sign/ and of its SDKs. Values are taken as they are, before any URL encoding.
 */
export function signatureOf(params: Params, key: string): string {
  const signed = Object.entries(params).filter(([name, value]) => name !== 'sign' && String(value).trim() !== '')
  const text = signed
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
  return createHash('md5').update(`${text}&key=${key}`, 'utf8').digest('hex')
}

function authorize(_operation: string, params: Params, { trade_no: tradeNo, key }: Credentials): Params {
  if (tradeNo === undefined || key === undefined)
    throw new VendorError('auth', 'credentials', 'juliangip needs the credentials trade_no and key')
  const signed: Params = { ...params, trade_no: tradeNo.reveal() }
  return { ...signed, sign: signatureOf(signed, key.reveal()) }
}

// --- Whitelist ----------------------------------------------------------------------------------------------------

/** setwhiteip replaces the list: its entries must be read first, or they are lost. */
async function addToWhitelist(ip: string, account: Account): Promise<void> {
  const { current_white_ip: listed } = membersOf(await account.call('getwhiteip', {})) ?? {}
  const current: unknown = typeof listed === 'string' ? listed.split(',').filter((one) => one.trim() !== '') : listed
  if (!Array.isArray(current) || !current.every((one) => typeof one === 'string'))
    throw malformed('the reply has no whitelist, and without it nothing can be added')
  if (current.includes(ip)) return
  await account.call('setwhiteip', { ips: [...current, ip].join(',') })
}

export const juliangip: Vendor = {
  name: 'juliangip',
  baseUrl: 'http://v2.api.juliangip.com',
  credentials: z.strictObject({
    trade_no: credential('Order number (业务编号).'),
    key: credential('API key of that order.'),
  }),
  countedBy: ['trade_no'],
  operations,
  products: {
    dynamic: {
      about: 'dynamic proxies, taken one batch at a time from an order',
      extract: 'getips',
      maxPerCall: MAX_PER_CALL,
      settings: methodSetting,
      // Only the remaining seconds: with a single option the meaning of a field is certain.
      order: (count, request) => ({ result_type: 'json', ip_remain: 1, ...request, num: count }),
      deliver,
    },
  },
  authorize,
  decode,
  links: [
    {
      // v1 was seen in the vendor's older SDKs; the other paths have the same answers, as those SDKs read them.
      hosts: ['v2.api.juliangip.com', 'v1.api.juliangip.com'],
      path: /^\/(dynamic|postpay|unlimited|company\/(dynamic|postpay))\/getips$/,
      products: ['dynamic'],
      credentials: { trade_no: 'trade_no', key: 'key' },
      count: 'num',
      signature: { param: 'sign', credential: 'key' },
    },
  ],
  whitelist: { add: addToWhitelist, callerParams: { auto_white: 1 } },
}
