/** A vendor's calls one by one, without any product. */

import type { SourceSettings, Vendor } from '../contract.ts'
import { assertParams, type Caller, limitOf, operationOf, perform } from './call.ts'
import type { SourceDeps, Table } from './http.ts'
import { RequestIds } from './request-ids.ts'

export function openTable(vendor: Vendor, settings: SourceSettings, deps: SourceDeps): Table {
  const learned = { channels: undefined, callerParams: {} }
  const caller: Caller = { vendor, settings, deps, requestIds: new RequestIds(), learned }
  return {
    limitOf: (name) => limitOf(caller, name),
    call: async (name, params, order) => {
      assertParams(operationOf(vendor, name), params, 'operator')
      return perform(caller, name, params, order, (data, reply) => ({ data, reply }))
    },
  }
}
