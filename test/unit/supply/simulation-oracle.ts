/**
 * The fewest addresses that serve given connections, by somebody who knows them all beforehand and gets every address the
 * moment it is ordered, under the planner's own rules: the floor that recent leases have earned, `targetLoad` running
 * connections per address, one lease per address with `uses: 1`, nothing lent below `minLife`.
 *
 * Buying as late as each rule allows is the best there is: lives are equally long, so an address bought later outlasts
 * every one that it could have replaced.
 */
import type { Connection } from './simulation-traffic.ts'

export interface OracleRules {
  readonly floor: number
  readonly idleAfter: number
  readonly targetLoad: number
  /** 0: no limit. */
  readonly uses: 0 | 1
  /** From an address's purchase until it is not lent any more, ms. */
  readonly lendableMs: number
}

interface Step {
  readonly at: number
  readonly kind: 'begins' | 'ends' | 'forgotten'
}

/** @returns how many addresses must be bought */
export function fewestAddresses(connections: readonly Connection[], rules: OracleRules): number {
  const steps = connections.flatMap(({ at, lastsMs }): Step[] => [
    { at, kind: 'begins' },
    { at: at + lastsMs, kind: 'ends' },
    { at: at + rules.idleAfter, kind: 'forgotten' },
  ])
  steps.sort((a, b) => a.at - b.at)
  /** When each held address stops being lent, ascending. */
  const held: number[] = []
  let bought = 0
  let load = 0
  let recent = 0
  const need = () => {
    const owed = recent > 1 ? Math.min(rules.floor, recent) : 0
    return rules.uses === 1 ? owed : Math.max(owed, Math.ceil(load / rules.targetLoad))
  }
  const fill = (at: number, wanted: number) => {
    while (held.length < wanted) {
      held.push(at + rules.lendableMs)
      bought++
    }
  }
  for (const { at, kind } of steps) {
    for (let end = held[0]; end !== undefined && end <= at; end = held[0]) {
      held.shift()
      fill(end, need())
    }
    if (kind === 'begins' && rules.uses === 1) {
      fill(at, 1)
      held.shift()
    }
    if (kind === 'begins') load++
    if (kind === 'begins') recent++
    if (kind === 'ends') load--
    if (kind === 'forgotten') recent--
    fill(at, need())
  }
  return bought
}
