/**
 * Runs every vendor that is defined by a table: one configured account and product of it.
 *
 *     parameters -> checked -> authorized -> sent -> judged -> decoded -> delivered -> filtered
 */

import type { Delivery } from '../contract/delivery.ts'
import { VendorError } from '../contract/error.ts'
import type { Params } from '../contract/operation.ts'
import type { CallOrder, Source, SourceSettings } from '../contract/source.ts'
import type { Delivered, Product, Vendor } from '../contract/vendor.ts'
import { accountNowOf, areasOf, channelsNowOf, followOf, giveBackOf, whitelistOf } from './account.ts'
import { byHandOf } from './by-hand.ts'
import { assertParams, type Caller, channelsOf, limitOf, openCaller, operationOf } from './call.ts'
import type { SourceDeps } from './contract.ts'
import { arrive, list, steps } from './deliver.ts'

/**
 * Opens one configured account and product of a vendor.
 * @throws {VendorError} class bad_request for an unknown product and for `request:` parameters that the document does not allow
 */
export function openTableSource(vendor: Vendor, settings: SourceSettings, deps: SourceDeps): Source {
  const product = productOf(vendor, settings.product)
  assertParams(operationOf(vendor, product.extract), settings.request, 'configured')
  const caller = openCaller(vendor, settings, deps)
  return {
    vendor: vendor.name,
    product: settings.product,
    maxPerCall: product.maxPerCall,
    minPerOrder: product.minPerOrder ?? 1,
    get batchSize() {
      return product.batchSize?.()
    },
    listsHeld: product.listsHeld === true,
    isList: product.list === true,
    byChannel: product.channels === true,
    takesSeveralCalls: vendor.login !== undefined || vendor.changesInTurn === true || product.take !== undefined,
    get channels() {
      return product.channels === true ? channelsOf(caller) : undefined
    },
    account: caller.account,
    extractOperation: product.extract,
    queryOperation: product.query,
    operations: vendor.operations,
    limitOf: (name) => limitOf(caller, name),
    extract: (count, order) => extract(caller, product, count, order),
    query: async (order) => {
      if (product.query === undefined)
        throw new VendorError('bad_request', 'operation', `${settings.product} cannot list what it holds`)
      return list(caller, product, product.query, {}, order)
    },
    ...byHandOf(caller, product),
    ...followOf(caller, product),
    ...giveBackOf(caller, product),
    ...channelsNowOf(caller, product),
    ...accountNowOf(caller, product),
    ...areasOf(caller, product),
    ...whitelistOf(caller),
  }
}

function productOf(vendor: Vendor, name: string): Product {
  const product = Object.hasOwn(vendor.products, name) ? vendor.products[name] : undefined
  if (product !== undefined) return product
  throw new VendorError(
    'bad_request',
    'product',
    `${vendor.name} has no product ${name}: ${Object.keys(vendor.products).join(', ')}`,
  )
}

async function extract(caller: Caller, product: Product, count: number, order: CallOrder): Promise<Delivery> {
  const request: Params = { ...caller.settings.request, ...caller.learned.callerParams }
  if (product.take === undefined)
    return assertSold(await list(caller, product, product.extract, product.order(count, request), order))
  const account = steps(caller, order, request)
  const delivered: Delivered = await product.take(count, account)
  return assertSold(arrive(caller, delivered, account.last()))
}

/** A vendor that reports success and sells nothing must not be called again at once. */
function assertSold(delivery: Delivery): Delivery {
  if (delivery.sold.length > 0 || (delivery.pending ?? []).length > 0) return delivery
  const [reason] = delivery.rejected
  if (reason === undefined)
    throw new VendorError('no_resource', 'empty', 'the vendor answered with success and an empty list')
  throw new VendorError(
    'server',
    'unusable',
    `none of the addresses in the reply (${delivery.rejected.length}) can be used: ${reason}`,
    { sale: 'sold' },
  )
}
