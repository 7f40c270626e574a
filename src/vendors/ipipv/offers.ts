/** The current products and prices of ipipv: requested before each order, because prices and stock change. */
import { given } from '../../given.ts'
import type { Answer } from '../client/contract.ts'
import { VendorError } from '../contract/error.ts'
import type { Params } from '../contract/operation.ts'
import type { CallOrder } from '../contract/source.ts'
import { membersOf, textOf } from '../parse/reply.ts'
import type { Purchase } from './settings.ts'

export type Call = (operation: string, params: Params, order: CallOrder) => Promise<Answer>

export interface Offer {
  readonly productNo: string
  /** One instance for its whole term, extra bandwidth included; the fee of a bridge is on top. */
  readonly price: number
  readonly inventory: number
}

const STATIC_TYPES = '101,102,103'

/**
 * The named product, or the cheapest of those that the filters accept.
 * @throws {VendorError} class bad_request when there is none at the permitted price, no_resource when it is sold out
 */
export async function offerFor(terms: Purchase, call: Call, order: CallOrder): Promise<Offer> {
  const { maxPrice } = terms
  const offers = await offersOf(terms, call, order)
  const affordable = offers.filter(({ price }) => price <= maxPrice)
  const [cheapest] = offers.toSorted((a, b) => a.price - b.price)
  if (cheapest === undefined) throw noSuch(`ipipv has no static product ${terms.productNo ?? 'that fits the filters'}`)
  if (affordable.length === 0) throw tooExpensive(cheapest, maxPrice)
  const [best] = affordable.filter(({ inventory }) => inventory >= 1).toSorted((a, b) => a.price - b.price)
  if (best !== undefined) return best
  throw new VendorError('no_resource', 'stock', `product ${affordable[0]?.productNo} cannot be bought now`)
}

/** The price of one more term of a product. @throws {VendorError} class bad_request when it is higher than permitted, or unknown */
export async function renewalPrice(
  productNo: string,
  { maxPrice, cycleTimes }: { readonly maxPrice: number; readonly cycleTimes: number },
  call: Call,
  order: CallOrder,
): Promise<number> {
  const [offer] = await offersOf({ productNo, cycleTimes }, call, order)
  if (offer === undefined) throw noSuch(`ipipv does not tell the price of product ${productNo}`)
  if (!(offer.price <= maxPrice)) throw tooExpensive(offer, maxPrice)
  return offer.price
}

type Wanted = Pick<Purchase, 'productNo' | 'cycleTimes'> & Partial<Purchase>

async function offersOf(wanted: Wanted, call: Call, order: CallOrder): Promise<readonly Offer[]> {
  const { productNo, proxyType = STATIC_TYPES, countryCode, cityCode, supplierCode, unit, ispType, duration } = wanted
  const filters =
    productNo === undefined
      ? given({ countryCode, cityCode, supplierCode, unit, ispType, duration })
      : given({ productNo })
  const { data } = await call('product/query', { proxyType: String(proxyType), ...filters }, order)
  const products: unknown[] = Array.isArray(data) ? data : []
  return products.flatMap((product) => {
    const offer = offerOf(membersOf(product) ?? {}, wanted)
    return offer === undefined || (productNo !== undefined && offer.productNo !== productNo) ? [] : offer
  })
}

function offerOf(
  product: Readonly<Record<string, unknown>>,
  { cycleTimes, extBandWidth = 0 }: Wanted,
): Offer | undefined {
  const productNo = textOf(product['productNo'])
  if (productNo === undefined) return undefined
  const figure = (name: string) => Number(textOf(product[name]) ?? Number.NaN)
  const bandwidth = extBandWidth === 0 ? 0 : figure('bandWidthPrice') * extBandWidth
  const isSold = textOf(product['enable']) === '1'
  return {
    productNo,
    price: (figure('costPrice') + bandwidth) * cycleTimes,
    inventory: isSold ? Number(textOf(product['inventory']) ?? 0) : 0,
  }
}

function tooExpensive({ productNo, price }: Offer, maxPrice: number): VendorError {
  const isKnown = Number.isFinite(price)
  return noSuch(
    isKnown
      ? `product ${productNo} costs ${price}, more than maxPrice ${maxPrice}`
      : `ipipv does not tell what product ${productNo} costs so`,
  )
}

export function noSuch(words: string): VendorError {
  return new VendorError('bad_request', 'purchase', words, { hint: 'correct purchase: or renew: in gateway.yaml' })
}
