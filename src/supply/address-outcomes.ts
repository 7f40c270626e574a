/** What the use of its addresses tells about a provider: they work, their logins are refused, the vendor's line is down. */
import { contained } from '../internal-errors.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { ProviderParts } from './provider-parts.ts'

export class AddressOutcomes {
  readonly #parts: ProviderParts

  constructor(parts: ProviderParts) {
    this.#parts = parts
  }

  /** Outcome of the first use of an address: see health.ts. Several processes may report it: `upstream.worked` is set after the first report. */
  firstUse(upstream: Upstream, worked: boolean, cause: string | undefined): void {
    const { status, stock, store, settings, source, log } = this.#parts
    if (worked) {
      if (!upstream.worked) {
        stock.counts.used++
        store.opened(upstream.id)
      }
      return void status.addressWorked()
    }
    const hasLogin = upstream.facts.username !== undefined || settings.requestFields !== undefined
    const couldRegister = settings.whitelist === 'off' && source.whitelist !== undefined
    const stopped = status.addressFailed(upstream.id, cause, { hasLogin, couldRegister })
    if (stopped !== undefined) log.error({ cause }, stopped.words)
    // Without a login, addresses know their users by where they come from.
    if (!hasLogin && (cause === 'login' || stopped !== undefined)) this.#register()
  }

  #register(): void {
    const { role, whitelist, signal, status, onNews } = this.#parts
    if (!role.isActive) return
    const again = () => {
      status.mended()
      onNews()
    }
    void whitelist.loginsRefused(signal).then(
      (isRegistered) => isRegistered && contained(again),
      () => {}, // The signal has ended it.
    )
  }

  /** Nothing is bought into a dead line beyond trials: its addresses are kept, and rest until one works again. */
  lineDown(broken: number): void {
    const { status, log } = this.#parts
    log.error({ broken }, status.lineDown(broken).words)
  }

  lineUp(): void {
    const { status, log } = this.#parts
    status.addressWorked()
    log.info('an address works again: the line is up')
  }
}
