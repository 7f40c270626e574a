/**
 * One operation of a vendor's table:
 *
 *     parameters -> token -> turn -> gate -> authorized -> checked -> sent -> judged -> decoded
 *
 * Every HTTP call passes the gate, which delays it until its documented limit allows it. Retries and budgets belong to the
 * caller.
 */

import type { Secret } from '../../secret.ts'
import { VendorError } from '../contract/error.ts'
import { partOf } from '../contract/limit.ts'
import type { Operation, Params, RateLimit, RawReply } from '../contract/operation.ts'
import type { CallLimit, CallOrder, LearnedFacts, SourceSettings } from '../contract/source.ts'
import type { Vendor } from '../contract/vendor.ts'
import type { SourceDeps } from './contract.ts'
import type { VendorReply } from './http.ts'
import { judge } from './judge.ts'
import { type Author, paramProblems, requiredDefaults } from './params.ts'
import { maskerOf, secretsOf } from './redact.ts'
import { RequestIds } from './request-ids.ts'
import { TokenCache } from './token-cache.ts'
import { accountKey, groupKey, limitKey, toRequest } from './wire.ts'

export interface Caller {
  readonly vendor: Vendor
  readonly settings: SourceSettings
  readonly deps: SourceDeps
  readonly requestIds: RequestIds
  /** Identifies the credential. */
  readonly account: string
  readonly learned: LearnedFacts
  /** Only if calls have a token. */
  readonly tokens: TokenCache | undefined
}

export function openCaller(vendor: Vendor, settings: SourceSettings, deps: SourceDeps): Caller {
  const account = accountKey(vendor, settings.credentials)
  const learned = deps.learnedOf?.(account) ?? { channels: undefined, callerParams: {} }
  const { login } = vendor
  const caller = { vendor, settings, deps, requestIds: new RequestIds(), account, learned, tokens: undefined }
  if (login === undefined) return caller
  const fetch = (order: CallOrder) =>
    attempt(caller, login.operation, {}, order, undefined, (data, { sentAt, vendorWallMs }) => ({
      ...login.read(data),
      sentAt,
      vendorWallMs,
    }))
  return { ...caller, tokens: new TokenCache(deps.clock, login, fetch) }
}

export type Mask = (text: string) => string

export function channelsOf({ settings, learned }: Caller): number | undefined {
  return settings.channels ?? learned.channels
}

/** The documented limit of an operation for this account, and the digest under which its calls are counted. */
export function limitOf(caller: Caller, name: string): CallLimit {
  const { vendor, settings } = caller
  const { limit, furtherLimits = [] } = operationOf(vendor, name)
  const stated = (one: RateLimit, key: string): CallLimit => ({
    ...partOf(one, settings.limit.share),
    key,
    statedBy: `${settings.name} ${name}`,
  })
  const also = furtherLimits.map((one) => stated(one, groupKey(vendor, one.group, settings.credentials)))
  const first = limit({ channels: channelsOf(caller) ?? 1, product: settings.product })
  const key = limitKey(vendor, name, settings.credentials)
  return { ...stated(first, key), ...(also.length > 0 ? { also } : {}) }
}

/** @throws {VendorError} class bad_request, with the names of all operations */
export function operationOf(vendor: Vendor, name: string): Operation {
  const operation = Object.hasOwn(vendor.operations, name) ? vendor.operations[name] : undefined
  if (operation !== undefined) return operation
  throw new VendorError(
    'bad_request',
    'operation',
    `${vendor.name} has no operation ${name}: ${Object.keys(vendor.operations).join(', ')}`,
  )
}

/** @throws {VendorError} class bad_request, with a description of every mistake */
export function assertParams(operation: Operation, params: Params, author: Author): void {
  const problems = paramProblems(operation, params, author)
  if (problems.length === 0) return
  throw new VendorError(
    'bad_request',
    'parameter',
    problems.map(({ param, message }) => `${param} ${message}`).join('; '),
  )
}

/**
 * @param read converts the decoded data; its errors are masked too
 * @throws {VendorError}; rejects with the signal's reason on abort
 */
