/** Ban rules: a status that a target sends to a banned address, and how long that address rests for the target. */
import type { Clock } from '../clock.ts'
import type { Pool } from '../pool/pool.ts'
import type { Upstream } from '../pool/upstream.ts'

/** Plain data, so that two of them can be compared. */
export interface BanRule {
  /** In lower case; `*.example.com` is every host below it, `*` every host. */
  readonly host: string
  /** Plain HTTP. */
  readonly statuses: ReadonlySet<number>
  /** Tunnels: how soon after the client's first octets the target closes, after how few octets, and how often in a row. */
  readonly closed: { readonly withinMs: number; readonly bytesUnder: number; readonly times: number } | undefined
  readonly restMs: number
}

/** @param host as `hostKey` gives it */
export function isBanFor({ host: pattern }: BanRule, host: string): boolean {
  if (pattern.startsWith('*.')) return host.endsWith(pattern.slice(1))
  return pattern === '*' || pattern === host
}

/** Applies the rules to one answer. @param host the target's, as `hostKey` gives it */
export function applyBans(
  { bans, pool, clock }: { readonly bans: readonly BanRule[]; readonly pool: Pool; readonly clock: Clock },
  upstream: Upstream,
  host: string,
  status: number,
): void {
  for (const ban of bans) {
    if (!ban.statuses.has(status) || !isBanFor(ban, host)) continue
    const now = clock.now()
    pool.ban(upstream, host, now + ban.restMs, now)
  }
}
