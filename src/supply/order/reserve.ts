/** What an order books before its request is sent: a call of the window, channels, budget and ceilings. */
import type { CallWindow, Ceiling, Reservation } from '../../store/account-store.ts'
import type { Capacity } from '../capacity.ts'
import type { ProviderParts } from '../provider-parts.ts'

interface Wanted {
  readonly count: number
  /** The ceiling of the pool, and what counts towards it now; that of the provider is added. Empty: no ceiling holds. */
  readonly ceilings: readonly Ceiling[]
  /** Of the call that buys; undefined: of an extraction. */
  readonly window: CallWindow | undefined
}

export function reservationOf(
  { source, settings, account }: ProviderParts,
  capacity: Capacity,
  { count, ceilings, window = source.limitOf(source.extractOperation) }: Wanted,
): Reservation {
  const own = {
    scope: `provider ${settings.name}`,
    limit: settings.ceiling ?? Number.MAX_SAFE_INTEGER,
    held: capacity.lendable,
  }
  return {
    window: capacity.orderWindow(window),
    provider: settings.name,
    count,
    budget: settings.budget,
    channels: source.byChannel ? { account: account.key, total: capacity.channels } : undefined,
    ceilings: ceilings.length === 0 ? [] : [...ceilings, own],
    isDurable: settings.isRemembered,
  }
}
