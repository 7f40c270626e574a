/**
 * Converts what a vendor sold into a record for the pool: the instant on our clock until which it lives.
 *
 * Times of day are corrected by the vendor's own clock, taken from the reply's `Date` header; lives in seconds count from the
 * sending of the request, not from the reply. Both give an early deadline, except for the second to which the header is
 * rounded: the margin covers it. A channel is free only when the address has ended for certain: `latestEnd`.
 */

import { createHash } from 'node:crypto'
import { given } from '../given.ts'
import type { UpstreamFacts, UpstreamTls } from '../pool/upstream.ts'
import type { Delivery, Life, ProxyRecord } from '../vendors/contract/delivery.ts'

export interface ArrivalSettings {
  readonly provider: string
  /** Life when the vendor tells none, ms. */
  readonly ttlMs: number | undefined
  /** How long before the vendor's deadline the pool stops lending, ms; `auto`: a tenth of the life, at least 300 ms, at most 10 s. */
  readonly marginMs: number | 'auto'
  /** Login at the upstreams when the vendor tells none. */
  readonly username: string | undefined
  readonly password: UpstreamFacts['password']
  readonly tls: UpstreamTls | undefined
}

/** What is unusual about a life; logged once per provider. */
export type LifeDoubt = 'assumed' | 'absurd' | 'past'

/** No short-lived address is sold for longer: a longer life indicates a wrong zone or clock. */
const ABSURD_LIFE_MS = 48 * 3_600_000
/** No address is rented for longer, and such a date can still be written. */
const LONGEST_TERM_MS = 10 * 365 * 24 * 3_600_000
const ASSUMED_LIFE_MS = 60_000
const VENDOR_GRAIN_MS = 1_000
const MIN_MARGIN_MS = 300
const MAX_MARGIN_MS = 10_000

/**
 * @param sentWallMs our time of day at the sending of the request, for replies without a Date header
 * @returns the earliest instant at which the vendor ends it, clock ms, and what is doubtful about it
 */
export function vendorDeadline(
  life: Life,
  delivery: Pick<Delivery, 'sentAt' | 'vendorWallMs'>,
  sentWallMs: number,
  ttlMs: number | undefined,
): { at: number; doubt: LifeDoubt | undefined } {
  const { sentAt } = delivery
  if (life.kind === 'endless') return { at: Number.POSITIVE_INFINITY, doubt: undefined }
  if (life.kind === 'for') {
    const longestMs = life.isTerm === true ? LONGEST_TERM_MS : ABSURD_LIFE_MS
    return { at: sentAt + Math.min(life.ms, longestMs), doubt: life.ms > longestMs ? 'absurd' : undefined }
  }
  if (life.kind === 'unknown')
    return { at: sentAt + (ttlMs ?? ASSUMED_LIFE_MS), doubt: ttlMs === undefined ? 'assumed' : undefined }
  const leftMs = life.wallMs - (delivery.vendorWallMs ?? sentWallMs)
  if (leftMs > ABSURD_LIFE_MS) return { at: sentAt + (ttlMs ?? ASSUMED_LIFE_MS), doubt: 'absurd' }
  if (leftMs <= 0 && ttlMs !== undefined) return { at: sentAt + ttlMs, doubt: 'past' }
  return { at: sentAt + leftMs, doubt: leftMs <= 0 ? 'past' : undefined }
}

/** The vendor may have counted from its reply, and rounds its times to seconds. @param repliedAt clock ms */
export function latestEnd(deadline: number, sentAt: number, repliedAt: number): number {
  return deadline + (repliedAt - sentAt) + VENDOR_GRAIN_MS
}

/** The record of a sold address for the pool. */
export function toFacts(
  sold: ProxyRecord,
  delivery: Delivery,
  sentWallMs: number,
  settings: ArrivalSettings,
): { facts: UpstreamFacts; doubt: LifeDoubt | undefined } {
  const { at, doubt } = vendorDeadline(sold.life, delivery, sentWallMs, settings.ttlMs)
  const margin = settings.marginMs === 'auto' ? autoMargin(at - delivery.sentAt, sold.life) : settings.marginMs
  const { exit, country, area, city, isp, ref } = sold
  const username = sold.username ?? settings.username
  const password = sold.username === undefined ? settings.password : sold.password
  const facts: UpstreamFacts = {
    id: idOf(settings.provider, sold),
    provider: settings.provider,
    protocol: sold.protocol,
    host: sold.host,
    port: sold.port,
    boughtAt: delivery.sentAt,
    deadline: at - margin,
    ...given({ username, password, tls: settings.tls, exit, country, area, city, isp, ref }),
  }
  return { facts, doubt }
}

/** A time of day, and the Date header that it is compared with, have whole seconds. */
function autoMargin(lifeMs: number, life: Life): number {
  if (lifeMs === Number.POSITIVE_INFINITY) return 0
  return Math.min(MAX_MARGIN_MS, Math.max(life.kind === 'until' ? VENDOR_GRAIN_MS : MIN_MARGIN_MS, lifeMs / 10))
}

/** Opaque, and stable for an address of a provider over restarts. Different logins or sessions are different upstreams. */
function idOf(provider: string, { protocol, host, port, username = '', session }: ProxyRecord): string {
  const identity = [provider, protocol, host, port, username, ...(session === undefined ? [] : [session])].join('\n')
  return createHash('sha256').update(identity).digest('hex').slice(0, 12)
}
