/**
 * ipipv: static instances, and dynamic addresses drawn with a login each or through a link. Document: `ipipv-open-api.txt`
 * (v2.0.8 of 2024-09-21). The table is here and in ipipv/operations.ts; `openIpipv` opens it, because most products need several
 * calls.
 */
import { z } from 'zod'
import type { SourceDeps } from './client/contract.ts'
import { VendorError } from './contract/error.ts'
import { credential } from './contract/settings.ts'
import type { Source, SourceSettings } from './contract/source.ts'
import type { Account, DeliverContext, EntryProblem, Product, Vendor } from './contract/vendor.ts'
import { areas } from './ipipv/areas.ts'
import { moneyLeft, trafficLeft } from './ipipv/balance.ts'
import { deliverPasswords } from './ipipv/draw.ts'
import { authorizer, decode } from './ipipv/envelope.ts'
import { operations } from './ipipv/operations.ts'
import { MAX_OPENED } from './ipipv/purchase.ts'
import { apiSettings, passwordSettings, staticSettings, type Variant } from './ipipv/settings.ts'
import { openProduct } from './ipipv/source.ts'

/** The document states no maximum for one draw. */
const MAX_DRAWN = 100

/** Traffic is bought by instance/open too. */
const OF_INSTANCES = /^(instance(?!\/open$)|assign\/)/

function products({ protocol = 'http', mainAccount }: Variant): Readonly<Record<string, Product>> {
  return {
    static: {
      about: 'static instances that you have or, with `purchase`, that are bought',
      extract: 'instance',
      canCall: (operation) => !/^(user|proxy\/|product\/area$)/.test(operation),
      maxPerCall: MAX_OPENED,
      settings: staticSettings,
      check: checkStatic,
      accountNow: moneyLeft,
      order: () => ({}),
      deliver: ownSource,
    },
    'dynamic-password': {
      about: 'dynamic addresses, each with a login of its own',
      extract: 'proxy/draw/pwd',
      canCall: (operation) => !OF_INSTANCES.test(operation) && operation !== 'proxy/draw/api',
      areas,
      maxPerCall: MAX_DRAWN,
      settings: passwordSettings,
      accountNow: (account) => trafficLeft(account, mainAccount),
      order: (count, request) => ({ ...request, num: count }),
      deliver: (data, { request }: DeliverContext) => deliverPasswords(data, request, protocol),
    },
    'dynamic-api': {
      about: 'dynamic addresses, from a link that is drawn first',
      extract: 'proxy/draw/api',
      canCall: (operation) => !OF_INSTANCES.test(operation) && operation !== 'proxy/draw/pwd',
      areas,
      maxPerCall: MAX_DRAWN,
      settings: apiSettings,
      accountNow: (account) => trafficLeft(account, account.request['appUsername']),
      order: (count, request) => ({ ...request, num: count }),
      deliver: ownSource,
    },
  }
}

/** An empty list would be read for ever without an explanation. */
function checkStatic({ instances, orders, purchase }: Readonly<Record<string, unknown>>): EntryProblem[] {
  if (instances !== undefined || orders !== undefined || purchase !== undefined) return []
  const message = 'static needs instances or orders that you have, or purchase, which buys them'
  return [{ path: ['product'], message }]
}

function ownSource(): never {
  throw new VendorError('bad_request', 'product', 'this product takes several calls')
}

/** Adds our address to the whitelist of the main account that the draws use. */
function addToWhitelist({ mainAccount }: Variant) {
  return async (ip: string, { request, call }: Account): Promise<void> => {
    const { appUsername, proxyType = 104, productNo } = request
    const account = mainAccount ?? appUsername
    if (account === undefined || productNo === undefined)
      throw new VendorError('bad_request', 'whitelist', 'the whitelist belongs to the dynamic products of ipipv')
    await call('proxy/addIpWhiteList', { appUsername: account, ip, proxyType, productNo })
  }
}

/** The table, adapted to a user's own keys. */
function ipipvWith(variant: Variant): Vendor {
  return {
    name: 'ipipv',
    baseUrl: 'https://api.ipipv.com',
    credentials: z.strictObject({
      appKey: credential('Name of the app (渠道商号).'),
      appSecret: credential('Secret of the app: 16, 24 or 32 bytes.'),
    }),
    countedBy: ['appKey'],
    // The document states no limits; one change at a time is safe.
    changesInTurn: true,
    orderParam: 'appOrderNo',
    operations,
    products: products(variant),
    authorize: authorizer(variant.labels),
    decode,
    whitelist: { add: addToWhitelist(variant) },
  }
}

export const ipipv: Vendor = ipipvWith({})

/** @throws {VendorError} class bad_request for an unknown product and for settings that the table does not allow */
export function openIpipv(settings: SourceSettings, deps: SourceDeps): Source {
  return openProduct(ipipvWith, settings, deps)
}
