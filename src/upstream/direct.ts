/**
 * The target itself in place of an upstream, for a rule of `routes` that says `direct`. It is in no pool and belongs to no
 * provider, counts in no budget and is never penalised; only the connection that it was made for refers to it.
 */
import type { Target } from '../address.ts'
import { Upstream } from '../pool/upstream.ts'
import { canonicalHost } from '../routes/host.ts'

/** Used as upstream id and provider name in answers, reports and metrics. */
export const DIRECT = 'direct'

export class DirectUpstream extends Upstream {
  /** The rule names the target: it may have a loopback or private address. */
  readonly allowPrivate: boolean

  constructor({ host, port }: Target, allowPrivate: boolean) {
    super({
      // The canonical address that the rules were matched against: 127.1 is 127.0.0.1.
      ...{ id: DIRECT, provider: DIRECT, protocol: 'direct', host: canonicalHost(host), port },
      ...{ boughtAt: 0, deadline: Number.POSITIVE_INFINITY },
    })
    this.allowPrivate = allowPrivate
    // There is no alternative when it is slow.
    this.worked = true
  }
}

export function isDirect(upstream: Upstream): upstream is DirectUpstream {
  return upstream.facts.protocol === 'direct'
}
