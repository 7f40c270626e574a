/** Which provider is asked for how much of what is missing. */
import type { Provider } from './provider.ts'

interface Share {
  readonly provider: Provider
  /** How many more one call may order from it now. */
  room: number
  /** Addresses that it holds or is asked for. */
  load: number
}

/**
 * By priority, then each address to the provider that holds least for its weight; none gets more than one call may order now.
 * @param isUrgent a client waits for it
 * @param now clock ms
 */
export function shareOut(
  providers: readonly Provider[],
  count: number,
  isUrgent: boolean,
  now: number,
): ReadonlyMap<Provider, number> {
  const parts = new Map<Provider, number>()
  const shares = providers.map(
    (provider): Share => ({
      provider,
      room: Math.floor(provider.capacity.room(now, isUrgent)),
      load: provider.held + provider.capacity.onTheWay,
    }),
  )
  for (let left = count; left > 0; left--) {
    const next = shares.reduce<Share | undefined>(
      (best, one) => (one.room > 0 && goesBefore(one, best) ? one : best),
      undefined,
    )
    if (next === undefined) break
    next.room--
    next.load++
    parts.set(next.provider, (parts.get(next.provider) ?? 0) + 1)
  }
  return parts
}

function goesBefore(one: Share, best: Share | undefined): boolean {
  if (best === undefined) return true
  const [a, b] = [one.provider.settings, best.provider.settings]
  return a.priority === b.priority ? one.load / a.weight < best.load / b.weight : a.priority < b.priority
}
