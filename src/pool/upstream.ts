/**
 * An upstream: one proxy address of a vendor.
 *
 *            drain point: less than `minLife` left, or its uses are spent
 *   ready ──────────────────────▶ draining ──────▶ gone   (at the deadline; used up and idle; too many failures; released)
 *    │ ▲                              ▲               ▲
 *    ▼ │ pause over, or success       │               │
 *   resting ──────────────────────────┴───────────────┘
 *
 * Only ready upstreams are lent; a resting one may still be tried by a session that has it.
 */

import type { ErrorCode } from '../errors.ts'
import { given } from '../given.ts'
import { isSame } from '../same.ts'
import type { Secret } from '../secret.ts'

/** `direct`: no proxy, but the target itself (upstream/direct.ts); never in a pool. */
type UpstreamProtocol = 'http' | 'https' | 'socks5' | 'direct'

type UpstreamState = 'ready' | 'resting' | 'draining' | 'gone'

/** Why an upstream left the pool. `withdrawn`: its provider is no longer configured; the address may still live. */
export type GoneReason = 'expired' | 'used-up' | 'blamed' | 'evicted' | 'released' | 'withdrawn' | 'shutdown'

/** How to speak TLS with an https upstream. */
export interface UpstreamTls {
  readonly verify: boolean
  readonly serverName?: string
  /** PEM text. */
  readonly ca?: string
}

/** Facts about an upstream from the control plane: plain data, never changed. Times are clock milliseconds. */
export interface UpstreamFacts {
  /** Opaque and stable: the same address has the same id after a restart. */
  readonly id: string
  readonly provider: string
  readonly protocol: UpstreamProtocol
  /** Host name, IPv4, or IPv6 without brackets. */
  readonly host: string
  readonly port: number
  readonly username?: string
  readonly password?: Secret
  readonly tls?: UpstreamTls
  readonly exit?: string
  readonly country?: string
  readonly area?: string
  readonly city?: string
  readonly isp?: string
  readonly boughtAt: number
  /** When the pool must stop lending it: the vendor's deadline minus the safety margin. Infinity without an end. */
  readonly deadline: number
  /** The vendor's name for it, for release and query. */
  readonly ref?: string
}

/** Header fields that an HTTP proxy wants in each request, such as a login signed with the time. @param wallMs ms since the epoch */
export type RequestFields = (
  facts: Pick<UpstreamFacts, 'ref' | 'country' | 'area' | 'city' | 'isp'>,
  wallMs: number,
) => Readonly<Record<string, string>>

/** No valid answer of a proxy. `forbidden`: its name resolves to an address that the gateway does not connect to. */
export type Breakage = 'forbidden' | 'unreachable' | 'silent' | 'closed' | 'garbage'

/**
 * A plain request was sent and not answered in the time of a handshake. Unlike silence before a tunnel, the target may be slow:
 * evidence about the pair, like a refusal.
 */
export const NO_ANSWER = 0
/** Added to a SOCKS reply code beside HTTP statuses. */
export const SOCKS_REPLY = 0x10000

export type Outcome =
  /**
   * The upstream's own failure: the request did not reach it, or its answer was invalid.
   * `code`: the system's error code, where the connection was to the target itself.
   */
  | { readonly kind: 'broken'; readonly how: Breakage; readonly code?: string }
  /**
   * The upstream was connected, accepted the login and received the request; no valid answer came. The target may be the
   * cause: many proxies close the connection, or stay silent, when they cannot reach it.
   */
  | { readonly kind: 'unanswered'; readonly how: Exclude<Breakage, 'forbidden' | 'unreachable'> }
  | { readonly kind: 'login'; readonly status: number }
  /** `answer` tells refusals apart: an HTTP status, `SOCKS_REPLY` + REP, or `NO_ANSWER`. */
  | { readonly kind: 'refused'; readonly answer: number }

/** The error for the client when nothing better follows; `catalogue` defines its meaning for the upstream. */
export function codeOf(outcome: Outcome): ErrorCode {
  switch (outcome.kind) {
    case 'broken':
      if (outcome.how === 'forbidden') return 'GW_UPSTREAM_FORBIDDEN'
      return outcome.how === 'garbage' ? 'GW_UPSTREAM_GARBAGE' : 'GW_UPSTREAM_UNREACHABLE'
    case 'unanswered':
      return outcome.how === 'silent' ? 'GW_UPSTREAM_SILENT' : 'GW_UPSTREAM_CLOSED'
    case 'login':
      return 'GW_UPSTREAM_LOGIN'
    case 'refused':
      return outcome.answer === NO_ANSWER ? 'GW_UPSTREAM_SILENT' : 'GW_UPSTREAM_REFUSED'
  }
}