export async function perform<T>(
  caller: Caller,
  name: string,
  given: Params,
  order: CallOrder,
  read: (data: unknown, reply: VendorReply, mask: Mask) => T,
): Promise<T> {
  const { tokens, vendor } = caller
  const params = { ...requiredDefaults(operationOf(vendor, name)), ...given }
  if (tokens === undefined || name === vendor.login?.operation)
    return attempt(caller, name, params, order, undefined, read)
  const token = await tokens.get(order)
  try {
    return await attempt(caller, name, params, order, token, read)
  } catch (error) {
    if (!(error instanceof VendorError && error.endsLogin)) throw error
    tokens.forget(token)
    return attempt(caller, name, params, order, await tokens.get(order), read)
  }
}

async function attempt<T>(
  caller: Caller,
  name: string,
  params: Params,
  order: CallOrder,
  token: Secret | undefined,
  read: (data: unknown, reply: VendorReply, mask: Mask) => T,
): Promise<T> {
  const { vendor, settings, deps } = caller
  const operation = operationOf(vendor, name)
  const requestId = order.requestId ?? caller.requestIds.take(name, params, vendor.orderParam)
  const credentials = token === undefined ? settings.credentials : { ...settings.credentials, token }
  let vendorWallMs: number | undefined
  let mask = maskerOf(secretsOf(operation, { ...settings, credentials }, params))
  // Authorized after the gate: a signature contains the time of sending, not of the start of the wait.
  const prepare = () => {
    const wire = vendor.authorize(name, params, credentials, requestId, deps.clock.wall())
    mask = maskerOf(secretsOf(operation, { ...settings, credentials }, wire))
    // The given parameters win: an envelope may have members with the names of parameters.
    assertParams(operation, { ...tabled(operation, wire), ...params }, 'engine')
    return toRequest(vendor, operation, settings, wire)
  }
  try {
    // Judged before the gate is left: a refusal because of too many calls belongs to the window of this operation.
    const send = async () => {
      const request = prepare()
      if (operation.effect === 'buys') order.ticket?.sent()
      const reply = await deps.http.call(request, order.signal)
      vendorWallMs = reply.vendorWallMs
      const decode = (raw: RawReply) => vendor.decode(name, raw, params, credentials)
      return { reply, data: judge(reply, deps.clock.wall(), decode) }
    }
    const { reply, data } = await inTurn(caller, operation, order, () =>
      deps.gate === undefined ? send() : deps.gate(limitOf(caller, name), order, send),
    )
    caller.requestIds.settled(requestId)
    return read(data, reply, mask)
  } catch (error) {
    if (isVerdict(error)) caller.requestIds.settled(requestId)
    else caller.requestIds.unanswered(name, params, requestId)
    throw error instanceof VendorError ? withoutSecrets(error, { operation: name, vendorWallMs }, mask) : error
  }
}

/** The turn is awaited before the gate: a call that holds a slot of the limit must be able to be sent. */
function inTurn<T>(
  { vendor, settings, deps }: Caller,
  { effect }: Operation,
  { signal }: CallOrder,
  call: () => Promise<T>,
): Promise<T> {
  if (deps.inTurn === undefined || vendor.changesInTurn !== true || effect === 'reads') return call()
  return deps.inTurn(accountKey(vendor, settings.credentials), signal, call)
}

/** Proof that the vendor refused; after any other failure it may have acted, or may still act. */
function isVerdict(error: unknown): boolean {
  return error instanceof VendorError && error.class !== 'server'
}

/** The sent values that the operation's table defines: those of an envelope (encrypted parameters, a request id) are no parameters. */
function tabled(operation: Operation, wire: Params): Params {
  return Object.fromEntries(Object.entries(wire).filter(([name]) => Object.hasOwn(operation.params, name)))
}

/** Vendors quote the request in their errors. The cause is dropped, because its contents are unknown. */
function withoutSecrets(error: VendorError, origin: Pick<VendorError, 'operation' | 'vendorWallMs'>, mask: Mask) {
  const { class: errorClass, vendorCode, message, hint, wait, sale, endsLogin } = error
  return new VendorError(errorClass, mask(vendorCode), mask(message), { hint, wait, sale, endsLogin, ...origin })
}
