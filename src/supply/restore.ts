/** What a provider leaves to the next one of its name, in this process or a later one, and how that takes it up. */
import { given } from '../given.ts'
import type { UpstreamFacts } from '../pool/upstream.ts'
import { isSame } from '../same.ts'
import type { Restored, RestoredUpstream } from '../store/contract.ts'
import { orderKey, UNKNOWN_LIFE_MS } from './capacity.ts'
import type { ArrivalSettings } from './expiry.ts'
import type { ProviderParts } from './provider-parts.ts'

/** What of it is in the pool. */
export function lendableOf({ pool, settings, inventory }: ProviderParts): readonly RestoredUpstream[] {
  const members = [...pool.members()].filter(({ facts }) => facts.provider === settings.name)
  return members.map(({ facts, deadline, worked, uses, usesReserved }) => ({
    facts: { ...facts, deadline },
    vendorDeadline: inventory.endOf(facts.id) ?? deadline,
    opened: worked,
    // A lease that may still become a tunnel counts as a use.
    uses: uses + usesReserved,
    state: 'alive',
  }))
}

export const loginOf = ({ username, password, tls }: ArrivalSettings) => ({ username, password, tls })

/** An address for which the vendor told no login of its own has that of the configuration. @param former the settings that it came with */
export function withLogin(facts: UpstreamFacts, former: ArrivalSettings, next: ArrivalSettings): UpstreamFacts {
  const { username, password, tls: _, ...rest } = facts
  const isConfigured = isSame([username, password], [former.username, former.password])
  return { ...rest, ...given({ username, password, ...(isConfigured ? loginOf(next) : {}), tls: next.tls }) }
}

/** Addresses that live are lent at once, the others hold their channels; what is uncertain is asked of the vendor. */
export function restore(parts: ProviderParts, upstreams: readonly RestoredUpstream[], now: number): void {
  const { settings, source, account, inventory, stock, pendingPoller, accounts, reconciliation, role } = parts
  const isDoubtful = stock.restore(upstreams, now)
  for (const { facts, vendorDeadline } of upstreams) account.noteLife(settings.name, vendorDeadline - facts.boughtAt)
  const isFollowed = pendingPoller !== undefined && !source.isList
  if (isDoubtful || isFollowed || accounts.store.view.unknownOf(settings.name) > 0) reconciliation.demand()
  const lines = [...inventory.pending].flatMap(([ref, provider]) => (provider === settings.name ? [{ ref }] : []))
  pendingPoller?.add(role.isActive ? lines : [])
}

/** How long after its record a call may still reach the vendor, ms. */
const ON_ITS_WAY_MS = 60_000

/** An order of an earlier process without a reply: what it bought may occupy channels until it has ended. */
export function restoreUnknown(
  { settings, source, account, inventory, accounts, clock }: ProviderParts,
  { limiterKey, agoMs, count }: Restored['unknown'][number],
  upstreams: readonly RestoredUpstream[],
): void {
  const { operations, extractOperation, limitOf } = source
  const keys = [extractOperation, ...Object.keys(operations)].map((name) => limitOf(name).key)
  const isOfAccount = [orderKey(account), ...keys].includes(limiterKey)
  // The vendor's list for another key does not tell what it bought: it counts as sold.
  if (!isOfAccount) accounts.store.resolve(settings.name, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY)
  if (!isOfAccount || !source.byChannel) return
  const lives = upstreams.map(({ facts, vendorDeadline }) => vendorDeadline - facts.boughtAt).filter(Number.isFinite)
  const longestMs = Math.max(settings.arrival.ttlMs ?? UNKNOWN_LIFE_MS, ...lives)
  inventory.holdUnknown(settings.name, count, clock.now() + longestMs - Math.max(0, agoMs - ON_ITS_WAY_MS))
}
