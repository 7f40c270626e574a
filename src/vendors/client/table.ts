/** A vendor's calls without any product. */

import type { SourceSettings } from '../contract/source.ts'
import type { Vendor } from '../contract/vendor.ts'
import { assertParams, limitOf, openCaller, operationOf, perform } from './call.ts'
import type { SourceDeps, Table } from './contract.ts'

export function openTable(vendor: Vendor, settings: SourceSettings, deps: SourceDeps): Table {
  const caller = openCaller(vendor, settings, deps)
  return {
    limitOf: (name) => limitOf(caller, name),
    call: async (name, params, order) => {
      assertParams(operationOf(vendor, name), params, 'operator')
      return perform(caller, name, params, order, (data, reply) => ({ data, reply }))
    },
  }
}
