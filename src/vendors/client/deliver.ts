/** Converts decoded data to addresses: of one call, or of the steps of a product with several calls. */

import { given } from '../../given.ts'
import type { Delivery } from '../contract/delivery.ts'
import type { Params } from '../contract/operation.ts'
import type { CallOrder } from '../contract/source.ts'
import type { Account, Delivered, Product } from '../contract/vendor.ts'
import { formatOf } from '../parse/reply.ts'
import { filterAddresses } from './address-filter.ts'
import { type Caller, type Mask, perform } from './call.ts'
import type { VendorReply } from './http.ts'

/** The call that delivered addresses. */
export interface Origin {
  readonly times: Pick<Delivery, 'sentAt' | 'vendorWallMs' | 'format'>
  readonly mask: Mask
}

/** Removes addresses that must not be upstreams, and adds the time of the request. */
export function arrive(caller: Caller, delivered: Delivered, { times, mask }: Origin): Delivery {
  const filtered = filterAddresses(delivered, caller.settings)
  return { ...filtered, rejected: filtered.rejected.map(mask), ...times }
}

/** Calls an operation whose reply contains addresses. */
export function list(
  caller: Caller,
  product: Product,
  operation: string,
  params: Params,
  order: CallOrder,
): Promise<Delivery> {
  return perform(caller, operation, params, order, (data, reply, mask) =>
    arrive(caller, product.deliver(data, { operation, request: params }), { times: timesOf(reply), mask }),
  )
}

export function timesOf({ sentAt, vendorWallMs, text }: VendorReply): Origin['times'] {
  return { sentAt, format: formatOf(text), ...given({ vendorWallMs }) }
}

/** An account that records its calls: `last` is the latest one, and masks the secrets of all of them. */
export function steps(
  caller: Caller,
  order: CallOrder,
  request: Params = caller.settings.request,
): Account & { last(): Origin } {
  const { clock } = caller.deps
  let times: Origin['times'] = { sentAt: clock.now() }
  const masks: Mask[] = []
  return {
    request,
    wall: () => clock.wall(),
    call: (operation, params) =>
      perform(caller, operation, params, order, (data, reply, mask) => {
        times = timesOf(reply)
        masks.push(mask)
        return data
      }),
    last: () => ({ times, mask: (text) => masks.reduce((masked, mask) => mask(masked), text) }),
  }
}
