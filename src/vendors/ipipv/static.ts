/**
 * The product `static`: instances by their numbers, those of orders, and those that were bought here. Without `purchase` it
 * is a list that is read; with it, instances are bought when those that there are do not suffice. An order runs on at
 * ipipv: its addresses come with a later look (`follow`), which supply makes.
 */
import type { SourceDeps } from '../client/contract.ts'
import { openTableSource } from '../client/source.ts'
import { openTable } from '../client/table.ts'
import { VendorError } from '../contract/error.ts'
import type { ByHand, Follow, Renewal, Source, SourceSettings } from '../contract/source.ts'
import type { Vendor } from '../contract/vendor.ts'
import { MAX_OPENED } from './purchase.ts'
import { type RenewalTerms, readStatic } from './settings.ts'
import { StaticAccount } from './static-account.ts'

/** How often supply asks where instances stand, and orders that run. A callback of ipipv makes it ask at once. */
const FOLLOW_MS = 600_000
const FOLLOW_PENDING_MS = 3_000

/** @throws {VendorError} class bad_request when there are neither instances nor orders nor a purchase */
export function openStatic(vendor: Vendor, settings: SourceSettings, deps: SourceDeps): Source {
  const own = readStatic(settings.own)
  if (own.instances === undefined && own.orders === undefined && own.purchase === undefined)
    throw new VendorError('bad_request', 'instances', 'a static provider of ipipv needs instances, orders or purchase')
  const base = openTableSource(vendor, settings, deps)
  const account = new StaticAccount(own, settings, openTable(vendor, settings, deps), deps, base.account)
  return {
    ...base,
    isList: own.purchase === undefined,
    hasCallbacks: true,
    extract: (count, order) => account.extract(count, order),
    call: (operation, params, order) => account.call(operation, params, order),
    ...(own.purchase === undefined ? {} : { listsHeld: true }),
    ...(own.purchase === undefined && own.renew === undefined ? {} : { follow: followOf(account) }),
    ...(own.renew === undefined ? {} : { renewal: renewalOf(account, own.renew) }),
    ...(base.byHand === undefined ? {} : { byHand: planned(base.byHand, account) }),
  }
}

function followOf(account: StaticAccount): Follow {
  return {
    everyMs: FOLLOW_MS,
    pendingEveryMs: FOLLOW_PENDING_MS,
    settlesOrders: true,
    ask: (refs, order) => account.follow(refs, order),
  }
}

function renewalOf(account: StaticAccount, terms: RenewalTerms): Renewal {
  return {
    beforeMs: terms.before,
    operation: 'instance/renew',
    maxPerCall: MAX_OPENED,
    renew: (refs, order) => account.renew(refs, terms, order),
  }
}

/** An unknown purchase is queried only by its number; it was counted when it was made. */
function planned(byHand: ByHand, account: StaticAccount): ByHand {
  return {
    ...byHand,
    plan: async (operation, params) =>
      (await account.isRepetition(operation, params)) ? 0 : byHand.plan(operation, params),
  }
}
