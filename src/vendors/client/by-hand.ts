/** What a call by the operator needs besides the call: the check of its parameters before it, and of its reply after it. */

import type { Delivery } from '../contract/delivery.ts'
import { VendorError } from '../contract/error.ts'
import type { Operation, Param, Params, ParamValue } from '../contract/operation.ts'
import type { Source } from '../contract/source.ts'
import type { Product } from '../contract/vendor.ts'
import { assertParams, type Caller, channelsOf, operationOf, perform } from './call.ts'
import type { SourceDeps } from './contract.ts'
import { arrive, type Origin, timesOf } from './deliver.ts'
import { missingParams, paramWarnings } from './params.ts'
import { redact, secretsOf } from './redact.ts'

/** `call`, and the functions around it. */
export function byHandOf(caller: Caller, product: Product): Pick<Source, 'call' | 'byHand'> {
  /** When the reply was requested: the lives of its addresses are counted from there. */
  const origins = new WeakMap<object, Origin>()
  return {
    call: async (name, params, order) => {
      assertParams(operationOf(caller.vendor, name), params, 'operator')
      return perform(caller, name, params, order, (data, reply, mask) => {
        if (typeof data === 'object' && data !== null) origins.set(data, { times: timesOf(reply), mask })
        return data
      })
    },
    byHand: {
      plan: async (name, params) => {
        const count = plan(operationOf(caller.vendor, name), params)
        return name === product.extract && count > 0 ? Math.max(count, product.batchSize?.() ?? 0) : count
      },
      slots: (name, params) =>
        operationOf(caller.vendor, name).countsAs?.(params, { channels: channelsOf(caller) ?? 1 }) ?? 1,
      warnings: (name, params) => warningsOf(operationOf(caller.vendor, name), params),
      show: (name, params, data, reveal = false) => show(caller, product, name, params, data, reveal),
      sold: (name, params, data) => {
        const origin = typeof data === 'object' && data !== null ? origins.get(data) : undefined
        return name === product.extract
          ? deliveryOf(caller, product, name, params, data, origin ?? now(caller.deps))
          : undefined
      },
      givenBack: (name, params, refs) => givenBack(product, name, params, refs),
    },
  }
}

function plan(operation: Operation, params: Params): number {
  assertParams(operation, params, 'operator')
  const missing = missingParams(operation, params)
  if (missing.length > 0) {
    const words = missing.map(({ param, message }) => `${param} ${message}`).join('; ')
    throw new VendorError('bad_request', 'parameter', words)
  }
  if (operation.effect !== 'buys') return 0
  const amounts = (operation.quantity ?? []).map((name) => amountOf(operation.params[name], params[name]))
  return amounts.length > 0 ? Math.max(...amounts) : 1
}

function warningsOf(operation: Operation, params: Params): string[] {
  const { unproven } = operation
  return [...(unproven === undefined ? [] : [`unproven: ${unproven}`]), ...paramWarnings(operation, params)]
}

function amountOf(param: Param | undefined, value: ParamValue | undefined): number {
  if (param?.type === 'integer') return Number(value ?? param.default ?? 1)
  if (param?.type === 'csv') return value === undefined ? 1 : String(value).split(',').length
  if (param?.type !== 'items' || value === undefined) return 1
  const items = JSON.parse(String(value)) as readonly Readonly<Record<string, unknown>>[]
  return items.reduce((sum, item) => sum + amountOfItem(param, item), 0)
}

/** `{count}`, or the sum of the counts in a list, whichever is larger. */
function amountOfItem({ members = {} }: Param, item: Readonly<Record<string, unknown>>): number {
  if (Object.entries(members).some(([name, { isTraffic }]) => isTraffic === true && item[name] !== undefined)) return 0
  const inner = Object.entries(members).filter(([name, { type }]) => type === 'items' && item[name] !== undefined)
  const sums = inner.map(([name, param]) => amountOf(param, JSON.stringify(item[name])))
  return Math.max(1, Number(item['count'] ?? 1), ...sums)
}

/** Logins in the reply, as the vendor's own format defines them, are secrets wherever they appear. */
function show(caller: Caller, product: Product, name: string, params: Params, data: unknown, reveal: boolean): unknown {
  const operation = operationOf(caller.vendor, name)
  const isList = name === product.extract || name === product.query
  const delivery = isList ? deliveryOf(caller, product, name, params, data, now(caller.deps)) : undefined
  const logins = (delivery?.sold ?? []).flatMap(({ password }) => password?.reveal() ?? [])
  const known = [...secretsOf(operation, caller.settings, params), ...logins]
  return redact(operation, data, known, reveal ? operation.generates : [])
}

function deliveryOf(
  caller: Caller,
  product: Product,
  name: string,
  params: Params,
  data: unknown,
  origin: Origin,
): Delivery | undefined {
  try {
    return arrive(caller, product.deliver(data, { operation: name, request: params }), origin)
  } catch (error) {
    // A product with several calls cannot read the reply of one, and a reply may be empty.
    if (error instanceof VendorError) return undefined
    throw error
  }
}

function now({ clock }: SourceDeps): Origin {
  return { times: { sentAt: clock.now() }, mask: (text) => text }
}

/** A release, or the release part of a replacement. */
function givenBack(product: Product, name: string, params: Params, refs: readonly string[]): readonly string[] {
  const { release, replace } = product
  const paramsOf =
    name === release?.operation
      ? release.params
      : name === replace?.operation
        ? (ref: string) => replace.params(ref, {})
        : undefined
  if (paramsOf === undefined) return []
  return refs.filter((ref) => Object.entries(paramsOf(ref)).every(([param, value]) => names(params[param], value)))
}

/** `*` means all of them. */
function names(given: ParamValue | undefined, value: ParamValue): boolean {
  const members = String(given ?? '').split(',')
  return members.includes('*') || members.includes(String(value))
}
