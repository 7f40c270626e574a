/**
 * Runs every vendor that is a table:
 *
 *     parameters -> checked -> authorized -> sent -> judged -> decoded -> delivered -> screened
 *
 * Every HTTP call goes through the gate, which holds it back until its documented limit allows it. Retries and budgets are
 * the caller's.
 */
import { judge, type SourceDeps, type VendorReply } from '../http.ts'
import {
  type Delivery,
  type Operation,
  type Params,
  type Product,
  type ProviderSettings,
  type RateLimit,
  type Source,
  type Vendor,
  VendorError,
} from '../vendor.ts'
import { type Author, paramProblems } from './params.ts'
import { screen } from './screen.ts'
import { limitKey, maskerOf, secretsOf, toRequest } from './wire.ts'

/**
 * Opens one configured account and product of a vendor.
 * @throws {VendorError} class bad_request for an unknown product and for `request:` parameters that the document does not allow
 */
export function openTableSource(vendor: Vendor, settings: ProviderSettings, deps: SourceDeps): Source {
  const product = Object.hasOwn(vendor.products, settings.product) ? vendor.products[settings.product] : undefined
  if (product === undefined) {
    throw new VendorError(
      'bad_request',
      'product',
      `${vendor.name} has no product ${settings.product}: ${Object.keys(vendor.products).join(', ')}`,
    )
  }
  assertParams(operationOf(vendor, product.extract), settings.request, 'configured')
  const caller: Caller = { vendor, settings, deps }
  return {
    vendor: vendor.name,
    product: settings.product,
    maxPerCall: product.maxPerCall,
    isList: false,
    byChannel: product.channels === true,
    channels: product.channels === true ? settings.channels : undefined,
    extractOperation: product.extract,
    queryOperation: product.query,
    operations: vendor.operations,
    limitOf: (name) => limitOf(caller, name),
    extract: (count, signal, priority = 0) => {
      const params = product.order(count, settings.request)
      return list(caller, product, product.extract, params, { signal, priority }).then(assertSold)
    },
    query: async (signal, priority = 0) => {
      if (product.query === undefined)
        throw new VendorError('bad_request', 'operation', `${settings.product} cannot list what it holds`)
      return list(caller, product, product.query, {}, { signal, priority })
    },
    call: async (name, params, signal, priority = 0) => {
      assertParams(operationOf(vendor, name), params, 'operator')
      return perform(caller, name, params, { signal, priority }, (data) => data)
    },
  }
}

interface Caller {
  readonly vendor: Vendor
  readonly settings: ProviderSettings
  readonly deps: SourceDeps
}

interface CallOrder {
  readonly signal: AbortSignal
  readonly priority: number
}

function limitOf({ vendor, settings }: Caller, name: string): RateLimit & { readonly key: string } {
  const { calls, perMs } = operationOf(vendor, name).limit({ channels: settings.channels ?? 1 })
  const key = limitKey(vendor, name, settings.credentials)
  return { calls: Math.max(1, Math.floor(calls * settings.limit.share)), perMs, key }
}

function operationOf(vendor: Vendor, name: string): Operation {
  const operation = Object.hasOwn(vendor.operations, name) ? vendor.operations[name] : undefined
  if (operation !== undefined) return operation
  throw new VendorError(
    'bad_request',
    'operation',
    `${vendor.name} has no operation ${name}: ${Object.keys(vendor.operations).join(', ')}`,
  )
}

function assertParams(operation: Operation, params: Params, author: Author): void {
  const problems = paramProblems(operation, params, author)
  if (problems.length === 0) return
  throw new VendorError(
    'bad_request',
    'parameter',
    problems.map(({ param, message }) => `${param} ${message}`).join('; '),
  )
}

/** Calls an operation that answers with addresses. */
function list(
  caller: Caller,
  product: Product,
  operation: string,
  params: Params,
  order: CallOrder,
): Promise<Delivery> {
  return perform(caller, operation, params, order, (data, reply, mask) => {
    const delivered = screen(product.deliver(data, { operation, request: params }), caller.settings)
    const { sentAt, vendorWallMs } = reply
    const rejected = delivered.rejected.map(mask)
    return { ...delivered, rejected, sentAt, ...(vendorWallMs === undefined ? {} : { vendorWallMs }) }
  })
}

/** A vendor that says "success" and sells nothing must not be asked again at once. */
function assertSold(delivery: Delivery): Delivery {
  if (delivery.sold.length > 0) return delivery
  const [reason] = delivery.rejected
  if (reason === undefined)
    throw new VendorError('no_resource', 'empty', 'the vendor answered with success and an empty list')
  throw new VendorError(
    'server',
    'unusable',
    `none of the ${delivery.rejected.length} addresses in the reply can be used: ${reason}`,
  )
}

async function perform<T>(
  caller: Caller,
  name: string,
  params: Params,
  order: CallOrder,
  read: (data: unknown, reply: VendorReply, mask: (text: string) => string) => T,
): Promise<T> {
  const { vendor, settings, deps } = caller
  const operation = operationOf(vendor, name)
  const wire = vendor.authorize(name, params, settings.credentials)
  const mask = maskerOf(secretsOf(operation, settings, wire))
  try {
    assertParams(operation, { ...params, ...tabled(operation, wire) }, 'engine')
    const request = toRequest(vendor, operation, settings, wire)
    const send = () => deps.http.call(request, order.signal)
    const reply = await (deps.gate === undefined ? send() : deps.gate(limitOf(caller, name), order, send))
    const data = judge(reply, deps.clock.wall(), (raw) => vendor.decode(name, raw, params))
    return read(data, reply, mask)
  } catch (error) {
    throw error instanceof VendorError ? withoutSecrets(error, mask) : error
  }
}

/** What of the wire the operation's table knows: an envelope (encrypted parameters, a request id) is no parameter. */
function tabled(operation: Operation, wire: Params): Params {
  return Object.fromEntries(Object.entries(wire).filter(([name]) => Object.hasOwn(operation.params, name)))
}

/** Vendors quote the request in their errors. The cause is dropped: nobody vouches for what is in it. */
function withoutSecrets(error: VendorError, mask: (text: string) => string): VendorError {
  return new VendorError(error.class, mask(error.vendorCode), mask(error.message), {
    hint: error.hint,
    wait: error.wait,
  })
}
