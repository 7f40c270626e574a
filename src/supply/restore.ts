/** What a provider leaves to the next one of its name, in this process or a later one, and how that takes it up. */
import type { RestoredUpstream } from '../store/contract.ts'
import { UNKNOWN_LIFE_MS } from './capacity.ts'
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

/** Addresses that live are lent at once, the others hold their channels; what is uncertain is asked of the vendor. */
export function restore(parts: ProviderParts, upstreams: readonly RestoredUpstream[], now: number): void {
  const { settings, source, account, inventory, stock, pendingPoller, accounts, reconciliation, role } = parts
  const isDoubtful = stock.restore(upstreams, now)
  for (const { facts, vendorDeadline } of upstreams) account.noteLife(settings.name, vendorDeadline - facts.boughtAt)
  const isFollowed = pendingPoller !== undefined && !source.isList
  const unknown = accounts.store.view.unknownOf(settings.name)
  if (isDoubtful || isFollowed || unknown > 0) reconciliation.demand()
  if (source.byChannel) inventory.holdUnknown(settings.name, unknown, now + longestLifeMs(parts, upstreams))
  const lines = [...inventory.pending].flatMap(([ref, provider]) => (provider === settings.name ? [{ ref }] : []))
  pendingPoller?.add(role.isActive ? lines : [])
}

/** How long what an unknown order of an earlier process brought may occupy its channels. */
function longestLifeMs({ settings }: ProviderParts, upstreams: readonly RestoredUpstream[]): number {
  const lives = upstreams.map(({ facts, vendorDeadline }) => vendorDeadline - facts.boughtAt).filter(Number.isFinite)
  return Math.max(settings.arrival.ttlMs ?? UNKNOWN_LIFE_MS, ...lives)
}
