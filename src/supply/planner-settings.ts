import type { MinLife } from '../pool/upstream.ts'

/** How much is bought for what demand. */
export interface PlannerSettings {
  /** Number of addresses kept while there is traffic. */
  readonly floor: number
  /** Most addresses held at all. */
  readonly ceiling: number
  /** Running tunnels per address that growth aims at. */
  readonly targetLoad: number
  /** Without a new lease for so long, nothing is bought, ms. */
  readonly idleAfter: number
  readonly minLife: MinLife
  /** `perUpstream.uses`: with 1, every lease consumes an address. */
  readonly uses: number
  /** How long clients wait: what comes later is no outlook for them, ms. */
  readonly waitTimeout: number
}