/** `auto`: a quarter of the life in which it is lent, at most 5 s. */
export type MinLife = number | 'auto'

const MAX_AUTO_MIN_LIFE_MS = 5_000

/** Remaining life that an address must have to be lent, ms. @param lentMs from its purchase until the pool stops lending it */
export function minLifeOf(setting: MinLife, lentMs: number): number {
  return setting === 'auto' ? Math.min(MAX_AUTO_MIN_LIFE_MS, lentMs / 4) : setting
}

export class Upstream {
  /** Replaced when the vendor reports another login for the same address. */
  facts: UpstreamFacts
  readonly id: string
  state: UpstreamState = 'ready'
  /** Can move later when the vendor sells the same address again. */
  deadline: number
  /** Remaining life that it must have to be lent, ms. */
  minLifeMs = 0
  /** Leases that run now. */
  leases = 0
  /** Of them: tunnels without a transfer. They occupy the upstream, but are not demand. */
  quietLeases = 0
  /** Tunnels that were opened or may have been, as `perUpstream.uses` counts them, and leases that may become one. */
  uses = 0
  usesReserved = 0
  /** Sessions that use it: for them it is kept until the deadline even when its uses are spent. */
  sessions = 0
  /** Another process lends it (ownership.ts): its open tunnels here continue. */
  isElsewhere = false
  /** The process that lends it does not answer. */
  isLost = false
  /** Of the leases: those in other processes. They count here because this process lends it. */
  leasesElsewhere = 0
  /** One session has it exclusively, or the last leases of that session run: it is lent to no other client. */
  isExclusive = false
  /** Tunnels opened since its purchase. Zero at its end means that it was not used. */
  opened = 0
  /** It has opened a tunnel, or returned an answer that only a working upstream can return. */
  worked = false
  /** The latest time of that in this process, clock ms. */
  workedAt = Number.NEGATIVE_INFINITY
  /** The latest failed try through it, whatever the cause, clock ms. */
  failedAt = Number.NEGATIVE_INFINITY
  /** Open tunnels and exchanges, since when there is at least one, and for how long there was before that, ms. */
  carrying = 0
  carryingSince = 0
  carriedMs = 0
  /** Failures attributed to it since the last success. */
  consecutiveFailures = 0
  /** While resting: when the pause ends. */
  restUntil = 0
  /** Moving average of the time to open a tunnel, ms; 0 until one was opened. */
  latencyMs = 0
  /** Target hosts for which it rests, until an instant. Absent while there are none. */
  hostRests: Map<string, number> | undefined = undefined
  /** With so many entries the map is swept. */
  hostRestsSweepAt = 0
  /** The connector's precomputed login header; the pool does not use it. */
  login: Secret | undefined = undefined

  constructor(facts: UpstreamFacts) {
    this.facts = facts
    this.id = facts.id
    this.deadline = facts.deadline
  }

  /** The configuration may change the login of an address; the rest of its state stays. */
  renewLogin({ username, password, tls }: UpstreamFacts): boolean {
    if (isSame([username, password, tls], [this.facts.username, this.facts.password, this.facts.tls])) return false
    const { username: _, password: __, tls: ___, ...facts } = this.facts
    this.facts = { ...facts, ...given({ username, password, tls }) }
    this.login = undefined
    return true
  }

  /** It was withdrawn, and is in the pool once more: its open leases and its uses count on. What it carried before is recorded. */
  comeAgain(facts: UpstreamFacts, isElsewhere: boolean, now: number): void {
    this.facts = facts
    this.isElsewhere = isElsewhere
    this.state = 'ready'
    this.deadline = facts.deadline
    this.login = undefined
    this.carriedMs = 0
    this.carryingSince = now
  }

  restsFor(host: string, now: number): boolean {
    const until = this.hostRests?.get(host)
    return until !== undefined && until > now
  }
}

/** How long of its life, until now, at least one connection was open through it, ms. */
export function carriedMs(upstream: Upstream, now: number): number {
  // A tunnel may outlive the address, and the timer that ends it may be late.
  const until = Math.min(now, upstream.deadline)
  return upstream.carriedMs + (upstream.carrying > 0 ? until - upstream.carryingSince : 0)
}
