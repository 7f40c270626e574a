/**
 * What this gateway does when another process takes over: it accepts no client, finishes what is being set up, finishes the
 * calls to vendors that are under way, and gives its store away. Then the other process serves, and this one drains.
 */

import type { Clock, Timer } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { given } from '../given.ts'
import type { Log } from '../log/log.ts'
import type { OpenPort } from '../network/inherited-sockets.ts'
import { carry } from '../pool/former-process.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { HandoverStore, Store } from '../store/contract.ts'
import type { PausableAccountStore } from '../store/pausable-account-store.ts'
import type { Supply } from '../supply/supply.ts'
import type { DrainObserver } from '../takeover/client.ts'
import type { ClusterHost, Released } from '../takeover/messages.ts'
import { takeoverPlace } from '../takeover/place.ts'
import { type TakeoverHandler, TakeoverServer } from '../takeover/server.ts'
import type { LentPorts } from '../takeover/sockets.ts'
import type { ClientHandover } from './client-handover.ts'
import { sentenceOf } from './failure-sentence.ts'
import type { Reload } from './reload.ts'

/** What another process can go on with; in a cluster, as which host. */
type Suspendable = Pick<HandoverStore, 'flush' | 'suspend' | 'resume'> & { readonly host?: ClusterHost }

interface HandoverParts {
  readonly clock: Clock
  readonly log: Log
  readonly pool: Pool
  readonly supply: Supply
  readonly clients: ClientHandover
  readonly store: Suspendable
  readonly accountStore: PausableAccountStore
  readonly reload: Reload
  readonly otherPorts: readonly OpenPort[]
  /** The other process serves: this one is to drain and to end. */
  readonly onTaken: () => void
}

/**
 * Lets other processes take over, where that is possible.
 * @returns undefined where it is not: nothing is kept on the disk, or the system has no way; the log says why
 */
export async function offerHandover(
  { state }: Config,
  parts: Omit<HandoverParts, 'store'> & { readonly store: Store | Suspendable },
): Promise<{ close(): void } | undefined> {
  const { store, clock, log } = parts
  if (state === 'off' || !isSuspendable(store)) return undefined
  const handover = new Handover({ ...parts, store })
  try {
    const server = await TakeoverServer.open(takeoverPlace(state.path), handover, { clock, log })
    return {
      close: () => {
        server.close()
        handover.close()
      },
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unexpected error'
    log.child({ mod: 'takeover' }).info({ reason }, 'start --takeover is not possible here')
    return undefined
  }
}

const isSuspendable = (store: Store | Suspendable): store is Suspendable => 'suspend' in store

/** What ends in the process before this one ends in the pool. */
export function drainObserver(pool: Pool, clock: Clock): DrainObserver {
  return {
    leasesLeft: (id, count) => pool.ownership.leasesLeftThere(id, count, clock.now()),
    ended: () => pool.ownership.formerEnded(clock.now()),
  }
}

/** Calls to vendors are not waited for longer, ms. What a call without an answer bought, the other process asks the vendor, where that is possible. */
const CALLS_MS = 5_000
/** Interval between two reports of the open tunnels to the other process, ms. */
const REPORT_MS = 100
/** How often a state folder that another process holds is tried. */
const STORE_RETRY_MS = 1_000

class Handover implements TakeoverHandler {
  readonly #parts: HandoverParts
  /** The next report, or the next try to take the store. */
  #timer: Timer | undefined
  /** Ends the wait of reloads. */
  #over = () => {}

  constructor(parts: HandoverParts) {
    this.#parts = parts
  }

  async openPorts(): Promise<LentPorts> {
    const { clients, otherPorts } = this.#parts
    const { ports, close } = await clients.openPorts()
    return { ports: [...ports, ...otherPorts], close }
  }

  async release(): Promise<Released> {
    const { clock, pool, clients, supply, store, accountStore, reload } = this.#parts
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#over = resolve
    reload.hold(promise)
    try {
      // A disk that hangs does so while clients are served.
      await store.flush()
      await clients.pause()
      await accountStore.pause(CALLS_MS)
      // Also of those that the other process does not take into its pool.
      supply.recordUses()
      await store.suspend()
    } catch (error) {
      await this.resume()
      throw error
    }
    const now = clock.now()
    const upstreams = [...pool.members()].map((upstream) => carry(upstream, now))
    const { host } = store
    return { upstreams, ...given({ host }) }
  }

  async resume(): Promise<void> {
    this.#takeStore()
    try {
      await this.#parts.clients.resume()
    } finally {
      this.#over()
    }
  }

  /** While another process holds it, the addresses that are known here are lent, and nothing is bought. */
  #takeStore(isRepeated = false): void {
    const { clock, log, store, accountStore } = this.#parts
    this.#timer?.clear()
    try {
      store.resume()
      accountStore.resume()
    } catch (error) {
      if (!isRepeated)
        log.error({ reason: sentenceOf(error) }, 'nothing is bought until the state folder is free again')
      this.#timer = clock.after(STORE_RETRY_MS, () => this.#takeStore(true))
    }
  }

  taken(report: (left: [string, number][]) => void): void {
    const { pool, clients, supply, reload, onTaken } = this.#parts
    clients.close()
    reload.close()
    supply.stopBuying()
    const lent = new Map([...pool.members()].filter(({ leases }) => leases > 0).map((upstream) => [upstream, -1]))
    this.#watch(lent, report)
    onTaken()
    this.#over()
  }

  /** @param known the upstreams with open tunnels, and how many were reported last */
  #watch(known: Map<Upstream, number>, report: (left: [string, number][]) => void): void {
    const changed: [string, number][] = []
    for (const [upstream, count] of known) {
      if (upstream.leases === count) continue
      changed.push([upstream.id, upstream.leases])
      if (upstream.leases === 0) known.delete(upstream)
      else known.set(upstream, upstream.leases)
    }
    if (changed.length > 0) report(changed)
    if (known.size > 0) this.#timer = this.#parts.clock.after(REPORT_MS, () => this.#watch(known, report))
  }

  close(): void {
    this.#parts.clients.close()
    this.#timer?.clear()
  }
}
