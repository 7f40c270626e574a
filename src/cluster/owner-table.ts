/** A host's copy of the ownership of addresses with limits, and of the hosts without a heartbeat. Pure state. */
import type { CarriedUpstream } from '../pool/former-process.ts'
import type { Upstream } from '../pool/upstream.ts'
import type { ServerTime } from '../store/redis/server-time.ts'

/** Who owns an address, by the event of that number. The greater number is right. */
export interface Owned {
  readonly number: number
  /** Empty: no host, and any may claim it. */
  readonly owner: string
  /** What its last owner has said of it. */
  readonly handed?: string | undefined
}

const UNOWNED: Owned = { number: 0, owner: '' }

export class OwnerTable {
  readonly #owned = new Map<string, Owned>()
  readonly #silent = new Set<string>()

  of(id: string): Owned {
    return this.#owned.get(id) ?? UNOWNED
  }

  /** @returns whether it is news */
  note(id: string, owned: Owned): boolean {
    if (owned.number <= this.of(id).number) return false
    this.#owned.set(id, owned)
    return true
  }

  forget(id: string): void {
    this.#owned.delete(id)
  }

  /** Whether the owner of an address gives no sign of life. */
  isLost({ owner }: Owned): boolean {
    return this.#silent.has(owner)
  }

  setAlive(host: string, isAlive: boolean): void {
    if (isAlive) this.#silent.delete(host)
    else this.#silent.add(host)
  }

  /** All that is known, for a server that may have lost it. */
  get all(): readonly (Owned & { readonly id: string })[] {
    return [...this.#owned].map(([id, owned]) => ({ id, ...owned }))
  }
}

/** What the next owner of an address must know. Instants are on the server's clock. */
interface HandedUpstream {
  readonly uses: number
  readonly latencyMs: number
  /** Digest of the session that has it alone. */
  readonly alone?: string | undefined
  /** Target hosts that must not see it, and until when. */
  readonly hostRests: readonly (readonly [string, number])[]
}

export function writeHanded(
  carried: CarriedUpstream,
  alone: string | undefined,
  now: number,
  time: ServerTime,
): string {
  const { uses, latencyMs, hostRests } = carried
  const rests = hostRests.map(([host, ms]) => [host, time.toServer(now + ms)] as const)
  return JSON.stringify({ uses, latencyMs, alone, hostRests: rests } satisfies HandedUpstream)
}

/**
 * What an address is like for its new owner: as the former one has said, and as this host has learnt since (rests, bans).
 * @returns also the session that has it alone
 */
export function readHanded(
  upstream: Upstream,
  { handed }: Owned,
  now: number,
  time: ServerTime,
): { readonly carried: CarriedUpstream; readonly alone: string | undefined } {
  const { id, worked, consecutiveFailures, restUntil } = upstream
  const said: HandedUpstream | undefined = handed === undefined ? undefined : JSON.parse(handed)
  const rests = new Map(upstream.hostRests)
  for (const [host, until] of said?.hostRests ?? []) rests.set(host, Math.max(rests.get(host) ?? 0, time.toHost(until)))
  const carried: CarriedUpstream = {
    ...{ id, worked, consecutiveFailures, leases: 0 },
    uses: Math.max(upstream.uses, said?.uses ?? 0),
    restMs: Math.max(0, restUntil - now),
    latencyMs: upstream.latencyMs || (said?.latencyMs ?? 0),
    hostRests: [...rests].filter(([, until]) => until > now).map(([host, until]) => [host, until - now] as const),
  }
  return { carried, alone: said?.alone }
}
