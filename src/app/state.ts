/** What outlives a process: the state folder, or Redis for the hosts of a cluster. */
import type { Clock } from '../clock.ts'
import type { Cluster } from '../cluster/open.ts'
import { type Config, isDemo, isStatic } from '../config/schema.ts'
import type { Log } from '../log/log.ts'
import type { AccountStore } from '../store/account-store.ts'
import { type HandoverStore, nothingRestored, type Restored, type Store } from '../store/contract.ts'
import { LocalAccountStore } from '../store/local-account-store.ts'
import { forgetfulStore } from '../store/memory.ts'
import { openStore } from '../store/sqlite/store.ts'
import type { ClusterHost } from '../takeover/messages.ts'

interface State {
  readonly store: Store | HandoverStore
  readonly restored: Restored
  readonly accounts: AccountStore
  /** Undefined: this host is alone. */
  readonly cluster: Cluster | undefined
}

/** @param closing ends it */
export async function openState(
  config: Config,
  deps: { readonly clock: Clock; readonly log: Log; readonly former: ClusterHost | undefined },
  closing: AsyncDisposableStack,
): Promise<State> {
  if (config.cluster !== undefined) {
    // Its code, and that of Redis, is loaded only where there is a cluster.
    const { Cluster } = await import('../cluster/open.ts')
    const cluster = new Cluster({ ...config, cluster: config.cluster }, deps)
    closing.defer(() => cluster.close())
    const { store, restored, accounts } = cluster
    return { store, restored, accounts, cluster }
  }
  const { store, restored } = await openFolder(config, deps)
  closing.defer(() => store.close())
  return { store, restored, accounts: new LocalAccountStore(deps.clock, store, restored), cluster: undefined }
}

/** Opens the folder that keeps what money bought. */
async function openFolder(
  config: Config,
  deps: { clock: Clock; log: Log },
): Promise<{ store: Store | HandoverStore; restored: Restored }> {
  if (config.state === 'off') return { store: forgetfulStore(), restored: nothingRestored }
  // Lists and the demo record no calls, or few; with a vendor the first client waits for one.
  const eager = config.providers.some((provider) => !isStatic(provider) && !isDemo(provider))
  return openStore(config.state.path, { ...deps, eager, log: deps.log.child({ mod: 'store' }) })
}
