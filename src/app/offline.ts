/**
 * One provider's account without a gateway: for a single call while nobody else uses the store. Limits, budget and what was
 * bought are as the last process left them, and the next one finds what was done.
 */

import { type Clock, SystemClock } from '../clock.ts'
import { type Config, isDemo, type ProviderConfig, privateProviders } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import { type ConnectGuard, openConnectGuard } from '../network/connect-guard.ts'
import { Pool } from '../pool/pool.ts'
import { LocalAccountStore } from '../store/local-account-store.ts'
import { forgetfulStore } from '../store/memory.ts'
import { openStore } from '../store/sqlite/store.ts'
import { Accounts } from '../supply/account.ts'
import { plannerSettings } from '../supply/configured-settings.ts'
import { openConfiguredSource, openLink } from '../supply/configured-sources.ts'
import { type OperatorCall, OperatorCalls, type OperatorReply } from '../supply/operator/call.ts'
import { SourceTrials, type TrialReport, type TrialTarget } from '../supply/operator/test-source.ts'
import type { Provider } from '../supply/provider.ts'
import { Supply } from '../supply/supply.ts'
import type { Source } from '../vendors/contract/source.ts'
import { type CallGate, openVendorHttp, type VendorHttp } from '../vendors/registry.ts'

/** A provider's operations and limits; the vendor is not called. */
export async function openTableOf(config: Config, provider: ProviderConfig, log: Log): Promise<Source> {
  const clock = new SystemClock()
  const http = openVendorHttp({ clock })
  const gate: CallGate = () => Promise.reject(new Error('this account is only looked at'))
  try {
    return openConfiguredSource(config, provider, { clock, log, http, gate }).source
  } finally {
    await http.close()
    clock.close()
  }
}

interface AloneDeps {
  readonly log: Log
  readonly clock?: Clock
}

/**
 * @param dir the folder of the store
 * @throws {StoreBusy} when another process uses it; else as `OperatorCalls.call`
 */
export function callOffline(config: Config, dir: string, order: OperatorCall, deps: AloneDeps): Promise<OperatorReply> {
  const meant = config.providers.filter(({ name }) => name === order.provider)
  return alone(config, dir, meant, deps, (parts) => new OperatorCalls(parts).call(order, new AbortController().signal))
}

/**
 * @param dir the folder of the store; undefined where nothing is kept
 * @returns undefined when there is no such provider
 * @throws {StoreBusy} when another process uses it; else as `SourceTrials`
 */
export function tryOffline(
  config: Config,
  dir: string | undefined,
  target: TrialTarget,
  deps: AloneDeps,
): Promise<TrialReport | undefined> {
  const { signal } = new AbortController()
  // Of a link that is tried any provider may turn out to be the owner.
  const meant = config.providers.filter((one) => !isDemo(one) && ('url' in target || one.name === target.provider))
  return alone(config, dir, meant, deps, (parts) => {
    const trials = new SourceTrials({ ...parts, allowPrivate: privateProviders(config) })
    if ('provider' in target) return trials.provider(target.provider, signal, target.try)
    return trials.link((channels) => openLink(config, { ...target, channels }, parts), signal, target.try)
  })
}

interface AloneParts {
  readonly clock: Clock
  readonly log: Log
  readonly http: VendorHttp
  readonly guard: ConnectGuard
  readonly gate: CallGate
  readonly accounts: Accounts
  readonly providers: readonly Provider[]
}

async function alone<T>(
  config: Config,
  dir: string | undefined,
  meant: readonly ProviderConfig[],
  deps: AloneDeps,
  use: (parts: AloneParts) => Promise<T>,
): Promise<T> {
  const { log } = deps
  const ownClock = deps.clock === undefined ? new SystemClock() : undefined
  const clock = deps.clock ?? (ownClock as Clock)
  const closing = new AsyncDisposableStack()
  closing.defer(() => ownClock?.close())
  try {
    const kept = dir === undefined ? undefined : await openStore(dir, { clock, log: log.child({ mod: 'store' }) })
    const store = kept?.store ?? forgetfulStore()
    closing.defer(() => store.close())
    const guard = openConnectGuard(clock)
    closing.defer(() => guard.close())
    const http = openVendorHttp({ clock, guard })
    closing.defer(() => http.close())
    const accounts = new Accounts(clock, new LocalAccountStore(clock, store, kept?.restored))
    closing.defer(() => accounts.close())
    const { gate, learnedOf } = accounts
    const sources = meant.map((provider) =>
      openConfiguredSource(config, provider, { clock, log, http, gate, learnedOf }),
    )
    const pool: Pool = new Pool(config.pool, {
      lendable: () => {},
      rescheduled: () => supply.poolRescheduled(),
      gone: (upstream, reason) => supply.upstreamGone(upstream, reason),
    })
    const supply: Supply = new Supply(plannerSettings(config), sources, {
      ...{ clock, pool, log, store, accounts },
      onSettled: () => {},
    })
    closing.defer(() => supply.close())
    if (kept !== undefined) supply.restore(kept.restored)
    // Nobody is served here: what a call brings must not make the supply look for more to do.
    for (const one of supply.providers) one.onNews = undefined
    return await use({ clock, log, http, guard, gate, accounts, providers: supply.providers })
  } finally {
    await closing.disposeAsync()
  }
}
