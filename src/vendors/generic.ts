/**
 * `generic`: any vendor whose API answers one call with a list of addresses. Its table is not here but in the user's entry
 * (generic/settings.ts); this file makes of it what other vendors have in code, and the engine runs it.
 */
import { z } from 'zod'
import { Secret } from '../secret.ts'
import type { Engine, SourceDeps } from './client/http.ts'
import {
  type Delivered,
  type Operation,
  type Source,
  type SourceSettings,
  type Vendor,
  VendorError,
} from './contract.ts'
import { compose, credentialsOf, usesNum } from './generic/call.ts'
import { checkEntry } from './generic/check.ts'
import { itemReader } from './generic/item.ts'
import { readReply } from './generic/reply.ts'
import { fieldCut, itemCut } from './generic/select.ts'
import { type GenericOwn, settings as ownSettings, parseOwn } from './generic/settings.ts'
import { membersOf } from './parse/reply.ts'

const EXTRACT = 'extract'
/** Documents that state a maximum state a larger one. */
const DEFAULT_PER_CALL = 10

function operationOf(own: GenericOwn, maxPerCall: number): Operation {
  const { calls, per } = own.limit
  return {
    about: 'takes addresses by the call that the entry describes',
    document: 'none: the entry in gateway.yaml',
    method: own.method,
    path: '',
    params: {
      num: {
        type: 'integer',
        min: 1,
        max: maxPerCall,
        default: 1,
        managed: true,
        about: 'how many addresses: fills {num}',
        term: '{num}',
      },
    },
    limit: () => ({ calls, perMs: per }),
    effect: 'buys',
    quantity: ['num'],
    reply: '{sold: [address], rejected: [reason], balance}',
    secrets: { password: 'all' },
    compose: (params) => compose(own, params),
  }
}

function genericWith(own: GenericOwn): Vendor {
  const maxPerCall = own.maxPerCall ?? (usesNum(own) ? DEFAULT_PER_CALL : 1)
  const item = itemReader(own.fields, fieldCut(own.fieldSeparator))
  const reading = { own, item, cut: itemCut(own.separator) }
  return {
    name: 'generic',
    baseUrl: 'http://127.0.0.1', // a placeholder: the entry's url is complete
    credentials: z.strictObject({}),
    operations: { [EXTRACT]: operationOf(own, maxPerCall) },
    products: {
      list: {
        about: 'addresses of a list that any API hands out',
        extract: EXTRACT,
        maxPerCall,
        ...(usesNum(own) ? {} : { lot: () => maxPerCall }),
        settings: ownSettings,
        check: checkEntry,
        order: (count) => ({ num: count }),
        deliver: (data) => delivered(data),
      },
    },
    authorize: (_operation, params) => params,
    decode: (_operation, reply) => readReply(reply, reading),
  }
}

/** What `decode` made is a delivery already: how an item is read is said in the same entry as how the reply is. */
function delivered(data: unknown): Delivered {
  const members = membersOf(data)
  if (members === undefined) throw new VendorError('server', 'body', 'the reply was not read')
  return members as unknown as Delivered
}

/** Stands for all generic vendors where nobody has an entry at hand: its name, product and keys are the same for all. */
export const generic: Vendor = genericWith(parseOwn({ url: 'http://127.0.0.1/', format: 'text' }))

/** @throws {VendorError} class bad_request for an unknown product */
export function openGeneric(settings: SourceSettings, deps: SourceDeps, engine: Engine): Source {
  const own = settings.own as unknown as GenericOwn
  if (!(own?.url instanceof Secret)) throw new VendorError('bad_request', 'url', 'a generic provider needs a url')
  return engine.openTableSource(genericWith(own), { ...settings, credentials: credentialsOf(own) }, deps)
}
