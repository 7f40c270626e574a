/**
 * Sessions of all hosts: which address a session lives on. A host asks once for each session that is new to it, and keeps the
 * answer; of two hosts that ask for a new session at the same time, the first may choose its address, and the other waits.
 */
import type { Clock } from '../clock.ts'
import { runInBackground } from '../internal-errors.ts'
import type { SessionDirectory } from '../proxy/lease-contract.ts'
import { findSessionScript } from '../store/redis/pool-scripts.ts'
import type { ScriptRunner } from '../store/redis/script.ts'
import type { Seal } from './seal.ts'

interface DirectoryDeps {
  readonly clock: Clock
  readonly runner: ScriptRunner
  readonly host: string
  readonly seal: Seal
  readonly sessionIdleMs: () => number
  /** Whether this host knows the address already. */
  readonly knows: (upstreamId: string) => boolean
  /** Applies what other hosts have reported so far. */
  readonly catchUp: () => Promise<void>
}

/** So long a host may take to choose, ms. */
const PENDING_MS = 3_000
/** Between two questions while another host chooses, ms. */
const RETRY_MS = 30

type Answer = { readonly kind: 'free' | 'busy' } | { readonly kind: 'known'; readonly id: string }

export class ClusterSessions implements SessionDirectory {
  readonly #deps: DirectoryDeps

  constructor(deps: DirectoryDeps) {
    this.#deps = deps
  }

  /** Without an answer a new session is this host's alone, until the others can be informed. */
  find(key: string, found: Parameters<SessionDirectory['find']>[1], left?: string): void {
    const unanswered = () => found(undefined, undefined, true)
    runInBackground(this.#find(key, left).then((id) => found(id), unanswered))
  }

  /** @throws {StoreError} */
  async #find(key: string, leftAtFirst: string | undefined): Promise<string | undefined> {
    const { clock, runner, host, seal, sessionIdleMs, knows, catchUp } = this.#deps
    const ask = { session: seal.digest(key), host, pendingMs: PENDING_MS, idleMs: sessionIdleMs() }
    const until = clock.now() + PENDING_MS
    let left = leftAtFirst
    for (;;) {
      const answer = (await runner.run(findSessionScript, { ...ask, left })) as Answer
      if (answer.kind === 'known') {
        if (!knows(answer.id)) await catchUp()
        if (knows(answer.id)) return answer.id
        // It has left the pools.
        left = answer.id
      } else if (answer.kind === 'busy') await clock.sleep(RETRY_MS)
      if (answer.kind === 'free' || clock.now() >= until) return undefined
    }
  }
}
