/**
 * `generic`: any vendor whose API returns a list of addresses. Its table is in the user's entry (generic/settings.ts); this file
 * converts the entry to what other vendors have in code, and the engine runs it.
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { Secret } from '../secret.ts'
import type { SourceDeps } from './client/contract.ts'
import { openTableSource } from './client/source.ts'
import { VendorError } from './contract/error.ts'
import type { Credentials, Params } from './contract/operation.ts'
import type { Source, SourceSettings } from './contract/source.ts'
import type { Vendor } from './contract/vendor.ts'
import { accountCalls } from './generic/account.ts'
import { signaturesOf } from './generic/call.ts'
import { checkEntry } from './generic/check.ts'
import { loginOf } from './generic/login.ts'
import { EXTRACT, maxPerCallOf, type OpenCall, openCalls, usesNum } from './generic/operations.ts'
import { ownedList } from './generic/owned.ts'
import type { ListReply } from './generic/reply.ts'
import { countedBy, credentialsOf } from './generic/secrets.ts'
import { type GenericOwn, settings as ownSettings, parseOwn } from './generic/settings.ts'
import { whitelistOf } from './generic/whitelist.ts'
import { membersOf } from './parse/reply.ts'
import { builtIn, type Values } from './parse/template.ts'
import { parseZone } from './parse/time.ts'

/** @param now ms since the epoch */
function genericWith(own: GenericOwn, now: () => number): Vendor {
  const calls = openCalls(own)
  return {
    name: 'generic',
    baseUrl: 'http://127.0.0.1', // a placeholder: the entry's url is complete
    credentials: z.strictObject({}),
    countedBy: countedBy(own),
    operations: Object.fromEntries(Object.entries(calls).map(([name, { operation }]) => [name, operation])),
    products: {
      list: {
        about: 'addresses of a list that any API hands out',
        extract: EXTRACT,
        maxPerCall: maxPerCallOf(own),
        ...(usesNum(own) || own.owned ? {} : { batchSize: () => maxPerCallOf(own) }),
        get settings() {
          return ownSettings()
        },
        check: checkEntry,
        order: (count) => ({ num: count }),
        deliver: delivered,
        ...accountCalls(own),
        ...(own.owned ? ownedList(own, now, delivered) : {}),
      },
    },
    ...(own.login === undefined ? {} : { login: loginOf(own.login) }),
    ...whitelistOf(own),
    authorize: (name, params, credentials, _id, wallMs) => authorize(calls[name], own, params, credentials, wallMs),
    decode: (name, reply) => calls[name]?.read(reply),
  }
}

/** The result of `decode` is a delivery already: the entry describes the items together with the reply. */
function delivered(data: unknown): ListReply {
  const members = membersOf(data)
  if (members === undefined) throw new VendorError('server', 'body', 'the reply was not read')
  return members as unknown as ListReply
}

/** All values for the call: its parameters, the account's keys, the time, the token, then the signatures made of them. */
function authorize(
  call: OpenCall | undefined,
  own: GenericOwn,
  params: Params,
  { token }: Credentials,
  wallMs: number,
): Params {
  if (call === undefined) return params
  const aheadMs = parseZone(own.zone)?.(wallMs) ?? 0
  const given: Values = {
    ...builtIn(wallMs, aheadMs, randomUUID()),
    ...(token === undefined ? {} : { token: token.reveal() }),
    ...Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)])),
  }
  const keys = Object.fromEntries(Object.entries(own.credentials).map(([name, value]) => [name, value.reveal()]))
  return { ...given, ...params, ...signaturesOf(call.settings, { ...keys, ...given }) }
}

/** Represents all generic vendors when there is no entry: name, product and keys are the same for all. */
export const generic: Vendor = genericWith(parseOwn({ url: 'http://127.0.0.1/', format: 'text' }), () => 0)

/** @throws {VendorError} class bad_request for an unknown product */
export function openGeneric(settings: SourceSettings, deps: SourceDeps): Source {
  const own = settings.own as unknown as GenericOwn
  if (!(own?.url instanceof Secret)) throw new VendorError('bad_request', 'url', 'a generic provider needs a url')
  const vendor = genericWith(own, () => deps.clock.wall())
  // The share of each limit is in its operation.
  const limit = { share: 1 }
  return openTableSource(vendor, { ...settings, limit, credentials: credentialsOf(own) }, deps)
}
