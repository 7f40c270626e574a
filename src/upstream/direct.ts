/**
 * The target itself where an upstream would stand: a rule of `routes` says `direct`. It is in no pool and of no provider,
 * counts towards no budget and is never blamed; the one connection that it was made for knows it.
 */
import type { Target } from '../address.ts'
import { Upstream } from '../pool/upstream.ts'
import { canonicalHost } from '../routes/host.ts'

/** Stands for the id of an upstream and the name of a provider in answers, reports and metrics. */
export const DIRECT = 'direct'

export class DirectUpstream extends Upstream {
  /** The rule names the target: it may be at a loopback or private address. */
  readonly allowPrivate: boolean

  constructor({ host, port }: Target, allowPrivate: boolean) {
    super({
      // The address that the rules have seen: 127.1 is 127.0.0.1.
      ...{ id: DIRECT, provider: DIRECT, protocol: 'direct', host: canonicalHost(host), port },
      ...{ boughtAt: 0, deadline: Number.POSITIVE_INFINITY },
    })
    this.allowPrivate = allowPrivate
    // There is no other one to turn to when it is slow.
    this.worked = true
  }
}

export function isDirect(upstream: Upstream): upstream is DirectUpstream {
  return upstream.facts.protocol === 'direct'
}
