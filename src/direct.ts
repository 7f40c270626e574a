/**
 * One provider's account without a gateway: for a single call while nobody else uses the store. Limits, budget and what was
 * bought are as the last process left them, and the next one finds what was done.
 */
import { openAccount, refillSettings } from './accounts.ts'
import { type Clock, SystemClock } from './clock.ts'
import type { Config, ProviderConfig } from './config/schema.ts'
import type { Log } from './log.ts'
import { Pool } from './pool/pool.ts'
import { HandCalls, type HandOrder, type HandReply } from './refill/by-hand.ts'
import { Limiters } from './refill/limiter.ts'
import { Supply } from './refill/supply.ts'
import { openStore } from './store/store.ts'
import { type CallGate, openVendorHttp } from './vendors/registry.ts'
import type { Source } from './vendors/vendor.ts'

/** A provider's operations and limits; nobody is called. */
export async function openTableOf(config: Config, provider: ProviderConfig, log: Log): Promise<Source> {
  const clock = new SystemClock()
  const http = openVendorHttp({ clock })
  const gate: CallGate = () => Promise.reject(new Error('this account is only looked at'))
  try {
    return openAccount(config, provider, { clock, log, http, gate }).source
  } finally {
    await http.close()
    clock.close()
  }
}

/**
 * @param dir the folder of the store
 * @throws {StoreBusy} when another process uses it; else as `HandCalls.call`
 */
export async function callDirectly(
  config: Config,
  dir: string,
  order: HandOrder,
  deps: { readonly log: Log; readonly clock?: Clock },
): Promise<HandReply> {
  const { log } = deps
  const ownClock = deps.clock === undefined ? new SystemClock() : undefined
  const clock = deps.clock ?? (ownClock as Clock)
  const closers: (() => unknown)[] = [() => ownClock?.close()]
  try {
    const { store, restored } = await openStore(dir, { clock, log: log.child({ mod: 'store' }) })
    closers.unshift(() => store.close())
    const http = openVendorHttp({ clock })
    closers.unshift(() => http.close())
    const limiters = new Limiters(clock, store, restored.calls)
    closers.unshift(() => limiters.close())
    const provider = config.providers.find(({ name }) => name === order.provider)
    const accounts =
      provider === undefined ? [] : [openAccount(config, provider, { clock, log, http, gate: limiters.gate })]
    const pool: Pool = new Pool(config.pool, {
      lendable: () => {},
      rescheduled: () => supply.poolRescheduled(),
      gone: (upstream, reason) => supply.upstreamGone(upstream, reason),
    })
    const supply: Supply = new Supply(refillSettings(config), accounts, {
      ...{ clock, pool, log, store, limiters },
      onSettled: () => {},
    })
    closers.unshift(() => supply.close())
    supply.restore(restored)
    // Nobody is served here: what a call brings must not make the supply look for more to do.
    for (const one of supply.providers) one.onNews = undefined
    const hand = new HandCalls({ clock, log, limiters, providers: supply.providers })
    return await hand.call(order, new AbortController().signal)
  } finally {
    for (const close of closers) await close()
  }
}
