/** An upstream as it goes to a worker. */
import type { UpstreamFacts } from '../pool/upstream.ts'
import { Secret } from '../secret.ts'
import type { PlainUpstream } from './messages.ts'

/** @param now clock ms of the sender @param deadline of the upstream, which may be later than that of its purchase */
export function writeUpstream(facts: UpstreamFacts, deadline: number, now: number): PlainUpstream {
  const { password, deadline: _, boughtAt, ...rest } = facts
  return {
    ...rest,
    ...(password === undefined ? {} : { password: password.reveal() }),
    boughtAgoMs: now - boughtAt,
    ...(Number.isFinite(deadline) ? { leftMs: deadline - now } : {}),
  }
}

/** @param now clock ms of the receiver */
export function readUpstream({ password, boughtAgoMs, leftMs, ...rest }: PlainUpstream, now: number): UpstreamFacts {
  return {
    ...rest,
    ...(password === undefined ? {} : { password: new Secret(password) }),
    boughtAt: now - boughtAgoMs,
    deadline: leftMs === undefined ? Number.POSITIVE_INFINITY : now + leftMs,
  }
}
