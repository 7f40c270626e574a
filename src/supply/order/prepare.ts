/**
 * What an order may need first: the number of channels, our address on the whitelist, the result of lost replies. Each of these
 * is tried once: an order is never refused because a look-up failed.
 */
import type { Delivery } from '../../vendors/contract/delivery.ts'
import type { ChannelProbe } from '../channel-probe.ts'
import type { ProviderContext } from '../provider-context.ts'
import type { Reconciliation } from '../reconciliation.ts'
import type { WhitelistRegistrar } from '../whitelist.ts'

interface PreparationParts extends Pick<ProviderContext, 'clock' | 'log'> {
  readonly channelProbe: ChannelProbe
  readonly whitelist: WhitelistRegistrar
  readonly reconciliation: Reconciliation
}

/** Takes in what the vendor holds for the provider, and settles the unknown orders before `askedAt`. */
type Reconciled = (held: Delivery, askedAt: number) => Promise<void>

export class Preparation {
  readonly #parts: PreparationParts
  #isRunning = false

  constructor(parts: PreparationParts) {
    this.#parts = parts
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  get isNeeded(): boolean {
    const { channelProbe, whitelist, reconciliation } = this.#parts
    return channelProbe.isMissing || whitelist.isFirstUse || reconciliation.isDue
  }

  /** Never throws. @param priority of the calls: that of the order which waits for them */
  async run(reconciled: Reconciled, signal: AbortSignal, priority: number): Promise<void> {
    if (this.#isRunning) return
    const { channelProbe, whitelist, reconciliation, clock, log } = this.#parts
    this.#isRunning = true
    try {
      if (channelProbe.isMissing) await channelProbe.ask(signal)
      if (whitelist.isFirstUse) await whitelist.registerFirst(signal)
      if (!reconciliation.isDue) return
      const askedAt = clock.now()
      const held = await reconciliation.ask(signal, priority)
      if (held !== undefined) await reconciled(held, askedAt)
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, 'an order could not be prepared')
    } finally {
      this.#isRunning = false
    }
  }
}
